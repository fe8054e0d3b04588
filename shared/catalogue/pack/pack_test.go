package pack_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/catalogue/source"
)

// keyOf is a signing key made of one repeated byte.
func keyOf(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func beans(t *testing.T) source.Course {
	t.Helper()
	c, err := source.Read(os.DirFS("../source/testdata/beans"))
	if err != nil {
		t.Fatal(err)
	}
	c.Content.Course.Edition = 3
	for i := range c.Content.Quizzes {
		c.Content.Quizzes[i].Edition = 3
	}
	c.Content.Course.PublishedAt.Time = time.Date(2026, 1, 5, 6, 0, 0, 0, time.UTC)
	c.Content.Course.InstructorEmail = "" // packs leave it out
	return c
}

func build(t *testing.T, c source.Course) pack.Built {
	t.Helper()
	b, err := pack.Build(c.Content, c.Media)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func reader(b pack.Built) func(string) ([]byte, error) {
	return func(sha string) ([]byte, error) { return b.Blobs[sha], nil }
}

func TestPack(t *testing.T) {
	course := beans(t)
	built := build(t, course)
	signed, err := pack.Sign(built.Manifest, keyOf(1))
	if err != nil {
		t.Fatal(err)
	}

	t.Run("what was built, signed and verified decodes to the same content", func(t *testing.T) {
		m, err := pack.Verify(signed, public(keyOf(1)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := pack.Decode(m, built.Identity, reader(built))
		if err != nil || !reflect.DeepEqual(got, course.Content) {
			t.Errorf("%v\ngot  %+v\nwant %+v", err, got, course.Content)
		}
	})
	t.Run("a wrong key or a changed manifest is refused", func(t *testing.T) {
		if _, err := pack.Verify(signed, public(keyOf(2))); !errors.Is(err, pack.ErrSignature) {
			t.Errorf("another key: %v", err)
		}
		for i := range signed {
			changed := bytes.Clone(signed)
			changed[i] ^= 1
			if m, err := pack.Verify(changed, public(keyOf(1))); err == nil {
				t.Fatalf("byte %d of %d changed, and it is still good: %+v", i, len(signed), m)
			}
		}
		if _, err := pack.Verify(nil, public(keyOf(1))); !errors.Is(err, pack.ErrMalformed) {
			t.Errorf("nothing: %v", err)
		}
	})
	t.Run("any flipped byte of any blob is found and named", func(t *testing.T) {
		for _, b := range built.Manifest.Blobs {
			data := bytes.Clone(built.Blobs[b.SHA256])
			data[len(data)/2] ^= 1
			if b.Role == pack.RoleMedia {
				spoiltPicture(t, b, built.Blobs[b.SHA256], data)
				continue
			}
			_, err := pack.Decode(built.Manifest, built.Identity, func(sha string) ([]byte, error) {
				if sha == b.SHA256 {
					return data, nil
				}
				return built.Blobs[sha], nil
			})
			var at *pack.BlobError
			if !errors.As(err, &at) || !errors.Is(err, pack.ErrCorrupt) || at.Blob.Path != b.Path {
				t.Errorf("%s: %v", b.Path, err)
			}
		}
	})
	t.Run("answers are never readable, and of a paid course no text is", func(t *testing.T) {
		for _, b := range built.Manifest.Blobs {
			open := b.Role == pack.RoleOutline || b.Role == pack.RoleMedia
			if sealed := bytes.HasPrefix(built.Blobs[b.SHA256], []byte("age-encryption.org/v1")); sealed == open || b.Encrypted == open {
				t.Errorf("%s: encrypted %v, listed so %v", b.Path, sealed, b.Encrypted)
			}
		}
		free := course
		free.Content.Course.PriceMinor = 0
		gratis := build(t, free)
		for _, b := range gratis.Manifest.Blobs {
			if b.Encrypted != (b.Role == pack.RoleKeys) {
				t.Errorf("free: %s is encrypted: %v", b.Path, b.Encrypted)
			}
			if b.Role != pack.RoleKeys && bytes.Contains(gratis.Blobs[b.SHA256], []byte("Water starts germination")) {
				t.Errorf("%s gives an answer away", b.Path)
			}
		}
	})
	t.Run("only the appliance it was licensed to unwraps the key", func(t *testing.T) {
		mine, _ := age.GenerateX25519Identity()
		other, _ := age.GenerateX25519Identity()
		wrapped, err := pack.Wrap(built.Identity, mine.Recipient().String())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := pack.Unwrap(wrapped, mine); err != nil || got != built.Identity {
			t.Errorf("the licensed one: %v", err)
		}
		if got, err := pack.Unwrap(wrapped, other); !errors.Is(err, pack.ErrUnlicensed) || got != "" {
			t.Errorf("another one: %v", err)
		}
		if _, err := pack.Decode(built.Manifest, other.String(), reader(built)); !errors.Is(err, pack.ErrUnlicensed) {
			t.Errorf("decode with another key: %v", err)
		}
	})
	t.Run("a manifest that would not encrypt answers is refused", func(t *testing.T) {
		m := built.Manifest
		m.Blobs = append([]pack.Blob{}, m.Blobs...)
		for i := range m.Blobs {
			m.Blobs[i].Encrypted = false
		}
		bad, _ := pack.Sign(m, keyOf(1))
		if _, err := pack.Verify(bad, public(keyOf(1))); !errors.Is(err, pack.ErrMalformed) {
			t.Errorf("got %v", err)
		}
	})
}

// spoiltPicture puts good bytes into a store and lets the disk change them.
func spoiltPicture(t *testing.T, b pack.Blob, good, bad []byte) {
	t.Helper()
	s, err := pack.OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(good); err != nil || s.Check(b) != nil {
		t.Fatalf("a good picture: %v, %v", err, s.Check(b))
	}
	path, _ := s.Path(b.SHA256)
	if err := os.WriteFile(path, bad, 0o600); err != nil {
		t.Fatal(err)
	}
	var at *pack.BlobError
	if err := s.Check(b); !errors.As(err, &at) || !errors.Is(err, pack.ErrCorrupt) || at.Blob.Path != b.Path {
		t.Errorf("%s: %v", b.Path, err)
	}
}

func TestStore(t *testing.T) {
	open := func(t *testing.T) *pack.Store {
		s, err := pack.OpenStore(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	data := []byte(strings.Repeat("bean ", 1000))
	blob := pack.Blob{Path: "x", SHA256: pack.Hash(data), Size: int64(len(data))}

	t.Run("a cut transfer goes on where it stopped", func(t *testing.T) {
		s := open(t)
		cut := io.MultiReader(bytes.NewReader(data[:1234]), iotest.ErrReader(errors.New("link down")))
		if err := s.Receive(blob, 0, cut); err == nil {
			t.Fatal("a cut transfer was whole")
		}
		if _, ok := s.Path(blob.SHA256); ok || s.PartSize(blob.SHA256) != 1234 {
			t.Fatalf("part of %d", s.PartSize(blob.SHA256))
		}
		if err := s.Receive(blob, 1234, bytes.NewReader(data[1234:])); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Read(blob.SHA256); err != nil || !bytes.Equal(got, data) || s.PartSize(blob.SHA256) != 0 {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
	t.Run("wrong bytes, and too many, are dropped", func(t *testing.T) {
		s := open(t)
		wrong := bytes.Clone(data)
		wrong[7] ^= 1
		for _, in := range [][]byte{wrong, append(bytes.Clone(data), 'x')} {
			if err := s.Receive(blob, 0, bytes.NewReader(in)); !errors.Is(err, pack.ErrCorrupt) || s.PartSize(blob.SHA256) != 0 {
				t.Errorf("%v, %d bytes kept", err, s.PartSize(blob.SHA256))
			}
		}
	})
	t.Run("a short answer is not the end", func(t *testing.T) {
		s := open(t)
		if err := s.Receive(blob, 0, bytes.NewReader(data[:10])); !errors.Is(err, io.ErrUnexpectedEOF) || s.PartSize(blob.SHA256) != 10 {
			t.Errorf("%v, %d bytes kept", err, s.PartSize(blob.SHA256))
		}
	})
	t.Run("nothing but a hash is a name", func(t *testing.T) {
		s := open(t)
		for _, name := range []string{"", "../../etc/passwd", strings.Repeat("A", 64), strings.Repeat("a", 63), "part"} {
			if p, ok := s.Path(name); ok || p != "" {
				t.Errorf("%q is %q", name, p)
			}
		}
	})
	t.Run("putting twice keeps one", func(t *testing.T) {
		s := open(t)
		a, err := s.Put(data)
		b, err2 := s.Put(data)
		if err != nil || err2 != nil || a != b || a != blob.SHA256 {
			t.Errorf("%s, %s, %v, %v", a, b, err, err2)
		}
	})
}
