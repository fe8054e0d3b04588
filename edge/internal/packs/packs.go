// Package packs brings the licensed courses to the appliance: it fetches the
// signed manifest and the missing blobs of each *licence*, verifies and decrypts
// them, and swaps the course in one transaction.
//
// The rule that surprises: nothing that fails here takes anything away. A cut
// transfer goes on where it stopped, a damaged blob is fetched again, and until
// the new edition is whole the old one stays what learners see.
package packs

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/service"
)

// Options are what New needs.
type Options struct {
	DB    db.DB
	Store *pack.Store
	// Client fetches; its transport signs requests with the node key.
	Client *http.Client
	// BaseURL is the cloud's address without a path.
	BaseURL string
	// Signer is the cloud's key for manifests, pinned at enrolment.
	Signer ed25519.PublicKey
	// Identity is the appliance's age key, which licences are wrapped to.
	Identity *age.X25519Identity
	School   identity.SchoolID
	Clock    clock.Clock
	Log      *slog.Logger
	// RetryMin and RetryMax bound the pause after a failure, which doubles each
	// time; 0 means 2 s and 5 min.
	RetryMin, RetryMax time.Duration
	// Idle is how long a transfer may stand still; 0 means 60 s.
	Idle time.Duration
}

// Service keeps the installed courses equal to the licences.
type Service struct {
	*service.Loop

	o    Options
	wake chan struct{}

	mu sync.Mutex
	// done counts the bytes of the courses being fetched now.
	done map[catalogue.CourseID]int64
}

// New makes the service; Start begins with a look at all licences.
func New(o Options) *Service {
	if o.RetryMin <= 0 {
		o.RetryMin = 2 * time.Second
	}
	if o.RetryMax < o.RetryMin {
		o.RetryMax = max(5*time.Minute, o.RetryMin)
	}
	if o.Idle <= 0 {
		o.Idle = time.Minute
	}
	s := &Service{o: o, wake: make(chan struct{}, 1), done: map[catalogue.CourseID]int64{}}
	s.Loop = service.NewLoop(s.run)
	return s
}

// Wake tells the service that a licence arrived or the link came up. It never
// blocks.
func (s *Service) Wake() {
	select {
	case s.wake <- struct{}{}:
	default: // it will look anyway
	}
}

func (s *Service) run(ctx context.Context) {
	pause := s.o.RetryMin
	for {
		var retry <-chan time.Time
		if s.round(ctx) {
			pause = s.o.RetryMin
		} else {
			retry = time.After(pause)
			pause = min(2*pause, s.o.RetryMax)
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
			pause = s.o.RetryMin
		case <-retry:
		}
	}
}

// round brings every licensed course up to date; false when one failed.
func (s *Service) round(ctx context.Context) bool {
	todo, err := s.missing(ctx)
	if err != nil {
		s.o.Log.Error("list course packs", logging.Err(err))
		return false
	}
	ok := true
	for _, l := range todo {
		err := s.bring(ctx, l)
		if ctx.Err() != nil {
			return true // stopped: what came so far is kept
		}
		if err != nil {
			ok = false
			s.o.Log.Warn("course pack", slog.String("course", string(l.CourseID)), slog.Int64("edition", l.Edition), logging.Err(err))
			if err := s.note(ctx, l, failed, reason(err)); err != nil {
				s.o.Log.Error("note a failed course pack", logging.Err(err))
			}
		}
	}
	return ok
}

// missing lists the licences whose pack is not the installed one.
func (s *Service) missing(ctx context.Context) ([]catalogue.Licence, error) {
	var out []catalogue.Licence
	err := s.o.DB.View(ctx, func(tx db.Tx) error {
		held, err := catalogue.LicencesOf(ctx, tx, s.o.School)
		if err != nil {
			return err
		}
		here, err := downloads(ctx, tx)
		for _, l := range held {
			if here[l.CourseID].installedManifest != l.ManifestSHA256 {
				out = append(out, l)
			}
		}
		return err
	})
	return out, err
}

// bring fetches, verifies, decrypts and installs what l licenses.
func (s *Service) bring(ctx context.Context, l catalogue.Licence) error {
	// The key first: without it every byte would be fetched for nothing.
	key, err := pack.Unwrap(l.WrappedKey, s.o.Identity)
	if err != nil {
		return err
	}
	if err := s.note(ctx, l, downloading, ""); err != nil {
		return err
	}
	m, err := s.manifest(ctx, l)
	if err != nil {
		return err
	}
	if err := s.blobs(ctx, l, m); err != nil {
		return err
	}

	content, err := pack.Decode(m, key, s.o.Store.Read)
	if err != nil {
		var at *pack.BlobError
		if errors.As(err, &at) && !errors.Is(err, pack.ErrUnlicensed) {
			// The disk gave other bytes than it was given: fetch this one again.
			return errors.Join(err, s.o.Store.Remove(at.Blob.SHA256))
		}
		return err
	}
	old, err := s.install(ctx, l, content)
	if err != nil {
		return err
	}
	s.o.Log.Info("course installed", slog.String("course", m.Slug), slog.Int64("edition", m.Edition))
	if err := s.evict(ctx, old); err != nil {
		s.o.Log.Warn("evict an old course pack", logging.Err(err))
	}
	return nil
}

// install swaps the course and gives the manifest that was installed before.
func (s *Service) install(ctx context.Context, l catalogue.Licence, c catalogue.Content) (old string, err error) {
	err = s.o.DB.Update(ctx, func(tx db.Tx) error {
		here, err := downloads(ctx, tx)
		if err != nil {
			return err
		}
		old = here[l.CourseID].installedManifest
		if err := catalogue.Install(ctx, tx, c); err != nil {
			return err
		}
		return setInstalled(ctx, tx, l, s.o.Clock.Now())
	})
	return old, err
}

// evict removes the blobs of a replaced pack that no installed pack needs.
func (s *Service) evict(ctx context.Context, manifest string) error {
	if manifest == "" {
		return nil
	}
	needed := map[string]bool{}
	err := s.o.DB.View(ctx, func(tx db.Tx) error {
		here, err := downloads(ctx, tx)
		for _, d := range here {
			for _, sha := range s.listed(d.installedManifest) {
				needed[sha] = true
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("evict pack %s: %w", manifest, err)
	}
	for _, sha := range s.listed(manifest) {
		if needed[sha] {
			continue
		}
		if err := s.o.Store.Remove(sha); err != nil {
			return err
		}
	}
	return nil
}

// listed is the manifest with that hash and all it lists; nothing when it is
// not here.
func (s *Service) listed(manifest string) []string {
	signed, err := s.o.Store.Read(manifest)
	if err != nil {
		return nil
	}
	m, err := pack.Verify(signed, s.o.Signer)
	if err != nil {
		return nil
	}
	out := []string{manifest}
	for _, b := range m.Blobs {
		out = append(out, b.SHA256)
	}
	return out
}

// reason is a stable word for why a pack failed; the web app has its sentence.
func reason(err error) string {
	var answer *answerError
	switch {
	case errors.Is(err, pack.ErrUnlicensed):
		return "not_licensed"
	case errors.Is(err, pack.ErrSignature), errors.Is(err, pack.ErrMalformed):
		return "not_trusted"
	case errors.Is(err, pack.ErrCorrupt):
		return "damaged"
	case errors.As(err, &answer):
		return "refused"
	case errors.Is(err, errNetwork), errors.Is(err, io.ErrUnexpectedEOF):
		return "no_connection"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, errDisk):
		return "disk"
	default:
		return "failed"
	}
}
