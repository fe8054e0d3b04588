// Package id makes identifiers: UUIDv7 where a fact is born once, a derived
// UUID where the same fact can be born twice, and random secrets.
package id

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"strings"

	"github.com/google/uuid"
)

// New is a UUIDv7 (RFC 9562): sortable by the time it was made.
func New() string {
	u, err := uuid.NewV7()
	if err != nil { // only when the kernel gives no randomness
		panic("id: no randomness: " + err.Error())
	}
	return u.String()
}

// Derived is the same UUID (version 8, RFC 9562) for the same parts, so that
// the same fact made twice, here or on the other side, is one row.
func Derived(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x1f")))
	var u uuid.UUID
	copy(u[:], sum[:16])
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	return u.String()
}

// Valid tells whether s is a UUID in its usual 36-character form.
func Valid(s string) bool {
	_, err := uuid.Parse(s)
	return err == nil && len(s) == 36
}

// Secret is n random bytes as unpadded base64url.
func Secret(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b)
}

// Below is a random number from 0 to n-1, all equally likely.
func Below(n int) int {
	v, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil { // never since Go 1.24
		panic("id: no randomness: " + err.Error())
	}
	return int(v.Int64())
}

// Alphabet is Crockford's base 32, without I, L, O, U: safe to read aloud and to
// type.
const Alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Digits is n random decimal digits, each as likely as any other.
func Digits(n int) string {
	out := make([]byte, 0, n)
	for len(out) < n {
		var b [1]byte
		_, _ = rand.Read(b[:])
		if b[0] < 250 { // 250 is a multiple of ten; above it the low digits would be favoured
			out = append(out, '0'+b[0]%10)
		}
	}
	return string(out)
}

// Code is n random characters a person can type: 5 bits each.
func Code(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	for i := range b {
		b[i] = Alphabet[b[i]&31]
	}
	return string(b)
}

// Typed is a code of Alphabet as the person meant it who typed it: small letters
// are large ones, O is 0, I and L are 1, and what is neither letter nor digit
// (spaces, hyphens) is dropped.
func Typed(code string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			r -= 'a' - 'A'
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z':
		default:
			return -1
		}
		switch r {
		case 'O':
			return '0'
		case 'I', 'L':
			return '1'
		default:
			return r
		}
	}, code)
}
