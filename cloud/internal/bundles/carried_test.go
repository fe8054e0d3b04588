package bundles_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"math/rand/v2"
	"os"
	"testing"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/syncer/bundle"
	"urbanhomeschool.org/uhs/syncproto"
)

// learningFrom is a bundle of the learning lane from first to last alone, as if
// each was all that waited when it was written.
func (b *box) learningFrom(first, last int64) []byte {
	return b.export(up{lanes: []syncproto.LaneRange{{Lane: syncproto.LaneLearning, First: first, Last: last}}})
}

// Test 32: any order, twice.
func TestBundlesInAnyOrderAndTwiceGiveTheSame(t *testing.T) {
	w := newWorld(t)
	for seed := range uint64(6) {
		b := w.box("ORDER-" + string('A'+rune(seed)))
		before := w.activities()
		var files []string
		for n := range int64(5) {
			b.work(30)
			files = append(files, w.file(b.learningFrom(30*n+1, 30*n+30)))
		}
		r := rand.New(rand.NewPCG(seed, 32))
		order := append(r.Perm(5), r.Perm(5)...)
		parked := false
		for _, i := range order {
			n, err := w.bundles.Desk().Read(t.Context(), files[i], nil)
			w.Must(err)
			parked = parked || n.State == bundle.Parked
		}
		if got := w.activities() - before; got != 150 {
			t.Errorf("seed %d, order %v: %d of 150 records", seed, order, got)
		}
		if w.Count("SELECT count(*) FROM bundles WHERE state = 'parked'") != 0 {
			t.Errorf("seed %d, order %v: a bundle still waits", seed, order)
		}
		if order[0] != 0 && !parked {
			t.Errorf("seed %d, order %v: nothing was parked", seed, order)
		}
	}
}

func TestAGapParksTheBundleUntilTheMissingCameByAnyRoad(t *testing.T) {
	w := newWorld(t)
	b := w.box("LODWAR-1")
	b.work(40)
	late := b.learningFrom(21, 40)
	n, err := w.arrive(late)
	w.Must(err)
	if n.State != bundle.Parked || len(n.Result.Lanes) != 1 || n.Result.Lanes[0].Missing != 1 || w.activities() != 0 {
		t.Fatalf("got %+v", n)
	}
	w.Must(b.Talk(4)) // the missing ones, and all the others, come on line
	if w.activities() != 40 {
		t.Fatalf("%d on line", w.activities())
	}
	w.bundles.Desk().Retry(t.Context())
	if w.activities() != 40 || w.Count("SELECT count(*) FROM bundles WHERE state = 'known'") != 1 {
		t.Errorf("%d records; the parked bundle is not settled", w.activities())
	}
}

func TestABundleMixedWithSyncOnLineStoresNothingTwice(t *testing.T) {
	w := newWorld(t)
	b := w.box("LODWAR-1")
	for round := range 5 {
		b.work(20)
		early := b.export(up{})
		b.work(20)
		if round%2 == 0 {
			w.Must(b.Talk(2))
		}
		if _, err := w.arrive(early); err != nil {
			t.Fatal(err)
		}
		b.work(5)
		if _, err := b.back(); err != nil {
			t.Fatal(err)
		}
		w.Must(b.Talk(2))
	}
	w.Must(b.Talk(3))
	if w.activities() != 225 || b.waiting() != 0 || b.Forked != nil {
		t.Errorf("%d of 225 records, %d wait, forked: %v", w.activities(), b.waiting(), b.Forked)
	}
}

func TestATornBundleDeliversWhatIsWholeAndTheWholeOneTheRest(t *testing.T) {
	w := newWorld(t)
	b := w.box("LODWAR-1")
	b.work(7000) // several segments
	whole := b.export(up{})
	last := int64(-1)
	for _, cut := range []int{100, len(whole) / 3, len(whole) / 2, len(whole) * 3 / 4, len(whole) - 1} {
		n, err := w.arrive(whole[:cut])
		if cut == 100 {
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("a torn front: %v", err)
			}
			continue
		}
		w.Must(err)
		if n.State != bundle.Torn || w.activities() < last {
			t.Errorf("cut at %d: %s, %d records after %d", cut, n.State, w.activities(), last)
		}
		last = w.activities()
	}
	n, err := w.arrive(whole)
	w.Must(err)
	if n.State != bundle.Applied && n.State != bundle.Known || w.activities() != 7000 {
		t.Errorf("%s, %d records", n.State, w.activities())
	}
}

