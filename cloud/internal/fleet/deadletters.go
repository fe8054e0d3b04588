package fleet

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// Letter is a record of a school that could not be stored and is kept aside.
type Letter struct {
	ID       string     `json:"id"`
	SchoolID string     `json:"school_id"`
	Kind     string     `json:"kind" enum:"poison,parked,unknown,waiting"`
	State    string     `json:"state" enum:"open,replayed,discarded"`
	Type     string     `json:"type"`
	Entity   string     `json:"entity"`
	Lane     int        `json:"lane"`
	Epoch    int64      `json:"epoch"`
	Seq      int64      `json:"seq"`
	Version  uint32     `json:"version"`
	Reason   string     `json:"reason"`
	WaitsFor string     `json:"waits_for,omitempty" doc:"The id of the record that is missing."`
	At       time.Time  `json:"at"`
	OpenedBy string     `json:"opened_by,omitempty" doc:"The account that last looked at the body."`
	OpenedAt *time.Time `json:"opened_at"`
	// Decided are who replayed or discarded it, when and why.
	DecidedBy string     `json:"decided_by,omitempty"`
	DecidedAt *time.Time `json:"decided_at"`
	Because   string     `json:"because,omitempty"`
}

// OpenLetter is a letter with its body. Body is null when this build cannot
// read it, or when it holds a secret.
type OpenLetter struct {
	Letter
	Body  json.RawMessage `json:"body"`
	Bytes int             `json:"bytes" doc:"Size of the body as it came."`
}

// secretTypes are records whose bodies nobody reads: verifiers of passwords.
const secretTypes = "identity.credential identity.key"

func letterOf(l syncer.DeadLetter) Letter {
	return Letter{ID: l.ID, SchoolID: l.Pos.School, Kind: l.Kind, State: l.State, Type: l.Event.Type, Entity: l.Event.Entity, Lane: int(l.Pos.Lane),
		Epoch: l.Pos.Epoch, Seq: l.Pos.Seq, Version: l.Event.Version, Reason: l.Reason, WaitsFor: l.WaitsFor, At: l.At.Time,
		OpenedBy: l.OpenedBy, OpenedAt: moment(l.OpenedAt), DecidedBy: l.DecidedBy, DecidedAt: moment(l.DecidedAt), Because: l.Because}
}

// Letters lists what is kept aside, newest first, without bodies; admins only.
func (s *Service) Letters(ctx context.Context, who identity.Actor, f syncer.Filter, skip, limit int) (out []Letter, total int64, err error) {
	if err := who.Require(identity.Admin); err != nil {
		return nil, 0, err
	}
	err = s.o.DB.View(ctx, func(tx db.Tx) error {
		var found []syncer.DeadLetter
		found, total, err = syncer.ListLetters(ctx, tx, f, skip, limit)
		out = make([]Letter, len(found))
		for i, l := range found {
			out[i] = letterOf(l)
		}
		return err
	})
	return out, total, err
}

// Letter opens one with its body, which holds children's data: admins only, and
// who looked is written down.
func (s *Service) Letter(ctx context.Context, who identity.Actor, id string) (OpenLetter, error) {
	if err := who.Require(identity.Admin); err != nil {
		return OpenLetter{}, err
	}
	l, body, err := s.o.Applier.Open(ctx, id, string(who.Account))
	out := OpenLetter{Letter: letterOf(l), Bytes: len(l.Event.Body)}
	if len(body) > 0 && !strings.Contains(secretTypes, l.Event.Type) {
		out.Body = body
	}
	return out, err
}

// ErrNoReason refuses a decision without one.
var ErrNoReason = fault.New(fault.Invalid, "Say why.").WithCode("reason_needed").At("is needed", "reason")

// ReplayLetter stores a letter, mended by body when that is not empty, and what
// is parked behind it. It gives the number of records stored.
func (s *Service) ReplayLetter(ctx context.Context, who identity.Actor, d syncer.Decision) (int, error) {
	if err := who.Require(identity.Admin); err != nil {
		return 0, err
	}
	d.Who, d.Because = string(who.Account), strings.TrimSpace(d.Because)
	if len(d.Body) > 0 && d.Because == "" {
		return 0, ErrNoReason
	}
	return s.o.Applier.Replay(ctx, d)
}

// DiscardLetter gives a letter up; it is kept, with the reason.
func (s *Service) DiscardLetter(ctx context.Context, who identity.Actor, d syncer.Decision) (int, error) {
	if err := who.Require(identity.Admin); err != nil {
		return 0, err
	}
	d.Who, d.Because = string(who.Account), strings.TrimSpace(d.Because)
	if d.Because == "" {
		return 0, ErrNoReason
	}
	return s.o.Applier.Discard(ctx, d)
}

// ReplayType tries every open letter of a type again, after a fix.
func (s *Service) ReplayType(ctx context.Context, who identity.Actor, typ string) (int, error) {
	if err := who.Require(identity.Admin); err != nil {
		return 0, err
	}
	return s.o.Applier.ReplayType(ctx, typ)
}

// ErrNotPaused says that the lane goes on as it is.
var ErrNotPaused = fault.New(fault.Conflict, "This part of the sync is not paused.").WithCode("not_paused")

// ResumeLane lets a paused lane go on although its letters are still there.
func (s *Service) ResumeLane(ctx context.Context, who identity.Actor, school identity.SchoolID, lane int) error {
	if err := who.Require(identity.Admin); err != nil {
		return err
	}
	if lane < 0 || lane >= int(syncproto.Lanes) {
		return ErrNotPaused
	}
	was, err := s.o.Applier.Resume(ctx, string(school), syncproto.Lane(lane), string(who.Account))
	if err != nil {
		return err
	}
	if !was {
		return ErrNotPaused
	}
	s.greet(string(school))
	return nil
}

// greet says hello to a box that is being spoken with: the answer brings what it
// held back.
func (s *Service) greet(school string) {
	s.mu.Lock()
	c := s.talks[school]
	s.mu.Unlock()
	if c != nil {
		c.peer.SayHello()
		c.poke()
	}
}
