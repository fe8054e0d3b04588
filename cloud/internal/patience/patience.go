// Package patience slows guessing at the cloud's sign-in: after a few wrong tries
// the next one has to wait, each time longer. Tries count at the *person and the
// neighbourhood* together (an address, or the network of IPv6 of one household),
// and, more generously, at the person from everywhere.
//
// The rule that surprises: nobody is ever locked out. From where the person signed
// in before she does not wait for others' guesses at all, and from a new place that
// made no mistakes half a minute at most, however many guess elsewhere; so a
// stranger cannot shut the owner out. The counts are in memory (docs/decisions/0002):
// after a restart everybody begins anew, which gives a guesser a few tries.
package patience

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
)

// How guessing is slowed.
const (
	hereFree   = 3 // wrong tries from one neighbourhood before the first wait
	hereFirst  = time.Second
	hereMost   = 15 * time.Minute
	allFree    = 20 // from everywhere together
	allMost    = 30 * time.Second
	forget     = 12 * time.Hour
	rememberAt = 20_000 // people and neighbourhoods kept at most
)

var errWait = fault.New(fault.TooMany, "Too many wrong tries. Wait a little, then try again.").WithCode("door_wait")

// Door is identity's Guard at the cloud.
type Door struct {
	clock clock.Clock
	seed  maphash.Seed

	mu     sync.Mutex
	misses map[uint64]miss
	// friends are the persons and neighbourhoods that a right secret came from.
	friends map[uint64]struct{}
}

type miss struct {
	n    int
	last time.Time
}

// New makes a Door.
func New(c clock.Clock) *Door {
	return &Door{clock: c, seed: maphash.MakeSeed(), misses: map[uint64]miss{}, friends: map[uint64]struct{}{}}
}

func (d *Door) keys(ctx context.Context, a identity.Attempt) (here, all uint64) {
	// An address that nobody has is slowed like one that somebody has.
	who := "account " + string(a.Account)
	if a.Account == "" {
		who = "typed " + a.Typed
	}
	return maphash.String(d.seed, who+" at "+api.NeighbourhoodOf(ctx)), maphash.String(d.seed, who)
}

// Enter implements identity.Guard. The try is counted as a wrong one at once, so
// that sixty tries sent together are not sixty free ones; Tell takes a right one
// back.
func (d *Door) Enter(ctx context.Context, a identity.Attempt) error {
	if a.Account == "" && a.Typed == "" {
		return nil
	}
	here, all := d.keys(ctx, a)
	now := d.clock.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	wait := left(d.at(here, now), now, hereFree, hereMost)
	if _, friend := d.friends[here]; !friend {
		wait = max(wait, left(d.at(all, now), now, allFree, allMost))
	}
	if wait > 0 {
		return errWait.After(wait)
	}
	d.count(here, now)
	d.count(all, now)
	return nil
}

// Tell implements identity.Guard. A right secret forgives the neighbourhood that it
// came from and makes it a friend's, and forgives some of what was guessed elsewhere.
func (d *Door) Tell(ctx context.Context, a identity.Attempt, right bool) error {
	if !right {
		return nil
	}
	here, all := d.keys(ctx, a)
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.misses, here)
	d.befriend(here)
	if m, ok := d.misses[all]; ok && m.n > 0 {
		m.n = min(m.n-1, allFree/2) // the owner is here: she begins anew, a guesser elsewhere gets ten tries
		d.misses[all] = m
	}
	return nil
}

// befriend remembers a friend. When there are too many, chance decides whom to
// forget: she waits half a minute at most while others guess, as from a new place.
func (d *Door) befriend(here uint64) {
	for k := range d.friends {
		if len(d.friends) < rememberAt {
			break
		}
		delete(d.friends, k)
	}
	d.friends[here] = struct{}{}
}

// left is how long there is still to wait after m: doubling from the first wait, to
// the longest.
func left(m miss, now time.Time, free int, most time.Duration) time.Duration {
	if m.n < free {
		return 0
	}
	pause := min(hereFirst<<min(m.n-free, 20), most)
	return max(0, m.last.Add(pause).Sub(now))
}

func (d *Door) at(key uint64, now time.Time) miss {
	m := d.misses[key]
	if now.Sub(m.last) > forget || m.last.After(now) { // or the clock was set back
		return miss{}
	}
	return m
}

func (d *Door) count(key uint64, now time.Time) {
	m := d.at(key, now)
	if len(d.misses) >= rememberAt {
		d.thin(now)
	}
	d.misses[key] = miss{m.n + 1, now}
}

// thin makes room: what is old or slight goes first. A guesser who fills the table
// with names costs each of them one try and keeps no count of his victim low: hers
// is above the ones he made.
func (d *Door) thin(now time.Time) {
	for limit := 1; len(d.misses) >= rememberAt*3/4; limit *= 2 {
		for k, m := range d.misses {
			if m.n <= limit || now.Sub(m.last) > forget {
				delete(d.misses, k)
			}
			if len(d.misses) < rememberAt*3/4 {
				return
			}
		}
	}
}
