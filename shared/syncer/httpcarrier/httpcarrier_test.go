package httpcarrier_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer/httpcarrier"
	"urbanhomeschool.org/uhs/shared/syncer/talk"
	"urbanhomeschool.org/uhs/syncproto"
)

func keyOf(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func publicOf(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

// cloud is the other end of the requests: what it was told, and what it says.
type cloud struct {
	t      *testing.T
	key    ed25519.PublicKey
	answer func(w http.ResponseWriter)

	mu   sync.Mutex
	got  [][]syncproto.Message
	uris []string
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Error(err)
	}
	if err := httpcarrier.Verify(c.key, r.Header.Get(httpcarrier.SignatureHeader), r.Method, r.URL.RequestURI(), body); err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	msgs, err := httpcarrier.DecodeBatch(body)
	if err != nil {
		c.t.Error(err)
	}
	c.mu.Lock()
	c.got, c.uris = append(c.got, msgs), append(c.uris, r.URL.RequestURI())
	answer := c.answer
	c.mu.Unlock()
	answer(w)
}

func (c *cloud) say(answer func(w http.ResponseWriter)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = answer
}

func (c *cloud) requests() int { c.mu.Lock(); defer c.mu.Unlock(); return len(c.got) }

func messages(msgs ...syncproto.Message) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		body, _ := httpcarrier.EncodeBatch(msgs)
		w.Header().Set("Content-Type", httpcarrier.ContentType)
		_, _ = w.Write(body)
	}
}

// line is a started carrier and the cloud at its other end.
type line struct {
	carrier *httpcarrier.Carrier
	cloud   *cloud
	server  *httptest.Server
	clock   *clock.Fake

	handled []syncproto.Message
	refuse  error
}

func newLine(t *testing.T, signer ed25519.PrivateKey) *line {
	t.Helper()
	l := &line{cloud: &cloud{t: t, key: publicOf(keyOf(1)), answer: messages()}, clock: clock.NewFake(time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC))}
	l.server = httptest.NewServer(l.cloud)
	t.Cleanup(l.server.Close)
	l.carrier = httpcarrier.New(httpcarrier.Options{
		BaseURL: l.server.URL, Epoch: 1_700_000_001, Clock: l.clock, Log: logging.Discard(), Active: func() bool { return false },
		Client: &http.Client{Transport: httpcarrier.Signer{Appliance: "box", Key: signer, Next: l.server.Client().Transport}},
	})
	err := l.carrier.Start(t.Context(), func(_ context.Context, m syncproto.Message) error {
		l.handled = append(l.handled, m)
		return l.refuse
	}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.carrier.Stop(context.Background()) })
	return l
}

var (
	hello = syncproto.Message{Kind: syncproto.KindHello, Data: []byte("hello")}
	frame = syncproto.Message{Kind: syncproto.KindFrame, Lane: syncproto.LaneLearning, Data: []byte("frame")}
	ack   = syncproto.Message{Kind: syncproto.KindAck, Data: []byte("ack")}
)

func same(a, b []syncproto.Message) bool {
	return slices.EqualFunc(a, b, func(x, y syncproto.Message) bool {
		return x.Kind == y.Kind && x.Lane == y.Lane && bytes.Equal(x.Data, y.Data)
	})
}

func TestOneRequestCarriesMessagesBothWays(t *testing.T) {
	l := newLine(t, keyOf(1))
	l.cloud.say(messages(ack, frame))
	if err := l.carrier.Send(t.Context(), []syncproto.Message{hello, frame, ack}); err != nil {
		t.Fatal(err)
	}
	if len(l.cloud.got) != 1 || !same(l.cloud.got[0], []syncproto.Message{hello, frame, ack}) {
		t.Errorf("the cloud got %v", l.cloud.got)
	}
	if !same(l.handled, []syncproto.Message{ack, frame}) {
		t.Errorf("the box got %v", l.handled)
	}
	if want := httpcarrier.Path + "?epoch=1700000001"; l.cloud.uris[0] != want {
		t.Errorf("asked %s, want %s", l.cloud.uris[0], want)
	}
}

func TestAMessageThatCannotBeHandledNowIsAnError(t *testing.T) {
	l := newLine(t, keyOf(1))
	l.cloud.say(messages(ack, frame))
	l.refuse = errors.New("the database is busy")
	if err := l.carrier.Send(t.Context(), []syncproto.Message{hello}); !errors.Is(err, l.refuse) {
		t.Errorf("got %v", err)
	}
	if len(l.handled) != 2 {
		t.Errorf("%d of 2 were offered", len(l.handled))
	}
}

