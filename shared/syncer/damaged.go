package syncer

import (
	"encoding/json"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// A row of the outbox says what it holds twice: by its content and by the hash
// that was stored with it. A disk that flips a bit makes them differ. Such a row
// is never sent as it stands: its stored hash goes in its place, as that of an
// erased event, so that the chain holds and the lane goes on without it.

// eventsAfter scans rows of a log that follow the chain prev.
func eventsAfter(prev syncproto.Hash) func(db.Rows) (syncproto.Event, error) {
	return func(r db.Rows) (e syncproto.Event, err error) {
		var seq, version, hlc int64
		var deps *string
		var hash, chain []byte
		if err := r.Scan(&seq, &e.Type, &version, &e.Entity, &hlc, &deps, &e.Body, &hash, &chain); err != nil {
			return e, err
		}
		e.Version, e.HLC = uint32(version), syncproto.HLC(hlc)
		if deps != nil && json.Unmarshal([]byte(*deps), &e.Deps) != nil {
			e.Deps = nil // the hash does not cover them: they only say what to wait for
		}
		before := prev
		prev = syncproto.HashOf(chain)
		return undamaged(e, syncproto.HashOf(hash), before, prev), nil
	}
}

// undamaged is e, or its hash alone. Where content and hash differ, the chain
// tells which of them is right.
func undamaged(e syncproto.Event, hash, before, after syncproto.Hash) syncproto.Event {
	if own := e.Hash(); own == hash || syncproto.Chain(before, own) == after {
		return e
	}
	return syncproto.Event{Erased: hash, Body: []byte{}}
}

// scanEvent scans a single row: without the one before it only the hash vouches.
func scanEvent(r db.Rows) (syncproto.Event, error) { return eventsAfter(syncproto.Hash{})(r) }
