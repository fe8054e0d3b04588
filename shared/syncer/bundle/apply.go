package bundle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// Packs keeps the course packs of a bundle. It checks hashes and signatures as
// for a pack that came over the network.
type Packs interface {
	Offer(ctx context.Context, sha256 string, r io.Reader) error
}

// Anew keeps a snapshot that comes in a bundle: for a box that was away for longer
// than records are kept.
type Anew interface {
	// Offer checks the manifest, which answers the bundle's id, and gives the
	// hashes of the parts that are wanted: none when it brings nothing new.
	Offer(ctx context.Context, bundle string, a syncproto.SnapshotAnswer) (parts map[string]bool, err error)
	// Part keeps one of them, whose hash it checks.
	Part(ctx context.Context, sha256 string, r io.Reader) error
	// Whole is called when all of them are there.
	Whole(ctx context.Context, bundle string, a syncproto.SnapshotAnswer) error
}

// Target is the side that a bundle is applied to.
type Target struct {
	DB      db.DB
	Applier *syncer.Applier
	Outbox  *syncer.Outbox
	// In is the log of the frames; Out is our own log, which the other side's marks
	// confirm. An Out without a school takes none: the bundle is of an epoch that
	// is over.
	In, Out syncer.Log
	// Packs is nil where none are expected: they are skipped. Dir is for the parts
	// of a blob.
	Packs Packs
	Dir   string
	// Anew is nil where no snapshot is expected: it is skipped.
	Anew Anew
	// Receipt keeps the cloud's receipt of a file that was written here; nil where
	// none are expected.
	Receipt func(ctx context.Context, receipt string) error
	// Heard is called with the other side's hello; may be nil.
	Heard func(ctx context.Context, h syncproto.Hello) error
	// Progress is told how many bytes of the file are dealt with; may be nil.
	Progress func(read int64)
}

// State is what became of a bundle.
type State string

// The states.
const (
	Applied State = "applied" // all of it is in
	Known   State = "known"   // all of it was in before
	Parked  State = "parked"  // something before it is missing; kept until it came
	Forked  State = "forked"  // it contradicts what was applied; kept until somebody decides
	Torn    State = "torn"    // the whole part is in; the rest of the file is missing or damaged
	// Paused: a lane takes nothing more until somebody has looked at what was kept
	// aside; the file is kept, and goes on by itself.
	Paused State = "paused"
	Below  State = "below" // the other side's marks are older than what is kept: it needs a snapshot
)

// Lane is what a bundle brought for one lane.
type Lane struct {
	Lane syncproto.Lane `json:"lane"`
	// New records were stored, Known ones had come before.
	New   int64 `json:"new"`
	Known int64 `json:"known"`
	// Applied is how far the lane is now.
	Applied int64 `json:"applied"`
	// Missing is the first record that has to come before the rest can be stored;
	// zero when nothing is missing.
	Missing int64 `json:"missing,omitempty"`
	// Paused tells that the lane takes nothing more until somebody has looked.
	Paused bool `json:"paused,omitempty"`
	// Waits is how many records of the file are kept in it, not stored yet.
	Waits int64 `json:"waits,omitempty"`
	// Forked tells that the records contradict what was applied.
	Forked bool `json:"forked,omitempty"`
}

// Result itemises what a bundle brought.
type Result struct {
	ID    string `json:"id"`
	State State  `json:"state"`
	Lanes []Lane `json:"lanes"`
	// New and Known are the sums over the lanes.
	New   int64 `json:"new"`
	Known int64 `json:"known"`
	// Confirmed is how many of our own records the other side has now applied
	// that it had not confirmed before, Answers how many tutor answers came.
	Confirmed int64 `json:"confirmed"`
	Answers   int64 `json:"answers"`
	// Aside is how many records could not be stored and are kept aside.
	Aside int64 `json:"aside"`
	// Blobs are the whole files of course packs that came.
	Blobs int64 `json:"blobs"`
	// Skipped are sections of a kind this build does not know.
	Skipped int64 `json:"skipped,omitempty"`
	// Anew tells that a snapshot came: the box takes it now.
	Anew bool `json:"anew,omitempty"`
	// Receipt is the other side's, of a bundle that was written here, and Arrived
	// when it had it.
	Receipt string    `json:"receipt,omitempty"`
	Arrived time.Time `json:"arrived,omitzero"`
}

