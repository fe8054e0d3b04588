package agent

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/sqlite"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// SnapshotOptions are the parts of Snapshots.
type SnapshotOptions struct {
	Agent *Agent
	// File is the school's database, which is swapped in use.
	File     *sqlite.DB
	Registry *syncer.Registry
	Hybrid   *syncer.Hybrid
	// Reactions build up state that belongs to the records of a snapshot; they must
	// have no effect elsewhere.
	Reactions []syncer.Reaction
	// Erased gives the people of whom nothing is stored (syncer.Applier); optional.
	Erased func(ctx context.Context, tx db.Tx) (map[string]bool, error)
	// Settle, optional, gives what is done in the new database when everything of the
	// old one is in it: what had its end by the snapshot stays ended.
	Settle func(ctx context.Context, old, fresh db.DB) (func(context.Context, db.Tx) error, error)
	// Dir is the box's data directory.
	Dir   string
	Clock clock.Clock
	Log   *slog.Logger
	// KeepFree is how many bytes of the disk it leaves free; zero: 64 MB.
	KeepFree int64
	// Swapped is called after each swap: the conversation begins anew.
	Swapped func()
	// Idle is after how long without a byte a download is begun anew; zero: 30 s.
	Idle time.Duration
	// Again is the first wait before another attempt; zero: 2 s.
	Again time.Duration
	// Between is the least time between two snapshots; zero: a minute.
	Between time.Duration
	// Ask has the conversation begun anew, so that the cloud says whether a
	// snapshot is still needed.
	Ask func()
	// Step, for tests, is told the steps of a swap and can end it like a crash.
	Step func(name string) error
}

// Snapshots takes a snapshot when one is wanted: it fetches the parts, with
// resume, builds a new database file from them beside the one in use, and swaps.
// What the school writes meanwhile is in the new file too.
type Snapshots struct {
	o      SnapshotOptions
	wanted chan string
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.Mutex
	state    string // as in syncproto.Report
	done, of int64
}

// NewSnapshots makes a stopped service.
func NewSnapshots(o SnapshotOptions) *Snapshots {
	if o.Idle == 0 {
		o.Idle = 30 * time.Second
	}
	if o.KeepFree == 0 {
		o.KeepFree = schoolsRoom
	}
	if o.Again == 0 {
		o.Again = 2 * time.Second
	}
	if o.Between == 0 {
		o.Between = time.Minute
	}
	return &Snapshots{o: o, wanted: make(chan string, 1)}
}

// Want asks for a snapshot. It never blocks; asking again while one is on its
// way changes nothing.
func (s *Snapshots) Want(reason string) {
	select {
	case s.wanted <- reason:
	default:
	}
}

// Fill puts how far the last snapshot is into the report.
func (s *Snapshots) Fill(r *syncproto.Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Snapshot, r.SnapshotDone, r.SnapshotOf = s.state, s.done, s.of
}

func (s *Snapshots) show(state string, done, of int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.done, s.of = state, done, of
}

// Start implements service.Service. A download that a restart has cut goes on.
func (s *Snapshots) Start(ctx context.Context) error {
	s.Resume()
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.wg.Go(func() { s.run(ctx) })
	return nil
}

// Resume asks for the snapshot that was begun, or that another process took from
// a carried file; it does nothing when there is none.
func (s *Snapshots) Resume() {
	if reason, err := os.ReadFile(s.wantedPath()); err == nil {
		s.Want(string(reason))
	}
}

// Stop implements service.Service.
func (s *Snapshots) Stop(context.Context) error {
	if s.cancel != nil {
		s.cancel()
	}
	s.wg.Wait()
	return nil
}

func (s *Snapshots) run(ctx context.Context) {
	var last time.Time
	for {
		var reason string
		select {
		case <-ctx.Done():
			return
		case reason = <-s.wanted:
		}
		if now := s.o.Clock.Now(); !last.IsZero() && now.Sub(last) < s.o.Between && now.After(last) {
			s.askLater(ctx, s.o.Between-now.Sub(last))
			continue
		}
		if !s.takeAtLast(ctx, reason) {
			return
		}
		last = s.o.Clock.Now()
	}
}

// takeAtLast takes a snapshot, however many attempts it needs; false when ctx
// ended before.
func (s *Snapshots) takeAtLast(ctx context.Context, reason string) bool {
	for wait := s.o.Again; ; wait = min(2*wait, 10*time.Minute) {
		err := s.Take(ctx, reason)
		if err == nil || ctx.Err() != nil {
			return err == nil
		}
		s.o.Log.Warn("take a snapshot", logging.Err(err))
		if !pause(ctx, wait) {
			return false
		}
	}
}

