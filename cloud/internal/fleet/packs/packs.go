// Package packs publishes courses at the cloud: it makes an edition of a course
// source, builds and signs its *pack*, installs it here, and gives schools
// *licences*, each the pack's key wrapped to the school's appliance.
//
// The rule that surprises: publishing what is published already changes
// nothing. An edition is made only when the content differs from the last one.
package packs

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/catalogue/source"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Holder is a school and the age recipient ("age1…") of its active appliance.
type Holder struct {
	School    identity.SchoolID
	Recipient string
}

// Options are what New needs.
type Options struct {
	// DB has the journal attached: licences travel.
	DB    db.DB
	Store *pack.Store
	// Signer signs manifests; appliances pin its public key when they enrol.
	Signer ed25519.PrivateKey
	// Secret is the installation's SECRET_KEY: pack identities are sealed with a
	// key derived from it.
	Secret []byte
	Clock  clock.Clock
	Log    *slog.Logger
	// Instructor finds the account of a course's instructor; identity.AccountID
	// "" when there is none.
	Instructor func(ctx context.Context, tx db.Tx, email string) (identity.AccountID, error)
	// Holders, optional, are the schools that get a licence of every course as
	// soon as it is published. Without it new courses are licensed one by one.
	Holders func(ctx context.Context, tx db.Tx) ([]Holder, error)
	// School finds a school; the fault of one that is not there is given on.
	School func(ctx context.Context, tx db.Tx, school identity.SchoolID) (identity.School, error)
}

// Service publishes and licenses. Except for Grant and ListLicences its callers
// have decided who may.
type Service struct {
	o    Options
	seal sealer
}

// New makes the service.
func New(o Options) (*Service, error) {
	s, err := newSealer(o.Secret)
	if err != nil {
		return nil, fmt.Errorf("open packs: %w", err)
	}
	return &Service{o: o, seal: s}, nil
}

// Edition is a published pack.
type Edition struct {
	CourseID       catalogue.CourseID `json:"course_id"`
	Edition        int64              `json:"edition"`
	Title          string             `json:"title"`
	ManifestSHA256 string             `json:"manifest_sha256"`
	SizeBytes      int64              `json:"size_bytes"`
	PublishedAt    db.Time            `json:"published_at"`

	content string // hash of what the author wrote
	sealed  []byte // the pack's identity
}

// Answers of this package.
var (
	ErrNoInstructor = fault.New(fault.Invalid, "The course names an instructor who has no account.").WithCode("no_instructor")
	ErrNotPublished = fault.New(fault.NotFound, "This course is not published.").WithCode("course_not_published")
	ErrRace         = fault.New(fault.Conflict, "Somebody else has just published this course.").WithCode("published_meanwhile")
)

// Publish makes the course in dir the current edition: blobs and manifest on
// disk first, then in one transaction the pack, the installed course, and the
// licences of all schools that hold the course. It gives the edition that is
// there already when nothing was changed. A mistake of the author is an Invalid
// fault whose cause joins the *source.Problems.
func (s *Service) Publish(ctx context.Context, dir fs.FS) (Edition, error) {
	course, err := source.Read(dir)
	if err != nil {
		return Edition{}, fault.New(fault.Invalid, "The course has mistakes.").WithCode("bad_course").Hint(err.Error()).Because(err)
	}
	last, err := s.prepare(ctx, &course.Content)
	if err != nil {
		return Edition{}, fmt.Errorf("publish %s: %w", course.Content.Course.Slug, err)
	}
	digest, err := contentHash(course)
	if err != nil {
		return Edition{}, err
	}
	if last.content == digest && s.complete(last) {
		return last, nil
	}
	e, err := s.issue(ctx, course, last.Edition+1, digest)
	if err != nil {
		return Edition{}, fmt.Errorf("publish %s: %w", course.Content.Course.Slug, err)
	}
	s.o.Log.Info("course published", slog.String("course", course.Content.Course.Slug),
		slog.Int64("edition", e.Edition), slog.Int64("bytes", e.SizeBytes))
	return e, nil
}

// prepare names the instructor's account in c and reads the last edition.
func (s *Service) prepare(ctx context.Context, c *catalogue.Content) (last Edition, err error) {
	err = s.o.DB.View(ctx, func(tx db.Tx) error {
		if c.Course.Owner == catalogue.OwnerInstructor {
			if c.Course.InstructorID, err = s.o.Instructor(ctx, tx, c.Course.InstructorEmail); err != nil {
				return err
			}
			if c.Course.InstructorID == "" {
				return ErrNoInstructor.Hint(c.Course.InstructorEmail)
			}
		}
		last, err = lastEdition(ctx, tx, c.Course.ID)
		if errors.Is(err, ErrNotPublished) {
			return nil
		}
		return err
	})
	return last, err
}

// complete tells whether the manifest of e is still on disk: a database that
// was restored without its blobs publishes again.
func (s *Service) complete(e Edition) bool {
	signed, err := s.o.Store.Read(e.ManifestSHA256)
	if err != nil {
		return false
	}
	m, err := pack.Verify(signed, s.o.Signer.Public().(ed25519.PublicKey)) //nolint:forcetypeassert // fixed by crypto/ed25519
	if err != nil {
		return false
	}
	for _, b := range m.Blobs {
		if _, ok := s.o.Store.Path(b.SHA256); !ok {
			return false
		}
	}
	return true
}

func (s *Service) issue(ctx context.Context, course source.Course, edition int64, digest string) (Edition, error) {
	now := db.Time{Time: s.o.Clock.Now()}
	content := course.Content
	content.Course.Edition, content.Course.PublishedAt = edition, now
	for i := range content.Quizzes {
		content.Quizzes[i].Edition = edition
	}
	built, err := pack.Build(content, course.Media)
	if err != nil {
		return Edition{}, err
	}
	signed, err := pack.Sign(built.Manifest, s.o.Signer)
	if err != nil {
		return Edition{}, err
	}
	for _, data := range built.Blobs {
		if _, err := s.o.Store.Put(data); err != nil {
			return Edition{}, err
		}
	}
	sha, err := s.o.Store.Put(signed)
	if err != nil {
		return Edition{}, err
	}
	e := Edition{CourseID: content.Course.ID, Edition: edition, Title: content.Course.Title, ManifestSHA256: sha,
		SizeBytes: built.Manifest.Size() + int64(len(signed)), PublishedAt: now, content: digest, sealed: s.seal.seal(built.Identity, sha)}

	return e, s.o.DB.Update(ctx, func(tx db.Tx) error {
		inserted, err := insertEdition(ctx, tx, e)
		if err != nil {
			return err
		}
		if !inserted {
			return ErrRace
		}
		if err := catalogue.Install(ctx, tx, content); err != nil {
			return err
		}
		return s.licenseHolders(ctx, tx, e)
	})
}

// contentHash is over everything the author decides, not edition and time.
func contentHash(c source.Course) (string, error) {
	media := make([]string, len(c.Media))
	for i, m := range c.Media {
		media[i] = m.SHA256
	}
	html := make([]string, len(c.Content.Lessons))
	for i, l := range c.Content.Lessons {
		html[i] = l.HTML // not part of a lesson's JSON
	}
	b, err := json.Marshal([]any{c.Content, html, media})
	if err != nil {
		return "", fmt.Errorf("hash course: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}
