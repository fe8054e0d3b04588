package bundles_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"testing"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/syncer/bundle"
	"urbanhomeschool.org/uhs/syncproto"
)

// bomb is a frame of a few kilobytes that unpacks to n times 128 KiB: blocks of
// one repeated byte, written by hand as RFC 8878 has them.
func bomb(n int) []byte {
	const runLength, block = 1, 128 << 10
	out := []byte{2, 0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38} // codec zstd; magic; no sizes, no checksum; a window of 128 KiB
	for i := range n {
		head := uint32(block<<3 | runLength<<1)
		if i == n-1 {
			head |= 1 // the last
		}
		out = append(out, byte(head), byte(head>>8), byte(head>>16), 0)
	}
	return out
}

// A box of ours that was taken over can sign what it likes: what unpacks to half
// a gigabyte is refused before the memory is taken, and what came before it in
// the file is stored.
func TestABombInABundleIsRefusedBeforeItsMemoryIsTaken(t *testing.T) {
	w := newWorld(t)
	b := w.box("LODWAR-1")
	b.work(10)
	h := syncproto.BundleHeader{ID: id.New(), Way: syncproto.Up, School: b.Answer.SchoolID, From: b.Answer.ApplianceID, To: w.sealed.Recipient().String(),
		Created: w.Clock.Now(), Epoch: b.Epoch}
	w.Must(b.DB.View(t.Context(), func(tx db.Tx) (err error) { h.Lanes, err = bundle.Waiting(t.Context(), tx, b.Log()); return err }))
	var out bytes.Buffer
	bw, err := bundle.NewWriter(&out, h, b.Node)
	w.Must(err)
	w.Must(bw.Frames(t.Context(), b.DB, b.Log(), h.Lanes, nil))
	data := bomb(4096)
	w.Must(bw.AddMessage(syncproto.Message{Kind: syncproto.KindFrame, Data: data}))
	w.Must(bw.Close())
	path := w.file(out.Bytes())

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = w.bundles.Desk().Read(t.Context(), path, nil)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
		t.Errorf("%d MB were taken for a file of %d kB", took>>20, out.Len()>>10)
	}
	if fault.KindOf(err) != fault.Invalid || !errors.Is(err, syncproto.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	if w.activities() != 10 {
		t.Errorf("%d of 10 records from before the bomb", w.activities())
	}
}

// A length that promises more than a segment may hold is refused as it is read.
func TestALengthThatLiesTakesNoMemory(t *testing.T) {
	w := newWorld(t)
	b := w.box("LODWAR-1")
	b.work(1)
	data := b.export(up{})
	front := len(syncproto.BundleMagic)
	header := int(binary.BigEndian.Uint32(data[front:]))
	segment := front + 4 + header + 64
	for name, at := range map[string]int{"of the header": front, "of a segment's head": segment} {
		bad := bytes.Clone(data)
		binary.BigEndian.PutUint32(bad[at:], 1<<31-1)
		path := w.file(bad)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := w.bundles.Desk().Read(t.Context(), path, nil)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
			t.Errorf("a length %s took %d MB", name, took>>20)
		}
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("a length %s: %v", name, err)
		}
	}
}
