package fleettest

import (
	"crypto/ed25519"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/shared/identity"
)

// recoveryKey is the same for every school of a test.
var recoveryKey, _ = age.GenerateX25519Identity() //nolint:gochecknoglobals // never fails since Go 1.24

// RecoveryKey opens the copies of a school's boxes.
func RecoveryKey(identity.SchoolID) (*age.X25519Identity, error) { return recoveryKey, nil }

// signer signs what the cloud says of its recovery keys.
var signer = ed25519.NewKeyFromSeed([]byte("a seed of 32 bytes, for tests...")) //nolint:gochecknoglobals // of tests
