package fleet

import (
	"context"

	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// applying is how many schools' frames are worked on at the same moment: more
// than the database has connections for, and few enough that what they expand to
// fits into memory. A frame of 40 kB becomes a megabyte of records.
const applying = 8

// handle gives a message to a conversation. When a thousand schools come back
// together their frames wait for a turn as the bytes they came as, first come
// first served; a school has one frame in the queue at a time, so none is passed
// over. Control and money, hellos and acks do not wait.
func (s *Service) handle(ctx context.Context, peer *syncer.Peer, m syncproto.Message) error {
	if m.Kind == syncproto.KindFrame && !m.Lane.Urgent() {
		select {
		case s.turns <- struct{}{}:
			defer func() { <-s.turns }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return peer.Handle(ctx, m)
}
