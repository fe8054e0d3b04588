package syncer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/syncproto"
)

// Kind is an Entity of any type, for the registry.
type Kind interface {
	// Declared is the wire declaration.
	Declared() syncproto.Spec
	valid() error
	decode(e syncproto.Event) (any, error)
	audience(v any) syncproto.Audience
	school(v any) string
	put(ctx context.Context, tx db.Tx, v any) (bool, error)
	same(ctx context.Context, tx db.Tx, v any) (bool, error)
	bulk() (table string, columns []string, ok bool)
	row(v any) []any
	id(v any) string
	brings(e syncproto.Event) []string
	here(ctx context.Context, tx db.Tx, entity string) (bool, error)
	toJSON(e syncproto.Event) ([]byte, error)
	fromJSON(e syncproto.Event, body []byte) ([]byte, error)
	list(ctx context.Context, tx db.Tx, p Page) ([]any, error)
	lists() bool
	fleeting() bool
	owned() syncproto.Audience
	resend(ctx context.Context, tx db.Tx, school string, v any) error
	forget(e syncproto.Event, person string) (syncproto.Event, Trace)
	again(ctx context.Context, tx db.Tx, id string) (bool, error)
}

// Registry is the list of all records that travel.
type Registry struct {
	kinds map[string]Kind
	order []Kind
}

// NewRegistry checks the declarations: unique names, complete functions.
func NewRegistry(kinds ...Kind) (*Registry, error) {
	r := &Registry{kinds: map[string]Kind{}, order: kinds}
	for _, k := range kinds {
		s := k.Declared()
		if _, dup := r.kinds[s.Name]; dup {
			return nil, fmt.Errorf("registry: %s is declared twice", s.Name)
		}
		if err := k.valid(); err != nil {
			return nil, fmt.Errorf("registry: %s: %w", s.Name, err)
		}
		r.kinds[s.Name] = k
	}
	return r, nil
}

// Specs lists the declarations in dependency order.
func (r *Registry) Specs() []syncproto.Spec {
	out := make([]syncproto.Spec, len(r.order))
	for i, k := range r.order {
		out[i] = k.Declared()
	}
	return out
}

// Declared implements Kind.
func (e Entity[T]) Declared() syncproto.Spec { return e.Spec }

func (e Entity[T]) valid() error {
	switch {
	case e.Name == "" || e.Version == 0 || e.Writer == 0 || e.Merge == 0 || e.Lane >= syncproto.Lanes:
		return fmt.Errorf("the Spec is incomplete")
	case e.ID == nil || e.Audience == nil || e.Put == nil:
		return fmt.Errorf("ID, Audience and Put are needed")
	case e.Merge == syncproto.AppendOnly && e.Get == nil:
		return fmt.Errorf("an append-only entity needs Get")
	case e.Merge == syncproto.LastWriter && e.Bulk != nil:
		return fmt.Errorf("only append-only entities have Bulk")
	}
	for v := uint32(1); v < e.Version; v++ {
		if e.Upcast[v] == nil {
			return fmt.Errorf("no upcast from version %d", v)
		}
	}
	return nil
}

// errNewer marks an event of a version this build does not know yet.
var errNewer = fault.New(fault.Invalid, "A newer version of this record.").WithCode("newer_version")

func (e Entity[T]) decode(ev syncproto.Event) (any, error) {
	if ev.Version > e.Version || ev.Version == 0 {
		return nil, errNewer
	}
	body := ev.Body
	for v := ev.Version; v < e.Version; v++ {
		var err error
		if body, err = e.Upcast[v](body); err != nil {
			return nil, fault.New(fault.Malformed, "The record cannot be upgraded.").Because(err)
		}
	}
	var out T
	if err := syncproto.DecodeBody(body, &out); err != nil {
		return nil, fault.New(fault.Malformed, "The record cannot be read.").Because(err)
	}
	if e.ID(out) != ev.Entity {
		return nil, fault.New(fault.Malformed, "The record's id is not its event's.")
	}
	return out, nil
}

