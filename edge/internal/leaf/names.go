package leaf

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"urbanhomeschool.org/uhs/syncproto"
)

// The names both ends of a mirror must agree on; cloud/internal/hub has the same
// ones. The epoch is in every stream name, so that a stream that begins anew is
// never taken for the old one, which a mirror would do silently.
const (
	upConsumer   = "HUB"    // on our UP stream, read by the hub's mirror
	downConsumer = "EDGE"   // on the hub's DOWN stream, read by our mirror
	reader       = "READER" // our own, on the DOWN mirror

	// tlsName is in the hub's certificate whatever its address is. The pinned CA
	// signs nothing else, so the address needs no proof and may change.
	tlsName = "hub.leaf.uhs.internal"
)

func upStream(epoch int64) string     { return fmt.Sprintf("UP_%d", epoch) }
func downStream(epoch int64) string   { return fmt.Sprintf("DOWN_%d", epoch) }
func upDelivery(epoch int64) string   { return "d.up." + upStream(epoch) }
func downDelivery(epoch int64) string { return "d.down." + downStream(epoch) }
func upSubject(epoch int64) string    { return fmt.Sprintf("up.%d", epoch) }

// tail is what follows "down.<epoch>." in the subject of a downlink message.
func tail(subject string) string {
	if parts := strings.SplitN(subject, ".", 3); len(parts) == 3 {
		return parts[2]
	}
	return ""
}

// token limits ids to what may be one token of a subject and a directory name.
var token = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// upOrigin is the stream the hub mirrors. A full one refuses, and the rest waits
// in the outbox: dropping the oldest would make a hole the mirror does not show.
func upOrigin(epoch, maxBytes int64) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: upStream(epoch), Subjects: []string{upSubject(epoch) + ".>"},
		Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew,
		MaxBytes: maxBytes, MaxMsgSize: syncproto.MaxFrame + 4096,
	}
}

// durable is the consumer a mirror reads an origin with. A mirror accepts only
// this acknowledgement policy and this heartbeat.
func durable(name, delivery string) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable: name, DeliverSubject: delivery,
		AckPolicy: jetstream.AckFlowControlPolicy, FlowControl: true,
		IdleHeartbeat: time.Second, MaxAckPending: 1000, MaxDeliver: -1,
	}
}

// downMirror is our copy of the hub's stream. It never sets MaxAge: it keeps the
// origin's timestamps, and our clock may be wrong by years.
func downMirror(epoch int64, hubDomain string, maxBytes int64) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: downStream(epoch), Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew, MaxBytes: mirrorBytes(maxBytes),
		Mirror: &jetstream.StreamSource{
			Name:     downStream(epoch),
			External: &jetstream.ExternalStream{APIPrefix: "$JS." + hubDomain + ".API"},
			Consumer: &jetstream.StreamConsumerSource{Name: downConsumer, DeliverSubject: downDelivery(epoch)},
		},
	}
}

// mirrorBytes leaves a mirror room for what its origin has already freed.
func mirrorBytes(origin int64) int64 { return origin + origin/4 }
