// Package packs brings the licensed courses to the appliance: it fetches the
// signed manifest and the missing blobs of each *licence*, from a neighbour's
// box or the cloud, verifies and decrypts them, swaps the course in one
// transaction, and keeps the disk from filling.
//
// The rule that surprises: a course opens when all its lessons, texts and
// quizzes are here; its pictures may follow, and are the first to go when space
// is short. Nothing else that fails here takes anything away: until the new
// edition is whole the old one stays what learners see.
package packs

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"syscall"
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
	// Client fetches from the cloud; its transport signs requests with the node key.
	Client *http.Client
	// BaseURL is the cloud's address without a path.
	BaseURL string
	// Neighbours are the addresses of boxes on the same network, asked before the
	// cloud. They are not trusted, and get no signed request.
	Neighbours []string
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
	// Idle is how long a transfer from the cloud may stand still; 0 means 60 s.
	// NearIdle is the time in which a neighbour gives 64 KiB or is dropped; 0 means 5 s.
	Idle, NearIdle time.Duration
	// KeepFree are the bytes of the disk that courses never use; 0 means 500 MB.
	KeepFree int64
	// Free measures the disk; nil means statfs of the store's folder.
	Free func() (int64, error)
	// Allowed, optional, tells whether the line may be used for courses now.
	Allowed func() bool
	// Step, optional, is called at named points of the work: manifest, chunk,
	// blob, install, installed, evicted. Tests end the process there.
	Step func(point string)
}

// Service keeps the installed courses equal to the licences.
type Service struct {
	*service.Loop

	o     Options
	wake  chan struct{}
	cloud *source
	near  []*source

	// room is held while space is made.
	room sync.Mutex

	mu sync.Mutex
	// manifests are the verified ones, by hash.
	manifests map[string]pack.Manifest
	// opened are courses opened since the last look.
	opened map[catalogue.CourseID]time.Time
}

// lookEvery is how often the disk is looked at when nothing else happens.
const lookEvery = time.Minute

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
	if o.NearIdle <= 0 {
		o.NearIdle = 5 * time.Second
	}
	if o.KeepFree <= 0 {
		o.KeepFree = 500_000_000
	}
	if o.Free == nil {
		o.Free = func() (int64, error) { return freeBytes(o.Store.Dir()) }
	}
	if o.Step == nil {
		o.Step = func(string) {}
	}
	s := &Service{o: o, wake: make(chan struct{}, 1), manifests: map[string]pack.Manifest{}, opened: map[catalogue.CourseID]time.Time{}}
	s.cloud, s.near = sources(o)
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
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	pause := s.o.RetryMin
	for {
		var retry <-chan time.Time
		if s.round(ctx) {
			pause = s.o.RetryMin
		} else {
			retry = time.After(pause)
			pause = min(2*pause, s.o.RetryMax)
		}
		for again := false; !again; {
			select {
			case <-ctx.Done():
				return
			case <-s.wake:
				pause, again = s.o.RetryMin, true
			case <-retry:
				again = true
			case <-look.C:
				if evicted := s.look(ctx); evicted && retry == nil {
					retry = time.After(pause) // what went is fetched again once there is room
				}
			}
		}
	}
}

// look keeps the times of opening and the free space, whatever the line does.
func (s *Service) look(ctx context.Context) (evicted bool) {
	if err := s.keepOpens(ctx); err != nil {
		s.o.Log.Warn("keep when courses were opened", logging.Err(err))
	}
	evicted, err := s.makeRoom(ctx, demand{})
	if err != nil && ctx.Err() == nil {
		s.o.Log.Warn("keep space free", logging.Err(err))
	}
	return evicted
}

// round brings every licensed course up to date; false when there is something
// left to do.
func (s *Service) round(ctx context.Context) bool {
	s.look(ctx)
	if s.o.Allowed != nil && !s.o.Allowed() {
		return false // the line is to be spared: later
	}
	w, err := s.wanted(ctx)
	if err != nil {
		s.o.Log.Error("list course packs", logging.Err(err))
		return false
	}
	ok := true
	step := func(l catalogue.Licence, work func() error) {
		if ctx.Err() != nil {
			return
		}
		if err := work(); err != nil && ctx.Err() == nil {
			ok = false
			s.failed(ctx, l, err)
		}
	}
	// What courses cannot do without comes first, of all courses: on a thin line
	// every course can be read before the first picture comes.
	var updates []*fresh
	for _, l := range w.held {
		if w.here[l.CourseID].installedManifest == l.ManifestSHA256 {
			continue
		}
		step(l, func() error {
			f, err := s.texts(ctx, l)
			if err != nil {
				return err
			}
			if w.here[l.CourseID].installedManifest == "" {
				return s.install(ctx, f)
			}
			updates = append(updates, f)
			return nil
		})
	}
	for _, f := range updates {
		step(f.licence, func() error { return s.update(ctx, f) })
	}
	if w, err = s.wanted(ctx); err != nil {
		s.o.Log.Error("list course packs", logging.Err(err))
		return false
	}
	for _, l := range w.byUse() {
		if w.here[l.CourseID].installedManifest == l.ManifestSHA256 {
			step(l, func() error { return s.pictures(ctx, l) })
		}
	}
	return ok
}

// failed notes why l is not complete. A course that is installed and lacks
// pictures stays installed.
func (s *Service) failed(ctx context.Context, l catalogue.Licence, cause error) {
	s.o.Log.Warn("course pack", slog.String("course", string(l.CourseID)), slog.Int64("edition", l.Edition), logging.Err(cause))
	if err := s.note(ctx, l, failed, reason(cause)); err != nil {
		s.o.Log.Error("note a failed course pack", logging.Err(err))
	}
}

// errFull says that nothing more fits above what is kept free.
var errFull = errors.New("packs: no room on the disk")

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
	case errors.Is(err, errFull), errors.Is(err, syscall.ENOSPC):
		return "disk_full"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EIO):
		return "disk"
	default:
		return "failed"
	}
}
