package permits

import (
	"context"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/access"
	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// FromSigningIn is the kind of restriction that shuts the whole account. Every
// other kind is a feature of shared/access.
const FromSigningIn = "sign_in"

// Restriction is what was taken from a person. ExpiresAt is zero for one that
// holds until it is lifted.
type Restriction struct {
	ID           string
	Account      identity.AccountID
	Kind, Reason string
	By           identity.AccountID
	StartsAt     db.Time
	ExpiresAt    db.Time
	Notified     bool
	LiftedAt     db.Time
	// reopens says that the account was active before, and nobody suspended it since.
	reopens bool
}

// NewRestriction is what an admin decides. Days 0 is until it is lifted.
type NewRestriction struct {
	Kind, Reason string
	Days         int
	Notify       bool
}

// Restrict takes signing in or a feature from a person; for admins.
func (s *Service) Restrict(ctx context.Context, who identity.Actor, account identity.AccountID, in NewRestriction) (Restriction, error) {
	if err := who.Require(identity.Admin); err != nil {
		return Restriction{}, err
	}
	now := s.o.Clock.Now()
	r := Restriction{ID: id.New(), Account: account, Kind: in.Kind, Reason: in.Reason, By: who.Account, StartsAt: db.Time{Time: now}}
	switch {
	case who.Account == account:
		return r, identity.ErrOwnAccount
	case in.Kind != FromSigningIn && !access.Restrictable(access.Feature(in.Kind)):
		return r, invalid("unknown_restriction", "This cannot be restricted.", "restriction_type")
	case in.Reason == "":
		return r, invalid("reason_missing", "Say why.", "reason")
	case in.Days < 0 || in.Days > 366:
		return r, invalid("bad_duration", "From 1 to 366 days, or without an end.", "duration_days")
	case in.Days > 0:
		r.ExpiresAt = db.Time{Time: now.Add(time.Duration(in.Days) * 24 * time.Hour)}
	}
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		p, err := s.o.People.PersonIn(ctx, tx, account)
		if err != nil {
			return err
		}
		if in.Kind == FromSigningIn {
			if r.reopens, err = s.shut(ctx, tx, p.Account); err != nil {
				return err
			}
		}
		if in.Notify {
			if r.Notified, err = s.o.Notify(ctx, tx, p, r); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, insertRestriction, r.ID, r.Account, r.Kind, r.Reason, r.By, r.StartsAt, r.ExpiresAt, r.Notified, r.reopens); err != nil {
			return err
		}
		tx.AfterCommit(s.forget)
		return s.o.Audit.Note(ctx, tx, audit.Entry{Action: "user.restricted", School: string(p.Account.School), TargetKind: "user", TargetID: string(account),
			After: restrictionTold{r.Kind, r.Reason, moment(r.ExpiresAt)}})
	})
	if err != nil {
		return r, fmt.Errorf("restrict: %w", err)
	}
	return r, nil
}

// shut suspends a. It tells whether the end of the restriction shall open a again:
// not when an admin had suspended a by itself.
func (s *Service) shut(ctx context.Context, tx db.Tx, a identity.Account) (reopens bool, err error) {
	if a.Status != identity.Active {
		rows, err := tx.Query(ctx, selectShut, a.ID)
		before, err := db.One(rows, err, scanShut)
		return before.reopens, err
	}
	_, err = s.o.People.ChangeStatus(ctx, tx, a.ID, identity.Suspended)
	return true, err
}

// KeepShut hears that an admin suspended the account by itself: the end of a
// restriction opens it no more.
func (s *Service) KeepShut(ctx context.Context, tx db.Tx, account identity.AccountID) error {
	_, err := tx.Exec(ctx, keepShut, account)
	return err
}

type restrictionTold struct {
	Kind   string     `json:"restriction_type"`
	Reason string     `json:"reason"`
	Until  *time.Time `json:"expires_at"`
}

func moment(t db.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t.Time
}

// Lift ends a restriction before its time; for admins.
func (s *Service) Lift(ctx context.Context, who identity.Actor, account identity.AccountID, restriction string) error {
	if err := who.Require(identity.Admin); err != nil {
		return err
	}
	if !id.Valid(string(account)) {
		return ErrNoSuchPermit
	}
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, openRestrictions, account)
		open, err := db.Collect(rows, err, scanRestriction)
		if err != nil {
			return err
		}
		for _, r := range open {
			if r.ID == restriction {
				return s.lift(ctx, tx, r, who.Account)
			}
		}
		return ErrNoSuchPermit
	})
	if err != nil {
		return fmt.Errorf("lift a restriction: %w", err)
	}
	return nil
}

// lift ends r; the account opens again when nothing else keeps it shut: no other
// restriction, and no admin who suspended it. by is empty when the time was over.
func (s *Service) lift(ctx context.Context, tx db.Tx, r Restriction, by identity.AccountID) error {
	n, err := tx.Exec(ctx, liftRestriction, r.ID, db.Time{Time: s.o.Clock.Now()}, by)
	if err != nil || n == 0 {
		return err
	}
	if r.Kind == FromSigningIn {
		rows, err := tx.Query(ctx, selectShut, r.Account)
		others, err := db.One(rows, err, scanShut)
		if err != nil {
			return err
		}
		if others.restrictions == 0 && r.reopens {
			if _, err := s.o.People.ChangeStatus(ctx, tx, r.Account, identity.Active); err != nil {
				return err
			}
		}
	}
	tx.AfterCommit(s.forget)
	return s.o.Audit.Note(ctx, tx, audit.Entry{Action: "user.restriction_lifted", TargetKind: "user", TargetID: string(r.Account),
		Before: restrictionTold{r.Kind, r.Reason, moment(r.ExpiresAt)}})
}

// EndDue lifts what is over; the app calls it every minute.
func (s *Service) EndDue(ctx context.Context) error {
	return s.o.DB.Update(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, dueRestrictions, db.Time{Time: s.o.Clock.Now()})
		due, err := db.Collect(rows, err, scanRestriction)
		if err != nil {
			return err
		}
		for _, r := range due {
			if err := s.lift(ctx, tx, r, ""); err != nil {
				return err
			}
		}
		return nil
	})
}

// Of is what an admin sees of a person beside her account.
type Of struct {
	Person       identity.Person
	Parent       identity.Account // the first guardian with an account; empty without one
	Visits       int64
	Hours        float64
	Enrolled     int64
	Completed    int64
	Restrictions []Restriction
}

// Describe gives a person with her activity and the restrictions in force; for
// admins, and staff to whom looking people up was lent.
func (s *Service) Describe(ctx context.Context, who identity.Actor, account identity.AccountID) (Of, error) {
	p, err := s.o.People.Person(ctx, who, account)
	if err != nil {
		return Of{}, err
	}
	out := Of{Person: p}
	err = s.o.DB.View(ctx, func(tx db.Tx) error {
		if out.Visits, err = s.o.People.Visits(ctx, tx, account); err != nil {
			return err
		}
		if out.Parent, _, err = s.o.People.ParentOf(ctx, tx, account); err != nil {
			return err
		}
		if p.Account.Role == identity.Student {
			learned, err := s.o.Learning.SummaryOf(ctx, tx, p.Account)
			if err != nil {
				return err
			}
			out.Hours, out.Enrolled = float64(learned.Record.Seconds)/3600, int64(len(learned.Courses))
			for _, c := range learned.Courses {
				if c.Progress.Done() {
					out.Completed++
				}
			}
		}
		rows, err := tx.Query(ctx, openRestrictions, account)
		out.Restrictions, err = db.Collect(rows, err, scanRestriction)
		return err
	})
	return out, err
}