func TestWhatIsNotFromOurBoxIsRefusedBeforeItIsStored(t *testing.T) {
	w := newWorld(t)
	b, other := w.box("LODWAR-1"), w.box("KAKUMA-1")
	b.work(10)
	_, stranger, err := ed25519.GenerateKey(nil)
	w.Must(err)
	good := b.export(up{})
	for name, data := range map[string][]byte{
		"re-signed by a stranger":            b.export(up{key: stranger}),
		"re-signed by another school's box":  b.export(up{key: other.Node}),
		"of another school by its header":    b.export(up{header: func(h *syncproto.BundleHeader) { h.School = other.Answer.SchoolID }}),
		"from a box we do not know":          b.export(up{header: func(h *syncproto.BundleHeader) { h.From = id.New() }}),
		"of an epoch that was never given":   b.export(up{header: func(h *syncproto.BundleHeader) { h.Epoch++ }, lanes: []syncproto.LaneRange{}}),
		"a bundle that goes down":            w.export(b),
		"a holiday picture":                  bytes.Repeat([]byte("JFIF"), 5000),
		"a page":                             []byte("<html>sign in</html>"),
		"with a name that leaves the folder": b.export(up{header: func(h *syncproto.BundleHeader) { h.ID = "../../../../tmp/0000000000000000000" }}),
	} {
		n, err := w.arrive(data)
		if k := fault.KindOf(err); k != fault.Forbidden && k != fault.Invalid {
			t.Errorf("%s: %+v, %v", name, n, err)
		}
		if _, err := w.bundles.Desk().Begin(t.Context(), int64(len(data)), data[:min(len(data), bundle.MaxSlice)]); fault.KindOf(err) != fault.Forbidden && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s, by phone: %v", name, err)
		}
	}
	if files, _ := os.ReadDir(w.dir + "/cloud/part"); len(files) != 0 {
		t.Errorf("%d files were kept", len(files))
	}
	if w.activities() != 0 {
		t.Errorf("%d records were stored", w.activities())
	}
	if n, err := w.arrive(good); err != nil || n.Result.New != 10 {
		t.Errorf("the true one: %+v, %v", n, err)
	}
}

// A box of another school may sign what it likes with its own name: the frames
// inside are still of the school they were written for.
func TestAStolenBodyUnderAnotherNameBringsNothing(t *testing.T) {
	w := newWorld(t)
	b, thief := w.box("LODWAR-1"), w.box("KAKUMA-1")
	b.work(10)
	stolen := b.export(up{key: thief.Node, header: func(h *syncproto.BundleHeader) {
		h.School, h.From = thief.Answer.SchoolID, thief.Answer.ApplianceID
	}})
	if n, err := w.arrive(stolen); err == nil && n.Result.New > 0 || w.activities() != 0 {
		t.Errorf("got %+v, %v", n, err)
	}
}

// confirmed is how much of the way down a box has confirmed.
const confirmed = "SELECT coalesce(sum(acked_seq), 0)::bigint FROM outbox_heads WHERE epoch = 1"

func TestALateBundleOfASealedEpochStillCounts(t *testing.T) {
	w := newWorld(t)
	b := w.box("LODWAR-1")
	w.Must(b.Talk(4)) // the old box has the way down: its stick says so
	if w.Count(confirmed) == 0 {
		t.Fatal("the old box confirmed nothing")
	}
	b.work(25)
	stick := b.export(up{})
	old := b.Box
	spare := &box{w: w, school: b.school, learner: b.learner, Box: w.Box()}
	w.claim(spare) // the first box is replaced; its stick lies in a drawer
	if w.Count(confirmed) != 0 {
		t.Fatal("the spare, which has nothing, counts as if it had what the old box had")
	}
	n, err := w.arrive(stick)
	w.Must(err)
	if n.State != bundle.Applied || w.activities() != 25 {
		t.Errorf("got %+v, %d records", n, w.activities())
	}
	// What the old box says of the way down counts no more: the spare has nothing.
	if w.Count(confirmed) != 0 {
		t.Error("the old box confirmed records for the new one")
	}
	again, err := w.arrive(stick) // replayed
	w.Must(err)
	if again.State != bundle.Known || w.activities() != 25 {
		t.Errorf("replayed: %+v", again)
	}
	// The way down is for the spare alone.
	down := w.export(spare)
	lost := &box{w: w, Box: old}
	if _, err := bundle.NewDesk(bundle.DeskOptions{DB: old.DB, Dir: t.TempDir(), Clock: w.Clock, Log: discard, Admit: lost.admit}).Read(t.Context(), w.file(down), nil); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("the replaced box reads it: %v", err)
	}
	if _, err := spare.desk.Read(t.Context(), w.file(down), nil); err != nil {
		t.Errorf("the spare: %v", err)
	}
}

