package syncer

import (
	"context"
	"errors"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// Page is one step through the records of an owner: at most Limit of them in
// order of id, after After.
type Page struct {
	Owner, After string
	Limit        int
}

// start is before every id: ids are UUIDs, and some columns take nothing else.
const start = "00000000-0000-0000-0000-000000000000"

// pageSize is how many records of one owner are in memory at once.
const pageSize = 500

// Members enumerates the people of a school, in order of id after the given one.
// Both sides must see the same people: it reads what is replicated.
type Members func(ctx context.Context, tx db.Tx, school string, p Page) ([]string, error)

// Scope is what belongs to one school.
type Scope struct {
	School  string
	Members Members
}

// Held is one record that a Walk came by.
type Held struct {
	Kind  Kind
	ID    string
	value any
}

// Body is the record as it travels. It is canonical: the same record gives the
// same bytes on both sides.
func (h Held) Body() ([]byte, error) { return syncproto.EncodeBody(h.value) }

// Audience is whom the record is about.
func (h Held) Audience() syncproto.Audience { return h.Kind.audience(h.value) }

// Walk calls fn for every record of kinds that the school and the cloud hold in
// common, a kind at a time in the order of the registry, page by page: it never
// holds more than one page in memory.
func (r *Registry) Walk(ctx context.Context, tx db.Tx, s Scope, fn func(Held) error) error {
	for _, k := range r.order {
		if !k.lists() {
			continue
		}
		if err := walkKind(ctx, tx, k, s, fn); err != nil {
			return fmt.Errorf("list %s: %w", k.Declared().Name, err)
		}
	}
	return nil
}

func walkKind(ctx context.Context, tx db.Tx, k Kind, s Scope, fn func(Held) error) error {
	of := k.owned()
	if of.Everyone() {
		return walkOwner(ctx, tx, k, "", fn)
	}
	if _, ok := of.School(); ok {
		return walkOwner(ctx, tx, k, s.School, fn)
	}
	for p := (Page{After: start, Limit: pageSize}); ; {
		people, err := s.Members(ctx, tx, s.School, p)
		if err != nil {
			return err
		}
		for _, person := range people {
			if err := walkOwner(ctx, tx, k, person, fn); err != nil {
				return err
			}
			p.After = person
		}
		if len(people) < p.Limit {
			return nil
		}
	}
}

func walkOwner(ctx context.Context, tx db.Tx, k Kind, owner string, fn func(Held) error) error {
	for p := (Page{Owner: owner, After: start, Limit: pageSize}); ; {
		page, err := k.list(ctx, tx, p)
		if err != nil {
			return err
		}
		for _, v := range page {
			p.After = k.id(v)
			if err := fn(Held{k, p.After, v}); err != nil {
				return err
			}
		}
		if len(page) < p.Limit {
			return nil
		}
	}
}

func (e Entity[T]) list(ctx context.Context, tx db.Tx, p Page) ([]any, error) {
	page, err := e.List(ctx, tx, p)
	if err != nil {
		return nil, err
	}
	out := make([]any, len(page))
	for i, v := range page {
		out[i] = v
	}
	return out, nil
}

func (e Entity[T]) lists() bool    { return e.List != nil }
func (e Entity[T]) fleeting() bool { return e.Fleeting }

// owned is the kind of audience, which does not depend on the record.
func (e Entity[T]) owned() syncproto.Audience {
	var zero T
	return e.Audience(zero)
}

// Lists tells whether the records of a kind can be enumerated.
func Lists(k Kind) bool { return k.lists() }

// Kinds are the registry's, in dependency order.
func (r *Registry) Kinds() []Kind { return r.order }

// ListOf makes a List of a statement with the owner, the id to go on after and
// the number of rows as $1, $2 and $3.
func ListOf[T any](q *db.SQL, scan func(db.Rows) (T, error)) func(context.Context, db.Tx, Page) ([]T, error) {
	return func(ctx context.Context, tx db.Tx, p Page) ([]T, error) {
		rows, err := tx.Query(ctx, *q, p.Owner, p.After, p.Limit)
		return db.Collect(rows, err, scan)
	}
}

func (e Entity[T]) resend(ctx context.Context, tx db.Tx, school string, v any) error {
	e.Audience = func(T) syncproto.Audience { return syncproto.OfSchool(school) }
	return e.Record(ctx, tx, e.of(v))
}

func (e Entity[T]) again(ctx context.Context, tx db.Tx, id string) (bool, error) {
	v, err := e.Get(ctx, tx, id)
	if errors.Is(err, db.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, e.Record(ctx, tx, v)
}
