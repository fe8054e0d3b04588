package leaf

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

const (
	// The mirror is freed after so much was handled; leftovers are handled already.
	freeAfterMessages = 64
	freeAfterBytes    = 256 << 10

	retryFirst = 200 * time.Millisecond
	retryMost  = 10 * time.Second
)

// inbox reads the DOWN mirror in order, one message at a time.
type inbox struct {
	js      jetstream.JetStream
	epoch   int64
	handler syncer.Handler
	log     *slog.Logger

	// what was handled since the mirror was freed
	messages, bytes int
}

// run reads until ctx ends.
func (in *inbox) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := in.read(ctx)
		if ctx.Err() != nil {
			return
		}
		in.log.Warn("the downlink's mirror is read again", logging.Err(err))
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (in *inbox) read(ctx context.Context) error {
	consumer, err := takeOver(ctx, in.js, downStream(in.epoch))
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(64))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		in.take(ctx, msg)
	}
}

// takeOver gives the reading consumer, beginning after what it acknowledged in
// an earlier life: a message that was in somebody's hands then would otherwise
// wait for AckWait. One message at a time keeps the order over a retry.
func takeOver(ctx context.Context, js jetstream.JetStream, stream string) (jetstream.Consumer, error) {
	cfg := jetstream.ConsumerConfig{
		Durable: reader, AckPolicy: jetstream.AckExplicitPolicy, AckWait: 10 * time.Minute,
		MaxAckPending: 1, MaxDeliver: -1, DeliverPolicy: jetstream.DeliverAllPolicy,
	}
	old, err := js.Consumer(ctx, stream, reader)
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return nil, err
	}
	if err == nil {
		if floor := old.CachedInfo().AckFloor.Stream; floor > 0 {
			cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, floor+1
		}
		if err := js.DeleteConsumer(ctx, stream, reader); err != nil {
			return nil, err
		}
	}
	return js.CreateConsumer(ctx, stream, cfg)
}

// take hands one message over. After an error it comes again, before any other.
func (in *inbox) take(ctx context.Context, msg jetstream.Msg) {
	meta, err := msg.Metadata()
	if err != nil {
		in.log.Error("a message without metadata", logging.Err(err))
		return
	}
	if err := in.deliver(ctx, msg); err != nil {
		if ctx.Err() == nil {
			in.log.Warn("a message is delivered again later", slog.Uint64("tries", meta.NumDelivered), logging.Err(err))
		}
		in.settle(msg.NakWithDelay(retryAfter(meta.NumDelivered)))
		return
	}
	in.settle(msg.Ack())
	in.free(ctx, meta.Sequence.Stream, len(msg.Data()))
}

// deliver calls the handler; a message of an unknown sort is swallowed.
func (in *inbox) deliver(ctx context.Context, msg jetstream.Msg) error {
	m, err := syncproto.ParseSubject(tail(msg.Subject()), msg.Data())
	if err != nil {
		in.log.Warn("the downlink carries an unknown message", slog.String("subject", msg.Subject()), logging.Err(err))
		return nil
	}
	return in.handler(ctx, m)
}

func (in *inbox) settle(err error) {
	if err != nil {
		in.log.Warn("an acknowledgement is lost; the message comes twice", logging.Err(err))
	}
}

func retryAfter(tries uint64) time.Duration {
	return min(retryFirst<<min(tries, 8), retryMost)
}

// free empties the mirror up to a handled message, now and then.
func (in *inbox) free(ctx context.Context, seq uint64, bytes int) {
	in.messages, in.bytes = in.messages+1, in.bytes+bytes
	if in.messages < freeAfterMessages && in.bytes < freeAfterBytes {
		return
	}
	in.messages, in.bytes = 0, 0
	if err := purge(ctx, in.js, downStream(in.epoch), jetstream.WithPurgeSequence(seq+1)); err != nil {
		in.log.Warn("the downlink's mirror cannot be freed", logging.Err(err))
	}
}

func purge(ctx context.Context, js jetstream.JetStream, stream string, opts ...jetstream.StreamPurgeOpt) error {
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return err
	}
	return s.Purge(ctx, opts...)
}
