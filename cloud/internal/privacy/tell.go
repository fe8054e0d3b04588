package privacy

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/courier"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/tutor"
)

// Step is who is told of an alert that nobody has taken up, and how long after it
// was raised.
type Step struct {
	Name           string
	High, Standard time.Duration
}

// The steps' names.
const (
	toNamedAdult = "named_adult"
	toHead       = "head"
	toOffice     = "office"
)

// Steps are the times of escalation. A step that reaches nobody makes the next
// one due at once.
func Steps() []Step {
	return []Step{
		{Name: toNamedAdult},
		{Name: toHead, High: 30 * time.Minute, Standard: 4 * time.Hour},
		{Name: toOffice, High: 2 * time.Hour, Standard: 24 * time.Hour},
	}
}

// alert is one that nobody has taken up.
type alert struct {
	id       string
	school   identity.SchoolID
	severity tutor.Severity
	at       db.Time
}

// Tell tells people about alerts that wait, each step once, and gives how many
// letters it wrote. The letters name the school and no child.
func (s *Service) Tell(ctx context.Context) (letters int, err error) {
	var open []alert
	err = s.o.DB.View(ctx, func(tx db.Tx) (err error) {
		open, err = db.All(ctx, tx, openAlerts, scanAlert)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("list open alerts: %w", err)
	}
	for _, a := range open {
		n := 0
		if err := s.o.DB.Update(ctx, func(tx db.Tx) (err error) { n, err = s.tellOf(ctx, tx, a); return err }); err != nil {
			return letters, fmt.Errorf("tell of alert %s: %w", a.id, err)
		}
		letters += n
	}
	return letters, nil
}

func (s *Service) tellOf(ctx context.Context, tx db.Tx, a alert) (letters int, err error) {
	told, err := stepsOf(ctx, tx, a.id)
	if err != nil {
		return 0, err
	}
	reached := true
	for _, step := range Steps() {
		if n, done := told[step.Name]; done {
			reached = n > 0
			continue
		}
		wait := step.Standard
		if a.severity == tutor.High {
			wait = step.High
		}
		if reached && s.o.Clock.Now().Sub(a.at.Time) < wait {
			return letters, nil
		}
		n, err := s.take(ctx, tx, a, step.Name)
		if err != nil {
			return letters, err
		}
		letters += n
		reached = n > 0
	}
	if !reached {
		s.o.Log.Error("an alert about a child reached nobody", slog.String("alert", a.id))
	}
	return letters, nil
}

// Climbed gives the alerts that were told to the cloud's admins: nobody at the
// school took them up in time, or nobody there could be told.
func (s *Service) Climbed(ctx context.Context, tx db.Tx) ([]string, error) {
	return db.All(ctx, tx, climbedAlerts, db.Scalar[string])
}

// take tells everybody of one step.
func (s *Service) take(ctx context.Context, tx db.Tx, a alert, step string) (int, error) {
	people, err := s.peopleOf(ctx, tx, a, step)
	if err != nil {
		return 0, err
	}
	name, language := "Urban Home School", "en"
	if a.school != "" {
		school, err := s.o.People.School(ctx, tx, a.school)
		if err != nil {
			return 0, err
		}
		name, language = school.Name, school.Language
	}
	if r := []rune(name); len(r) > longestSchool {
		name = string(r[:longestSchool])
	}
	n := 0
	for _, p := range people {
		l := courier.Letter{Channel: courier.SMS, To: p.phone, Template: "safeguarding", Language: language, Data: map[string]string{"school": name}}
		if p.phone == "" {
			l.Channel, l.To = courier.Email, p.email
		}
		if err := s.o.Courier.Send(ctx, tx, l); err != nil {
			return n, err
		}
		n++
	}
	_, err = tx.Exec(ctx, insertStep, a.id, step, int64(n), s.now())
	return n, err
}

// longestSchool is how much of a school's name fits into a text message.
const longestSchool = 40

// contact is how a person is reached: one of the two is set.
type contact struct{ email, phone string }

func (s *Service) peopleOf(ctx context.Context, tx db.Tx, a alert, step string) ([]contact, error) {
	switch {
	case step == toOffice:
		return db.All(ctx, tx, contactsOfOffice, scanContact)
	case a.school == "":
		return nil, nil
	case step == toHead:
		return db.All(ctx, tx, contactsOfHeads, scanContact, string(a.school))
	default:
		adult, err := s.o.People.NamedAdult(ctx, tx, a.school)
		if err != nil || adult == "" {
			return nil, err
		}
		return db.All(ctx, tx, contactsOf, scanContact, string(adult))
	}
}

func stepsOf(ctx context.Context, tx db.Tx, alert string) (map[string]int64, error) {
	type row struct {
		step string
		told int64
	}
	rows, err := db.All(ctx, tx, selectSteps, func(r db.Rows) (v row, err error) { return v, r.Scan(&v.step, &v.told) }, alert)
	out := make(map[string]int64, len(rows))
	for _, r := range rows {
		out[r.step] = r.told
	}
	return out, err
}
