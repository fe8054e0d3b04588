package hub

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// deputy is one way to make the hub act with its own rights: it answers a reset
// or a flow control on the reply subject that the message carries.
type deputy struct {
	name  string
	reply func(b *rogue) string
	reset bool // a RESET of the own consumer; otherwise a flow control to the own mirror
}

// deputies are the eleven known variants. CAT and CORE are streams and an
// account of a hub that shares a catalogue; this one has none, and no such
// subject may mean anything here either.
func deputies() []deputy {
	fixed := func(s string) func(*rogue) string { return func(*rogue) string { return s } }
	return []deputy{
		{"reset answers into a shared stream", fixed("cat.evil"), true},
		{"reset answers with a purge of a shared stream", fixed("$JS.API.STREAM.PURGE.CAT"), true},
		{"reset answers with a delete in the hub's domain", fixed("$JS.hub.API.STREAM.DELETE.CAT"), true},
		{"reset answers to another school's delivery", func(b *rogue) string { return "d.down." + b.creds.AccountKey + ".CAT" }, true},
		{"reset answers into a downlink", fixed("down.evil"), true},
		{"flow control answers into a shared stream", fixed("cat.evil"), false},
		{"flow control answers with a delete of a shared stream", fixed("$JS.API.STREAM.DELETE.CAT"), false},
		{"flow control answers with a delete by a renamed API", fixed("JSCORE.STREAM.DELETE.CAT"), false},
		{"flow control answers with a delete at another box", func(b *rogue) string { return "$JS." + b.creds.EdgeDomain + ".API.STREAM.DELETE.UP_7" }, false},
		{"flow control answers with a delete of a downlink", fixed("$JS.API.STREAM.DELETE.DOWN_7"), false},
		{"flow control answers with a delete of an uplink", fixed("$JS.API.STREAM.DELETE.UP_7"), false},
	}
}

// A hostile school tries each variant; another school's streams, what lies in
// them and what comes out of them stay as they are, and so does what is known of
// the hub's accounts. What it breaks of its own is made again.
func TestEachConfusedDeputyVariantIsHarmlessToOthers(t *testing.T) {
	h, got := startHub(t)
	b := newRogue(t, h, "school-b")
	b.publish("up.7.frame.4", "b works")
	eventually(t, "B's mirror runs", func() bool { return len(got.from("school-b")) == 1 })
	if err := h.Send(t.Context(), "school-b", 7, opaque("for b")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "B has its message", func() bool { return b.mirrored() == 1 })
	born := births(t, h, "school-b")

	for i, v := range deputies() {
		t.Run(v.name, func(t *testing.T) {
			a := newRogue(t, h, fmt.Sprintf("school-a%d", i))
			a.publish("up.7.frame.4", "a works")
			eventually(t, "A's mirror runs", func() bool { return len(got.from(a.who.School)) == 1 })
			before := len(got.from("school-b"))
			v.attack(t, a, b)

			// What comes after it on the same connection shows that it was handled.
			a.again(t, h, got)
			b.publish("up.7.frame.4", "b still works")
			eventually(t, "B still sends", func() bool { return len(got.from("school-b")) == before+1 })
			if now := births(t, h, "school-b"); !maps.EqualFunc(now, born, time.Time.Equal) {
				t.Errorf("B's streams were made anew: %v, before %v", now, born)
			}
			s, err := h.Stats(t.Context(), "school-b", 7)
			if err != nil || s.DownMessages != 1 || b.mirrored() != 1 {
				t.Errorf("B: %+v, %v; %d in its mirror", s, err, b.mirrored())
			}
			for _, junk := range got.from(a.who.School) {
				if !strings.HasPrefix(junk, "a ") {
					t.Errorf("the hub took %q from A", junk)
				}
			}
		})
	}
}

