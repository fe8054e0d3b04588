package copy

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
)

// follower keeps one medium's chain equal to the database.
type follower struct {
	medium     Medium
	tracker    *tracker
	chain      [16]byte
	key        ed25519.PrivateKey
	recipients func(ctx context.Context) ([]age.Recipient, error)
	clock      clock.Clock
	log        *slog.Logger
	journal    *journal

	dirty   pageSet // changed since it was last copied
	refresh pageSet // to be sent again, for the base that is being made
	making  uint64  // the first segment of that base; zero: none is being made

	known    bool // the medium's chain was looked at since the last trouble
	seq      uint64
	hash     [sha256.Size]byte
	base     uint64
	whole    bool
	table    []pageHash // by page number
	length   uint32
	intent   *entry      // the segment whose fate is not known
	baseSize int64       // bytes of the base
	since    int64       // bytes since the base was complete
	count    int         // segments since
	force    atomic.Bool // a new base is wanted

	mu     sync.Mutex
	status Status
	begun  time.Time // of the round that runs
}

// Status is how one medium is.
type Status struct {
	// Medium is where the copy goes.
	Medium string
	// State is OK or what is wrong.
	State string
	// At is until when everything that was saved is in the copy; zero: nothing is.
	At time.Time
	// Segments and Bytes were written since the start.
	Segments, Bytes int64
	// Cause is for the operator.
	Cause string
}

// stuck is after how long a round that does not end counts as a failing medium.
const stuck = time.Minute

func (f *follower) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.status
	if (s.State == OK || s.State == Starting) && !f.begun.IsZero() && f.clock.Now().Sub(f.begun) > stuck {
		s.State, s.Cause = Failing, "the medium does not answer"
	}
	return s
}

func (f *follower) chainName() string { return hex.EncodeToString(f.chain[:]) }

// Round brings the medium up to the last commit and notes how that went.
func (f *follower) Round(ctx context.Context) error {
	f.mu.Lock()
	f.begun = f.clock.Now()
	f.mu.Unlock()
	err := f.round(ctx)
	if err != nil {
		f.known = false
	}
	f.note(ctx, err)
	return err
}

func (f *follower) note(ctx context.Context, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begun = time.Time{}
	if ctx.Err() != nil {
		return
	}
	before := f.status.State
	f.status.Cause = ""
	var t *Trouble
	d, isDir := f.medium.(*Dir)
	switch {
	case errors.As(err, &t):
		f.status.State, f.status.Cause = t.Code, err.Error()
	case err != nil:
		f.status.State, f.status.Cause = Failing, err.Error()
	case isDir && d.same:
		f.status.State = SameDisk
	case f.base == 0:
		f.status.State = Starting
	default:
		f.status.State = OK
	}
	if before != f.status.State {
		f.log.Info("the safety copy", slog.String("medium", f.medium.String()), slog.String("state", f.status.State), logging.Err(err))
	}
}

func (f *follower) round(ctx context.Context) error {
	if err := f.medium.Check(ctx); err != nil {
		return err
	}
	to, err := f.recipients(ctx)
	if err != nil {
		return err
	}
	if !f.known {
		if err := f.look(ctx); err != nil {
			return err
		}
		f.known = true
	}
	for {
		begin := f.clock.Now()
		more, err := f.step(ctx, to)
		if errors.Is(err, errMoved) {
			continue
		}
		if err != nil || !more {
			return err
		}
		// Half the time belongs to the school's own work.
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(max(f.clock.Now().Sub(begin), 5*time.Millisecond), 2*time.Second)):
		}
	}
}

// look compares the medium's chain with what this box remembers of it.
func (f *follower) look(ctx context.Context) error {
	all, err := f.medium.Segments(ctx, f.chainName())
	if err != nil {
		return err
	}
	if len(all) == 0 {
		f.startOver(0, [sha256.Size]byte{})
		return nil
	}
	last := all[len(all)-1]
	data, err := f.medium.Get(ctx, f.chainName(), last)
	if err != nil && !errors.Is(err, errDamaged) {
		return err
	}
	hash := sha256.Sum256(data)
	if i := f.intent; i != nil && last == i.Seq && hash == i.Hash {
		f.adopt(*i)
	}
	f.intent = nil
	if last == f.seq && hash == f.hash && f.base > 0 && complete(all, f.base) {
		return nil
	}
	f.startOver(last, hash)
	return nil
}

// complete tells whether no segment from base on is missing.
func complete(all []uint64, base uint64) bool {
	last := all[len(all)-1]
	n := uint64(0)
	for _, s := range all {
		if s >= base {
			n++
		}
	}
	return n == last-base+1
}

// startOver copies everything into new segments after the last one.
func (f *follower) startOver(last uint64, hash [sha256.Size]byte) {
	f.seq, f.hash, f.base, f.whole, f.table, f.intent = last, hash, 0, false, nil, nil
	f.making, f.baseSize, f.since, f.count = last+1, 0, 0, 0
	f.refresh = pageSet{}
	f.dirty.addAll()
	f.journal.remove()
}

// batch is what one step copies.
type batch struct {
	meta    meta
	scanned []uint32 // taken from dirty
	again   []uint32 // taken from refresh
	pages   []page
	hashes  []pageHash
	more    bool
}

// scanPages is how many pages are looked at in one view.
const scanPages = 4096

