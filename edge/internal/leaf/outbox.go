package leaf

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go/jetstream"

	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// looseLimit is how many hellos and acks may lie in UP after they were mirrored.
const looseLimit = 64

// outbox fills the UP stream and frees it.
type outbox struct {
	js    jetstream.JetStream
	epoch int64
	log   *slog.Logger
	sent  *syncer.Sent
}

func (o *outbox) sendAll(ctx context.Context, msgs []syncproto.Message) error {
	for _, m := range msgs {
		if err := o.send(ctx, m); err != nil {
			return fmt.Errorf("leaf: send: %w", err)
		}
	}
	if o.sent.TakeLoose(looseLimit) {
		o.freeLoose(ctx)
	}
	return nil
}

// send publishes one message. A full stream first gives up what the hub's mirror
// already has: the outbox table still holds it, should that mirror be lost.
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
	ack, err := o.js.Publish(ctx, upSubject(o.epoch)+"."+m.Subject(), m.Data)
	if err != nil {
		return full(err)
	}
	o.sent.Add(m, ack.Sequence)
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

// freeApplied frees what the cloud has applied up to these marks. A failure is
// logged: the next call frees it.
func (o *outbox) freeApplied(ctx context.Context, applied syncproto.Marks) {
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
	if err := purge(ctx, o.js, upStream(o.epoch), jetstream.WithPurgeSequence(upTo+1)); err != nil {
		o.log.Warn("the uplink cannot be freed", logging.Err(err))
		return false
	}
	return true
}

// purge frees the messages of one subject up to and including a sequence.
func (o *outbox) purge(ctx context.Context, like syncproto.Message, upTo uint64) {
	subject := upSubject(o.epoch) + "." + like.Subject()
	err := purge(ctx, o.js, upStream(o.epoch), jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(upTo+1))
	if err != nil {
		o.log.Warn("the uplink cannot be freed", logging.Err(err))
	}
}

// mirrored is the last sequence the hub's mirror has confirmed.
func (o *outbox) mirrored(ctx context.Context) uint64 {
	consumer, err := o.js.PushConsumer(ctx, upStream(o.epoch), upConsumer)
	if err != nil {
		o.log.Warn("the uplink's state is unknown", logging.Err(err))
		return 0
	}
	return consumer.CachedInfo().AckFloor.Stream
}
