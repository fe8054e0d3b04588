package hub

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/syncproto"
)

const (
	// A mirror is freed after so much was handled; leftovers are handled already.
	freeAfterMessages = 64
	freeAfterBytes    = 256 << 10

	// A mirror does not take over its origin's limit, so a box can send more than
	// this; no honest one does.
	maxMessage = syncproto.MaxFrame + 4096

	retryFirst = 200 * time.Millisecond
	retryMost  = 10 * time.Second
)

// inbox reads the mirror of one epoch in order, one message at a time.
type inbox struct {
	school *school
	epoch  int64
	js     jetstream.JetStream

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
		in.school.log.Warn("the uplink's mirror is read again", logging.Err(err))
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			in.school.repair(ctx, in.epoch)
		}
	}
}

func (in *inbox) read(ctx context.Context) error {
	consumer, err := takeOver(ctx, in.js, upStream(in.epoch))
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
	log := in.school.log
	meta, err := msg.Metadata()
	if err != nil {
		log.Error("a message without metadata", logging.Err(err))
		return
	}
	if err := in.deliver(ctx, msg); err != nil {
		if ctx.Err() == nil {
			log.Warn("a message is delivered again later", slog.Uint64("tries", meta.NumDelivered), logging.Err(err))
		}
		in.settle(msg.NakWithDelay(retryAfter(meta.NumDelivered)))
		return
	}
	in.settle(msg.Ack())
	in.free(ctx, meta.Sequence.Stream, len(msg.Data()))
}

// deliver calls the handler. Only the tail of the subject is used, and only to
// know what sort of message it is; an unknown sort is swallowed.
func (in *inbox) deliver(ctx context.Context, msg jetstream.Msg) error {
	s := in.school
	if len(msg.Data()) > maxMessage {
		s.log.Warn("the uplink carries a message that is too large", slog.Int("bytes", len(msg.Data())))
		return nil
	}
	m, err := syncproto.ParseSubject(tail(msg.Subject()), msg.Data())
	if err != nil {
		s.log.Warn("the uplink carries an unknown message", slog.Int("bytes", len(msg.Data())), logging.Err(err))
		return nil
	}
	if err := s.hub.handler(ctx, s.name, in.epoch, m); err != nil {
		return err
	}
	s.handled.Add(1)
	return nil
}

func (in *inbox) settle(err error) {
	if err != nil {
		in.school.log.Warn("an acknowledgement is lost; the message comes twice", logging.Err(err))
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
	if err := purge(ctx, in.js, upStream(in.epoch), jetstream.WithPurgeSequence(seq+1)); err != nil {
		in.school.log.Warn("the uplink's mirror cannot be freed", logging.Err(err))
	}
}

func purge(ctx context.Context, js jetstream.JetStream, stream string, opts ...jetstream.StreamPurgeOpt) error {
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return err
	}
	return s.Purge(ctx, opts...)
}
