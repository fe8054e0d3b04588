package hub

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"urbanhomeschool.org/uhs/syncproto"
)

// The names both ends of a mirror must agree on; edge/internal/leaf has the
// same ones. The epoch is in every stream name, so that a stream that begins
// anew is never taken for the old one, which a mirror would do silently.
const (
	upConsumer   = "HUB"    // on the appliance's UP stream, read by our mirror
	downConsumer = "EDGE"   // on our DOWN stream, read by the appliance's mirror
	reader       = "READER" // our own, on the UP mirror

	// tlsName is in the listener's certificate whatever its address is. The CA
	// signs nothing else, so the address needs no proof and may change.
	tlsName = "hub.leaf.uhs.internal"
)

func upStream(epoch int64) string        { return fmt.Sprintf("UP_%d", epoch) }
func downStream(epoch int64) string      { return fmt.Sprintf("DOWN_%d", epoch) }
func upDelivery(epoch int64) string      { return "d.up." + upStream(epoch) }
func downDelivery(epoch int64) string    { return "d.down." + downStream(epoch) }
func downSubject(epoch int64) string     { return fmt.Sprintf("down.%d", epoch) }
func edgeDomain(appliance string) string { return "edge-" + appliance }

// tail is what follows "up.<epoch>." in the subject of an uplink message. The
// sender wrote it, so it may be anything.
func tail(subject string) string {
	if parts := strings.SplitN(subject, ".", 3); len(parts) == 3 {
		return parts[2]
	}
	return ""
}

// token limits ids to what may be one token of a subject and a directory name.
var token = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// accountHash is the form of an account in flow-control subjects: the first 8
// bytes of SHA-256 of its key, each in base 62 (nats-server, getHash).
func accountHash(account string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum := sha256.Sum256([]byte(account))
	b := make([]byte, 8)
	for i := range b {
		b[i] = digits[int(sum[i])%len(digits)]
	}
	return string(b)
}

// downOrigin is the stream an appliance mirrors. A full one refuses: dropping
// the oldest would make a hole the mirror does not show.
func downOrigin(epoch, maxBytes int64) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: downStream(epoch), Subjects: []string{downSubject(epoch) + ".>"},
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

// upMirror is our copy of an appliance's stream. It never sets MaxAge: it keeps
// the origin's timestamps, and a wrong clock there would delete data here.
func upMirror(epoch int64, appliance string, maxBytes int64) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: upStream(epoch), Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew, MaxBytes: mirrorBytes(maxBytes),
		Mirror: &jetstream.StreamSource{
			Name:     upStream(epoch),
			External: &jetstream.ExternalStream{APIPrefix: "$JS." + edgeDomain(appliance) + ".API"},
			Consumer: &jetstream.StreamConsumerSource{Name: upConsumer, DeliverSubject: upDelivery(epoch)},
		},
	}
}

// mirrorBytes leaves a mirror room for what its origin has already freed.
func mirrorBytes(origin int64) int64 { return origin + origin/4 }
