package bundles_test

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/edge/internal/bundles"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/learning"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/syncer/bundle"
	"urbanhomeschool.org/uhs/syncproto"
)

// school is a box with work that waits.
type school struct {
	t     *testing.T
	box   bundles.Box
	db    db.DB
	clock *clock.Fake
	*bundles.Service
}

func newSchool(t *testing.T, cloudURL string) *school {
	t.Helper()
	_, node, err := ed25519.GenerateKey(nil)
	must(t, err)
	own, err := age.GenerateX25519Identity()
	must(t, err)
	s := &school{t: t, clock: clock.NewFake(time.Now().UTC()), box: bundles.Box{School: id.New(), SchoolName: "Lodwar Primary (Boys') Annex Nine", Appliance: id.New(), Epoch: 7,
		Node: node, Age: own, CloudURL: cloudURL}}
	file := dbtest.SQLite(t)
	hybrid, err := syncer.OpenHybrid(t.Context(), file, s.clock)
	must(t, err)
	outbox := &syncer.Outbox{Hybrid: hybrid, Clock: s.clock}
	s.db = syncer.WithJournal(file, &syncer.Uplink{Outbox: outbox, Wake: func() {}, Current: func() syncer.Log { return syncer.Log{School: s.box.School, Epoch: s.box.Epoch} }})
	s.Service = bundles.New(bundles.Options{DB: s.db, Box: func() bundles.Box { return s.box }, Outbox: outbox, Client: func() *http.Client { return http.DefaultClient },
		Arrived: func() {}, Dir: t.TempDir(), Clock: s.clock, Log: logging.Discard()})
	must(t, s.db.Update(t.Context(), func(tx db.Tx) error {
		for range 3 {
			if _, err := learning.Activities.Save(t.Context(), tx, learning.Activity{ID: learning.ActivityID(id.New()), Kind: learning.TimeSpent, LearnerID: identity.AccountID(id.New()),
				SchoolID: identity.SchoolID(s.box.School), CourseID: "c", LessonID: "l", Seconds: 60, At: db.Time{Time: s.clock.Now()}}); err != nil {
				return err
			}
		}
		return nil
	}))
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// told is a cloud that tells its recipient, signed by key.
func told(t *testing.T, key ed25519.PrivateKey) (url, recipient string) {
	t.Helper()
	sealed, err := age.GenerateX25519Identity()
	must(t, err)
	recipient = sealed.Recipient().String()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(syncproto.CloudRecipient{Recipient: recipient, Signature: ed25519.Sign(key, syncproto.RecipientMessage(recipient))})
	}))
	t.Cleanup(s.Close)
	return s.URL, recipient
}

func TestTheRecipientIsTakenFromTheCloudAloneAndKept(t *testing.T) {
	_, key, err := ed25519.GenerateKey(nil)
	must(t, err)
	_, other, err := ed25519.GenerateKey(nil)
	must(t, err)
	url, recipient := told(t, other) // somebody in the middle
	s := newSchool(t, url)
	s.box.CloudKey, _ = key.Public().(ed25519.PublicKey)
	if _, _, err := s.ExportFile(t.Context(), t.TempDir(), nil); !errors.Is(err, bundles.ErrNoRecipient) {
		t.Fatalf("another's recipient: %v", err)
	}
	s.box.CloudKey, _ = other.Public().(ed25519.PublicKey)
	s.Learn(t.Context())
	s.box.CloudURL = "http://127.0.0.1:1"
	_, at, err := s.ExportFile(t.Context(), t.TempDir(), nil)
	must(t, err)
	f, err := os.Open(at)
	must(t, err)
	defer func() { _ = f.Close() }()
	r, err := bundle.Open(f)
	must(t, err)
	if r.Header.To != recipient || r.Header.Records() != 3 || r.Header.Way != syncproto.Up || !r.Signed(s.box.Node.Public().(ed25519.PublicKey)) {
		t.Errorf("got %+v", r.Header)
	}
}

func TestAnExportReplacesNoOlderOneAndIsRemembered(t *testing.T) {
	_, key, err := ed25519.GenerateKey(nil)
	must(t, err)
	url, _ := told(t, key)
	s := newSchool(t, url)
	s.box.CloudKey, _ = key.Public().(ed25519.PublicKey)
	stick := t.TempDir()
	var names []string
	for range 3 {
		w, at, err := s.ExportFile(t.Context(), stick, nil)
		must(t, err)
		if w.Records != 3 {
			t.Errorf("%d records: a written bundle confirms nothing", w.Records)
		}
		names = append(names, filepath.Base(at))
	}
	day := s.clock.Now().Format(time.DateOnly)
	if want := "lodwar-primary-boys-annex-" + day; names[0] != want+".uhs" || names[1] != want+"-2.uhs" || names[2] != want+"-3.uhs" {
		t.Errorf("got %v", names)
	}
	if left, _ := filepath.Glob(filepath.Join(stick, ".uhs-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	var at time.Time
	must(t, s.db.View(t.Context(), func(tx db.Tx) (err error) { at, err = bundles.Last(t.Context(), tx, s.box.School); return err }))
	if !at.Equal(s.clock.Now().Truncate(time.Microsecond)) {
		t.Errorf("last carried at %v", at)
	}
	if _, _, err := s.ExportFile(t.Context(), filepath.Join(stick, "no", "such", "folder", "x.uhs"), nil); err == nil {
		t.Error("written into a folder that is not there")
	}
}

func TestATeacherOfThisSchoolTakesTheWorkAlong(t *testing.T) {
	_, key, err := ed25519.GenerateKey(nil)
	must(t, err)
	url, _ := told(t, key)
	s := newSchool(t, url)
	s.box.CloudKey, _ = key.Public().(ed25519.PublicKey)
	here := identity.SchoolID(s.box.School)
	for name, who := range map[string]identity.Actor{
		"nobody":           {},
		"a learner":        {Account: "a", Role: identity.Student, School: here},
		"another school's": {Account: "a", Role: identity.Instructor, School: "elsewhere"},
	} {
		if _, err := s.Carry(t.Context(), who); fault.KindOf(err) != fault.Forbidden && fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, err := s.Carry(t.Context(), identity.Actor{Account: "a", Role: identity.Instructor, School: here})
	must(t, err)
	path, name, err := s.OpenCarried(c.Secret)
	must(t, err)
	info, err := os.Stat(path)
	must(t, err)
	if info.Size() != c.Size || !strings.HasSuffix(name, ".uhs") || c.Records != 3 {
		t.Errorf("got %+v, %s of %d bytes", c, name, info.Size())
	}
	for _, secret := range []string{"", "..", "../../box.keys", strings.Repeat("A", 24)} {
		if _, _, err := s.OpenCarried(secret); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("opened %q: %v", secret, err)
		}
	}
}
