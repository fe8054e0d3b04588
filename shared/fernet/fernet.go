// Package fernet seals small secrets at rest: keys of providers, numbers of
// guardians, second factors. A *token* is text that only a holder of the *key*
// can open or make: AES-128-CBC under HMAC-SHA256, in the format of
// github.com/fernet/spec. A *Ring* is several keys, so that one can be replaced.
//
// The rule that surprises: every failure to open is the same error, whatever
// was wrong, so that nobody learns from it.
package fernet

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Sizes in bytes: a key is half for signing, half for encryption; a token is
// version, time, IV, at least one block of ciphertext, and the HMAC.
const (
	keySize  = 32
	header   = 1 + 8 + aes.BlockSize
	minToken = header + aes.BlockSize + sha256.Size
	version  = 0x80
)

// maxSkew is how far in the future a token's time may lie, where its age counts.
const maxSkew = 60 * time.Second

// ErrInvalid says that a token is not one of these keys', was changed, or is
// too old.
var ErrInvalid = errors.New("fernet: the token is not valid")

// Key is 16 bytes that sign and 16 bytes that encrypt.
type Key [keySize]byte

// ParseKey reads a key as the format writes it: 32 bytes in base64url.
func ParseKey(s string) (Key, error) {
	b, err := base64.URLEncoding.DecodeString(s)
	if err != nil || len(b) != keySize {
		return Key{}, errors.New("fernet: a key is 32 bytes in base64url")
	}
	return Key(b), nil
}

// String hides the key from logs.
func (Key) String() string { return "[fernet key]" }

// GoString hides the key from logs.
func (Key) GoString() string { return "[fernet key]" }

// seal makes a token of plain, with a time and an IV that tests can choose.
func (k Key) seal(plain []byte, at time.Time, iv [aes.BlockSize]byte) string {
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	token := make([]byte, header+len(plain)+pad, header+len(plain)+pad+sha256.Size)
	token[0] = version
	binary.BigEndian.PutUint64(token[1:], uint64(at.Unix()))
	copy(token[9:], iv[:])
	body := token[header:]
	copy(body, plain)
	for i := len(plain); i < len(body); i++ {
		body[i] = byte(pad)
	}
	block, err := aes.NewCipher(k[keySize/2:])
	if err != nil { // only for a key of another size
		panic("fernet: " + err.Error())
	}
	cipher.NewCBCEncrypter(block, iv[:]).CryptBlocks(body, body)
	return base64.URLEncoding.EncodeToString(append(token, k.mac(token)...))
}

func (k Key) mac(b []byte) []byte {
	m := hmac.New(sha256.New, k[:keySize/2])
	m.Write(b)
	return m.Sum(nil)
}

// open gives what a token holds. With a ttl of 0 its age does not count.
func (k Key) open(token string, ttl time.Duration, now time.Time) ([]byte, error) {
	b, err := base64.URLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) < minToken || b[0] != version {
		return nil, ErrInvalid
	}
	if ttl > 0 && !fresh(binary.BigEndian.Uint64(b[1:]), ttl, now) {
		return nil, ErrInvalid
	}
	signed, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if subtle.ConstantTimeCompare(k.mac(signed), sum) != 1 {
		return nil, ErrInvalid
	}
	body := signed[header:]
	if len(body)%aes.BlockSize != 0 {
		return nil, ErrInvalid
	}
	block, err := aes.NewCipher(k[keySize/2:])
	if err != nil {
		return nil, fmt.Errorf("fernet: %w", err)
	}
	plain := make([]byte, len(body))
	cipher.NewCBCDecrypter(block, signed[9:header]).CryptBlocks(plain, body)
	return unpad(plain)
}

func fresh(sealed uint64, ttl time.Duration, now time.Time) bool {
	if sealed > 1<<40 { // beyond any time a clock can show
		return false
	}
	at := time.Unix(int64(sealed), 0)
	return !now.After(at.Add(ttl)) && !at.After(now.Add(maxSkew))
}

func unpad(b []byte) ([]byte, error) {
	n := int(b[len(b)-1])
	if n == 0 || n > aes.BlockSize {
		return nil, ErrInvalid
	}
	for _, p := range b[len(b)-n:] {
		if int(p) != n {
			return nil, ErrInvalid
		}
	}
	return b[:len(b)-n], nil
}

// Ring is the keys of a node: the first seals, all open. To replace a key, put
// the new one first, seal everything anew (Reseal), and take the old one out.
type Ring []Key

// Seal makes a token of plain as of now.
func (r Ring) Seal(plain []byte, now time.Time) (string, error) {
	if len(r) == 0 {
		return "", errors.New("fernet: a ring without keys")
	}
	var iv [aes.BlockSize]byte
	_, _ = rand.Read(iv[:]) // never fails since Go 1.24
	return r[0].seal(plain, now, iv), nil
}

// Open gives what a token of any of the keys holds, whatever its age.
func (r Ring) Open(token string) ([]byte, error) { return r.OpenWithin(token, 0, time.Time{}) }

// OpenWithin is Open for tokens that are at most ttl old.
func (r Ring) OpenWithin(token string, ttl time.Duration, now time.Time) ([]byte, error) {
	for _, k := range r {
		if plain, err := k.open(token, ttl, now); err == nil {
			return plain, nil
		}
	}
	return nil, ErrInvalid
}

// Reseal gives the token under the first key; changed is false when it is under
// that key already.
func (r Ring) Reseal(token string, now time.Time) (out string, changed bool, err error) {
	if len(r) == 0 {
		return "", false, errors.New("fernet: a ring without keys")
	}
	if _, err := r[0].open(token, 0, now); err == nil {
		return token, false, nil
	}
	plain, err := r.Open(token)
	if err != nil {
		return "", false, err
	}
	out, err = r.Seal(plain, now)
	return out, true, err
}