func TestWhatIsNotTheCloudIsNoAnswer(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter){
		"the page of a captive portal": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html>Welcome to the hotel's Wi-Fi</html>")
		},
		"an empty 200": func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) },
		"a problem": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusConflict)
		},
		"a proxy's error": func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) },
		"junk of the right type": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", httpcarrier.ContentType)
			_, _ = io.WriteString(w, "\x9f\xff junk")
		},
		"an endless answer": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", httpcarrier.ContentType)
			_, _ = w.Write(make([]byte, 7<<20))
		},
		"a batch over the limit": messages(syncproto.Message{Kind: syncproto.KindFrame, Data: make([]byte, 7<<20)}),
		"a batch of another type": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/octet-stream")
			body, _ := httpcarrier.EncodeBatch([]syncproto.Message{ack})
			_, _ = w.Write(body)
		},
		"a hang-up": func(w http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t, keyOf(1))
			l.cloud.say(answer)
			if err := l.carrier.Send(t.Context(), []syncproto.Message{frame}); err == nil {
				t.Error("it was taken for an answer")
			}
			if len(l.handled) != 0 {
				t.Errorf("handled %v", l.handled)
			}
			if l.carrier.Connected() {
				t.Error("the cloud counts as reached")
			}
		})
	}
}

func TestConnectedAsksAgainOnlyAfterAWhile(t *testing.T) {
	l := newLine(t, keyOf(1))
	for range 5 {
		if !l.carrier.Connected() {
			t.Fatal("the cloud is there")
		}
	}
	if n := l.cloud.requests(); n != 1 {
		t.Errorf("%d requests for 5 questions", n)
	}
	l.cloud.say(func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) })
	if !l.carrier.Connected() {
		t.Error("it asked again at once")
	}
	l.clock.Advance(16 * time.Second)
	if l.carrier.Connected() {
		t.Error("the cloud is away, and 16 s have passed")
	}
	l.cloud.say(messages())
	l.clock.Advance(16 * time.Second)
	if !l.carrier.Connected() {
		t.Error("the cloud is back")
	}
}

func TestTheConnectionIsKeptUntilTheLinkRests(t *testing.T) {
	var opened, closed atomic.Int64
	here := &cloud{t: t, key: publicOf(keyOf(1)), answer: messages()}
	server := httptest.NewUnstartedServer(here)
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			opened.Add(1)
		case http.StateClosed:
			closed.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	signer := httpcarrier.Signer{Appliance: "box", Key: keyOf(1), Next: &http.Transport{}}
	c := httpcarrier.New(httpcarrier.Options{BaseURL: server.URL, Epoch: 1, Client: &http.Client{Transport: signer}, Clock: clock.System{}, Log: logging.Discard(),
		Active: func() bool { return true }, Way: func() talk.Way { return talk.OnDemand }})
	for range 3 {
		if err := c.Send(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	if opened.Load() != 1 || closed.Load() != 0 {
		t.Errorf("three sends took %d connections, %d are closed", opened.Load(), closed.Load())
	}
	c.Rest()
	for end := time.Now().Add(5 * time.Second); closed.Load() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the connection is held open")
		}
	}
}

func TestABoxWithAnotherKeyIsRefused(t *testing.T) {
	l := newLine(t, keyOf(2))
	if err := l.carrier.Send(t.Context(), []syncproto.Message{frame}); err == nil || l.cloud.requests() != 0 {
		t.Errorf("%v, %d requests passed", err, l.cloud.requests())
	}
}

func TestALargeBacklogGoesInSeveralRequests(t *testing.T) {
	l := newLine(t, keyOf(1))
	big := make([]syncproto.Message, 40) // 10 MB: what a wide-open window holds
	for i := range big {
		big[i] = syncproto.Message{Kind: syncproto.KindFrame, Data: bytes.Repeat([]byte{byte(i)}, syncproto.MaxFrame)}
	}
	if err := l.carrier.Send(t.Context(), big); err != nil {
		t.Fatal(err)
	}
	if n := l.cloud.requests(); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
	if got := slices.Concat(l.cloud.got...); !same(got, big) {
		t.Errorf("%d of %d messages arrived in order", len(got), len(big))
	}
}

func TestCutLosesNothing(t *testing.T) {
	many := slices.Repeat([]syncproto.Message{frame}, 2500)
	var got []syncproto.Message
	parts := 0
	for rest := many; len(rest) > 0; parts++ {
		var first []syncproto.Message
		first, rest = httpcarrier.Cut(rest)
		got = append(got, first...)
		if body, err := httpcarrier.EncodeBatch(first); err != nil {
			t.Fatal(err)
		} else if _, err := httpcarrier.DecodeBatch(body); err != nil {
			t.Errorf("a part of %d messages is not accepted: %v", len(first), err)
		}
	}
	if parts != 3 || len(got) != len(many) {
		t.Errorf("%d messages in %d parts", len(got), parts)
	}
	if first, rest := httpcarrier.Cut(nil); first != nil || rest != nil {
		t.Error("something was made of nothing")
	}
	huge := syncproto.Message{Kind: syncproto.KindFrame, Data: make([]byte, 5<<20)}
	if first, _ := httpcarrier.Cut([]syncproto.Message{huge, frame}); len(first) != 1 {
		t.Errorf("%d messages in the first part", len(first))
	}
}

