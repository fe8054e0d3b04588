package syncproto

import (
	"encoding/hex"
	"math/rand/v2"
	"testing"
)

func TestAnIDIsPackedAndUnpackedAsTheLibraryDoesIt(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 1000 {
		var u [16]byte
		for i := range u {
			u[i] = byte(r.UintN(256))
		}
		h := hex.EncodeToString(u[:])
		want := h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
		if got := string(appendUUID(nil, u[:])); got != want {
			t.Fatalf("%x is written %s, want %s", u, got, want)
		}
		if got, ok := parseUUID([]byte(want)); !ok || got != u {
			t.Fatalf("%s is read as %x", want, got)
		}
		for _, bad := range []byte{'A', 'g', '-', ' ', '/', ':', '`', 0x80} { // upper case would come back as lower case
			at := r.IntN(len(want))
			if b := []byte(want); b[at] != '-' {
				b[at] = bad
				if got, ok := parseUUID(b); ok {
					t.Fatalf("%s passes for %x", b, got)
				}
			}
		}
	}
}

func TestTheEndOfAFrameIsReadWithoutItsEvents(t *testing.T) {
	f := &Frame{School: "0198a0e1-7e6f-7c1e-8f00-2c1d5a8c6b11", Epoch: 7, Lane: LaneMoney, First: 41}
	for range 3 {
		f.Events = append(f.Events, Event{Type: "a.b", Version: 1, Entity: "0198a0e1-7e6f-7c1e-8f00-2c1d5a8c6b12", HLC: 9, Deps: []string{"a.b/0198a0e1-7e6f-7c1e-8f00-2c1d5a8c6b13"}, Body: []byte{0xa0}})
	}
	data, err := EncodeFrame(f)
	if err != nil {
		t.Fatal(err)
	}
	if end, err := FrameEnd(data); err != nil || end != 43 {
		t.Errorf("the frame ends at %d (%v), want 43", end, err)
	}
	if _, err := FrameEnd(data[:len(data)/2]); err == nil {
		t.Error("half a frame has an end")
	}
}
