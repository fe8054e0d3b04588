package syncer

import (
	"context"
	"errors"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// Piece is what to cut a frame from: a lane after a position, at most MaxBytes
// of it.
type Piece struct {
	Lane     syncproto.Lane
	After    int64
	MaxBytes int
}

// Cut makes the next frame of a log; nil when there is nothing. A single record
// that is larger goes in a frame by itself.
func Cut(ctx context.Context, tx db.Tx, log Log, from Piece) (*syncproto.Frame, []byte, error) {
	lane, after, maxBytes := from.Lane, from.After, from.MaxBytes
	prev, err := ChainAt(ctx, tx, log, lane, after)
	if err != nil {
		return nil, nil, err
	}
	events, err := readPiece(ctx, tx, log, from, prev)
	if err != nil || len(events) == 0 {
		return nil, nil, err
	}
	n := len(events)
	for {
		f := &syncproto.Frame{School: log.School, Epoch: log.Epoch, Lane: lane, First: after + 1, Prev: prev, Events: events[:n]}
		data, err := syncproto.EncodeFrame(f)
		if n > 1 && (errors.Is(err, syncproto.ErrTooLarge) || (err == nil && len(data) > maxBytes)) {
			n = (n + 1) / 2
			continue
		}
		return f, data, err
	}
}

// eventHead is about what an event takes beside its body.
const eventHead = 64

// readPiece reads the events that a frame from there may hold, and no more: on a
// thin line that is a few of a long backlog. Bodies compress, so twice the limit
// of raw bytes is a good first guess.
func readPiece(ctx context.Context, tx db.Tx, log Log, from Piece, prev syncproto.Hash) ([]syncproto.Event, error) {
	most := min(syncproto.MaxEvents, 2*from.MaxBytes/eventHead+1)
	rows, err := tx.Query(ctx, listOutbox, log.School, log.Epoch, int64(from.Lane), from.After, int64(most))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	scan, size := eventsAfter(prev), 0
	events := make([]syncproto.Event, 0, most)
	for rows.Next() {
		e, err := scan(rows)
		if err != nil {
			return nil, err
		}
		if size += len(e.Body) + eventHead; len(events) > 0 && size >= 2*from.MaxBytes {
			return events, nil
		}
		events = append(events, e)
	}
	return events, rows.Err()
}
