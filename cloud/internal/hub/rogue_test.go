package hub

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/syncproto"
)

// rogue is a box whose owner has root: a bare server with the credentials of an
// appliance, and a client on it that may say anything.
type rogue struct {
	t      *testing.T
	who    Enrolment
	creds  Credentials
	server *server.Server
	conn   *nats.Conn
	js     jetstream.JetStream
}

type arrival struct {
	school  string
	epoch   int64
	message syncproto.Message
}

type recorder struct {
	mu  sync.Mutex
	all []arrival
}

func (r *recorder) take(_ context.Context, school string, epoch int64, m syncproto.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, arrival{school, epoch, m})
	return nil
}

func (r *recorder) from(school string) (out []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.all {
		if a.school == school {
			out = append(out, string(a.message.Data))
		}
	}
	return out
}

func startHub(t *testing.T) (*Hub, *recorder) {
	t.Helper()
	h, err := Open(Options{Dir: t.TempDir(), LeafHost: "127.0.0.1", Secret: []byte("a secret for tests only"), Clock: clock.System{}, Log: logging.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{}
	h.OnMessage(r.take)
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return h, r
}

// newRogue enrols a box and starts it with the streams an honest one has.
func newRogue(t *testing.T, h *Hub, school string) *rogue {
	t.Helper()
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	pub, err := user.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	r := &rogue{t: t, who: Enrolment{School: school, Appliance: "box-" + school, Epoch: 7, UserKey: pub}}
	if r.creds, err = h.Enrol(t.Context(), r.who); err != nil {
		t.Fatal(err)
	}
	r.connect(user)
	r.streams()
	return r
}

func (r *rogue) connect(user nkeys.KeyPair) {
	r.t.Helper()
	u, err := url.Parse(r.creds.LeafURL)
	if err != nil {
		r.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(r.creds.CAPEM))
	r.server, err = server.NewServer(&server.Options{
		ServerName: r.creds.EdgeDomain, DontListen: true, NoSigs: true, NoLog: true,
		JetStream: true, JetStreamDomain: r.creds.EdgeDomain, StoreDir: r.t.TempDir(),
		FeatureFlags: map[string]bool{"js_ack_fc_v2": true, "js_api_reply_v2": true},
		LeafNode: server.LeafNodeOpts{ReconnectInterval: time.Second, Remotes: []*server.RemoteLeafOpts{{
			URLs: []*url.URL{u}, TLS: true, TLSHandshakeFirst: true,
			TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, ServerName: tlsName},
			SignatureCB: func(nonce []byte) (string, []byte, error) {
				sig, err := user.Sign(nonce)
				return r.creds.UserJWT, sig, err
			},
		}}},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.server.Start()
	r.t.Cleanup(func() { r.server.Shutdown(); r.server.WaitForShutdown() })
	if !r.server.ReadyForConnections(30 * time.Second) {
		r.t.Fatal("the rogue's server does not start")
	}
	if r.conn, err = nats.Connect("", nats.InProcessServer(r.server)); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(r.conn.Close)
	if r.js, err = jetstream.New(r.conn); err != nil {
		r.t.Fatal(err)
	}
}

// streams makes what an honest box makes, except that UP takes any subject.
func (r *rogue) streams() {
	r.t.Helper()
	ctx := r.t.Context()
	if _, err := r.js.CreateStream(ctx, jetstream.StreamConfig{Name: upStream(7), Subjects: []string{"up.>", "forged.>"}, Storage: jetstream.FileStorage}); err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.js.CreateOrUpdatePushConsumer(ctx, upStream(7), durable(upConsumer, upDelivery(7))); err != nil {
		r.t.Fatal(err)
	}
	_, err := r.js.CreateStream(ctx, jetstream.StreamConfig{Name: downStream(7), Storage: jetstream.FileStorage, Mirror: &jetstream.StreamSource{
		Name: downStream(7), External: &jetstream.ExternalStream{APIPrefix: "$JS." + r.creds.Domain + ".API"},
		Consumer: &jetstream.StreamConsumerSource{Name: downConsumer, DeliverSubject: downDelivery(7)},
	}})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rogue) publish(subject, data string) {
	r.t.Helper()
	if _, err := r.js.Publish(r.t.Context(), subject, []byte(data)); err != nil {
		r.t.Fatal(err)
	}
}

// control sends a message with a status line, which the client library does not.
func (r *rogue) control(subject, reply, header string) {
	r.t.Helper()
	conn, err := r.server.InProcessConn()
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	lines := bufio.NewReader(conn)
	if _, err := lines.ReadString('\n'); err != nil { // INFO
		r.t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true,\"protocol\":1}\r\nHPUB %s %s %d %d\r\n%s\r\nPING\r\n",
		subject, reply, len(header), len(header), header)
	if err != nil {
		r.t.Fatal(err)
	}
	for {
		line, err := lines.ReadString('\n')
		if err != nil || strings.HasPrefix(line, "-ERR") {
			r.t.Fatalf("control message: %q, %v", line, err)
		}
		if strings.HasPrefix(line, "PONG") {
			return
		}
	}
}

// mirrored is how many messages the rogue's copy of DOWN has.
func (r *rogue) mirrored() uint64 {
	s, err := r.js.Stream(r.t.Context(), downStream(7))
	if err != nil {
		r.t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

func births(t *testing.T, h *Hub, school string) map[string]time.Time {
	t.Helper()
	o, err := h.outbox(school, 7)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]time.Time{}
	for _, name := range []string{upStream(7), downStream(7)} {
		s, err := o.js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = s.CachedInfo().Created
	}
	return out
}

// lost tells whether a stream of the school was deleted, or was and is new.
func lost(t *testing.T, h *Hub, school string, created map[string]time.Time) bool {
	t.Helper()
	o, err := h.outbox(school, 7)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{upStream(7), downStream(7)} {
		s, err := o.js.Stream(t.Context(), name)
		if errors.Is(err, jetstream.ErrStreamNotFound) || err == nil && !s.CachedInfo().Created.Equal(created[name]) {
			return true
		}
	}
	return false
}

func opaque(data string) []syncproto.Message {
	return []syncproto.Message{{Kind: syncproto.KindFrame, Lane: syncproto.LaneLearning, Data: []byte(data)}}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestSenderIsTheAccountWhateverTheMessageSays(t *testing.T) {
	h, got := startHub(t)
	a, b := newRogue(t, h, "school-a"), newRogue(t, h, "school-b")

	a.publish("up.7.frame.4", "plain")
	a.publish("up.9.frame.1", "another epoch")
	a.publish("forged.school-b.hello", "another prefix")
	msg := nats.NewMsg("up.7.ack")
	msg.Data = []byte("headers")
	msg.Header.Set("Nats-Request-Info", `{"acc":"`+b.creds.AccountKey+`"}`)
	if _, err := a.js.PublishMsg(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
	a.publish("up.7.frame.99", "no such lane") // swallowed
	a.publish("forged.x", "no kind")           // swallowed
	a.publish("up.7.frame.4", "last")
	b.publish("up.7.frame.4", "from b")

	eventually(t, "all arrive", func() bool { return len(got.from("school-a")) == 5 && len(got.from("school-b")) == 1 })
	want := "plain|another epoch|another prefix|headers|last"
	if s := strings.Join(got.from("school-a"), "|"); s != want {
		t.Errorf("from A: %s", s)
	}
	if s := strings.Join(got.from("school-b"), "|"); s != "from b" {
		t.Errorf("from B: %s", s)
	}
	for _, m := range got.all {
		if m.epoch != 7 {
			t.Errorf("a message of epoch %d", m.epoch)
		}
	}
}

func TestApplianceReachesNothingButItsMirrors(t *testing.T) {
	h, got := startHub(t)
	a, b := newRogue(t, h, "school-a"), newRogue(t, h, "school-b")
	eventually(t, "both are connected", func() bool { return h.Connected("school-a") && h.Connected("school-b") })
	a.publish("up.7.frame.4", "a works")
	b.publish("up.7.frame.4", "b works")
	eventually(t, "both mirrors run", func() bool { return len(got.from("school-a")) == 1 && len(got.from("school-b")) == 1 })

	for _, domain := range []string{"hub", b.creds.EdgeDomain} {
		for _, call := range []string{
			"INFO", "STREAM.NAMES", "STREAM.LIST", "STREAM.CREATE.EVIL",
			"STREAM.DELETE.UP_7", "STREAM.DELETE.DOWN_7", "STREAM.PURGE.UP_7", "STREAM.PURGE.DOWN_7",
			"STREAM.INFO.UP_7", "STREAM.INFO.DOWN_7", "STREAM.UPDATE.DOWN_7", "STREAM.SNAPSHOT.DOWN_7",
			"STREAM.MSG.GET.DOWN_7", "STREAM.MSG.DELETE.DOWN_7", "DIRECT.GET.DOWN_7",
			"CONSUMER.CREATE.DOWN_7", "CONSUMER.CREATE.UP_7.evil", "CONSUMER.DURABLE.CREATE.DOWN_7.evil",
			"CONSUMER.DELETE.DOWN_7.EDGE", "CONSUMER.DELETE.UP_7.READER", "CONSUMER.NAMES.DOWN_7", "CONSUMER.INFO.DOWN_7.EDGE",
			"CONSUMER.MSG.NEXT.UP_7.READER", "CONSUMER.RESET.UP_7.READER", "CONSUMER.PAUSE.UP_7.READER", "ACCOUNT.PURGE.x",
		} {
			subject := "$JS." + domain + ".API." + call
			if _, err := a.conn.Request(subject, nil, 300*time.Millisecond); err == nil {
				t.Errorf("%s was answered", subject)
			}
		}
	}
	// Straight into the hub's streams, acknowledgements and others' inboxes.
	for _, subject := range []string{"down.7.frame.0", "$JS.ACK.UP_7.READER.1.1.1.1.1", "d.down.DOWN_7", "_INBOX.x", "$SYS.REQ.SERVER.PING"} {
		if err := a.conn.Publish(subject, []byte("evil")); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.conn.Flush(); err != nil {
		t.Fatal(err)
	}
	untouched(t, h, got, a, b)
}

// untouched checks that both schools' streams exist, that nothing was put into
// them, and that they still carry.
func untouched(t *testing.T, h *Hub, got *recorder, a, b *rogue) {
	t.Helper()
	for _, r := range []*rogue{a, b} {
		s, err := h.Stats(t.Context(), r.who.School, 7)
		if err != nil {
			t.Fatal(err)
		}
		if s.DownMessages != 0 {
			t.Errorf("%d messages in DOWN of %s", s.DownMessages, r.who.School)
		}
		before := len(got.from(r.who.School))
		r.publish("up.7.frame.4", "still")
		eventually(t, r.who.School+" still sends", func() bool { return len(got.from(r.who.School)) == before+1 })
		if err := h.Send(t.Context(), r.who.School, 7, opaque("down")); err != nil {
			t.Fatal(err)
		}
		eventually(t, r.who.School+" still receives", func() bool { return r.mirrored() == 1 })
	}
}

func TestListeningToEverythingHearsNothingOfAnotherSchool(t *testing.T) {
	h, got := startHub(t)
	a, b := newRogue(t, h, "school-a"), newRogue(t, h, "school-b")
	var mu sync.Mutex
	var heard []string
	if _, err := a.conn.Subscribe(">", func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, m.Subject+" "+string(m.Data))
	}); err != nil {
		t.Fatal(err)
	}
	b.publish("up.7.frame.4", "secret of b")
	if err := h.Send(t.Context(), "school-b", 7, opaque("secret for b")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "b's messages pass", func() bool { return len(got.from("school-b")) == 1 && b.mirrored() == 1 })
	mu.Lock()
	defer mu.Unlock()
	for _, m := range heard {
		if strings.Contains(m, "secret") {
			t.Errorf("A heard %q", m)
		}
	}
}

// The hub's mirror answers flow control wherever the delivery says, with the
// hub's rights. So a hostile box can use it inside its own account, and what it
// breaks there is made again; it must not reach another.
func TestConfusedDeputyStaysInItsAccount(t *testing.T) {
	h, got := startHub(t)
	a, b := newRogue(t, h, "school-a"), newRogue(t, h, "school-b")
	a.publish("up.7.frame.4", "a works")
	b.publish("up.7.frame.4", "b works")
	eventually(t, "both mirrors run", func() bool { return len(got.from("school-a")) == 1 && len(got.from("school-b")) == 1 })
	if err := h.Send(t.Context(), "school-b", 7, opaque("for b")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "b has its message", func() bool { return b.mirrored() == 1 })

	created := births(t, h, "school-a")
	const deleteUp = "$JS.API.STREAM.DELETE.UP_7"
	for _, reply := range []string{
		"$JS." + b.creds.EdgeDomain + ".API.STREAM.DELETE.UP_7", "$JS.hub.API.STREAM.DELETE.DOWN_7", "down.7.frame.0",
		"$SYS.REQ.SERVER.PING", "$JS.API.STREAM.DELETE.DOWN_7", deleteUp,
	} {
		a.control(upDelivery(7), reply, "NATS/1.0 100 FlowControl Request\r\n\r\n")
		a.control(upDelivery(7), "", "NATS/1.0 100 Idle Heartbeat\r\nNats-Consumer-Stalled: "+reply+"\r\n\r\n")
		if err := a.conn.PublishRequest("$JS.hub.API.CONSUMER.RESET.DOWN_7.EDGE", reply, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.conn.Flush(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the attack does what it can", func() bool { return lost(t, h, "school-a", created) })

	b.publish("up.7.frame.4", "b still works")
	eventually(t, "B is untouched", func() bool { return len(got.from("school-b")) == 2 })
	s, err := h.Stats(t.Context(), "school-b", 7)
	if err != nil || s.DownMessages != 1 || b.mirrored() != 1 {
		t.Errorf("B: %+v, %v, mirror %d", s, err, b.mirrored())
	}

	// A is honest again: its own streams are there or are made again.
	eventually(t, "A's downlink carries again", func() bool {
		return h.Send(t.Context(), "school-a", 7, opaque("for a")) == nil && a.mirrored() > 0
	})
	a.publish("up.7.frame.4", "a honest")
	eventually(t, "A's uplink carries again", func() bool { f := got.from("school-a"); return f[len(f)-1] == "a honest" })
}

func TestNewerEpochsUserCannotBeReplacedByTheOldToken(t *testing.T) {
	h, _ := startHub(t)
	a := newRogue(t, h, "school-a")
	eventually(t, "A is connected", func() bool { return h.Connected("school-a") })
	next := a.who
	next.Epoch = 8 // the same key, as after a renewal
	if _, err := h.Enrol(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the old token is out", func() bool { return !h.Connected("school-a") })
	for range 40 { // it tries again each second
		if a.server.NumLeafNodes() > 0 && h.Connected("school-a") {
			t.Fatal("the old token came back")
		}
		time.Sleep(50 * time.Millisecond)
	}
}
