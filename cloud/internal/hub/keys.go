package hub

import (
	"crypto"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/nats-io/nkeys"
)

const minSecret = 16

// keyring derives every key of the hub from one secret (HKDF-SHA256, RFC 5869),
// so that there is no key file to lose or to back up.
type keyring struct{ secret []byte }

func newKeyring(secret []byte) (keyring, error) {
	if len(secret) < minSecret {
		return keyring{}, fmt.Errorf("hub: the secret has %d bytes, want at least %d", len(secret), minSecret)
	}
	return keyring{secret: secret}, nil
}

func (k keyring) seed(purpose string) ([]byte, error) {
	return hkdf.Key(sha256.New, k.secret, nil, "uhs hub v1: "+purpose, ed25519.SeedSize)
}

func (k keyring) nkey(kind nkeys.PrefixByte, purpose string) (nkeys.KeyPair, error) {
	raw, err := k.seed(purpose)
	if err != nil {
		return nil, err
	}
	return nkeys.FromRawSeed(kind, raw)
}

func (k keyring) operator() (nkeys.KeyPair, error) {
	return k.nkey(nkeys.PrefixByteOperator, "operator")
}

func (k keyring) system() (nkeys.KeyPair, error) {
	return k.nkey(nkeys.PrefixByteAccount, "system account")
}

func (k keyring) account(school string) (nkeys.KeyPair, error) {
	return k.nkey(nkeys.PrefixByteAccount, "account "+school)
}

// signer signs the user of one enrolment and nothing else. An account lists
// only the current one, so an older user is refused, also after a restart,
// without a list of revocations.
func (k keyring) signer(e Enrolment) (nkeys.KeyPair, error) {
	return k.nkey(nkeys.PrefixByteAccount, fmt.Sprintf("signer %s %s %d %s", e.School, e.Appliance, e.Epoch, e.UserKey))
}

func (k keyring) inside(school string) (nkeys.KeyPair, error) {
	return k.nkey(nkeys.PrefixByteUser, "inside user "+school)
}

// The certificates have no useful dates: an appliance without a battery may
// believe it is 1970 and must still connect, to learn the time. What ends a
// certificate's life is a new secret.
var (
	certFrom  = time.Unix(0, 0).UTC()
	certUntil = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) // "no well-defined expiration", RFC 5280 4.1.2.5
)

// authority is the certificate appliances pin, the same bytes each time.
func (k keyring) authority() (*x509.Certificate, crypto.Signer, error) {
	raw, err := k.seed("leaf certificate authority")
	if err != nil {
		return nil, nil, err
	}
	key := ed25519.NewKeyFromSeed(raw)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Urban Home School leaf authority"},
		NotBefore: certFrom, NotAfter: certUntil, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(nil, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, nil, fmt.Errorf("hub: sign the authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	return cert, key, err
}

func (k keyring) authorityPEM() (string, error) {
	cert, _, err := k.authority()
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})), nil
}

// listener is the TLS configuration of the leaf port.
func (k keyring) listener() (*tls.Config, error) {
	ca, caKey, err := k.authority()
	if err != nil {
		return nil, err
	}
	raw, err := k.seed("leaf listener")
	if err != nil {
		return nil, err
	}
	key := ed25519.NewKeyFromSeed(raw)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: tlsName}, DNSNames: []string{tlsName},
		NotBefore: certFrom, NotAfter: certUntil,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(nil, tmpl, ca, key.Public(), caKey)
	if err != nil {
		return nil, fmt.Errorf("hub: sign the listener's certificate: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, nil
}

func publicKey(kp nkeys.KeyPair, err error) (string, error) {
	if err != nil {
		return "", err
	}
	pub, err := kp.PublicKey()
	return pub, errors.Join(err)
}
