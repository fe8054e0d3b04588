// Package pack is the file format in which an edition of a course travels: a
// signed *manifest* that lists *blobs* by their SHA-256. The cloud builds and
// signs packs, appliances verify and decode them.
//
// The rule that surprises: every pack has an age identity of its own. Answer
// keys, and all texts of a paid course, are encrypted to it, so that a pack is
// the same bytes for every school; a school is licensed by wrapping that
// identity to its appliance's recipient.
package pack

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
)

// Format is the version of the manifest that this code writes and reads.
const Format = 1

// Limits, checked before anything is fetched or kept.
const (
	MaxManifest = 4 << 20
	MaxBlob     = 64 << 20
	maxBlobs    = 20_000
)

// Role is what a blob holds.
type Role string

// The roles. Keys are always encrypted; lessons, texts and quizzes of a paid
// course are too.
const (
	RoleOutline Role = "outline" // JSON: the course and its lessons' summaries
	RoleLesson  Role = "lesson"  // HTML
	RoleText    Role = "text"    // JSON: passages for search
	RoleQuiz    Role = "quiz"    // JSON: questions without answers
	RoleKeys    Role = "keys"    // JSON: answers
	RoleMedia   Role = "media"   // a picture
)

// Blob is one file of a pack.
type Blob struct {
	Role Role `json:"role"`
	// Path is for people and tells lessons apart: lessons/fractions.html.
	Path string `json:"path"`
	// SHA256 is hex, of the bytes as they travel.
	SHA256    string `json:"sha256"`
	Size      int64  `json:"size"`
	Encrypted bool   `json:"encrypted"`
}

// Manifest lists what an edition is made of.
type Manifest struct {
	Format       int                `json:"format"`
	CourseID     catalogue.CourseID `json:"course_id"`
	Slug         string             `json:"slug"`
	Title        string             `json:"title"`
	Grade        string             `json:"grade"`
	LearningArea string             `json:"learning_area"`
	Language     string             `json:"language"`
	PriceMinor   int64              `json:"price_minor"`
	Currency     string             `json:"currency"`
	Edition      int64              `json:"edition"`
	PublishedAt  db.Time            `json:"published_at"`
	// Recipient is the pack's age public key.
	Recipient string `json:"recipient"`
	Blobs     []Blob `json:"blobs"`
}

// Size is the bytes of all distinct blobs.
func (m Manifest) Size() int64 {
	seen, n := map[string]bool{}, int64(0)
	for _, b := range m.Blobs {
		if !seen[b.SHA256] {
			seen[b.SHA256] = true
			n += b.Size
		}
	}
	return n
}

// Errors of a pack that must not be used.
var (
	ErrMalformed  = errors.New("pack: malformed")
	ErrSignature  = errors.New("pack: wrong signature")
	ErrCorrupt    = errors.New("pack: bytes do not match their hash")
	ErrUnlicensed = errors.New("pack: this appliance has no key for it")
)

// signedLine starts a signed manifest: format, base64 signature, newline, JSON.
const signedLine = "uhs-pack/1 "

// signingContext keeps a signature from meaning anything elsewhere.
const signingContext = "uhs-pack-manifest/1\x00"

// Sign gives the signed manifest, whose SHA-256 names the pack.
func Sign(m Manifest, key ed25519.PrivateKey) ([]byte, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("sign manifest: %w", err)
	}
	sig := ed25519.Sign(key, append([]byte(signingContext), body...))
	return append([]byte(signedLine+base64.StdEncoding.EncodeToString(sig)+"\n"), body...), nil
}

// Verify reads a signed manifest: ErrSignature when key did not sign these bytes,
// ErrMalformed when they break a rule.
func Verify(signed []byte, key ed25519.PublicKey) (Manifest, error) {
	if len(signed) > MaxManifest {
		return Manifest{}, fmt.Errorf("%w: manifest of %d bytes", ErrMalformed, len(signed))
	}
	line, body, ok := bytes.Cut(signed, []byte("\n"))
	encoded, known := strings.CutPrefix(string(line), signedLine)
	if !ok || !known {
		return Manifest{}, fmt.Errorf("%w: not a signed manifest of format %d", ErrMalformed, Format)
	}
	sig, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || !ed25519.Verify(key, append([]byte(signingContext), body...), sig) {
		return Manifest{}, ErrSignature
	}
	var m Manifest
	if err := json.Unmarshal(body, &m); err != nil {
		return Manifest{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return m, m.check()
}

var hashForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (m Manifest) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
	}
	if m.Format != Format {
		return bad("format %d", m.Format)
	}
	if m.CourseID != catalogue.CourseIDOf(m.Slug) || m.Edition < 1 || len(m.Blobs) > maxBlobs {
		return bad("course %s, edition %d, %d blobs", m.Slug, m.Edition, len(m.Blobs))
	}
	paths := map[string]bool{}
	for _, b := range m.Blobs {
		if paths[b.Path] || !hashForm.MatchString(b.SHA256) || b.Size < 0 || b.Size > MaxBlob {
			return bad("blob %s", b.Path)
		}
		if b.Role == RoleKeys && !b.Encrypted {
			return bad("answers are not encrypted: %s", b.Path)
		}
		paths[b.Path] = true
	}
	return nil
}

// ValidHash tells whether s is a hex SHA-256: what blobs and packs are asked for by.
func ValidHash(s string) bool { return hashForm.MatchString(s) }

// Hash is the hex SHA-256 of data.
func Hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
