package packs

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
)

// sealer keeps pack identities unreadable in the database and its backups:
// AES-256-GCM under a key derived from the installation's secret (HKDF, RFC
// 5869), bound to the manifest the identity opens.
type sealer struct{ aead cipher.AEAD }

func newSealer(secret []byte) (sealer, error) {
	if len(secret) < 16 {
		return sealer{}, errors.New("SECRET_KEY has fewer than 16 bytes")
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "uhs pack identities 1", 32)
	if err != nil {
		return sealer{}, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return sealer{aead}, err
}

func (s sealer) seal(identity, manifest string) []byte {
	return s.aead.Seal(nil, nil, []byte(identity), []byte(manifest)) // #nosec G407 -- this AEAD makes its own nonce
}

func (s sealer) open(sealed []byte, manifest string) (string, error) {
	plain, err := s.aead.Open(nil, nil, sealed, []byte(manifest))
	if err != nil {
		return "", fmt.Errorf("open the key of pack %s: SECRET_KEY was changed? %w", manifest, err)
	}
	return string(plain), nil
}
