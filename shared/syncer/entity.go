package syncer

import (
	"context"
	"errors"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// Entity ties a wire declaration to the one function that stores a record,
// whether it was saved here or came over the wire. T is a struct with
// `cbor:"N,keyasint"` tags; its times are db.Time.
type Entity[T any] struct {
	syncproto.Spec
	// ID is the record's id: a UUID, made where the fact is born or derived.
	ID func(T) string
	// Audience is whom the record is about.
	Audience func(T) syncproto.Audience
	// School is the school that the record names inside, "" when none; optional. A
	// school may name only itself.
	School func(T) string
	// Put stores v and reports whether it changed anything: false when the same
	// append-only fact is there already. It is the only function that writes
	// this record.
	Put func(ctx context.Context, tx db.Tx, v T) (inserted bool, err error)
	// Get reads the stored record, to tell a repeated fact from a contradiction.
	// Needed for append-only entities.
	Get func(ctx context.Context, tx db.Tx, id string) (T, error)
	// List enumerates the records of one owner: the person or the school that
	// Audience names, "" for records about everybody. It gives what the two sides
	// are meant to hold in common, and leaves out what never travels. Needed for
	// snapshots and digests.
	List func(ctx context.Context, tx db.Tx, p Page) ([]T, error)
	// Fleeting records are forgotten by each side in its own time: digests leave
	// them out.
	Fleeting bool
	// Bulk, for append-only entities, describes the table for COPY.
	Bulk *Bulk[T]
	// Deps are the records this one refers to in other lanes, as "type/id"; optional.
	// Until they are there it waits outside the lane's way.
	Deps func(T) []string
	// Brings are the ids of what comes to be when this record arrives, beside the
	// record itself; optional. What waits for one of them is tried again then.
	Brings func(T) []string
	// Forget gives v without what it holds of a person who is erased; optional. A
	// record whose audience she is needs none: it goes. Her id alone may stay.
	Forget func(v T, person string) (T, Trace)
	// Upcast lifts the body of an older version to the next one, by old version.
	Upcast map[uint32]func(body []byte) ([]byte, error)
}

// Bulk says how an append-only entity is stored in one table: Columns[0] is the
// id. Row gives the values in the order of Columns.
type Bulk[T any] struct {
	Table   string
	Columns []string
	Row     func(T) []any
}

// Save stores v and records it for the other side, in tx. A fact that was there
// already is not recorded again. It reports whether v was stored.
func (e Entity[T]) Save(ctx context.Context, tx db.Tx, v T) (inserted bool, err error) {
	inserted, err = e.Put(ctx, tx, v)
	if err != nil || !inserted {
		return inserted, err
	}
	return true, e.Record(ctx, tx, v)
}

// Record queues v, which is already stored, for the other side. Save is what
// use-cases call; Record is for records that are routed to a new audience.
func (e Entity[T]) Record(ctx context.Context, tx db.Tx, v T) error {
	j, ok := tx.Value(journalKey{}).(Journal)
	if !ok {
		return errors.New("syncer: this database was opened without a journal")
	}
	body, err := syncproto.EncodeBody(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", e.Name, err)
	}
	var deps []string
	if e.Deps != nil {
		deps = e.Deps(v)
	}
	return j.Record(ctx, tx, Change{Spec: e.Spec, Entity: e.ID(v), Audience: e.Audience(v), Deps: deps, Body: body})
}

// Change is one record on its way into the outbox.
type Change struct {
	Spec     syncproto.Spec
	Entity   string
	Audience syncproto.Audience
	Deps     []string
	Body     []byte
	// HLC, when set, is the clock of the record: an echo keeps its winner's.
	HLC syncproto.HLC
}

// Journal takes what Save records. The appliance's writes one outbox; the
// cloud's one for every school in the audience.
type Journal interface {
	Record(ctx context.Context, tx db.Tx, c Change) error
}

type journalKey struct{}

// WithJournal gives d with j attached: Save in its transactions records there.
func WithJournal(d db.DB, j Journal) db.DB { return db.With(d, journalKey{}, j) }
