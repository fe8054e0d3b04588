// Package audit keeps the log of who did what: *entries* with the actor, her
// role, the target, what was before and after, and the request they came with.
// Each node (the cloud, or a school's box) writes one *chain*: every entry holds
// the hash of the one before it, so that a changed or missing entry shows
// (Verify). A box's chain travels to the cloud, which keeps a copy.
//
// The rule that surprises: an entry can lose its details, when a person is
// erased, and the chain still holds, because it covers the details' hash.
package audit

import (
	"context"
	"errors"
	"fmt"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
)

// Cloud is the name of the cloud's chain.
const Cloud = "cloud"

// Entry is one thing that somebody did. Actor, Role, IP, UserAgent and RequestID
// are taken from the context where they are empty, At from the clock.
type Entry struct {
	// Action names what was done, in lower case with dots: "user.role",
	// "sign_in.failed". Requests are noted under their operation's name.
	Action      string
	Actor, Role string
	// School is the school concerned; a box's own where it is empty.
	School               string
	TargetKind, TargetID string
	// Before and After are encoded as JSON. Fields with the name of a secret are
	// masked, but do not rely on it: leave secrets out.
	Before, After            any
	Status                   int
	IP, UserAgent, RequestID string
	At                       db.Time
}

// Record is an entry as it is stored and travels.
type Record struct {
	ID         string  `cbor:"1,keyasint" json:"id"`
	Node       string  `cbor:"2,keyasint" json:"node"`
	Seq        int64   `cbor:"3,keyasint" json:"seq"`
	School     string  `cbor:"4,keyasint" json:"school_id"`
	At         db.Time `cbor:"5,keyasint" json:"at"`
	Action     string  `cbor:"6,keyasint" json:"action"`
	Actor      string  `cbor:"7,keyasint" json:"actor"`
	Role       string  `cbor:"8,keyasint" json:"role"`
	TargetKind string  `cbor:"9,keyasint" json:"target_kind"`
	TargetID   string  `cbor:"10,keyasint" json:"target"`
	Status     int64   `cbor:"11,keyasint" json:"status"`
	IP         string  `cbor:"12,keyasint" json:"ip"`
	UserAgent  string  `cbor:"13,keyasint" json:"user_agent"`
	RequestID  string  `cbor:"14,keyasint" json:"request"`
	// Details is JSON {before, after, salt}, or empty when they were erased.
	Details     string `cbor:"15,keyasint" json:"details"`
	DetailsHash string `cbor:"16,keyasint" json:"details_hash"`
	// Prev is the hash of the entry before, empty at the first.
	Prev string `cbor:"17,keyasint" json:"prev"`
	Hash string `cbor:"18,keyasint" json:"hash"`
}

// Options wires a Log.
type Options struct {
	DB    db.DB
	Clock clock.Clock
	// Node names the chain of this node: Cloud, or BoxNode.
	Node string
	// School is the box's own school; empty on the cloud.
	School string
	// Travel queues a stored record for the other side: Entries.Record at a box,
	// nil on the cloud, whose own entries stay.
	Travel func(ctx context.Context, tx db.Tx, r Record) error
}

// Log writes and reads this node's entries.
type Log struct{ o Options }

// New makes a Log.
func New(o Options) *Log { return &Log{o} }

// BoxNode names the chain of an appliance. It begins with the school, which is
// how the cloud knows that a box wrote no chain but its own school's.
func BoxNode(school, appliance string) string { return school + "/" + appliance }

// Note writes e in the caller's transaction: the entry stays exactly when what
// it tells of does. Call it as the last step, since it holds the end of the
// chain until the transaction ends.
func (l *Log) Note(ctx context.Context, tx db.Tx, e Entry) error {
	r, err := l.record(ctx, e)
	if err != nil {
		return fmt.Errorf("note %s: %w", e.Action, err)
	}
	if err := l.link(ctx, tx, r); err != nil {
		return fmt.Errorf("note %s: %w", e.Action, err)
	}
	if done := request(ctx); done != nil {
		done.noted.Store(true)
	}
	return nil
}

// Write is Note in a transaction of its own, for what changed nothing else: a
// sign-in that failed, a request that was refused.
func (l *Log) Write(ctx context.Context, e Entry) error {
	return l.o.DB.Update(ctx, func(tx db.Tx) error { return l.Note(ctx, tx, e) })
}

func (l *Log) record(ctx context.Context, e Entry) (Record, error) {
	if e.Action == "" {
		return Record{}, errors.New("an entry without an action")
	}
	from := RequestOf(ctx)
	r := Record{
		ID: id.New(), Node: l.o.Node, School: or(e.School, l.o.School), At: e.At, Action: e.Action, Actor: or(e.Actor, from.Actor),
		Role: or(e.Role, from.Role), TargetKind: e.TargetKind, TargetID: cut(e.TargetID), Status: int64(e.Status),
		IP: or(e.IP, from.IP), UserAgent: cut(or(e.UserAgent, from.UserAgent)), RequestID: or(e.RequestID, from.ID),
	}
	if l.o.School != "" {
		r.School = l.o.School // a box writes of its own school only
	}
	if r.At.IsZero() {
		r.At = db.Time{Time: l.o.Clock.Now()}
	}
	r.At = db.Time{Time: r.At.UTC().Truncate(microsecond)}
	var err error
	r.Details, err = details(e.Before, e.After)
	r.DetailsHash = hashOf([]byte(r.Details))
	return r, err
}

// link puts r at the end of the chain.
func (l *Log) link(ctx context.Context, tx db.Tx, r Record) error {
	end, err := l.end(ctx, tx)
	if err != nil {
		return err
	}
	r.Seq, r.Prev = end.seq+1, end.hash
	if r.Hash, err = r.sum(); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, insertEntry, row(r)...); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, moveHead, r.Node, r.Seq, r.Hash); err != nil {
		return err
	}
	if l.o.Travel == nil {
		return nil
	}
	return l.o.Travel(ctx, tx, r)
}

// end is where the chain ends, locked against other writers. A node without a
// mark (a new one, or one whose file came from a snapshot) finds it in the log.
func (l *Log) end(ctx context.Context, tx db.Tx) (head, error) {
	if _, err := tx.Exec(ctx, beginHead, l.o.Node); err != nil {
		return head{}, err
	}
	return db.First(ctx, tx, lockHead, scanHead, l.o.Node)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
