package wiring_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/payments"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/wiring"
)

// nobody is a journal that sends nothing.
type nobody struct{}

func (nobody) Record(context.Context, db.Tx, syncer.Change) error { return nil }

func join(t *testing.T, d db.DB) (wiring.Domains, db.DB) {
	t.Helper()
	d = syncer.WithJournal(d, nobody{})
	domains, err := wiring.Join(wiring.Differences{
		DB: d, Clock: clock.NewFake(time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)), Log: logging.Discard(),
		Identity: identity.Options{Issuer: "test", Audience: identity.CloudAudience, Passwords: identity.CloudPasswords{}, BcryptCost: 4,
			Pepper: func(identity.SchoolID) ([]byte, error) { return make([]byte, 32), nil }},
		Gateway: payments.Waiting{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return domains, d
}

func TestTheDomainsAreJoinedOnBothSides(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		domains, d := join(t, d)
		if domains.Identity == nil || domains.Catalogue == nil || domains.Learning == nil || domains.Assessment == nil || domains.Tutor == nil || domains.Payments == nil {
			t.Fatalf("a domain is missing: %+v", domains)
		}
		learner := identity.Actor{Account: identity.AccountID(id.New()), Role: identity.Student}
		course := catalogue.CourseID(id.New())
		canOpen := func() (open bool) {
			t.Helper()
			if err := d.View(t.Context(), func(tx db.Tx) (err error) {
				open, err = wiring.Entitled{}.CanOpen(t.Context(), tx, learner, course)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return open
		}
		if canOpen() {
			t.Error("a paid course is open before anybody paid")
		}
		if err := d.Update(t.Context(), func(tx db.Tx) error {
			_, err := payments.Entitlements.Save(t.Context(), tx, payments.Entitlement{ID: id.New(), LearnerID: learner.Account, CourseID: course,
				Source: "test", IntentID: payments.IntentID(id.New()), Active: true, Rev: 1, At: db.Time{Time: time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)}})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if !canOpen() {
			t.Error("the course stays closed after it was paid")
		}
	})
}

func TestTheOwnerOfACourseIsPaid(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		_, d = join(t, d)
		price := func(course catalogue.CourseID) (p payments.Price, err error) {
			err = d.View(t.Context(), func(tx db.Tx) (err error) { p, err = wiring.Prices{}.Price(t.Context(), tx, course); return err })
			return p, err
		}
		if _, err := price(catalogue.CourseID(id.New())); !errors.Is(err, catalogue.ErrNoCourse) {
			t.Errorf("the price of no course: %v", err)
		}
		const instructor = identity.AccountID("00000000-0000-4000-8000-00000000000c")
		for owner, want := range map[catalogue.Owner]identity.AccountID{catalogue.OwnerPlatform: payments.Platform, catalogue.OwnerInstructor: instructor} {
			c := catalogue.Course{ID: catalogue.CourseIDOf(string(owner)), Slug: string(owner), Title: "Fractions", Grade: "Grade 4", LearningArea: "Mathematics",
				Curriculum: "KICD-2024", Language: "en", Owner: owner, InstructorID: instructor, PriceMinor: 50_000, Currency: "KES", Edition: 3,
				PublishedAt: db.Time{Time: time.Date(2026, 1, 5, 6, 0, 0, 0, time.UTC)}}
			if err := d.Update(t.Context(), func(tx db.Tx) error { return catalogue.Install(t.Context(), tx, catalogue.Content{Course: c}) }); err != nil {
				t.Fatal(err)
			}
			p, err := price(c.ID)
			if err != nil || p.Owner != want || p.AmountMinor != 50_000 || p.Currency != "KES" || p.Edition != 3 || p.Title != "Fractions" {
				t.Errorf("%s: got %+v, %v", owner, p, err)
			}
		}
	})
}

func TestALessonsPageIsALinkOfTheWebApp(t *testing.T) {
	if got := wiring.LessonPage("c1", "l1", ""); got != "/courses/c1/lessons/l1" {
		t.Errorf("got %s", got)
	}
	if got := wiring.LessonPage("c1", "l1", "halves"); got != "/courses/c1/lessons/l1#halves" {
		t.Errorf("got %s", got)
	}
}
