package app

import (
	"strings"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/shared/identity"
)

// sealed is the identity for what only the cloud opens: bundles from schools.
func (k keys) sealed() (*age.X25519Identity, error) {
	return k.ageIdentity("age identity")
}

// recovery opens the copies that a school's boxes keep of their databases.
func (k keys) recovery(school identity.SchoolID) (*age.X25519Identity, error) {
	return k.ageIdentity("recovery of school " + string(school))
}

func (k keys) ageIdentity(purpose string) (*age.X25519Identity, error) {
	scalar, err := k.derive(purpose, 32)
	if err != nil {
		return nil, err
	}
	return age.ParseX25519Identity(strings.ToUpper(bech32("age-secret-key-", scalar)))
}

const bech32Letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// bech32 writes data as in BIP 173: age reads an identity only in this form.
func bech32(prefix string, data []byte) string {
	var fives []byte
	acc, bits := uint32(0), uint(0)
	for _, b := range data {
		acc, bits = acc<<8|uint32(b), bits+8
		for bits >= 5 {
			bits -= 5
			fives = append(fives, byte(acc>>bits&31))
		}
	}
	if bits > 0 {
		fives = append(fives, byte(acc<<(5-bits)&31))
	}
	var spread []byte
	for i := range len(prefix) {
		spread = append(spread, prefix[i]>>5)
	}
	spread = append(spread, 0)
	for i := range len(prefix) {
		spread = append(spread, prefix[i]&31)
	}
	sum := polymod(append(append(spread, fives...), 0, 0, 0, 0, 0, 0)) ^ 1
	for i := range 6 {
		fives = append(fives, byte(sum>>(5*(5-i))&31))
	}
	out := []byte(prefix + "1")
	for _, f := range fives {
		out = append(out, bech32Letters[f])
	}
	return string(out)
}

// polymod is the checksum of BIP 173.
func polymod(values []byte) uint32 {
	sum := uint32(1)
	for _, v := range values {
		top := sum >> 25
		sum = sum&0x1ffffff<<5 ^ uint32(v)
		for i, g := range [...]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				sum ^= g
			}
		}
	}
	return sum
}
