package packs_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/edge/internal/packs"
	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
)

const school = "00000000-0000-4000-8000-0000000000e1"

func signer(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

// server is a cloud that serves packs and can misbehave.
type server struct {
	*httptest.Server

	mu     sync.Mutex
	files  map[string][]byte
	asked  []string // "path range"
	last   http.Header
	cutAt  int64  // give only so many bytes of the next big blob, then drop the line
	spoil  string // flip a byte of this blob
	refuse int    // answer everything so
}

func newServer(t *testing.T) *server {
	s := &server{files: map[string][]byte{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sha := filepath.Base(r.URL.Path)
	data, ok := s.files[sha]
	s.asked, s.last = append(s.asked, sha+" "+r.Header.Get("Range")), r.Header.Clone()
	switch {
	case s.refuse != 0:
		w.WriteHeader(s.refuse)
		return
	case !ok:
		http.NotFound(w, r)
		return
	case s.cutAt > 0 && int64(len(data)) > s.cutAt:
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		_, _ = w.Write(data[:s.cutAt])
		s.cutAt = 0
		panic(http.ErrAbortHandler)
	}
	if sha == s.spoil {
		data = bytes.Clone(data)
		data[len(data)/3] ^= 1
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

func (s *server) set(f func()) { s.mu.Lock(); defer s.mu.Unlock(); f() }

func (s *server) header() http.Header { s.mu.Lock(); defer s.mu.Unlock(); return s.last }

func (s *server) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.asked...)
}

// box is an appliance with its packs service.
type box struct {
	*packs.Service
	t      *testing.T
	db     db.DB
	key    *age.X25519Identity
	server *server
	dir    string
	store  *pack.Store
	tune   func(*packs.Options)
}

func newBox(t *testing.T) *box { t.Helper(); return newBoxWith(t, func(*packs.Options) {}) }

func newBoxWith(t *testing.T, tune func(*packs.Options)) *box {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	b := &box{t: t, db: dbtest.SQLite(t), key: key, server: newServer(t), dir: t.TempDir(), tune: tune}
	if b.store, err = pack.OpenStore(b.dir); err != nil {
		t.Fatal(err)
	}
	b.start()
	return b
}

// start starts the service anew, as after a restart of the box.
func (b *box) start() {
	b.t.Helper()
	o := packs.Options{DB: b.db, Store: b.store, Client: b.server.Client(), BaseURL: b.server.URL,
		Signer: signer(1).Public().(ed25519.PublicKey), Identity: b.key, School: school, Clock: clock.System{},
		Log: slog.New(slog.DiscardHandler), RetryMin: 20 * time.Millisecond, RetryMax: 50 * time.Millisecond, Idle: 5 * time.Second,
		KeepFree: 1}
	b.tune(&o)
	b.Service = packs.New(o)
	if err := b.Start(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = b.Stop(b.t.Context()) })
}

const picture = "<svg>the same in every edition</svg>"

// edition builds a pack of a paid course and puts it on the server.
func (b *box) edition(n int64, by ed25519.PrivateKey) (catalogue.Licence, pack.Built) {
	b.t.Helper()
	return b.course("beans", n, by, []byte(picture))
}

// course builds a pack of a paid course with these pictures.
func (b *box) course(slug string, n int64, by ed25519.PrivateKey, pictures ...[]byte) (catalogue.Licence, pack.Built) {
	b.t.Helper()
	id := catalogue.CourseIDOf(slug)
	lesson := catalogue.LessonSummary{ID: catalogue.LessonIDOf(id, "seeds"), CourseID: id, Slug: "seeds", Title: "Seeds", Minutes: 10,
		QuizID: catalogue.QuizIDOf(id, "seeds")}
	title := strings.ToUpper(slug[:1]) + slug[1:]
	c := catalogue.Content{
		Course: catalogue.Course{ID: id, Slug: slug, Title: title, Grade: "Grade 6", LearningArea: "Agriculture", Owner: catalogue.OwnerPlatform,
			PriceMinor: 100, Currency: "KES", Edition: n, LessonCount: 1, PublishedAt: db.Time{Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}},
		Lessons: []catalogue.Lesson{{LessonSummary: lesson, HTML: strings.Repeat(fmt.Sprintf("<p>Edition %d of the seeds.</p>", n), 2000)}},
		Quizzes: []catalogue.Quiz{{QuizForm: catalogue.QuizForm{ID: lesson.QuizID, CourseID: id, LessonID: lesson.ID, Edition: n, Title: "Quiz",
			PassPercent: 50, Questions: []catalogue.Question{{ID: "q1", Kind: catalogue.Numeric, Prompt: "?"}}}, Keys: []catalogue.Key{{QuestionID: "q1", Value: float64(n)}}}},
		Passages: []catalogue.Passage{{ID: fmt.Sprint(slug, n), CourseID: id, LessonID: lesson.ID, LessonTitle: "Seeds", Text: "Seeds need water."}},
	}
	var media []catalogue.Media
	for i, p := range pictures {
		media = append(media, catalogue.Media{SHA256: pack.Hash(p), Ext: "svg", Path: fmt.Sprintf("media/%d.svg", i), Data: p})
	}
	built, err := pack.Build(c, media)
	if err != nil {
		b.t.Fatal(err)
	}
	signed, err := pack.Sign(built.Manifest, by)
	if err != nil {
		b.t.Fatal(err)
	}
	b.server.set(func() {
		b.server.files[pack.Hash(signed)] = signed
		maps.Copy(b.server.files, built.Blobs)
	})
	wrapped, err := pack.Wrap(built.Identity, b.key.Recipient().String())
	if err != nil {
		b.t.Fatal(err)
	}
	return catalogue.Licence{ID: catalogue.LicenceID(school, id), SchoolID: school, CourseID: id, Edition: n, Title: title,
		ManifestSHA256: pack.Hash(signed), SizeBytes: built.Manifest.Size() + int64(len(signed)), Recipient: b.key.Recipient().String(),
		WrappedKey: wrapped, GrantedAt: db.Time{Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}}, built
}

// arrive stores a licence as the sync engine does, and wakes the service.
func (b *box) arrive(l catalogue.Licence) {
	b.t.Helper()
	if err := b.db.Update(b.t.Context(), func(tx db.Tx) error {
		_, err := catalogue.Licences.Put(b.t.Context(), tx, l)
		return err
	}); err != nil {
		b.t.Fatal(err)
	}
	b.Wake()
}

func (b *box) status() packs.CourseStatus {
	b.t.Helper()
	all, err := b.Status(b.t.Context())
	if err != nil || len(all) != 1 {
		b.t.Fatalf("%+v, %v", all, err)
	}
	return all[0]
}

// of is the status of one course among several.
func (b *box) of(slug string) packs.CourseStatus {
	b.t.Helper()
	all, err := b.Status(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, s := range all {
		if s.CourseID == catalogue.CourseIDOf(slug) {
			return s
		}
	}
	return packs.CourseStatus{}
}

// eventually waits for ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 1_500 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never %s", what)
}

// until waits for a status.
func (b *box) until(what string, ok func(packs.CourseStatus) bool) packs.CourseStatus {
	b.t.Helper()
	for range 1_500 {
		if s := b.status(); ok(s) {
			return s
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.t.Fatalf("never %s: %+v", what, b.status())
	return packs.CourseStatus{}
}

func isInstalled(n int64) func(packs.CourseStatus) bool {
	return func(s packs.CourseStatus) bool { return s.State == "installed" && s.InstalledEdition == n }
}

func hasFailed(why string) func(packs.CourseStatus) bool {
	return func(s packs.CourseStatus) bool { return s.State == "failed" && s.Error == why }
}

// seen is the edition learners see, 0 for none, by the text of the lesson.
func (b *box) seen() (n int64) {
	b.t.Helper()
	id := catalogue.CourseIDOf("beans")
	_ = b.db.View(b.t.Context(), func(tx db.Tx) error {
		l, err := catalogue.LessonByID(b.t.Context(), tx, catalogue.LessonIDOf(id, "seeds"))
		if err != nil {
			return err
		}
		_, err = fmt.Sscanf(l.HTML, "<p>Edition %d", &n)
		q, qerr := catalogue.QuizByID(b.t.Context(), tx, l.QuizID)
		if qerr != nil || int64(q.Keys[0].Value) != n {
			b.t.Errorf("a half course: lesson of %d, answers %+v, %v", n, q.Keys, qerr)
		}
		return err
	})
	return n
}

func biggest(built pack.Built) pack.Blob {
	var big pack.Blob
	for _, b := range built.Manifest.Blobs {
		if b.Size > big.Size {
			big = b
		}
	}
	return big
}

func TestPacks(t *testing.T) {
	t.Run("a licence brings the course, and the next edition replaces it", func(t *testing.T) {
		b := newBox(t)
		first, built := b.edition(1, signer(1))
		b.arrive(first)
		s := b.until("installed with its picture", func(s packs.CourseStatus) bool { return isInstalled(1)(s) && s.PicturesMissing == 0 })
		if b.seen() != 1 || s.BytesDone != s.BytesTotal || s.Title != "Beans" {
			t.Errorf("sees %d, %+v", b.seen(), s)
		}
		before := len(b.server.requests())
		second, _ := b.edition(2, signer(1))
		b.arrive(second)
		b.until("installed", isInstalled(2))
		if b.seen() != 2 {
			t.Errorf("sees %d", b.seen())
		}
		if asked := b.server.requests()[before:]; strings.Contains(strings.Join(asked, " "), pack.Hash([]byte("<svg>the same in every edition</svg>"))) {
			t.Error("the picture was fetched again")
		}
		// The swap is visible a moment before the old files are gone.
		for i := 0; ; i++ {
			if _, ok := b.store.Path(biggest(built).SHA256); !ok {
				break
			}
			if i == 100 {
				t.Fatal("the old lesson still lies on the disk")
			}
			time.Sleep(10 * time.Millisecond)
		}
		if _, ok := b.store.Path(pack.Hash([]byte("<svg>the same in every edition</svg>"))); !ok {
			t.Error("the picture is gone")
		}
	})
	t.Run("a cut transfer goes on where it stopped, also after a restart", func(t *testing.T) {
		b := newBox(t)
		l, built := b.edition(1, signer(1))
		b.server.set(func() { b.server.cutAt = 12_345 })
		b.arrive(l)
		b.until("installed", isInstalled(1))
		want := biggest(built).SHA256 + " bytes=12345-"
		if asked := strings.Join(b.server.requests(), "\n"); !strings.Contains(asked, want) {
			t.Errorf("no %s in\n%s", want, asked)
		}

		c := newBox(t)
		l, built = c.edition(1, signer(1))
		if err := c.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		part := filepath.Join(c.dir, "part", biggest(built).SHA256)
		if err := os.WriteFile(part, built.Blobs[biggest(built).SHA256][:777], 0o600); err != nil {
			t.Fatal(err)
		}
		c.arrive(l)
		c.start()
		c.until("installed", isInstalled(1))
		if asked := strings.Join(c.server.requests(), "\n"); !strings.Contains(asked, biggest(built).SHA256+" bytes=777-") {
			t.Errorf("asked\n%s", asked)
		}
	})
	t.Run("one flipped byte is told, the old edition stays, and that blob is fetched again", func(t *testing.T) {
		b := newBox(t)
		first, _ := b.edition(1, signer(1))
		b.arrive(first)
		b.until("installed", isInstalled(1))
		second, built := b.edition(2, signer(1))
		big := biggest(built).SHA256
		b.server.set(func() { b.server.spoil = big })
		b.arrive(second)
		s := b.until("damaged", hasFailed("damaged"))
		if b.seen() != 1 || s.InstalledEdition != 1 || s.Edition != 2 {
			t.Errorf("sees %d, %+v", b.seen(), s)
		}
		b.server.set(func() { b.server.spoil = "" })
		b.until("installed", isInstalled(2))
		others := map[string]int{}
		for _, r := range b.server.requests() {
			others[strings.Fields(r)[0]]++
		}
		for sha, n := range others {
			if n > 1 && sha != big {
				t.Errorf("%s was fetched %d times", sha, n)
			}
		}
	})
	t.Run("a byte flipped on the disk is found before it is installed", func(t *testing.T) {
		b := newBox(t)
		l, built := b.edition(1, signer(1))
		b.server.set(func() { b.server.refuse = http.StatusServiceUnavailable })
		big := biggest(built).SHA256
		if _, err := b.store.Put(built.Blobs[big]); err != nil {
			t.Fatal(err)
		}
		path, _ := b.store.Path(big)
		data := bytes.Clone(built.Blobs[big])
		data[100] ^= 1
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		b.arrive(l)
		b.until("refused", hasFailed("refused"))
		b.server.set(func() { b.server.refuse = 0 })
		b.until("installed", isInstalled(1))
		if b.seen() != 1 {
			t.Errorf("sees %d", b.seen())
		}
	})
	t.Run("a manifest signed by somebody else is not trusted", func(t *testing.T) {
		b := newBox(t)
		l, _ := b.edition(1, signer(2))
		b.arrive(l)
		b.until("not trusted", hasFailed("not_trusted"))
		if b.seen() != 0 || len(b.server.requests()) == 0 {
			t.Error("it was installed, or never asked for")
		}
		for _, r := range b.server.requests() {
			if !strings.HasPrefix(r, l.ManifestSHA256) {
				t.Errorf("fetched %s of a pack that is not trusted", r)
			}
		}
	})
	t.Run("another school's licence opens nothing and fetches nothing", func(t *testing.T) {
		b := newBox(t)
		l, built := b.edition(1, signer(1))
		other, _ := age.GenerateX25519Identity()
		l.WrappedKey, _ = pack.Wrap(built.Identity, other.Recipient().String())
		b.arrive(l)
		b.until("not licensed", hasFailed("not_licensed"))
		if b.seen() != 0 || len(b.server.requests()) != 0 {
			t.Errorf("sees %d, asked %v", b.seen(), b.server.requests())
		}
	})
	t.Run("without a connection it waits and comes when the link does", func(t *testing.T) {
		b := newBox(t)
		l, _ := b.edition(1, signer(1))
		b.server.Close()
		b.arrive(l)
		if s := b.until("no connection", hasFailed("no_connection")); s.BytesTotal != l.SizeBytes {
			t.Errorf("%+v", s)
		}
		if err := b.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		files := b.server.files
		b.server = newServer(t)
		b.server.files = files
		b.start()
		b.until("installed", isInstalled(1))
	})
	t.Run("a licence whose edition disagrees with the manifest is not trusted", func(t *testing.T) {
		b := newBox(t)
		l, _ := b.edition(1, signer(1))
		l.Edition = 9
		b.arrive(l)
		b.until("not trusted", hasFailed("not_trusted"))
	})
}
