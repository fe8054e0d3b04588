package fernet

import (
	"crypto/aes"
	"errors"
	"time"
)

// Fields seals fields of a database with the keys of a Ring; it is a db.Sealer.
type Fields struct {
	Ring Ring
	Now  func() time.Time
	// Bare leaves what people are looked up by unsealed: SealAlike gives no token.
	Bare bool
}

// Seal makes a token of plain, another one each time.
func (f Fields) Seal(plain []byte) (string, error) { return f.Ring.Seal(plain, f.Now()) }

// Open gives what a token of any of the keys holds.
func (f Fields) Open(token string) ([]byte, error) { return f.Ring.Open(token) }

// SealAlike makes the same token of the same plain, so that it can be looked for:
// the IV is a code of the plain text under the key, the time is none. Who sees the
// tokens learns which are equal, and no more.
func (f Fields) SealAlike(plain []byte) (string, error) {
	if f.Bare {
		return "", nil
	}
	return f.Ring.sealAlike(plain)
}

// Anew gives the token under the first key, and whether that changed it.
func (f Fields) Anew(token string, alike bool) (out string, changed bool, err error) {
	if !alike {
		return f.Ring.Reseal(token, f.Now())
	}
	plain, err := f.Ring.Open(token)
	if err != nil {
		return "", false, err
	}
	out, err = f.Ring.sealAlike(plain)
	return out, out != token, err
}

func (r Ring) sealAlike(plain []byte) (string, error) {
	if len(r) == 0 {
		return "", errors.New("fernet: a ring without keys")
	}
	code := r[0].mac(append([]byte("uhs sealed alike\x00"), plain...))
	return r[0].seal(plain, time.Unix(0, 0), [aes.BlockSize]byte(code[:aes.BlockSize])), nil
}