func TestABoxNobodyHasDecidedAboutIsKeptWaiting(t *testing.T) {
	w := newWorld(t)
	b := w.box("LODWAR-1")
	b.work(10)
	stick := b.export(up{})
	set := func(status string) {
		w.Must(w.DB.Update(t.Context(), func(tx db.Tx) error {
			_, err := tx.Exec(t.Context(), db.SQL{Postgres: `UPDATE appliances SET status = $1`}, status)
			return err
		}))
	}
	set("quarantined")
	n, err := w.arrive(stick)
	w.Must(err)
	if n.State != bundle.Held || w.activities() != 0 || w.Count("SELECT count(*) FROM incidents WHERE kind = 'bundle_held'") != 1 {
		t.Fatalf("got %+v, %d records", n, w.activities())
	}
	set("active")
	w.bundles.Desk().Retry(t.Context())
	if w.activities() != 10 {
		t.Errorf("%d records after the decision", w.activities())
	}
}

// Two clones of one disk: the same keys, the same epoch, other work.
func TestABundleOfACloneIsKeptAndTold(t *testing.T) {
	w := newWorld(t)
	b := w.box("LODWAR-1")
	b.work(10)
	twin := &box{w: w, school: b.school, learner: b.learner, Box: w.Box()}
	twin.Answer, twin.Node, twin.Age = b.Answer, b.Node, b.Age
	twin.Load(b.Backup())
	twin.Connect(b.Epoch)
	b.work(10)
	twin.work(10)
	if n, err := w.arrive(b.export(up{})); err != nil || n.Result.New != 20 {
		t.Fatalf("got %+v, %v", n, err)
	}
	n, err := w.arrive(twin.export(up{}))
	w.Must(err)
	if n.State != bundle.Forked || w.activities() != 20 || w.Count("SELECT count(*) FROM incidents WHERE kind = 'bundle_forked'") != 1 {
		t.Errorf("got %+v, %d records", n, w.activities())
	}
	if _, err := os.Stat(w.dir + "/cloud/parked/" + n.ID + ".uhs"); err != nil {
		t.Errorf("its file is gone: %v", err)
	}
}

func TestTheBoxTakesOnlyWhatTheCloudWroteForIt(t *testing.T) {
	w := newWorld(t)
	b, other := w.box("LODWAR-1"), w.box("KAKUMA-1")
	b.work(10)
	_, err := w.arrive(b.export(up{}))
	w.Must(err)
	for name, data := range map[string][]byte{"another school's": w.export(other), "its own": b.export(up{}), "a page": []byte("<html>")} {
		if _, err := b.desk.Read(t.Context(), w.file(data), nil); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	_, forger, err := ed25519.GenerateKey(nil)
	w.Must(err)
	var forged bytes.Buffer
	fw, err := bundle.NewWriter(&forged, syncproto.BundleHeader{ID: id.New(), Way: syncproto.Down, School: b.Answer.SchoolID, To: b.Age.Recipient().String(),
		Created: w.Clock.Now(), Epoch: b.Epoch}, forger)
	w.Must(err)
	ack, err := syncproto.EncodeAck(syncproto.Ack{Epoch: b.Epoch})
	w.Must(err)
	w.Must(fw.AddMessage(ack))
	w.Must(fw.Close())
	if _, err := b.desk.Read(t.Context(), w.file(forged.Bytes()), nil); !errors.Is(err, bundle.Explain(bundle.ErrSigner)) {
		t.Errorf("a forged ack: %v", err)
	}
	if b.waiting() != 10 {
		t.Errorf("%d wait", b.waiting())
	}
}

func TestWhatAHelloSaidByHandIsOnTheFleetPage(t *testing.T) {
	w := newWorld(t)
	b := w.box("LODWAR-1")
	b.work(3)
	sent := w.Clock.Now()
	stick := b.export(up{})
	w.Clock.Advance(72 * 3600 * 1e9)
	_, err := w.arrive(stick)
	w.Must(err)
	if n := w.Count("SELECT count(*) FROM peer_states WHERE carrier = 'bundle' AND seen_at = $1 AND caught_up_at = $1", sent); n != 1 {
		t.Error("the hello was not noted as of when it was said")
	}
	w.Must(b.Talk(2))
	_, err = w.arrive(stick)
	w.Must(err)
	if n := w.Count("SELECT count(*) FROM peer_states WHERE carrier = 'bundle'"); n != 0 {
		t.Error("an old hello replaced a newer one")
	}
}