// Apply applies a bundle that is trusted. What arrives in order is stored even
// when later parts are missing. A transient error (database down, disk full) is
// returned: the same file can be applied again.
func Apply(ctx context.Context, r *Reader, t Target) (Result, error) {
	a := &applying{t: t, lanes: map[syncproto.Lane]*Lane{}, result: Result{ID: r.Header.ID, State: Known}}
	defer a.dropBlob()
	if err := a.begin(ctx); err != nil {
		return a.result, err
	}
	for {
		s, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, ErrTorn) {
			a.torn = true
			break
		}
		if err == nil {
			err = a.section(ctx, s)
		}
		if err != nil {
			return a.result, err
		}
		if t.Progress != nil {
			t.Progress(r.Read())
		}
	}
	return a.finish(ctx)
}

type applying struct {
	t      Target
	lanes  map[syncproto.Lane]*Lane
	marks  syncproto.Marks
	dead   int64
	blob   *partial
	answer *syncproto.SnapshotAnswer
	parts  map[string]bool // of the snapshot, that are wanted
	torn   bool
	below  bool
	result Result
}

func (a *applying) begin(ctx context.Context) error {
	return a.t.DB.View(ctx, func(tx db.Tx) (err error) {
		if a.marks, err = syncer.ReadMarks(ctx, tx, a.t.In); err != nil {
			return err
		}
		a.dead, err = a.deadLetters(ctx, tx)
		return err
	})
}

func (a *applying) deadLetters(ctx context.Context, tx db.Tx) (int64, error) {
	b, err := syncer.ReadBacklog(ctx, tx, a.t.In)
	return b.DeadLetters, err
}

func (a *applying) section(ctx context.Context, s Section) error {
	switch s.Kind {
	case syncproto.SectionHello:
		return a.hello(ctx, s.Data)
	case syncproto.SectionAck:
		return a.ack(ctx, s.Data)
	case syncproto.SectionFrame:
		return a.frame(ctx, s.Data)
	case syncproto.SectionReceipt:
		if a.t.Receipt == nil {
			return nil
		}
		return a.t.Receipt(ctx, string(s.Data))
	case syncproto.SectionBlob:
		if a.t.Packs == nil && !a.parts[s.Blob] {
			return nil
		}
		return a.piece(ctx, s)
	case syncproto.SectionSnapshot:
		return a.snapshot(ctx, s.Data)
	default:
		a.result.Skipped++
		return nil
	}
}

// snapshot takes the manifest of one; its parts follow.
func (a *applying) snapshot(ctx context.Context, data []byte) error {
	if a.t.Anew == nil {
		a.result.Skipped++
		return nil
	}
	var answer syncproto.SnapshotAnswer
	if err := json.Unmarshal(data, &answer); err != nil {
		return fmt.Errorf("%w: a snapshot in a bundle", syncproto.ErrMalformed)
	}
	parts, err := a.t.Anew.Offer(ctx, a.result.ID, answer)
	if err == nil && len(parts) > 0 {
		a.answer, a.parts = &answer, parts
	}
	return err
}

