package backup

import (
	"errors"
	"fmt"
	"os"

	"filippo.io/age"
)

// recipients are who can open a new backup: this installation, by the key
// derived from SECRET_KEY, and the holder of the key that BACKUP_RECIPIENT names.
func (s *Service) recipients() ([]age.Recipient, error) {
	out := []age.Recipient{s.o.Key.Recipient()}
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
	out := []age.Identity{s.o.Key}
	if file == "" {
		return out, nil
	}
	f, err := os.Open(file) //nolint:gosec // the operator names the file
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
