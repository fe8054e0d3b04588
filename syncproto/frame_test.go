package syncproto_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"urbanhomeschool.org/uhs/syncproto"
)

var freeze = flag.Bool("freeze", false, "write fixtures that do not exist yet; never changes one")

const (
	school  = "0197a5c2-4b1e-7c3d-9a8f-1122334455aa"
	learner = "0197a5c2-4b1e-7c3d-9a8f-1122334455bb"
)

type body struct {
	ID     string `cbor:"1,keyasint"`
	Points int64  `cbor:"2,keyasint"`
	Note   string `cbor:"3,keyasint,omitempty"`
}

func sample(n int) *syncproto.Frame {
	f := &syncproto.Frame{School: school, Epoch: 1_763_870_400, Lane: syncproto.LaneLearning, First: 41, Prev: syncproto.Hash{1, 2, 3}}
	for i := range n {
		b, err := syncproto.EncodeBody(body{ID: learner, Points: int64(i), Note: strings.Repeat("x", i%7)})
		if err != nil {
			panic(err)
		}
		f.Events = append(f.Events, syncproto.Event{Type: "assessment.attempt", Version: 1, Entity: learner, HLC: syncproto.HLC(115_000_000_000_000 + i), Body: b})
	}
	return f
}

// frozen are the messages whose bytes never change.
func frozen(t *testing.T) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	add := func(name string, b []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		out[name] = b
	}
	b, err := syncproto.EncodeFrame(sample(1))
	add("frame-one", b, err)
	many := sample(60)
	many.Events[7] = syncproto.Event{Erased: syncproto.Hash{9, 9}}
	many.Events[8].Deps = []string{learner}
	b, err = syncproto.EncodeFrame(many)
	add("frame-sixty", b, err)
	marks := syncproto.Marks{syncproto.LaneMoney: {Seq: 3, Chain: syncproto.Hash{4}}, syncproto.LaneLearning: {Seq: 900, Chain: syncproto.Hash{5}}}
	m, err := syncproto.EncodeHello(syncproto.Hello{School: school, Appliance: learner, Epoch: 7, Out: marks, Acked: marks, In: marks, Timeline: school,
		Sent: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC), Software: "1.0.0"})
	add("hello", m.Data, err)
	m, err = syncproto.EncodeAck(syncproto.Ack{Epoch: 7, Applied: marks, Backed: [syncproto.Lanes]int64{4: 12}})
	add("ack", m.Data, err)
	return out
}

func TestTheBytesOnTheWireNeverChange(t *testing.T) {
	for name, got := range frozen(t) {
		path := filepath.Join("testdata", "v1", name+".hex")
		want, err := os.ReadFile(path)
		if os.IsNotExist(err) && *freeze {
			if err := os.WriteFile(path, []byte(hex.EncodeToString(got)+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		raw, err := hex.DecodeString(strings.TrimSpace(string(want)))
		if err != nil {
			t.Fatal(err)
		}
		// Compressed bytes may differ with the library; what they say may not.
		if name == "frame-sixty" {
			checkSame(t, raw, got)
		} else if !bytes.Equal(raw, got) {
			t.Errorf("%s: the encoding changed:\n%x\nwant\n%x", name, got, raw)
		}
	}
}

func checkSame(t *testing.T, a, b []byte) {
	t.Helper()
	fa, err := syncproto.DecodeFrame(a)
	if err != nil {
		t.Fatal(err)
	}
	fb, err := syncproto.DecodeFrame(b)
	if err != nil {
		t.Fatal(err)
	}
	if fa.Last != fb.Last || fa.First != fb.First || len(fa.Events) != len(fb.Events) {
		t.Errorf("the frames differ: %+v, %+v", fa, fb)
	}
}

func TestAFrameReadsBackAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		f := &syncproto.Frame{School: school, Epoch: rapid.Int64Range(1, 1<<40).Draw(r, "epoch"), Lane: syncproto.Lane(rapid.IntRange(0, 4).Draw(r, "lane")),
			First: rapid.Int64Range(1, 1<<40).Draw(r, "first")}
		for range rapid.IntRange(1, 40).Draw(r, "events") {
			e := syncproto.Event{Type: rapid.StringMatching(`[a-z]{1,8}\.[a-z]{1,8}`).Draw(r, "type"), Version: 1,
				Entity: rapid.SampledFrom([]string{learner, school, "x", strings.ToUpper(learner), learner[:35] + "g"}).Draw(r, "entity"),
				HLC:    syncproto.HLC(rapid.Uint64Range(1, 1<<62).Draw(r, "hlc")), Body: rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(r, "body")}
			f.Events = append(f.Events, e)
		}
		b, err := syncproto.EncodeFrame(f)
		if err != nil {
			r.Fatal(err)
		}
		got, err := syncproto.DecodeFrame(b)
		if err != nil {
			r.Fatal(err)
		}
		if got.Last != f.Last || got.End() != f.End() || got.School != school || got.Lane != f.Lane {
			r.Fatalf("got %+v", got)
		}
		for i, e := range got.Events {
			w := f.Events[i]
			if e.Type != w.Type || e.Entity != w.Entity || e.HLC != w.HLC || !bytes.Equal(e.Body, w.Body) {
				r.Fatalf("event %d: got %+v, want %+v", i, e, w)
			}
		}
	})
}