// of gives the record its type back. Only records that e decoded come here.
func (Entity[T]) of(v any) T { return v.(T) } //nolint:forcetypeassert // see above

// brings is what arrived with ev, besides it.
func (e Entity[T]) brings(ev syncproto.Event) []string {
	if e.Brings == nil {
		return nil
	}
	v, err := e.decode(ev)
	if err != nil {
		return nil // it did not arrive
	}
	return e.Brings(e.of(v))
}

func (e Entity[T]) audience(v any) syncproto.Audience { return e.Audience(e.of(v)) }

func (e Entity[T]) school(v any) string {
	if e.School == nil {
		return ""
	}
	return e.School(e.of(v))
}

func (e Entity[T]) put(ctx context.Context, tx db.Tx, v any) (bool, error) {
	return e.Put(ctx, tx, e.of(v))
}

// same tells whether the stored record is v to the byte.
func (e Entity[T]) same(ctx context.Context, tx db.Tx, v any) (bool, error) {
	stored, err := e.Get(ctx, tx, e.ID(e.of(v)))
	if err != nil {
		return false, err
	}
	a, err := syncproto.EncodeBody(stored)
	if err != nil {
		return false, err
	}
	b, err := syncproto.EncodeBody(e.of(v))
	return slices.Equal(a, b), err
}

func (e Entity[T]) bulk() (table string, columns []string, ok bool) {
	if e.Bulk == nil {
		return "", nil, false
	}
	return e.Bulk.Table, e.Bulk.Columns, true
}

func (e Entity[T]) row(v any) []any { return e.Bulk.Row(e.of(v)) }
func (e Entity[T]) id(v any) string { return e.ID(e.of(v)) }

// here tells whether the record is stored. A kind that cannot be read one by one
// is taken to be.
func (e Entity[T]) here(ctx context.Context, tx db.Tx, entity string) (bool, error) {
	if e.Get == nil {
		if e.Merge != syncproto.LastWriter {
			return true, nil
		}
		rows, err := tx.Query(ctx, selectVersion, e.Name, entity)
		_, err = db.One(rows, err, scanVersion)
		return found(err)
	}
	_, err := e.Get(ctx, tx, entity)
	return found(err)
}

func found(err error) (bool, error) {
	if errors.Is(err, db.ErrNoRows) || fault.KindOf(err) == fault.NotFound {
		return false, nil
	}
	return err == nil, err
}

// toJSON is the record for a person to read.
func (e Entity[T]) toJSON(ev syncproto.Event) ([]byte, error) {
	v, err := e.decode(ev)
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(v, "", "  ")
}

// fromJSON is the body that a person wrote over the record's: what the JSON
// leaves out, or does not show, stays as it is.
func (e Entity[T]) fromJSON(ev syncproto.Event, body []byte) ([]byte, error) {
	var out T
	if v, err := e.decode(ev); err == nil {
		out = e.of(v)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&out); err != nil {
		return nil, fault.New(fault.Invalid, "The record is not written as it should be.").WithCode("letter_body").At("cannot be read", "body").Because(err)
	}
	if e.ID(out) != ev.Entity {
		return nil, fault.New(fault.Invalid, "The record's id must stay as it is.").WithCode("letter_id").At("must stay", "body")
	}
	return syncproto.EncodeBody(out)
}

// Reaction is what follows when records of one kind arrive: it runs in the
// applying transaction, for rows that were inserted, a batch at a time.
type Reaction struct {
	name string
	run  func(ctx context.Context, tx db.Tx, inserted []any) error
}

// On makes a reaction to records of e.
func On[T any](e Entity[T], fn func(ctx context.Context, tx db.Tx, inserted []T) error) Reaction {
	return Reaction{e.Name, func(ctx context.Context, tx db.Tx, inserted []any) error {
		out := make([]T, len(inserted))
		for i, v := range inserted {
			out[i] = e.of(v)
		}
		return fn(ctx, tx, out)
	}}
}
