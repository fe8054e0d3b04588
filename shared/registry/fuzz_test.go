package registry_test

import (
	"bytes"
	"testing"

	"urbanhomeschool.org/uhs/syncproto"
)

// FuzzBodies reads bytes as the body of every record that travels. What is
// accepted, written again, is accepted again as the same bytes.
func FuzzBodies(f *testing.F) {
	all := bodies()
	for i, b := range all {
		raw, err := b.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), raw)
	}
	f.Add(uint8(0), []byte{0xa0})
	f.Fuzz(func(t *testing.T, kind uint8, raw []byte) {
		b := all[int(kind)%len(all)]
		once, err := b.rewrite(raw)
		if err != nil {
			return
		}
		twice, err := b.rewrite(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%s: %x became %x: %v", b.spec.Name, once, twice, err)
		}
		if len(once) > syncproto.MaxBody {
			t.Errorf("%s: %d bytes", b.spec.Name, len(once))
		}
	})
}
