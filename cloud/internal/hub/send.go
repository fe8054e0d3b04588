package hub

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// looseLimit is how many hellos and acks may lie in DOWN after they were mirrored.
const looseLimit = 64

// outbox is what sending to one epoch of a school needs. It is never changed.
type outbox struct {
	school *school
	js     jetstream.JetStream
	epoch  int64
	sent   *syncer.Sent
}

func (h *Hub) outbox(name string, epoch int64) (*outbox, error) {
	if s := h.find(name); s != nil {
		if o := s.out.Load(); o != nil && o.epoch == epoch {
			return o, nil
		}
	}
	return nil, fmt.Errorf("%w: %s, %d", ErrNotEnrolled, name, epoch)
}

// Send gives messages to the school's DOWN stream in order. nil means that they
// are there, not that they arrived; after an error some of them may be.
// syncer.ErrCarrierFull: later. ErrNotEnrolled: the epoch is not the current one.
func (h *Hub) Send(ctx context.Context, school string, epoch int64, msgs []syncproto.Message) error {
	o, err := h.outbox(school, epoch)
	if err != nil {
		return err
	}
	for _, m := range msgs {
		if err := o.send(ctx, m); err != nil {
			return fmt.Errorf("hub: send to %s: %w", school, err)
		}
	}
	if o.sent.TakeLoose(looseLimit) {
		o.freeLoose(ctx)
	}
	return nil
}

// send publishes one message. A full stream first gives up what the appliance's
// mirror already has: the change log still holds it, should that mirror be lost.
func (o *outbox) send(ctx context.Context, m syncproto.Message) error {
	err := o.publish(ctx, m)
	if errors.Is(err, syncer.ErrCarrierFull) && o.freeMirrored(ctx) {
		err = o.publish(ctx, m)
	}
	return err
}

func (o *outbox) publish(ctx context.Context, m syncproto.Message) error {
	// No Nats-Msg-Id: it would swallow the re-send of a message that was lost
	// behind the stream.
	ack, err := o.js.Publish(ctx, downSubject(o.epoch)+"."+m.Subject(), m.Data)
	if errors.Is(err, jetstream.ErrNoStreamResponse) {
		o.school.repair(ctx, o.epoch)
	}
	if err != nil {
		return full(err)
	}
	o.sent.Add(m, ack.Sequence)
	o.school.published.Add(1)
	return nil
}

// The server's codes for "no room": in the stream, the account and the server.
const (
	codeStoreFailed  = 10077
	codeAccountLimit = 10002
	codeServerLimit  = 10023
)

// full turns a refusal for want of room into syncer.ErrCarrierFull.
func full(err error) error {
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return err
	}
	switch api.ErrorCode {
	case codeStoreFailed, codeAccountLimit, codeServerLimit:
		return fmt.Errorf("%w: %w", syncer.ErrCarrierFull, err)
	default:
		return err
	}
}

// PurgeDown frees what the appliance has applied up to these marks. A failure is
// logged: the next call frees it.
func (h *Hub) PurgeDown(ctx context.Context, school string, epoch int64, applied syncproto.Marks) {
	o, err := h.outbox(school, epoch)
	if err != nil {
		return
	}
	for lane, upTo := range o.sent.TakeApplied(applied) {
		if upTo > 0 {
			o.purge(ctx, syncproto.Message{Kind: syncproto.KindFrame, Lane: syncproto.Lane(lane)}, upTo)
		}
	}
	if o.sent.TakeLoose(1) {
		o.freeLoose(ctx)
	}
}

// freeLoose frees the hellos and acks that were mirrored: the latest wins, so
// nobody will say that they are applied.
func (o *outbox) freeLoose(ctx context.Context) {
	if upTo := o.mirrored(ctx); upTo > 0 {
		o.purge(ctx, syncproto.Message{Kind: syncproto.KindHello}, upTo)
		o.purge(ctx, syncproto.Message{Kind: syncproto.KindAck}, upTo)
	}
}

// freeMirrored frees everything the other side has a copy of.
func (o *outbox) freeMirrored(ctx context.Context) bool {
	upTo := o.mirrored(ctx)
	if upTo == 0 {
		return false
	}
	o.sent.DropTo(upTo)
	if err := purge(ctx, o.js, downStream(o.epoch), jetstream.WithPurgeSequence(upTo+1)); err != nil {
		o.school.log.Warn("the downlink cannot be freed", logging.Err(err))
		return false
	}
	return true
}

// purge frees the messages of one subject up to and including a sequence.
func (o *outbox) purge(ctx context.Context, like syncproto.Message, upTo uint64) {
	subject := downSubject(o.epoch) + "." + like.Subject()
	err := purge(ctx, o.js, downStream(o.epoch), jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(upTo+1))
	if err != nil {
		o.school.log.Warn("the downlink cannot be freed", logging.Err(err))
	}
}

// mirrored is the last sequence the appliance's mirror has confirmed.
func (o *outbox) mirrored(ctx context.Context) uint64 {
	consumer, err := o.js.PushConsumer(ctx, downStream(o.epoch), downConsumer)
	if err != nil {
		o.school.log.Warn("the downlink's state is unknown", logging.Err(err))
		return 0
	}
	return consumer.CachedInfo().AckFloor.Stream
}
