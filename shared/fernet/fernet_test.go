package fernet

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// vector is a case of the official test data (github.com/fernet/spec).
type vector struct {
	Desc   string    `json:"desc"`
	Token  string    `json:"token"`
	Now    time.Time `json:"now"`
	TTL    int       `json:"ttl_sec"`
	IV     []int     `json:"iv"`
	Src    string    `json:"src"`
	Secret string    `json:"secret"`
}

func vectors(t *testing.T, name string, want int) []vector {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var out []vector
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	if len(out) != want {
		t.Fatalf("%s: %d vectors, want %d", name, len(out), want)
	}
	return out
}

func key(t *testing.T, s string) Key {
	t.Helper()
	k, err := ParseKey(s)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestTheOfficialVectorsHold(t *testing.T) {
	for _, v := range vectors(t, "generate", 1) {
		var iv [16]byte
		for i, b := range v.IV {
			iv[i] = byte(b)
		}
		if got := key(t, v.Secret).seal([]byte(v.Src), v.Now, iv); got != v.Token {
			t.Errorf("generated %s, want %s", got, v.Token)
		}
	}
	for _, v := range vectors(t, "verify", 1) {
		got, err := key(t, v.Secret).open(v.Token, time.Duration(v.TTL)*time.Second, v.Now)
		if err != nil || string(got) != v.Src {
			t.Errorf("opened %q, %v; want %q", got, err, v.Src)
		}
	}
	for _, v := range vectors(t, "invalid", 8) {
		t.Run(v.Desc, func(t *testing.T) {
			if got, err := key(t, v.Secret).open(v.Token, time.Duration(v.TTL)*time.Second, v.Now); !errors.Is(err, ErrInvalid) {
				t.Errorf("opened %q, %v", got, err)
			}
		})
	}
}

func TestARingReplacesItsKey(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	older, newer := Key{1}, Key{2}
	token, err := Ring{older}.Seal([]byte("+254711000001"), now)
	if err != nil {
		t.Fatal(err)
	}
	both := Ring{newer, older}
	again, changed, err := both.Reseal(token, now)
	if err != nil || !changed {
		t.Fatalf("changed %v, %v", changed, err)
	}
	if got, err := (Ring{newer}).Open(again); err != nil || string(got) != "+254711000001" {
		t.Errorf("the new key alone gives %q, %v", got, err)
	}
	if _, err := (Ring{newer}).Open(token); !errors.Is(err, ErrInvalid) {
		t.Errorf("the new key opens what the old one sealed: %v", err)
	}
	if _, changed, err := both.Reseal(again, now); changed || err != nil {
		t.Errorf("sealed again without need: %v, %v", changed, err)
	}
	if _, err := (Ring{}).Seal(nil, now); err == nil {
		t.Error("a ring without keys seals")
	}
}

func TestWhateverIsSealedOpensAndNoChangedByteDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var k Key
		copy(k[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key"))
		plain := rapid.SliceOfN(rapid.Byte(), 0, 70).Draw(t, "plain")
		token, err := Ring{k}.Seal(plain, time.Unix(1_800_000_000, 0))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Ring{k}.Open(token)
		if err != nil || string(got) != string(plain) {
			t.Fatalf("opened %q, %v", got, err)
		}
		i := rapid.IntRange(0, len(token)-1).Draw(t, "place")
		changed := []byte(token)
		changed[i] ^= 1 << rapid.IntRange(0, 6).Draw(t, "bit")
		if _, err := (Ring{k}).Open(string(changed)); err == nil {
			t.Fatalf("opened with byte %d changed", i)
		}
	})
}

func FuzzOpen(f *testing.F) {
	f.Add("gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==")
	f.Fuzz(func(t *testing.T, token string) {
		if plain, err := (Ring{{7}}).Open(token); err == nil {
			t.Errorf("a made-up token opens to %q", plain)
		}
	})
}