func (v deputy) attack(t *testing.T, a, b *rogue) {
	t.Helper()
	reply := v.reply(b)
	if v.reset {
		if err := a.conn.PublishRequest("$JS.hub.API.CONSUMER.RESET.DOWN_7.EDGE", reply, nil); err != nil {
			t.Fatal(err)
		}
		if err := a.conn.Flush(); err != nil {
			t.Fatal(err)
		}
		return
	}
	a.control(upDelivery(7), reply, "NATS/1.0 100 FlowControl Request\r\n\r\n")
	a.control(upDelivery(7), "", "NATS/1.0 100 Idle Heartbeat\r\nNats-Consumer-Stalled: "+reply+"\r\n\r\n")
}

// again waits until the school carries in both directions, whatever was lost.
func (r *rogue) again(t *testing.T, h *Hub, got *recorder) {
	t.Helper()
	n := 0
	eventually(t, r.who.School+" carries down", func() bool {
		return h.Send(t.Context(), r.who.School, 7, opaque("for a")) == nil && r.mirrored() > 0
	})
	eventually(t, r.who.School+" carries up", func() bool {
		if n++; n%25 == 1 { // what a lost stream swallowed is sent again
			r.publish("up.7.frame.4", "a honest")
		}
		all := got.from(r.who.School)
		return all[len(all)-1] == "a honest"
	})
}

// A box that was put out tries everything with its old token: nothing of it
// arrives, not even what it had kept to say, and nothing comes down to it.
func TestNothingIsReplayedAfterARevocation(t *testing.T) {
	h, got := startHub(t)
	a := newRogue(t, h, "school-a")
	a.publish("up.7.frame.4", "before")
	eventually(t, "A works", func() bool { return len(got.from("school-a")) == 1 })
	if err := h.Revoke(t.Context(), "school-a", a.who.UserKey); err != nil {
		t.Fatal(err)
	}
	eventually(t, "A is out", func() bool { return !h.Connected("school-a") })
	a.publish("up.7.frame.4", "after")
	a.publish("up.7.frame.4", "before") // the same bytes again
	if err := h.Send(t.Context(), "school-a", 7, opaque("down")); err != nil {
		t.Fatal(err)
	}

	// The school's next box is heard; by then A has tried to come back.
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	next := a.who
	next.Epoch, next.Appliance = 8, "box-new"
	if next.UserKey, err = user.PublicKey(); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Enrol(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	for range 40 {
		if a.server.NumLeafNodes() > 0 && h.Connected("school-a") {
			t.Fatal("a revoked box is connected")
		}
		time.Sleep(50 * time.Millisecond)
	}
	if s := got.from("school-a"); len(s) != 1 {
		t.Errorf("a revoked box was heard: %q", s)
	}
	if n := a.mirrored(); n != 0 {
		t.Errorf("%d messages came down to a revoked box", n)
	}
}

// A box can put larger messages into its own stream than an honest one does. The
// hub must live, other schools must not wait, and the sender is heard again when
// it is honest.
func TestOversizedMessagesThroughTheMirrorHurtNobodyElse(t *testing.T) {
	h, got := startHub(t)
	a, b := newRogue(t, h, "school-a"), newRogue(t, h, "school-b")
	huge := strings.Repeat("x", 1000<<10) // the server's own limit is 1 MB
	for range 8 {
		if _, err := a.js.Publish(t.Context(), "up.7.frame.4", []byte(huge)); err != nil {
			t.Fatal(err)
		}
	}
	msg := nats.NewMsg("up.7.hello")
	msg.Header.Set("x", strings.Repeat("h", 32<<10))
	if _, err := a.js.PublishMsg(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
	b.publish("up.7.frame.4", "b works")
	eventually(t, "B is heard", func() bool { return len(got.from("school-b")) == 1 })
	a.publish("up.7.frame.4", "a honest")
	eventually(t, "A is heard again", func() bool {
		s := got.from("school-a")
		return len(s) > 0 && s[len(s)-1] == "a honest"
	})
	for _, data := range got.from("school-a") {
		if len(data) > maxMessage {
			t.Fatalf("a message of %d bytes was handed on", len(data))
		}
	}
}
