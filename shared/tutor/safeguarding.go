package tutor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Alert says that a learner used words of danger. It carries no word of what
// was written: the adult is to speak with the child, not to read the chat.
type Alert struct {
	ID        string             `cbor:"1,keyasint" json:"id"`
	LearnerID identity.AccountID `cbor:"2,keyasint" json:"learner_id"`
	SchoolID  identity.SchoolID  `cbor:"3,keyasint" json:"school_id"`
	Category  Category           `cbor:"4,keyasint" json:"category"`
	Severity  Severity           `cbor:"5,keyasint" json:"severity"`
	At        db.Time            `cbor:"6,keyasint" json:"at"`
}

// Acknowledgement says that an adult has taken up an alert. It is derived from
// both, so that pressing twice is one fact.
type Acknowledgement struct {
	ID        string             `cbor:"1,keyasint" json:"id"`
	AlertID   string             `cbor:"2,keyasint" json:"alert_id"`
	LearnerID identity.AccountID `cbor:"3,keyasint" json:"learner_id"`
	SchoolID  identity.SchoolID  `cbor:"4,keyasint" json:"school_id"`
	AccountID identity.AccountID `cbor:"5,keyasint" json:"account_id"`
	At        db.Time            `cbor:"6,keyasint" json:"at"`
}

// AlertView is an alert as the named adult sees it.
type AlertView struct {
	Alert
	LearnerName      string
	Acknowledgements []Acknowledgement
}

// AlertPage is one page of a school's alerts, newest first.
type AlertPage struct {
	Alerts      []AlertView
	Total, Open int64
}

var errNoAlert = fault.New(fault.NotFound, "There is no such alert.").WithCode("no_such_alert")

// alertOf makes the alert for a question; one question raises one alert,
// wherever it is seen first.
func alertOf(q Question, d Danger, at db.Time) Alert {
	return Alert{ID: id.Derived("tutor.alert", string(q.ID)), LearnerID: q.LearnerID, SchoolID: q.SchoolID,
		Category: d.Category, Severity: d.Severity, At: at}
}

// mayReadAlerts: the school's named adult and its head. Admins read those of
// learners without a school, whom nobody else looks after.
func (s *Service) mayReadAlerts(ctx context.Context, tx db.Tx, who identity.Actor, school identity.SchoolID) (bool, error) {
	if school == "" {
		return who.Role == identity.Admin, nil
	}
	if who.School != school {
		return false, nil
	}
	if who.Has(identity.Head) {
		return true, nil
	}
	adult, err := s.opts.Safeguards.NamedAdult(ctx, tx, school)
	if err != nil {
		return false, fmt.Errorf("named adult: %w", err)
	}
	return adult != "" && adult == who.Account, nil
}

// climbed gives the alerts of schools that an admin looks after because nobody at
// the school took them up; nobody else has such.
func (s *Service) climbed(ctx context.Context, tx db.Tx, who identity.Actor) ([]string, error) {
	if who.Role != identity.Admin || s.opts.Office == nil {
		return nil, nil
	}
	ids, err := s.opts.Office(ctx, tx)
	if err != nil {
		return nil, fmt.Errorf("list the alerts that climbed: %w", err)
	}
	return ids, nil
}

func (s *Service) hasClimbed(ctx context.Context, tx db.Tx, who identity.Actor, alert string) (bool, error) {
	ids, err := s.climbed(ctx, tx, who)
	return slices.Contains(ids, alert), err
}

// ErrNoNamedAdult answers a child whose school has named nobody who is told when
// a child is in danger.
var ErrNoNamedAdult = fault.New(fault.Forbidden, "Your school must first name a grown-up who looks after the children. Please tell your teacher.").WithCode("tutor_no_named_adult")

// ErrNoSchool answers a child without a school: there is nobody who is told when
// she is in danger.
var ErrNoSchool = fault.New(fault.Forbidden, "The Bird answers children of a school only, where a grown-up looks after them. Ask your school or a parent to join you to your school.").WithCode("tutor_no_school")

// guarded refuses a minor, and whoever's age is not known, without a school or at
// one that has named no adult.
func (s *Service) guarded(ctx context.Context, tx db.Tx, who identity.Actor) error {
	if s.opts.Minor == nil {
		return nil
	}
	minor, err := s.opts.Minor(ctx, tx, who.Account)
	if err != nil || !minor {
		return err
	}
	if who.School == "" {
		return ErrNoSchool
	}
	adult, err := s.opts.Safeguards.NamedAdult(ctx, tx, who.School)
	if err == nil && adult == "" {
		err = ErrNoNamedAdult
	}
	return err
}

// alertSchool is whose alerts the actor asks for.
func alertSchool(who identity.Actor) identity.SchoolID {
	if who.Role == identity.Admin {
		return ""
	}
	return who.School
}

// ListAlerts gives a page of the alerts of the actor's school, to its named
// adult and its head. An admin gets those of learners without a school and those
// of any school that climbed to the office.
func (s *Service) ListAlerts(ctx context.Context, who identity.Actor, skip, limit int) (AlertPage, error) {
	if err := who.Require(identity.Instructor, identity.Staff, identity.Admin); err != nil {
		return AlertPage{}, err
	}
	var page AlertPage
	err := s.db.View(ctx, func(tx db.Tx) error {
		school := alertSchool(who)
		ok, err := s.mayReadAlerts(ctx, tx, who, school)
		if err != nil {
			return err
		}
		if !ok {
			return identity.ErrForbidden
		}
		climbed, err := s.climbed(ctx, tx, who)
		if err != nil {
			return err
		}
		page, err = alertPage(ctx, tx, reach{school, climbed}, skip, limit)
		if err != nil {
			return err
		}
		for i := range page.Alerts {
			known, err := s.opts.Names.Known(ctx, tx, page.Alerts[i].LearnerID)
			if err != nil {
				return fmt.Errorf("name the learner: %w", err)
			}
			page.Alerts[i].LearnerName = known.Learner
		}
		return nil
	})
	return page, err
}

// AcknowledgeAlert records that the actor has taken up the alert; the fact
// travels to the other side. Repeating it changes nothing.
func (s *Service) AcknowledgeAlert(ctx context.Context, who identity.Actor, alert string) (Acknowledgement, error) {
	if err := who.Require(identity.Instructor, identity.Staff, identity.Admin); err != nil {
		return Acknowledgement{}, err
	}
	if !id.Valid(alert) {
		return Acknowledgement{}, errNoAlert
	}
	var k Acknowledgement
	err := s.db.Update(ctx, func(tx db.Tx) error {
		a, err := getAlert(ctx, tx, alert)
		if errors.Is(err, db.ErrNoRows) {
			return errNoAlert
		}
		if err != nil {
			return fmt.Errorf("load alert: %w", err)
		}
		ok, err := s.mayReadAlerts(ctx, tx, who, a.SchoolID)
		if err == nil && !ok {
			ok, err = s.hasClimbed(ctx, tx, who, a.ID)
		}
		if err != nil {
			return err
		}
		if !ok {
			return errNoAlert
		}

		k = Acknowledgement{ID: id.Derived("tutor.acknowledgement", a.ID, string(who.Account)), AlertID: a.ID,
			LearnerID: a.LearnerID, SchoolID: a.SchoolID, AccountID: who.Account, At: s.now()}
		inserted, err := Acknowledgements.Save(ctx, tx, k)
		if err != nil || inserted {
			return err
		}
		k, err = getAcknowledgement(ctx, tx, k.ID)
		return err
	})
	return k, err
}
