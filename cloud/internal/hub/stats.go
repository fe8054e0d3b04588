package hub

import (
	"context"
	"fmt"
)

// Stats is what one school's mirrors have done. Sequences begin at a number of
// microseconds since 1970 and only their differences tell something.
type Stats struct {
	School string
	Epoch  int64
	// UpMessages lie in the hub's mirror (handled ones are freed in batches),
	// UpMirrored is the sequence of the last one that came through it, and
	// UpHandled counts those the handler has taken since the hub started.
	UpMessages, UpMirrored, UpHandled uint64
	// DownMessages lie in the DOWN stream, DownLast is the sequence of the last,
	// DownMirrored of the last the appliance's mirror has confirmed, and
	// DownPublished counts those given to the stream since the hub started.
	DownMessages, DownLast, DownMirrored, DownPublished uint64
	UpBytes, DownBytes                                  uint64
	Connected                                           bool
}

// Stats looks at a school's streams. ErrNotEnrolled when it is at another epoch.
func (h *Hub) Stats(ctx context.Context, school string, epoch int64) (Stats, error) {
	o, err := h.outbox(school, epoch)
	if err != nil {
		return Stats{}, err
	}
	up, err := o.js.Stream(ctx, upStream(epoch))
	if err != nil {
		return Stats{}, fmt.Errorf("hub: look at %s of %s: %w", upStream(epoch), school, err)
	}
	down, err := o.js.Stream(ctx, downStream(epoch))
	if err != nil {
		return Stats{}, fmt.Errorf("hub: look at %s of %s: %w", downStream(epoch), school, err)
	}
	u, d := up.CachedInfo().State, down.CachedInfo().State
	return Stats{
		School: school, Epoch: epoch, Connected: h.Connected(school),
		UpMessages: u.Msgs, UpBytes: u.Bytes, UpMirrored: u.LastSeq, UpHandled: o.school.handled.Load(),
		DownMessages: d.Msgs, DownBytes: d.Bytes, DownLast: d.LastSeq, DownMirrored: o.mirrored(ctx), DownPublished: o.school.published.Load(),
	}, nil
}
