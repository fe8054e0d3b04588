package bundles_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/cloud/internal/bundles"
	"urbanhomeschool.org/uhs/cloud/internal/fleet/fleettest"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/registry"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/syncer/bundle"
	"urbanhomeschool.org/uhs/syncproto"
)

var discard = logging.Discard()

// world is a cloud with a school whose box never had a line.
type world struct {
	*fleettest.Cloud
	signer  ed25519.PrivateKey
	sealed  *age.X25519Identity
	bundles *bundles.Service
	applier *syncer.Applier
	dir     string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Cloud: fleettest.New(t), dir: t.TempDir()}
	_, signer, err := ed25519.GenerateKey(nil)
	w.Must(err)
	w.signer = signer
	w.sealed, err = age.GenerateX25519Identity()
	w.Must(err)
	reg, err := registry.All()
	w.Must(err)
	w.applier = &syncer.Applier{DB: w.DB, Registry: reg, Hybrid: w.Outbox.Hybrid, Clock: w.Clock, Log: logging.Discard(), From: syncproto.EdgeOnly, Admit: w.People.Admits,
		Echo: &syncer.Downlinks{Outbox: w.Outbox, Wake: func(string) {}, Schools: func(ctx context.Context, tx db.Tx, a syncproto.Audience) ([]string, error) {
			return w.People.Schools(ctx, tx, a)
		}}}
	w.bundles = bundles.New(bundles.Options{DB: w.DB, Outbox: w.Outbox, Applier: w.applier, Signer: w.signer, Identity: w.sealed,
		Timeline: fleettest.Timeline, Dir: filepath.Join(w.dir, "cloud"), Clock: w.Clock, Log: logging.Discard()})
	return w
}

// box is a claimed box with its own desk.
type box struct {
	*fleettest.Box
	w       *world
	school  identity.School
	learner identity.Account
	desk    *bundle.Desk
	got     []bundle.Receipt // that came back
}

func (w *world) box(code string) *box {
	w.T.Helper()
	school := w.School(code)
	b := &box{w: w, school: school, learner: w.Learner(school.ID, "Learner "+code), Box: w.Box()}
	w.claim(b)
	return b
}

func (w *world) claim(b *box) {
	w.T.Helper()
	if p := b.Claim(w.Code(b.school.ID)); p.Status != 200 {
		w.T.Fatalf("claim: %+v", p)
	}
	b.desk = bundle.NewDesk(bundle.DeskOptions{DB: b.DB, Dir: w.T.TempDir(), Clock: w.Clock, Log: logging.Discard(), Admit: b.admit})
}

func (b *box) down() syncer.Log {
	return syncer.Log{School: b.Answer.SchoolID, Epoch: syncer.DownEpoch}
}

func (b *box) admit(_ context.Context, h syncproto.BundleHeader) (bundle.Admitted, error) {
	if h.Way != syncproto.Down {
		return bundle.Admitted{}, bundle.ErrWrongWay
	}
	if h.School != b.Answer.SchoolID {
		return bundle.Admitted{}, bundle.ErrOtherSchool
	}
	reg, err := registry.All()
	if err != nil {
		return bundle.Admitted{}, err
	}
	t := bundle.Target{DB: b.DB, Outbox: b.Outbox, In: b.down(), Applier: &syncer.Applier{DB: b.DB, Registry: reg, Hybrid: b.Outbox.Hybrid, Clock: b.w.Clock,
		Log: logging.Discard(), From: syncproto.CloudOnly}}
	if h.Epoch == b.Epoch {
		t.Out = b.Log()
	}
	public, _ := b.w.signer.Public().(ed25519.PublicKey)
	t.Receipt = func(_ context.Context, receipt string) error {
		r, err := bundle.VerifyReceipt(receipt, public)
		b.got = append(b.got, r)
		return err
	}
	return bundle.Admitted{Key: public, Identity: b.Age, Target: t}, nil
}

// up is how a bundle from the box is to differ from the usual one.
type up struct {
	header func(h *syncproto.BundleHeader)
	key    ed25519.PrivateKey
	lanes  []syncproto.LaneRange // nil: what waits
}

// export writes a bundle as the box does.
func (b *box) export(how up) []byte {
	b.w.T.Helper()
	ctx := b.w.T.Context()
	h := syncproto.BundleHeader{ID: id.New(), Way: syncproto.Up, School: b.Answer.SchoolID, SchoolName: b.Answer.SchoolName, From: b.Answer.ApplianceID,
		To: b.w.sealed.Recipient().String(), Created: b.w.Clock.Now(), Epoch: b.Epoch, Lanes: how.lanes}
	if how.lanes == nil {
		b.w.Must(b.DB.View(ctx, func(tx db.Tx) (err error) { h.Lanes, err = bundle.Waiting(ctx, tx, b.Log()); return err }))
	}
	if how.header != nil {
		how.header(&h)
	}
	key := b.Node
	if how.key != nil {
		key = how.key
	}
	var out bytes.Buffer
	w, err := bundle.NewWriter(&out, h, key)
	b.w.Must(err)
	b.w.Must(w.Frames(ctx, b.DB, syncer.Log{School: b.Answer.SchoolID, Epoch: h.Epoch}, h.Lanes, nil))
	hello, err := b.Peer.HelloNow(ctx)
	b.w.Must(err)
	b.w.Must(w.AddMessage(hello))
	b.w.Must(w.Close())
	return out.Bytes()
}

// file puts bytes on the stick.
func (w *world) file(data []byte) string {
	w.T.Helper()
	path := filepath.Join(w.dir, id.New()+".uhs")
	w.Must(os.WriteFile(path, data, 0o600))
	return path
}

// arrive gives a bundle to the cloud.
func (w *world) arrive(data []byte) (bundle.Note, error) {
	w.T.Helper()
	return w.bundles.Desk().Read(w.T.Context(), w.file(data), nil)
}

// back writes the return bundle and gives it to the box.
func (b *box) back() (bundle.Note, error) {
	b.w.T.Helper()
	return b.desk.Read(b.w.T.Context(), b.w.file(b.w.export(b)), nil)
}

func (w *world) export(b *box) []byte {
	w.T.Helper()
	var out bytes.Buffer
	_, err := w.bundles.Export(w.T.Context(), b.Answer.SchoolID, bundles.What{}, &out)
	w.Must(err)
	return out.Bytes()
}

func (w *world) activities() int64 { return w.Count("SELECT count(*) FROM learning_activities") }

// work makes n records at the box.
func (b *box) work(n int) {
	for range n {
		b.Learn(b.learner.ID)
	}
}

func (b *box) waiting() int64 {
	return b.Count("SELECT coalesce(sum(seq - acked_seq), 0) FROM outbox_heads WHERE epoch <> 1")
}
