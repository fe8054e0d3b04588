package pack

import (
	"bytes"
	"fmt"
	"io"

	"filippo.io/age"
)

// Wrap encrypts a pack's identity to an appliance's recipient ("age1…"): the
// secret part of a licence.
func Wrap(identity, recipient string) ([]byte, error) {
	r, err := age.ParseX25519Recipient(recipient)
	if err != nil {
		return nil, fmt.Errorf("wrap pack key: %w", err)
	}
	return encrypt([]byte(identity), r)
}

// Unwrap gives the pack's identity to the appliance it was wrapped to; any other
// gets ErrUnlicensed.
func Unwrap(wrapped []byte, appliance *age.X25519Identity) (string, error) {
	identity, err := decrypt(wrapped, appliance)
	return string(identity), err
}

func encrypt(data []byte, to age.Recipient) ([]byte, error) {
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	if _, err := w.Write(data); err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return out.Bytes(), nil
}

func decrypt(data []byte, with age.Identity) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(data), with)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnlicensed, err)
	}
	// age never gives more bytes than went in, so the blob's limit holds here too.
	plain, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return plain, nil
}
