// Package limit counts requests: how many a *key* (an account, an address, a
// device) has sent in this minute. It lives in memory and takes no more of it
// than New was told, whoever asks: docs/decisions/0002 says why there is no Redis.
//
// The rule that surprises: when a minute has seen more keys than there is room
// for, the keys that come later share one count, which is generous. So nobody can
// push another's count out by inventing keys, and nobody gets round by it either.
package limit

import (
	"hash/maphash"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
)

// Window is what is counted together.
const Window = time.Minute

const shards = 16

// strangers is how many times one key's allowance all keys without room share.
const strangers = 50

// Limiter counts. It is for many goroutines.
type Limiter struct {
	clock clock.Clock
	seed  maphash.Seed
	room  int // keys in a shard
	parts [shards]part
}

type part struct {
	mu     sync.Mutex
	minute int64
	counts map[string]int
	rest   int // of the keys that found no room
}

// New makes a Limiter with room for so many keys in a minute.
func New(c clock.Clock, keys int) *Limiter {
	return &Limiter{clock: c, seed: maphash.MakeSeed(), room: max(keys/shards, 1)}
}

// State is how a key stands after a request.
type State struct {
	Limit, Remaining int
	// Reset is when the count begins anew.
	Reset time.Time
	// After is how long that is.
	After time.Duration
	OK    bool
}

// Look gives how key would stand after one more request, and counts nothing: a
// refusal by it makes no key and takes no memory.
func (l *Limiter) Look(key string, most int) State {
	now := l.clock.Now()
	minute := now.UnixNano() / int64(Window)
	p := l.part(key, minute)
	n, known := p.counts[key]
	allowed := most
	if !known && len(p.counts) >= l.room {
		n, allowed = p.rest, most*strangers
	}
	p.mu.Unlock()
	return state(now, n+1, most, allowed)
}

// Keys is how many have a count of their own in this minute.
func (l *Limiter) Keys() (n int) {
	minute := l.clock.Now().UnixNano() / int64(Window)
	for i := range l.parts {
		p := &l.parts[i]
		p.mu.Lock()
		if p.minute == minute {
			n += len(p.counts)
		}
		p.mu.Unlock()
	}
	return n
}

// part is where key is counted, locked, with the counts of this minute.
func (l *Limiter) part(key string, minute int64) *part {
	p := &l.parts[maphash.String(l.seed, key)%shards]
	p.mu.Lock()
	if p.minute != minute || p.counts == nil {
		// A clock that was set back begins anew too: better than to wait for it.
		p.minute, p.counts, p.rest = minute, map[string]int{}, 0
	}
	return p
}

// Take counts one request of key, of which most are allowed in a minute. A
// refused one counts too, and costs no more.
func (l *Limiter) Take(key string, most int) State {
	now := l.clock.Now()
	minute := now.UnixNano() / int64(Window)
	p := l.part(key, minute)
	n, known := p.counts[key]
	allowed := most
	switch {
	case known || len(p.counts) < l.room:
		n++
		p.counts[key] = n
	default:
		p.rest++
		n, allowed = p.rest, most*strangers
	}
	p.mu.Unlock()
	return state(now, n, most, allowed)
}

// state is how the n-th request of this minute stands.
func state(now time.Time, n, most, allowed int) State {
	reset := now.Truncate(Window).Add(Window).UTC()
	return State{Limit: most, Remaining: min(max(allowed-n, 0), most), Reset: reset, After: reset.Sub(now), OK: n <= allowed}
}
