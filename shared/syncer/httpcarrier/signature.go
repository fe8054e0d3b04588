package httpcarrier

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"

	"urbanhomeschool.org/uhs/shared/fault"
)

// The headers of a request signed by an appliance's node key.
const (
	ApplianceHeader = "X-Uhs-Appliance"
	SignatureHeader = "X-Uhs-Signature"
)

// signed is what the signature covers: method, path with query, and the hash of
// the body. There is no time in it: a box without a clock must be able to
// speak, and a repeated request changes nothing (positions and epochs guard).
func signed(method, uri string, body []byte) []byte {
	sum := sha256.Sum256(body)
	return fmt.Appendf(nil, "uhs-request-1\n%s\n%s\n%x", method, uri, sum)
}

// Signer is an http.RoundTripper that signs every request as one appliance.
type Signer struct {
	Appliance string
	Key       ed25519.PrivateKey
	Next      http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (s Signer) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		_ = r.Body.Close()
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.Header.Set(ApplianceHeader, s.Appliance)
	r.Header.Set(SignatureHeader, base64.StdEncoding.EncodeToString(ed25519.Sign(s.Key, signed(r.Method, r.URL.RequestURI(), body))))
	return s.Next.RoundTrip(r)
}

// CloseIdleConnections lets the client close what is below.
func (s Signer) CloseIdleConnections() {
	if c, ok := s.Next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// ErrSignature answers a request that no known appliance signed.
var ErrSignature = fault.New(fault.Unauthenticated, "This request is not signed by a known appliance.").WithCode("appliance_signature")

// Verify checks the signature of a request against the appliance's key.
func Verify(key ed25519.PublicKey, signature, method, uri string, body []byte) error {
	sig, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, signed(method, uri, body), sig) {
		return ErrSignature
	}
	return nil
}
