package syncer

import (
	"context"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// NoteHeard writes down what the other side said of itself in a hello that was
// carried by hand. It was true when it was sent, so it counts from then, and
// not at all when something later is known. in is the log that the other side
// writes.
func NoteHeard(ctx context.Context, tx db.Tx, in Log, carrier string, h syncproto.Hello, now time.Time) error {
	sent := h.Sent
	if sent.After(now) { // its clock is ahead
		sent = now
	}
	known, heard, err := ReadPeer(ctx, tx, in.School)
	if err != nil || (heard && !known.SeenAt.Before(sent)) {
		return err
	}
	head, err := syncproto.EncodeAck(syncproto.Ack{Applied: h.Out})
	if err != nil {
		return err
	}
	report, err := syncproto.EncodeReport(h.Report)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, upsertPeer, in.School, h.Epoch, h.Appliance, h.Software, carrier, h.Timeline, head.Data, known.ClockOffset.Milliseconds(), sent, report); err != nil {
		return err
	}
	marks, err := ReadMarks(ctx, tx, in)
	if err != nil {
		return err
	}
	for l, m := range h.Out {
		if marks[l].Seq < m.Seq {
			return nil
		}
	}
	_, err = tx.Exec(ctx, caughtUpPeer, in.School, sent)
	return err
}