// frame applies one frame, as on every carrier.
func (a *applying) frame(ctx context.Context, data []byte) error {
	f, err := syncproto.DecodeFrame(data)
	if err != nil {
		return err
	}
	l := a.lanes[f.Lane]
	if l == nil {
		l = &Lane{Lane: f.Lane, Applied: a.marks[f.Lane].Seq}
		a.lanes[f.Lane] = l
	}
	if l.Missing > 0 || l.Forked || l.Paused {
		l.Waits += max(0, f.End()-max(l.Applied, f.First-1))
		return nil
	}
	before := l.Applied
	mark, err := a.t.Applier.Apply(ctx, a.t.In, f)
	switch {
	case errors.Is(err, syncer.ErrGap):
		l.Missing, l.Waits = before+1, int64(len(f.Events))
		return nil
	case errors.Is(err, syncer.ErrPaused): // the same frame again changes nothing until somebody has looked
		l.Paused, l.Waits = true, f.End()-max(before, f.First-1)
		return nil
	case errors.Is(err, syncer.ErrFork):
		l.Forked = true
		return nil
	case err != nil:
		return fmt.Errorf("apply a frame of lane %d: %w", f.Lane, err)
	}
	fresh := max(0, min(mark.Seq, f.End())-max(before, f.First-1))
	l.New, l.Known, l.Applied = l.New+fresh, l.Known+int64(len(f.Events))-fresh, max(before, mark.Seq)
	for i, e := range f.Events {
		if f.First+int64(i) > before && e.Type == tutorAnswer {
			a.result.Answers++
		}
	}
	return nil
}

// tutorAnswer is the record that a return bundle is most looked for.
const tutorAnswer = "tutor.answer"

func (a *applying) hello(ctx context.Context, data []byte) error {
	h, err := syncproto.DecodeHello(data)
	if err != nil {
		return err
	}
	if a.t.Out.School != "" {
		err := a.acknowledge(ctx, h.In, [syncproto.Lanes]int64{})
		if errors.Is(err, syncer.ErrFork) { // what the other side holds is not ours any more: a snapshot mends it
			a.below, err = true, nil
		}
		if err != nil {
			return err
		}
	}
	if a.t.Heard == nil {
		return nil
	}
	return a.t.Heard(ctx, h)
}

func (a *applying) ack(ctx context.Context, data []byte) error {
	k, err := syncproto.DecodeAck(data)
	if err != nil {
		return err
	}
	if k.Epoch != a.t.Out.Epoch || a.t.Out.School == "" {
		return nil // of a conversation that is over
	}
	err = a.acknowledge(ctx, k.Applied, k.Backed)
	if errors.Is(err, syncer.ErrFork) { // the next hello on line mends it; until then nothing is confirmed
		a.result.State, err = Forked, nil
	}
	return err
}

// acknowledge notes what the other side has applied of our own log.
func (a *applying) acknowledge(ctx context.Context, applied syncproto.Marks, backed [syncproto.Lanes]int64) error {
	var before, after syncer.Heads
	err := a.t.DB.Update(ctx, func(tx db.Tx) (err error) {
		if before, err = syncer.ReadHeads(ctx, tx, a.t.Out); err != nil {
			return err
		}
		if _, err = a.t.Outbox.Acknowledge(ctx, tx, a.t.Out, applied, backed); err != nil {
			return err
		}
		after, err = syncer.ReadHeads(ctx, tx, a.t.Out)
		return err
	})
	if errors.Is(err, syncer.ErrPruned) {
		a.below, err = true, nil
	}
	if err == nil {
		a.result.Confirmed += before.Waiting() - after.Waiting()
	}
	return err
}

func (a *applying) finish(ctx context.Context) (Result, error) {
	if a.answer != nil && !a.torn {
		if err := a.t.Anew.Whole(ctx, a.result.ID, *a.answer); err != nil {
			return a.result, err
		}
		a.result.Anew = true
	}
	r := a.result
	parked, paused := false, false
	for lane := range syncproto.Lanes {
		l := a.lanes[lane]
		if l == nil {
			continue
		}
		r.Lanes, r.New, r.Known = append(r.Lanes, *l), r.New+l.New, r.Known+l.Known
		parked, paused = parked || l.Missing > 0, paused || l.Paused
		if l.Forked {
			r.State = Forked
		}
	}
	switch {
	case r.State == Forked:
	case a.torn:
		r.State = Torn
	case parked:
		r.State = Parked
	case paused:
		r.State = Paused
	case a.below:
		r.State = Below
	case r.New > 0 || r.Confirmed > 0 || r.Blobs > 0 || r.Anew:
		r.State = Applied
	}
	err := a.t.DB.View(ctx, func(tx db.Tx) error {
		dead, err := a.deadLetters(ctx, tx)
		r.Aside = max(0, dead-a.dead)
		return err
	})
	return r, err
}
