package app

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"urbanhomeschool.org/uhs/shared/fernet"
	"urbanhomeschool.org/uhs/shared/identity"
)

// keys are all derived from SECRET_KEY (HKDF-SHA256, RFC 5869): a lost data
// directory or restored database costs none of them.
type keys struct {
	secret []byte
	seals  []string // SEAL_KEYS
}

func (k keys) derive(purpose string, n int) ([]byte, error) {
	b, err := hkdf.Key(sha256.New, k.secret, nil, "uhs "+purpose, n)
	if err != nil {
		return nil, fmt.Errorf("derive the key for %s: %w", purpose, err)
	}
	return b, nil
}

// packs signs manifests of courses; appliances pin its public half.
func (k keys) packs() (ed25519.PrivateKey, error) {
	seed, err := k.derive("pack signer", ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// pepper is the key of a school's sign-in verifiers.
func (k keys) pepper(school identity.SchoolID) ([]byte, error) {
	return k.derive("pepper of school "+string(school), 32)
}

// sealer seals small secrets at rest: with the newest of SEAL_KEYS, and opens with
// all of them and the derived one.
func (k keys) sealer() (fernet.Ring, error) {
	b, err := k.derive("sealed secrets", 32)
	if err != nil {
		return nil, err
	}
	ring := fernet.Ring{}
	for _, s := range k.seals {
		key, err := fernet.ParseKey(s)
		if err != nil {
			return nil, err
		}
		ring = append(ring, key)
	}
	return append(ring, fernet.Key(b)), nil
}

// factorCodes hashes the recovery codes of second factors.
func (k keys) factorCodes() ([]byte, error) { return k.derive("recovery codes", 32) }

// c2b is the secret part of the address the gateway reports PayBill money to.
func (k keys) c2b() (string, error) {
	b, err := k.derive("c2b address", 20)
	return hex.EncodeToString(b), err
}

// sms is the secret part of the addresses the SMS gateway reports to.
func (k keys) sms() (string, error) {
	b, err := k.derive("sms callback address", 20)
	return hex.EncodeToString(b), err
}

// codes hashes the codes that are sent to phones.
func (k keys) codes() ([]byte, error) { return k.derive("one-time codes", 32) }