// step copies at most one segment. more tells that it should be called again.
func (f *follower) step(ctx context.Context, to []age.Recipient) (more bool, err error) {
	f.beginBase()
	b, err := f.gather(ctx)
	if err != nil {
		return false, err
	}
	caughtUp := b.meta.whole && !b.more
	if len(b.pages) == 0 && (b.meta.whole == f.whole || !b.meta.whole) && b.meta.base == f.base && b.meta.pages == f.length {
		if caughtUp && f.whole {
			f.upToDate(b.meta.at)
		}
		return b.more, nil
	}
	if err := f.put(ctx, b, to); err != nil {
		f.dirty.putBack(b.scanned)
		f.refresh.putBack(b.again)
		return false, err
	}
	if f.whole {
		f.upToDate(b.meta.at)
	}
	return b.more, nil
}

func (f *follower) upToDate(at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.At = at
}

// A base is made anew when what was added to it is this many times its size, or
// so many files.
const (
	refreshRatio    = 4
	refreshAtLeast  = 64 << 20
	refreshSegments = 10_000
)

// beginBase starts a new base when the old one has grown long. The pages are
// sent again between the changes; until the new base is complete, the old one
// and all that was added since is what a restore uses.
func (f *follower) beginBase() {
	long := f.force.Load() || f.since > max(refreshRatio*f.baseSize, refreshAtLeast) || f.count > refreshSegments
	if f.making != 0 || f.base == 0 || !long {
		return
	}
	f.making = f.seq + 1
	f.refresh.addAll()
}

// put writes the batch as the next segment.
func (f *follower) put(ctx context.Context, b batch, to []age.Recipient) error {
	public, _ := f.key.Public().(ed25519.PublicKey)
	data, err := encodeSegment(link{f.chain, f.seq + 1, f.hash, public}, b.meta, b.pages, f.key, to)
	if err != nil {
		return err
	}
	e := entry{Seq: f.seq + 1, Hash: sha256.Sum256(data), Base: b.meta.base, Whole: b.meta.whole, Hashes: b.hashes, Length: b.meta.pages, Bytes: int64(len(data))}
	for _, p := range b.pages {
		e.Pages = append(e.Pages, p.number)
	}
	f.intend(e)
	if err := f.medium.Put(ctx, f.chainName(), e.Seq, data); err != nil {
		return f.makeRoom(ctx, err)
	}
	before := f.base
	f.adopt(e)
	f.mu.Lock()
	f.status.Segments++
	f.status.Bytes += e.Bytes
	f.mu.Unlock()
	if f.base != before && f.base > 0 { // what is older than the last base but one is not needed
		return f.medium.Drop(ctx, f.chainName(), max(before, 1))
	}
	return nil
}

// makeRoom gives up the older base on a full medium, and a newer one that is
// being made, so that the next round has room.
func (f *follower) makeRoom(ctx context.Context, err error) error {
	var t *Trouble
	if !errors.As(err, &t) || t.Code != Full || f.base == 0 {
		return err
	}
	if f.making > f.base {
		f.making, f.refresh = 0, pageSet{}
		f.since, f.count = 0, 0 // not at once again
	}
	return errors.Join(err, f.medium.Drop(ctx, f.chainName(), f.base))
}

// intend notes in the journal what is about to be put. A journal that cannot be
// written (the main disk is full) must not stop the copy: the next start copies
// everything.
func (f *follower) intend(e entry) {
	f.intent = &e
	if f.journal.f == nil || f.journal.size > maxJournal+int64(12*len(f.table)) {
		state := entry{Seq: f.seq, Hash: f.hash, Base: f.base, Whole: f.whole, Length: f.length, Bytes: f.baseSize}
		for p, h := range f.table {
			if h != (pageHash{}) {
				state.Pages, state.Hashes = append(state.Pages, uint32(p)), append(state.Hashes, h)
			}
		}
		if err := f.journal.begin(state); err != nil {
			f.log.Warn("the safety copy has no journal", logging.Err(err))
			f.journal.remove()
			return
		}
	}
	if err := f.journal.add(e); err != nil {
		f.log.Warn("the safety copy has no journal", logging.Err(err))
		f.journal.remove()
	}
}

// adopt makes a segment part of what the chain is known to hold.
func (f *follower) adopt(e entry) {
	f.intent = nil
	f.seq, f.hash, f.whole, f.length = e.Seq, e.Hash, e.Whole, e.Length
	for i, p := range e.Pages {
		for int(p) >= len(f.table) {
			f.table = append(f.table, pageHash{})
		}
		f.table[p] = e.Hashes[i]
	}
	if n := int(e.Length) + 1; len(f.table) > n {
		f.table = f.table[:n]
	}
	f.since += e.Bytes
	f.count++
	if e.Base == f.base {
		return
	}
	f.baseSize, f.since, f.count = f.since, 0, 0
	f.base, f.making = e.Base, 0
	f.force.Store(false)
}

// remember reads the journal at the start.
func (f *follower) remember() {
	all, err := f.journal.read()
	if err != nil {
		f.log.Warn("the safety copy has no journal", logging.Err(err))
	}
	for i, e := range all {
		switch {
		case i == 0:
			f.adopt(e)
			f.baseSize, f.since, f.count = e.Bytes, 0, 0
		case i == len(all)-1:
			f.intent = &e
		case all[i+1].Seq > e.Seq:
			f.adopt(e)
		}
	}
}
