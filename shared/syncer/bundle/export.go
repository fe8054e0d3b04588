package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// ErrBelowFloor tells that the other side needs records that are no longer kept.
// A bundle of frames cannot help; it needs a snapshot, on line or in a bundle of a
// cloud that can write one.
var ErrBelowFloor = fault.New(fault.Conflict, "The school's box has been away for longer than records are kept. It has to connect to the internet once: it is then brought up to date by itself.").WithCode("bundle_below_floor")

// Waiting is what the other side of log has not confirmed, by lane: what a
// bundle should carry. Two bundles made one after the other carry the same
// records as long as nothing was confirmed, so that one lost stick costs nothing.
func Waiting(ctx context.Context, tx db.Tx, log syncer.Log) (lanes []syncproto.LaneRange, err error) {
	h, err := syncer.ReadHeads(ctx, tx, log)
	if err != nil {
		return nil, err
	}
	for l, m := range h.Out {
		if m.Seq > h.Acked[l] {
			lanes = append(lanes, syncproto.LaneRange{Lane: syncproto.Lane(l), First: h.Acked[l] + 1, Last: m.Seq})
		}
	}
	return lanes, nil
}

// Frames writes the records of log in lanes, urgent lanes first, and tells
// progress how many it wrote so far. Each frame is cut in a transaction of its
// own: the service goes on writing meanwhile.
func (b *Writer) Frames(ctx context.Context, d db.DB, log syncer.Log, lanes []syncproto.LaneRange, progress func(records int64)) error {
	written := int64(0)
	for _, l := range lanes {
		for after := l.First - 1; after < l.Last; {
			f, data, err := cut(ctx, d, log, l.Lane, after)
			if err != nil {
				return err
			}
			if f == nil && log.Epoch == syncer.DownEpoch { // all of it was pruned
				return ErrBelowFloor
			}
			if f == nil { // the log was left for a new epoch meanwhile; the records are there
				break
			}
			if err := b.AddMessage(syncproto.Message{Kind: syncproto.KindFrame, Lane: l.Lane, Data: data}); err != nil {
				return err
			}
			written += f.End() - after
			after = f.End()
			if progress != nil {
				progress(written)
			}
		}
	}
	return nil
}

func cut(ctx context.Context, d db.DB, log syncer.Log, lane syncproto.Lane, after int64) (f *syncproto.Frame, data []byte, err error) {
	err = d.View(ctx, func(tx db.Tx) error {
		f, data, err = syncer.Cut(ctx, tx, log, syncer.Piece{Lane: lane, After: after, MaxBytes: syncproto.MaxFrame})
		return err
	})
	if errors.Is(err, syncer.ErrPruned) {
		return nil, nil, fmt.Errorf("%w: lane %d after %d", ErrBelowFloor, lane, after)
	}
	return f, data, err
}

// Blob writes a blob of a pack in parts.
func (b *Writer) Blob(sha256 string, size int64, r io.Reader) error {
	for offset := int64(0); offset < size; {
		part := make([]byte, min(BlobPart, size-offset))
		if _, err := io.ReadFull(r, part); err != nil {
			return fmt.Errorf("read blob %s: %w", sha256, err)
		}
		if err := b.Add(Section{SectionHead: syncproto.SectionHead{Kind: syncproto.SectionBlob, Blob: sha256, Offset: offset, Total: size}, Data: part}); err != nil {
			return err
		}
		offset += int64(len(part))
	}
	return nil
}
