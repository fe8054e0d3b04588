package identity

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
)

// tokenType is the "type" of an access token.
const tokenType = "access"

// claims are what an access token says.
type claims struct {
	jwt.RegisteredClaims
	Role    Role     `json:"role"`
	Email   string   `json:"email"`
	Type    string   `json:"type"`
	Session string   `json:"sid"`
	School  SchoolID `json:"school,omitempty"`
	Duties  []Duty   `json:"duties,omitempty"`
	// Guardian opened this session for her child.
	Guardian AccountID `json:"guardian,omitempty"`
	// Means is "pictures" when that is all the person showed.
	Means   CredentialKind `json:"means,omitempty"`
	Limited bool           `json:"limited,omitempty"`
}

// JWK is a public key as RFC 7517 and RFC 8037 write it.
type JWK struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	KeyID     string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
}

// secretKey is a private key of this node.
type secretKey struct {
	id                  string
	seed                []byte
	stored              []byte // as the database has it
	createdAt, startsAt db.Time
}

func (k secretKey) private() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(k.seed) }

// public is the other half.
func (k secretKey) public() ed25519.PublicKey {
	return k.private().Public().(ed25519.PublicKey) //nolint:forcetypeassert // as documented at PrivateKey.Public
}

// encoded is the public half as unpadded base64url.
func (k secretKey) encoded() string { return base64.RawURLEncoding.EncodeToString(k.public()) }

// sign makes an access token of a session.
func (s *Service) sign(p subject) (string, error) {
	s.mu.Lock()
	key := s.signer
	s.mu.Unlock()
	if key.private == nil {
		return "", errors.New("identity: no signing key: EnsureKey was not called")
	}

	now := s.clock.Now()
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: s.issuer, Subject: string(p.account.ID), Audience: jwt.ClaimStrings{s.audience}, ID: id.New(),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(AccessLifetime)),
		},
		Role: p.role(), Email: p.email, Type: tokenType, Session: p.session, School: p.account.School, Duties: p.duties,
		Guardian: p.guardian,
		Means:    p.means,
		Limited:  p.limited,
	})
	t.Header["kid"] = key.kid
	signed, err := t.SignedString(key.private)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return signed, nil
}

// Verify gives who an access token speaks for. It takes this node's own tokens
// and those of the cloud; where one school is served, only that school's.
// Errors are ErrTokenInvalid, ErrTokenExpired and ErrTokenRevoked.
func (s *Service) Verify(ctx context.Context, token string) (Actor, error) {
	var c claims
	err := s.db.View(ctx, func(tx db.Tx) error {
		var err error
		if c, err = s.parse(ctx, tx, token); err != nil {
			return err
		}
		ended, err := exists(ctx, tx, countRevocation, revocationID(c.School, c.Session))
		if err != nil {
			return fmt.Errorf("verify token: %w", err)
		}
		if ended {
			return ErrTokenRevoked
		}
		return nil
	})
	if err != nil {
		return Actor{}, err
	}
	return Actor{
		Account: AccountID(c.Subject), Role: c.Role, School: c.School, Duties: c.Duties, Email: c.Email, Session: c.Session, JTI: c.ID,
		Guardian:     c.Guardian,
		OnlyPictures: c.Means == PictureSecret,
		Limited:      c.Limited,
	}, nil
}

// trusted is a public key with what its tokens must say.
type trusted struct {
	public           ed25519.PublicKey
	issuer, audience string
	until            db.Time
}

// signed tells whether the key was in use when a token says that it was made.
func (t trusted) signed(at *jwt.NumericDate) bool {
	return t.until.IsZero() || at != nil && !at.After(t.until.Add(ClockLeeway))
}

func (s *Service) parse(ctx context.Context, tx db.Tx, token string) (claims, error) {
	var c claims
	var key trusted
	var lookup error // the database's failure, which is no fault of the token
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithExpirationRequired(),
		jwt.WithLeeway(ClockLeeway), jwt.WithTimeFunc(s.clock.Now), jwt.WithStrictDecoding())
	_, err := parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		key, lookup = s.trustedKey(ctx, tx, kid)
		return key.public, lookup
	})
	switch {
	case lookup != nil && !errors.Is(lookup, db.ErrNoRows):
		return c, fmt.Errorf("look up a token's key: %w", lookup)
	case errors.Is(err, jwt.ErrTokenExpired):
		return c, ErrTokenExpired
	case err != nil:
		return c, ErrTokenInvalid
	}

	if c.Type != tokenType || c.Issuer != key.issuer || len(c.Audience) != 1 || c.Audience[0] != key.audience {
		return c, ErrTokenInvalid
	}
	if s.school != "" && c.School != s.school {
		return c, ErrTokenInvalid
	}
	if !key.signed(c.IssuedAt) {
		return c, ErrTokenInvalid
	}
	if c.Subject == "" || c.Session == "" || c.Role == "" {
		return c, ErrTokenInvalid
	}
	return c, nil
}

// trustedKey finds the key kid: this node's own, else one the cloud announced.
// db.ErrNoRows when nobody we know has it.
func (s *Service) trustedKey(ctx context.Context, tx db.Tx, kid string) (trusted, error) {
	own, err := s.secretOf(ctx, tx, kid)
	if err == nil {
		return trusted{public: own.public(), issuer: s.issuer, audience: s.audience}, nil
	}
	if !errors.Is(err, db.ErrNoRows) {
		return trusted{}, err
	}

	k, err := db.First(ctx, tx, selectKey, scanKey, kid)
	if err != nil {
		return trusted{}, err
	}
	if k.Revoked {
		return trusted{}, db.ErrNoRows
	}
	public, err := base64.RawURLEncoding.DecodeString(k.Public)
	if err != nil || len(public) != ed25519.PublicKeySize {
		return trusted{}, fmt.Errorf("key %s is not an Ed25519 key", k.ID)
	}
	return trusted{public: public, issuer: k.Issuer, audience: CloudAudience, until: k.Until}, nil
}

// JWKS lists the public keys whose tokens are good here.
func (s *Service) JWKS(ctx context.Context) ([]JWK, error) {
	var out []JWK
	err := s.db.View(ctx, func(tx db.Tx) error {
		announced, err := db.All(ctx, tx, selectKeys, scanKey)
		if err != nil {
			return err
		}
		own, err := s.secrets(ctx, tx)
		if err != nil {
			return err
		}

		seen := map[string]bool{}
		out = out[:0]
		add := func(kid, x string) {
			if !seen[kid] {
				seen[kid] = true
				out = append(out, JWK{KeyType: "OKP", Curve: "Ed25519", X: x, KeyID: kid, Use: "sig", Algorithm: "EdDSA"})
			}
		}
		for _, k := range announced {
			if !k.Revoked && (k.Until.IsZero() || s.clock.Now().Before(k.Until.Add(2*AccessLifetime))) {
				add(k.ID, k.Public)
			}
		}
		for _, k := range own {
			add(k.id, k.encoded())
		}
		return nil
	})
	return out, err
}
