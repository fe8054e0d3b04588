package personal_test

import (
	"errors"
	"testing"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/personal"
)

// A child who registered by herself has nobody who could ask for her.
func TestALearnerWithNobodyAsksForHerself(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := armed(t, newWorld(d))
		for _, c := range []struct {
			name, born      string
			school          string
			guardian, ended bool
			want            error
		}{
			{name: "of an age that nobody knows"},
			{name: "a child", born: "2015"},
			{name: "a child whose guardian was unlinked", born: "2015", guardian: true, ended: true},
			{name: "a child with a guardian", born: "2015", guardian: true, want: personal.ErrAskAtHome},
			{name: "of an unknown age with a guardian", guardian: true, want: personal.ErrAskAtHome},
			{name: "a child of a school", born: "2015", school: id.New(), want: personal.ErrAskAtHome},
			{name: "of full age with both", born: "1990", school: id.New(), guardian: true},
		} {
			t.Run(c.name, func(t *testing.T) {
				who := identity.Actor{Account: identity.AccountID(id.New()), Role: identity.Student, School: identity.SchoolID(c.school)}
				must(t, d.Update(t.Context(), func(tx db.Tx) error {
					now := db.Time{Time: begin}
					_, err := identity.Accounts.Put(t.Context(), tx, identity.Account{ID: who.Account, School: who.School, Role: identity.Student,
						FullName: "Amina Otieno", Status: identity.Active, Born: c.born, CreatedAt: now, UpdatedAt: now})
					if err != nil || !c.guardian {
						return err
					}
					_, err = identity.Guardians.Put(t.Context(), tx, identity.Guardian{ID: id.New(), Learner: who.Account,
						Account: identity.AccountID(id.New()), Name: "Mary Mother", UpdatedAt: now, Ended: c.ended})
					return err
				}))
				asked, err := w.Ask(t.Context(), who, personal.Request{Person: who.Account})
				if !errors.Is(err, c.want) {
					t.Fatalf("asked: %v; want %v", err, c.want)
				}
				if c.want != nil {
					return
				}
				if asked.Person != string(who.Account) || asked.By != string(who.Account) {
					t.Errorf("asked for %+v", asked)
				}
				must(t, w.Withdraw(t.Context(), who, who.Account))
			})
		}
	})
}
