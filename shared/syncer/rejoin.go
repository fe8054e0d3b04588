package syncer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// What happens when a box gets a new epoch: which of its rows move there. The
// decisions are pure (Kept.Resend, Standing.Decide); Rejoin carries them out.

// Kept is what an appliance still has of one lane of one epoch.
type Kept struct {
	// First is the lowest position whose row is kept; Head+1 when there is none.
	First, Head int64
	// Acked is what the cloud confirmed, in whichever life of its database.
	Acked int64
}

// Resend decides after which position the rows of a lane move into a new epoch,
// given how far the cloud's history agrees with it, and how many positions above
// that are pruned here and missing there. What was acknowledged counts only
// within one life of the cloud's database: trusted tells that it is the same.
func (k Kept) Resend(agreed int64, trusted bool) (after, gone int64) {
	after = min(agreed, k.Head)
	if trusted {
		after = max(after, min(k.Acked, k.Head))
	}
	return after, max(0, min(k.First, k.Head+1)-1-after)
}

// Agreed is the newest point of the cloud's history, newest first, that this
// lane agrees with. Where the row is pruned the two cannot be compared: such a
// row cannot be sent either, so the cloud's word stands.
func (k Kept) Agreed(history []syncproto.Mark, own func(seq int64) (syncproto.Hash, error)) (int64, error) {
	for _, m := range history {
		if m.Seq > k.Head {
			continue
		}
		if m.Seq < k.First {
			return m.Seq, nil
		}
		chain, err := own(m.Seq)
		if err != nil {
			return 0, err
		}
		if chain == m.Chain {
			return m.Seq, nil
		}
	}
	return 0, nil
}

// Rewound tells that a cloud that has applied this far once confirmed more: its
// database was set back, whatever it says of its life.
func (k Kept) Rewound(applied int64) bool { return applied < k.Acked }

// Verdict is what the cloud makes of a box's question for a new epoch.
type Verdict int

// The verdicts.
const (
	// Hold: the box keeps its records and waits for an admin.
	Hold Verdict = iota
	// Issue: it gets the school's next epoch.
	Issue
	// Again: it gets the epoch that this very question got before.
	Again
	// Aside: it gets an epoch beside the school's, to deliver what it has.
	Aside
)

// Standing is what the cloud knows of a box when it asks for the epoch after
// From.
type Standing struct {
	// Active: the box is the school's, and the present epoch is its.
	Active bool
	// Present is the school's epoch.
	Present int64
	// Given is the epoch that this very question got before; zero: none. GivenAside
	// tells that it was one beside the school's.
	Given      int64
	GivenAside bool
	// Decided is what an admin said of this question: "", "take_in" or "activate".
	Decided string
}

// Decide is the compare-and-set of epochs. Of two boxes that ask from the same
// epoch one gets the next; a box from an epoch the cloud never issued was given
// it in a life of the database that was rewound, and goes on. Whoever delivers
// beside the school gets its place only from an admin.
func (s Standing) Decide(from int64, side bool) Verdict {
	switch {
	case s.Given > 0 && (s.GivenAside || s.Given == s.Present && s.Active):
		return Again
	case s.Decided == "activate":
		return Issue
	case s.Decided == "take_in":
		return Aside
	case s.Active && !side && from >= s.Present:
		return Issue
	default:
		return Hold
	}
}

// Rejoining is a box's move into a new epoch.
type Rejoining struct {
	To Log
	// From is the epoch that is left. A restored database may have no rows of it.
	From int64
	// Trusted tells that the cloud's database is in the life in which it confirmed
	// what is marked as acknowledged.
	Trusted bool
	// Applied is what the cloud has of the box's epochs.
	Applied syncproto.History
}

// Rejoin moves everything that the cloud does not have into a new epoch, epoch
// by epoch in the order of writing, in the caller's transaction. Across epochs
// the entity's id guards against doubles, so that too much does no harm.
func (o *Outbox) Rejoin(ctx context.Context, tx db.Tx, r Rejoining) (report syncproto.MovedReport, err error) {
	report = syncproto.MovedReport{Epoch: r.To.Epoch, Rewound: !r.Trusted}
	epochs, err := ListEpochs(ctx, tx, r.To.School)
	if err != nil {
		return report, err
	}
	slices.Sort(epochs) // the order of issue
	for _, epoch := range epochs {
		if epoch == r.To.Epoch {
			continue
		}
		if err := o.rejoinEpoch(ctx, tx, r, Log{r.To.School, epoch}, &report); err != nil {
			return report, fmt.Errorf("leave epoch %d: %w", epoch, err)
		}
	}
	if !slices.Contains(epochs, r.From) {
		for _, marks := range r.Applied[r.From] {
			if len(marks) > 0 {
				report.Missing += marks[0].Seq
			}
		}
	}
	return report, nil
}

func (o *Outbox) rejoinEpoch(ctx context.Context, tx db.Tx, r Rejoining, from Log, report *syncproto.MovedReport) error {
	heads, err := ReadHeads(ctx, tx, from)
	if err != nil {
		return err
	}
	history := r.Applied.Marks(from.Epoch)
	for lane := range syncproto.Lanes {
		first, err := firstKept(ctx, tx, from, lane)
		if err != nil {
			return err
		}
		k := Kept{First: first, Head: heads.Out[lane].Seq, Acked: heads.Acked[lane]}
		if first == 0 {
			k.First = k.Head + 1
		}
		agreed, err := k.Agreed(history[lane], func(seq int64) (syncproto.Hash, error) { return ChainAt(ctx, tx, from, lane, seq) })
		if err != nil && !errors.Is(err, ErrPruned) {
			return err
		}
		applied := int64(0)
		if len(history[lane]) > 0 {
			applied = history[lane][0].Seq
		}
		rewound := k.Rewound(applied)
		report.Rewound = report.Rewound || rewound
		after, gone := k.Resend(agreed, r.Trusted && !rewound)
		if gone > 0 {
			report.Gone = append(report.Gone, syncproto.GoneRange{Epoch: from.Epoch, Lane: lane, First: after + 1, Last: after + gone})
		}
		if from.Epoch == r.From {
			report.Missing += max(0, applied-max(agreed, after))
		}
		moved, err := o.resequenceLane(ctx, tx, from, r.To, lane, after)
		if err != nil {
			return err
		}
		report.Resent += int64(moved)
	}
	return nil
}

// firstKept is the lowest position of a lane whose row is kept; zero: none.
func firstKept(ctx context.Context, tx db.Tx, log Log, lane syncproto.Lane) (int64, error) {
	rows, err := tx.Query(ctx, firstOutbox, log.School, log.Epoch, int64(lane))
	return db.One(rows, err, db.Scalar[int64])
}

// Recent is the newest of History, at most n marks per lane: enough to find how
// far a log that did not fork was applied.
func Recent(ctx context.Context, tx db.Tx, log Log, n int) (h [syncproto.Lanes][]syncproto.Mark, err error) {
	h, err = History(ctx, tx, log)
	for l, marks := range h {
		if len(marks) > n {
			h[l] = marks[:n]
		}
	}
	return h, err
}

// ForgetDownlink lets the whole downlink come again: the cloud's database was
// rewound, and the positions of its log count no more. What comes a second time
// changes nothing.
func ForgetDownlink(ctx context.Context, tx db.Tx, school string) error {
	for _, q := range []db.SQL{forgetWatermarks, forgetHistory} {
		if _, err := tx.Exec(ctx, q, school, int64(DownEpoch)); err != nil {
			return fmt.Errorf("forget the downlink: %w", err)
		}
	}
	return nil
}
