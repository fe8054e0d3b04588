package bundle_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/shared/syncer/bundle"
	"urbanhomeschool.org/uhs/syncproto"
)

var freeze = flag.Bool("freeze", false, "write fixtures that do not exist yet; never changes one")

func keyOf(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

func public(k ed25519.PrivateKey) ed25519.PublicKey {
	p, _ := k.Public().(ed25519.PublicKey)
	return p
}

func newIdentity(t testing.TB) *age.X25519Identity {
	t.Helper()
	i, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func header(to *age.X25519Identity) syncproto.BundleHeader {
	return syncproto.BundleHeader{ID: "01890a5d-ac96-774b-bcce-b302099a8057", Way: syncproto.Up, School: "school", From: "box",
		To: to.Recipient().String(), Created: time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC), Epoch: 7}
}

// write makes a bundle whose sections are of the given sizes.
func write(t testing.TB, to *age.X25519Identity, key ed25519.PrivateKey, sizes ...int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := bundle.NewWriter(&out, header(to), key)
	must(t, err)
	for i, n := range sizes {
		must(t, w.AddMessage(syncproto.Message{Kind: syncproto.KindFrame, Data: bytes.Repeat([]byte{byte(i + 1)}, n)}))
	}
	must(t, w.Close())
	if w.Written != int64(out.Len()) {
		t.Fatalf("wrote %d, counted %d", out.Len(), w.Written)
	}
	return out.Bytes()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// read gives the sections up to the first error, which is io.EOF for a whole
// bundle.
func read(data []byte, key ed25519.PublicKey, with age.Identity) (sections [][]byte, err error) {
	r, err := bundle.Open(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if err := r.Trust(key, with); err != nil {
		return nil, err
	}
	for {
		s, err := r.Next()
		if err != nil {
			return sections, err
		}
		sections = append(sections, bytes.Clone(s.Data))
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	to := newIdentity(t)
	for _, sizes := range [][]int{{}, {0}, {1}, {100, 0, 200}, {256 << 10, 256 << 10, 256 << 10, 256 << 10, 256 << 10}} {
		got, err := read(write(t, to, keyOf(1), sizes...), public(keyOf(1)), to)
		if !errors.Is(err, io.EOF) || len(got) != len(sizes) {
			t.Fatalf("%v: %d sections, %v", sizes, len(got), err)
		}
		for i, n := range sizes {
			if !bytes.Equal(got[i], bytes.Repeat([]byte{byte(i + 1)}, n)) {
				t.Errorf("%v: section %d differs", sizes, i)
			}
		}
	}
}

func TestATornBundleGivesItsWholeSegmentsAndNothingElse(t *testing.T) {
	to := newIdentity(t)
	data := write(t, to, keyOf(1), 500<<10, 500<<10, 500<<10, 500<<10, 300) // three segments
	last := 0
	step := 1
	for n := 0; n < len(data); n += step {
		got, err := read(data[:n], public(keyOf(1)), to)
		if !errors.Is(err, bundle.ErrTorn) && (n > 0 || !errors.Is(err, bundle.ErrNotABundle)) {
			t.Fatalf("cut at %d: %v", n, err)
		}
		if len(got) < last {
			t.Fatalf("cut at %d: %d sections, and %d of a shorter file", n, len(got), last)
		}
		for i, s := range got {
			if len(s) == 0 || s[0] != byte(i+1) {
				t.Fatalf("cut at %d: section %d differs", n, i)
			}
		}
		last = len(got)
		if n > 2000 { // every byte of the front, then samples, and every byte around the ends of segments
			step = 40_009
		}
	}
	if last == 0 || last == 5 {
		t.Errorf("the longest torn file gave %d sections", last)
	}
}

func TestNoFlippedBitPasses(t *testing.T) {
	to := newIdentity(t)
	data := write(t, to, keyOf(1), 700<<10, 700<<10, 100)
	step := 1
	for n := 0; n < len(data); n += step {
		bad := bytes.Clone(data)
		bad[n] ^= 1 << (n % 8)
		got, err := read(bad, public(keyOf(1)), to)
		if err == nil || errors.Is(err, io.EOF) {
			t.Fatalf("a flip at %d passed", n)
		}
		for i, s := range got {
			if len(s) == 0 || s[0] != byte(i+1) || !bytes.Equal(s, bytes.Repeat([]byte{byte(i + 1)}, len(s))) {
				t.Fatalf("a flip at %d: section %d differs", n, i)
			}
		}
		if n > 1500 {
			step = 9973
		}
	}
}

func TestOnlyTheSignerAndTheRecipientCount(t *testing.T) {
	to := newIdentity(t)
	data := write(t, to, keyOf(1), 10)
	if _, err := read(data, public(keyOf(2)), to); !errors.Is(err, bundle.ErrSigner) {
		t.Errorf("another signer: %v", err)
	}
	if _, err := read(data, nil, to); !errors.Is(err, bundle.ErrSigner) {
		t.Errorf("no signer: %v", err)
	}
	if got, err := read(data, public(keyOf(1)), newIdentity(t)); !errors.Is(err, bundle.ErrRecipient) || len(got) > 0 {
		t.Errorf("another recipient: %v", err)
	}
	r, err := bundle.Open(bytes.NewReader(data))
	must(t, err)
	if _, err := r.Next(); !errors.Is(err, bundle.ErrSigner) {
		t.Errorf("a section before anybody trusted the bundle: %v", err)
	}
	if bytes.Contains(write(t, to, keyOf(1), 0, 64), bytes.Repeat([]byte{2}, 64)) {
		t.Error("the carrier can read it")
	}
}

// parts cuts a bundle into its front and its segments.
func parts(t *testing.T, data []byte) (front []byte, segments [][]byte) {
	t.Helper()
	at := len(syncproto.BundleMagic)
	at += 4 + int(binary.BigEndian.Uint32(data[at:])) + ed25519.SignatureSize
	front = data[:at]
	for at < len(data) {
		n := int(binary.BigEndian.Uint32(data[at:]))
		head, err := syncproto.DecodeSegmentHead(data[at+4 : at+4+n])
		must(t, err)
		end := at + 4 + n + ed25519.SignatureSize + int(head.Size)
		segments = append(segments, data[at:end])
		at = end
	}
	return front, segments
}

func TestNoSegmentCanBeMoved(t *testing.T) {
	to := newIdentity(t)
	big := 900 << 10
	front, s := parts(t, write(t, to, keyOf(1), big, big, big))
	if len(s) != 3 {
		t.Fatalf("%d segments", len(s))
	}
	other := header(to)
	other.ID = "01890a5d-ac96-774b-bcce-b302099a8058"
	var b bytes.Buffer
	w, err := bundle.NewWriter(&b, other, keyOf(1))
	must(t, err)
	must(t, w.Close())
	otherFront, _ := parts(t, b.Bytes())
	for name, file := range map[string][][]byte{
		"swapped":           {front, s[1], s[0], s[2]},
		"one left out":      {front, s[0], s[2]},
		"one twice":         {front, s[0], s[0], s[1], s[2]},
		"in another bundle": {otherFront, s[0], s[1], s[2]},
		"without the end":   {front, s[0], s[1]},
	} {
		got, err := read(bytes.Join(file, nil), public(keyOf(1)), to)
		if err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: passed with %d sections", name, len(got))
		}
	}
}

func TestABundleHasLimits(t *testing.T) {
	to := newIdentity(t)
	front, s := parts(t, write(t, to, keyOf(1), 10))
	long := func(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
	for name, file := range map[string][]byte{
		"a page":                   []byte("<html>Welcome to the hotel's Wi-Fi</html>"),
		"a picture":                append([]byte{0x89}, bytes.Repeat([]byte("PNG"), 1000)...),
		"nothing":                  {},
		"a header of 4 GB":         append([]byte(syncproto.BundleMagic), long(1<<32-1)...),
		"a header that is none":    append([]byte(syncproto.BundleMagic), append(long(3), make([]byte, 3+64)...)...),
		"a segment's head of 4 GB": append(bytes.Clone(front), long(1<<32-1)...),
	} {
		if got, err := read(file, public(keyOf(1)), to); err == nil || errors.Is(err, io.EOF) || len(got) > 0 {
			t.Errorf("%s: %d sections, %v", name, len(got), err)
		}
		if _, err := read(file, public(keyOf(1)), to); strings.Contains(name, "4 GB") && !errors.Is(err, syncproto.ErrTooLarge) {
			t.Errorf("%s: memory was taken for it: %v", name, err)
		}
	}
	huge, err := syncproto.EncodeSegmentHead(syncproto.SegmentHead{Size: syncproto.MaxSegment + 1, SHA256: make([]byte, 32)})
	must(t, err)
	if _, err := syncproto.DecodeSegmentHead(huge); !errors.Is(err, syncproto.ErrTooLarge) {
		t.Errorf("a segment over the limit: %v", err)
	}
	// What follows a whole bundle is not looked at.
	if got, err := read(append(bytes.Join([][]byte{front, s[0]}, nil), 1, 2, 3), public(keyOf(1)), to); !errors.Is(err, io.EOF) || len(got) != 1 {
		t.Errorf("more after the end: %v", err)
	}
}

func TestAWriterHoldsOneSegmentInMemory(t *testing.T) {
	to := newIdentity(t)
	var seen []int
	w, err := bundle.NewWriter(writes(func(n int) { seen = append(seen, n) }), header(to), keyOf(1))
	must(t, err)
	const blob = 20 << 20
	must(t, w.Blob(strings.Repeat("ab", 32), blob, io.LimitReader(zeros{}, blob)))
	must(t, w.Close())
	for _, n := range seen {
		if n > syncproto.MaxSegment {
			t.Errorf("%d bytes at once", n)
		}
	}
	if len(seen) < 20 || w.Written < blob {
		t.Errorf("%d writes, %d bytes", len(seen), w.Written)
	}
}

type writes func(n int)

func (f writes) Write(p []byte) (int, error) { f(len(p)); return len(p), nil }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// The file of an old stick: written once, and read by every build after.
func TestAnOldBundleIsStillRead(t *testing.T) {
	path := filepath.Join("testdata", "v1", "up.uhs")
	identity := filepath.Join("testdata", "v1", "recipient.txt")
	if _, err := os.Stat(path); os.IsNotExist(err) && *freeze {
		to := newIdentity(t)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, write(t, to, keyOf(1), 5, 700<<10, 700<<10, 9), 0o600))
		must(t, os.WriteFile(identity, []byte(to.String()+"\n"), 0o600))
	}
	data, err := os.ReadFile(path)
	must(t, err)
	text, err := os.ReadFile(identity)
	must(t, err)
	to, err := age.ParseX25519Identity(strings.TrimSpace(string(text)))
	must(t, err)
	got, err := read(data, public(keyOf(1)), to)
	if !errors.Is(err, io.EOF) || len(got) != 4 || len(got[2]) != 700<<10 || got[3][8] != 4 {
		t.Errorf("%d sections, %v", len(got), err)
	}
}

func FuzzOpen(f *testing.F) {
	to, err := age.ParseX25519Identity("AGE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0SSP6DNW")
	if err != nil {
		to = newIdentity(f)
	}
	whole := write(f, to, keyOf(1), 5, 100)
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte(syncproto.BundleMagic))
	f.Add(append([]byte(syncproto.BundleMagic), 0xff, 0xff, 0xff, 0xff))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := read(b, public(keyOf(1)), to)
		if err == nil {
			t.Fatal("a reader without an end")
		}
		if len(got) > 0 && len(b) < len(whole)/2 {
			t.Errorf("%d sections of nothing", len(got))
		}
	})
}

// FuzzSections fuzzes what is inside a segment that the signer has signed: a
// box of ours that was taken over.
func FuzzSections(f *testing.F) {
	head, err := syncproto.EncodeSectionHead(syncproto.SectionHead{Kind: syncproto.SectionFrame, Size: 3, SHA256: make([]byte, 32)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(head)
	f.Add([]byte{})
	raw, err := hex.DecodeString("a3010302" + fmt.Sprintf("1a%08x", 1<<30) + "035820" + strings.Repeat("00", 32))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := syncproto.DecodeSectionHead(b); err == nil && s.Size > syncproto.MaxSegment {
			t.Errorf("a section of %d bytes", s.Size)
		}
	})
}
