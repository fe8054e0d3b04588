package backup

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"filippo.io/age"
)

// identityOf is an age identity made of 32 secret bytes. age reads identities
// only as text, in Bech32 (BIP 173).
func identityOf(secret []byte) (*age.X25519Identity, error) {
	if len(secret) != 32 {
		return nil, errors.New("an age identity needs 32 bytes")
	}
	return age.ParseX25519Identity(strings.ToUpper(bech32("age-secret-key-", secret)))
}

const bech32Letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// bech32 writes data with its checksum: BIP 173, without its limit of length.
func bech32(prefix string, data []byte) string {
	var values []byte
	acc, bits := uint(0), 0
	for _, b := range data {
		acc, bits = acc<<8|uint(b), bits+8
		for bits >= 5 {
			bits -= 5
			values = append(values, byte(acc>>bits&31))
		}
	}
	if bits > 0 {
		values = append(values, byte(acc<<(5-bits)&31))
	}
	var all []byte
	for _, c := range []byte(prefix) {
		all = append(all, c>>5)
	}
	all = append(all, 0)
	for _, c := range []byte(prefix) {
		all = append(all, c&31)
	}
	check := polymod(append(append(all, values...), 0, 0, 0, 0, 0, 0)) ^ 1
	for i := range 6 {
		values = append(values, byte(check>>(5*(5-i))&31))
	}
	var out strings.Builder
	out.WriteString(prefix + "1")
	for _, v := range values {
		out.WriteByte(bech32Letters[v])
	}
	return out.String()
}

func polymod(values []byte) uint32 {
	check := uint32(1)
	for _, v := range values {
		top := check >> 25
		check = check&0x1ffffff<<5 ^ uint32(v)
		for i, g := range []uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				check ^= g
			}
		}
	}
	return check
}

// recipients are who can open a new backup: this installation, by the key
// derived from SECRET_KEY, and the holder of the key that BACKUP_RECIPIENT names.
func (s *Service) recipients() ([]age.Recipient, error) {
	own, err := identityOf(s.o.Secret[:32])
	if err != nil {
		return nil, err
	}
	out := []age.Recipient{own.Recipient()}
	if s.o.Recipient != "" {
		other, err := age.ParseX25519Recipient(s.o.Recipient)
		if err != nil {
			return nil, errors.New("BACKUP_RECIPIENT is not an age recipient (age1...)")
		}
		out = append(out, other)
	}
	return out, nil
}

// identities open a backup: the derived key, and those in file if it is given.
func (s *Service) identities(file string) ([]age.Identity, error) {
	own, err := identityOf(s.o.Secret[:32])
	if err != nil {
		return nil, err
	}
	out := []age.Identity{own}
	if file == "" {
		return out, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read the identity: %w", err)
	}
	defer func() { _ = f.Close() }()
	more, err := age.ParseIdentities(f)
	if err != nil {
		return nil, fmt.Errorf("read the identity: %w", err)
	}
	return append(out, more...), nil
}

func (s *Service) macKey() []byte { return s.o.Secret[32:] }
