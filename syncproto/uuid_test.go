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