// askLater deals with a snapshot that is wanted soon after the last one. The cloud
// may have said so before it heard that one was taken; but it may be that the last
// one did not help, and then nothing else goes on. So it is asked when the time is
// over, and what it said before is forgotten.
func (s *Snapshots) askLater(ctx context.Context, wait time.Duration) {
	if !pause(ctx, wait) {
		return
	}
	select {
	case <-s.wanted:
	default:
	}
	if s.o.Ask != nil {
		s.o.Ask()
	}
}

// pause waits; false when ctx ended before.
func pause(ctx context.Context, wait time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(wait):
		return true
	}
}

// Errors of taking a snapshot.
var (
	// ErrRollback: the snapshot is from before what the box has applied already,
	// though the cloud's database is in the same life.
	ErrRollback = errors.New("agent: the snapshot is older than what this box has")
	// ErrNotOurs: the snapshot is of another school.
	ErrNotOurs  = errors.New("agent: the snapshot is of another school")
	errBuilding = errors.New("agent: the cloud is still building the snapshot")
	errCut      = errors.New("agent: the download was cut")
)

// Take takes one snapshot, from the offer to the swap. After an error it can be
// called again and goes on where it stopped; the present database is in use
// until the swap.
func (s *Snapshots) Take(ctx context.Context, reason string) error {
	err := s.take(ctx, reason)
	if full(err) {
		s.mu.Lock()
		s.state = "full"
		s.mu.Unlock()
	}
	return err
}

func (s *Snapshots) take(ctx context.Context, reason string) error {
	store, err := s.parts()
	if err != nil {
		return err
	}
	// From here on a restart goes on with it.
	if err := writeWhole(s.wantedPath(), []byte(reason)); err != nil {
		return err
	}
	m, err := s.manifest(ctx, reason)
	if err != nil {
		return err
	}
	if err := s.fetch(ctx, store, m); err != nil {
		return err
	}
	if err := s.step("downloaded"); err != nil {
		return err
	}
	if err := s.swap(ctx, store, m); err != nil {
		return err
	}
	s.show("swapped", m.Bytes(), m.Bytes())
	s.o.Log.Info("the database was replaced by a snapshot", logging.School(m.School), slog.String("reason", reason), slog.Int64("bytes", m.Bytes()))
	if err := os.RemoveAll(s.dir()); err != nil {
		s.o.Log.Warn("remove the parts of the snapshot", logging.Err(err))
	}
	if s.o.Swapped != nil {
		s.o.Swapped()
	}
	return nil
}

func (s *Snapshots) dir() string          { return filepath.Join(s.o.Dir, "snapshot") }
func (s *Snapshots) manifestPath() string { return filepath.Join(s.dir(), "manifest") }
func (s *Snapshots) wantedPath() string   { return filepath.Join(s.dir(), "wanted") }

func (s *Snapshots) step(name string) error {
	if s.o.Step == nil {
		return nil
	}
	return s.o.Step(name)
}

// swap builds the new file and puts it in place of the present one.
func (s *Snapshots) swap(ctx context.Context, store *pack.Store, m syncproto.Snapshot) error {
	path, err := s.o.File.NextPath()
	if err != nil {
		return err
	}
	g, err := begin(ctx, path, syncer.Restorer{Snapshot: m, Applier: &syncer.Applier{DB: s.o.File,
		Registry: s.o.Registry, Hybrid: s.o.Hybrid, Clock: s.o.Clock, Log: s.o.Log, Reactions: s.o.Reactions, Erased: s.o.Erased}})
	if err != nil {
		return err
	}
	if err := s.prepare(ctx, g, store); err != nil {
		return errors.Join(err, g.drop())
	}
	if err := s.o.File.Swap(ctx, sqlite.Generation{Path: path, Fill: g.fill, Step: s.o.Step}); err != nil {
		if now, terr := s.o.File.NextPath(); terr == nil && now == path { // the old file is still in use
			err = errors.Join(err, g.drop())
		}
		return err
	}
	return nil
}

// prepare does everything that can be done while the school writes.
func (s *Snapshots) prepare(ctx context.Context, g *generation, store *pack.Store) error {
	if err := s.roomToBuild(); err != nil {
		return err
	}
	if err := g.load(ctx, store, s.room); err != nil {
		return err
	}
	if s.o.Settle != nil {
		settle, err := s.o.Settle(ctx, s.o.File, g.file)
		if err != nil {
			return err
		}
		g.settle = settle
	}
	now, err := s.o.File.Present()
	if err != nil {
		return err
	}
	if err := g.attached(ctx, now, func(tx *sql.Conn) error { return g.keepFacts(ctx, tx) }); err != nil {
		return err
	}
	if err := g.check(ctx); err != nil {
		return err
	}
	return s.step("built")
}

// writeWhole replaces a file so that after a power cut it is the old or the new.
func writeWhole(path string, b []byte) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // below the data directory
	if err != nil {
		return err
	}
	_, werr := f.Write(b)
	if err := errors.Join(werr, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
