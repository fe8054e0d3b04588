package pack_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"testing"

	"urbanhomeschool.org/uhs/shared/catalogue/pack"
)

// FuzzManifest reads bytes as a manifest whose signature is good, since it is
// what stands behind the signature that must keep the rules too, and as a signed
// one, whose signature is then not.
func FuzzManifest(f *testing.F) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public := key.Public().(ed25519.PublicKey)
	for _, s := range []string{`{}`, `null`, `{"format":1}`, `{"format":1,"blobs":[{"sha256":"../../x","size":-1}]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := pack.Verify(body, public); err == nil {
			t.Errorf("%q passed without our signature", body)
		}
		sig := ed25519.Sign(key, append([]byte("uhs-pack-manifest/1\x00"), body...))
		signed := append([]byte("uhs-pack/1 "+base64.StdEncoding.EncodeToString(sig)+"\n"), body...)
		m, err := pack.Verify(signed, public)
		if err != nil {
			return
		}
		again, err := pack.Sign(m, key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pack.Verify(again, public); err != nil && len(again) <= pack.MaxManifest {
			t.Errorf("%s passed, %s did not: %v", body, again, err)
		}
	})
}