func TestASignatureCoversTheWholeRequest(t *testing.T) {
	var header string
	var seen []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		header = r.Header.Get(httpcarrier.SignatureHeader)
		seen, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	client := &http.Client{Transport: httpcarrier.Signer{Appliance: "box", Key: keyOf(1), Next: server.Client().Transport}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/sync/v1/epoch?x=1", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if string(seen) != "body" || r.Header.Get(httpcarrier.SignatureHeader) != "" {
		t.Errorf("body %q; the caller's request was changed: %v", seen, r.Header)
	}

	own := publicOf(keyOf(1))
	for name, c := range map[string]struct {
		key                    ed25519.PublicKey
		signature, method, uri string
		body                   string
		good                   bool
	}{
		"as sent":            {own, header, "POST", "/sync/v1/epoch?x=1", "body", true},
		"another method":     {own, header, "PUT", "/sync/v1/epoch?x=1", "body", false},
		"another path":       {own, header, "POST", "/sync/v1/messages?x=1", "body", false},
		"another query":      {own, header, "POST", "/sync/v1/epoch?x=2", "body", false},
		"another body":       {own, header, "POST", "/sync/v1/epoch?x=1", "bodY", false},
		"no body":            {own, header, "POST", "/sync/v1/epoch?x=1", "", false},
		"another key":        {publicOf(keyOf(2)), header, "POST", "/sync/v1/epoch?x=1", "body", false},
		"no key":             {nil, header, "POST", "/sync/v1/epoch?x=1", "body", false},
		"no signature":       {own, "", "POST", "/sync/v1/epoch?x=1", "body", false},
		"junk for signature": {own, "!!", "POST", "/sync/v1/epoch?x=1", "body", false},
		"a line smuggled in": {own, header, "POST\n/sync/v1/epoch?x=1", "", "body", false},
	} {
		err := httpcarrier.Verify(c.key, c.signature, c.method, c.uri, []byte(c.body))
		if (err == nil) != c.good || (err != nil && !errors.Is(err, httpcarrier.ErrSignature)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestARequestWithoutABodyIsSignedToo(t *testing.T) {
	var good bool
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		good = httpcarrier.Verify(publicOf(keyOf(1)), r.Header.Get(httpcarrier.SignatureHeader), r.Method, r.URL.RequestURI(), nil) == nil &&
			r.Header.Get(httpcarrier.ApplianceHeader) == "box"
	}))
	defer server.Close()
	client := &http.Client{Transport: httpcarrier.Signer{Appliance: "box", Key: keyOf(1), Next: server.Client().Transport}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/packs/blob/00", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if !good {
		t.Error("the signature does not fit")
	}
}

// forged encodes what EncodeBatch would not.
func forged(t testing.TB, v any) []byte {
	t.Helper()
	b, err := cbor.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestABatchHasLimits(t *testing.T) {
	type m = map[int]any
	good := forged(t, []m{{1: 2, 2: 4, 3: []byte("x")}})
	if msgs, err := httpcarrier.DecodeBatch(good); err != nil || len(msgs) != 1 || msgs[0].Lane != syncproto.LaneLearning {
		t.Fatalf("%v, %v", msgs, err)
	}
	for name, b := range map[string][]byte{
		"nothing":              nil,
		"a page":               []byte("<html>"),
		"kind 0":               forged(t, []m{{1: 0, 3: []byte("x")}}),
		"kind 4":               forged(t, []m{{1: 4, 3: []byte("x")}}),
		"a lane beyond ours":   forged(t, []m{{1: 2, 2: 5, 3: []byte("x")}}),
		"a negative lane":      forged(t, []m{{1: 2, 2: -1, 3: []byte("x")}}),
		"not a list":           forged(t, m{1: 2}),
		"too many":             forged(t, slices.Repeat([]m{{1: 1, 3: []byte{}}}, 4097)),
		"without an end":       {0x9f, 0xff},
		"cut off":              good[:len(good)-1],
		"more after the end":   append(slices.Clone(good), 0),
		"a promise of 4 GB":    {0x81, 0xa1, 0x03, 0x5a, 0xff, 0xff, 0xff, 0xff, 1},
		"a promise of 2^32":    {0x9a, 0xff, 0xff, 0xff, 0xff},
		"lists within lists":   bytes.Repeat([]byte{0x81}, 5000),
		"a text for the bytes": forged(t, []m{{1: 2, 3: 7}}),
	} {
		if msgs, err := httpcarrier.DecodeBatch(b); !errors.Is(err, syncproto.ErrMalformed) {
			t.Errorf("%s: %d messages, %v", name, len(msgs), err)
		}
	}
}

func FuzzDecodeBatch(f *testing.F) {
	for _, msgs := range [][]syncproto.Message{nil, {hello}, {hello, frame, ack}} {
		b, err := httpcarrier.EncodeBatch(msgs)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{0x9a, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		msgs, err := httpcarrier.DecodeBatch(b)
		if err != nil {
			return
		}
		again, err := httpcarrier.EncodeBatch(msgs)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := httpcarrier.DecodeBatch(again); err != nil || !same(back, msgs) {
			t.Errorf("%v became %v: %v", msgs, back, err)
		}
	})
}