func TestAnErasedEventKeepsTheChain(t *testing.T) {
	f := sample(5)
	if _, err := syncproto.EncodeFrame(f); err != nil {
		t.Fatal(err)
	}
	whole := f.Last
	f.Events[2] = syncproto.Event{Erased: f.Events[2].Hash()}
	b, err := syncproto.EncodeFrame(f)
	if err != nil {
		t.Fatal(err)
	}
	got, err := syncproto.DecodeFrame(b)
	if err != nil || got.Last != whole || !got.Events[2].IsErased() || got.Events[2].Body != nil {
		t.Errorf("%v, chain %v want %v, event %+v", err, got.Last, whole, got.Events[2])
	}
}

func TestFramesThatLieAreRefused(t *testing.T) {
	good, err := syncproto.EncodeFrame(sample(3))
	if err != nil {
		t.Fatal(err)
	}
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	bomb := append([]byte{2}, enc.EncodeAll(make([]byte, 64<<20), nil)...)
	if len(bomb) > syncproto.MaxFrame {
		t.Fatalf("the bomb is %d bytes, it must pass the first limit", len(bomb))
	}
	flipped := bytes.Clone(good)
	flipped[len(flipped)-2] ^= 1
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"nothing":              {nil, syncproto.ErrMalformed},
		"an unknown codec":     {[]byte{7, 1, 2}, syncproto.ErrSchema},
		"half a frame":         {good[:len(good)/2], syncproto.ErrMalformed},
		"a decompression bomb": {bomb, syncproto.ErrTooLarge},
		"an oversized frame":   {make([]byte, syncproto.MaxFrame+1), syncproto.ErrTooLarge},
		"text":                 {[]byte("\x01<html>Please log in</html>"), syncproto.ErrMalformed},
	} {
		if _, err := syncproto.DecodeFrame(c.data); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	if _, err := syncproto.DecodeFrame(flipped); err == nil {
		t.Error("a flipped bit was not noticed")
	}
	if _, err := syncproto.EncodeFrame(&syncproto.Frame{School: school, Epoch: 1, First: 1, Events: make([]syncproto.Event, syncproto.MaxEvents+1)}); !errors.Is(err, syncproto.ErrTooLarge) {
		t.Errorf("too many events: %v", err)
	}
}

func TestAHundredAttemptsTakeFewBytesEach(t *testing.T) {
	b, err := syncproto.EncodeFrame(sample(100))
	if err != nil {
		t.Fatal(err)
	}
	if per := len(b) / 100; per > 50 {
		t.Errorf("%d bytes an event", per)
	}
}

func TestSubjectsReadBack(t *testing.T) {
	for _, m := range []syncproto.Message{{Kind: syncproto.KindHello}, {Kind: syncproto.KindAck}, {Kind: syncproto.KindFrame, Lane: 3}} {
		got, err := syncproto.ParseSubject(m.Subject(), nil)
		if err != nil || got.Kind != m.Kind || got.Lane != m.Lane {
			t.Errorf("%s: %+v, %v", m.Subject(), got, err)
		}
	}
	for _, tail := range []string{"", "frame", "frame.9", "frame.x", "evil"} {
		if _, err := syncproto.ParseSubject(tail, nil); err == nil {
			t.Errorf("%q was taken", tail)
		}
	}
}

func TestTheClockNeverGoesBack(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	a := syncproto.HLCAt(now)
	b := a.Next(now.Add(-10 * 365 * 24 * time.Hour))
	if b <= a {
		t.Errorf("%d after %d", b, a)
	}
	if c := syncproto.HLCAt(now.Add(time.Hour)).Clamp(now); c.Time().Sub(now) != syncproto.MaxHLCSkew {
		t.Errorf("clamped to %v", c.Time())
	}
}

func FuzzDecodeFrame(f *testing.F) {
	good, err := syncproto.EncodeFrame(sample(3))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte{1, 0xa0})
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = syncproto.DecodeFrame(b)
		_, _ = syncproto.DecodeHello(b)
		_, _ = syncproto.DecodeAck(b)
	})
}
