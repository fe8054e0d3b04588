// Package personal is what a person may ask about her data: *export* gives
// everything that is about her, *erasure* takes it away on every replica with a
// *receipt* from each. Both go by one *map* of the tables (Places): where a person
// stands, what of it never leaves, and what becomes of it when she goes.
//
// The rule that surprises: an erased person's id stays, alone, in a list that
// every replica holds for ever. Only so can what arrives late, from a box that was
// away or a stick in a drawer, be told from news and be dropped.
package personal

import (
	"context"
	"log/slog"
	"time"

	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Options wires a Service.
type Options struct {
	// DB has a journal attached (syncer.WithJournal).
	DB     db.DB
	Clock  clock.Clock
	Log    *slog.Logger
	People *identity.Service
	Audit  *audit.Log
	// School and Node are a box's own; empty at the cloud.
	School, Node string
	// Box is the appliance of a school that has to confirm erasures, empty for
	// none; the cloud's.
	Box func(ctx context.Context, tx db.Tx, school string) (string, error)
	// Backups tells until when a backup may hold what was erased at a moment, zero
	// for not at all; the cloud's.
	Backups func(ctx context.Context, tx db.Tx, at time.Time) (time.Time, error)
	// After is called after an erasure, to drop what lies beside the database;
	// optional.
	After func(ctx context.Context)
}

// Service is the use-cases.
type Service struct {
	o      Options
	engine Engine
}

// New makes a Service.
func New(o Options) *Service { return &Service{o: o} }

func (s *Service) now() db.Time { return db.Time{Time: s.o.Clock.Now()} }
