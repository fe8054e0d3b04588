package bundle_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"io"
	"testing"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/shared/syncer/bundle"
	"urbanhomeschool.org/uhs/syncproto"
)

// FuzzReader gives a reader a good bundle with some bytes overwritten, and bytes
// that never were one. Of a changed bundle only what was signed may come out.
func FuzzReader(f *testing.F) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public := key.Public().(ed25519.PublicKey)
	who, err := age.GenerateX25519Identity()
	if err != nil {
		f.Fatal(err)
	}
	var file bytes.Buffer
	w, err := bundle.NewWriter(&file, syncproto.BundleHeader{ID: "b", School: "s", Way: syncproto.Up, Epoch: 1, To: who.Recipient().String()}, key)
	if err != nil {
		f.Fatal(err)
	}
	ack, err := syncproto.EncodeAck(syncproto.Ack{Epoch: 1})
	if err != nil {
		f.Fatal(err)
	}
	if err := errors.Join(w.AddMessage(ack), w.Close()); err != nil {
		f.Fatal(err)
	}
	good := file.Bytes()
	f.Add(uint16(0), []byte{}, false)
	f.Add(uint16(40), []byte{0xff, 0xff, 0xff, 0xff}, false)
	f.Add(uint16(0), good[:60], true)
	f.Fuzz(func(t *testing.T, at uint16, over []byte, alone bool) {
		in := bytes.Clone(good)
		copy(in[min(int(at), len(in)):], over)
		if alone {
			in = over
		}
		b, err := bundle.Open(bytes.NewReader(in))
		if err != nil || b.Trust(public, who) != nil {
			return
		}
		for {
			s, err := b.Next()
			if errors.Is(err, io.EOF) && !bytes.HasPrefix(in, good) {
				t.Fatal("a changed bundle is whole")
			}
			if err != nil {
				return
			}
			if !bytes.Equal(s.Data, ack.Data) {
				t.Fatalf("%x came out", s.Data)
			}
		}
	})
}
