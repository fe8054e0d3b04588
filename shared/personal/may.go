package personal

import (
	"context"
	"strings"
	"unicode/utf8"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
)

// ErrReason asks those who act for a person on paper why they do.
var ErrReason = fault.New(fault.Invalid, "Say why, in 1 to 300 characters: who asked, and how.").WithCode("reason_missing").At("1 to 300 characters", "reason")

// ErrAtHome answers a child whose guardian opened the session: the guardian asks
// for her.
var ErrAtHome = fault.New(fault.Forbidden, "Your parent or guardian can do this.").WithCode("forbidden")

// may gives the person when who may ask for her data or for its end: she
// herself, her guardian, and with a reason an admin and the head of her school.
func (s *Service) may(ctx context.Context, tx db.Tx, who identity.Actor, in Request) (identity.Account, error) {
	if who.Account == "" {
		return identity.Account{}, identity.ErrNobody
	}
	if who.Guardian != "" {
		return identity.Account{}, ErrAtHome
	}
	a, err := s.o.People.Account(ctx, tx, in.Person)
	if err != nil {
		return a, err
	}
	if a, err = s.o.People.Survivor(ctx, tx, a.ID); err != nil {
		return a, err
	}
	if who.Account == a.ID {
		return a, nil
	}
	guardian, err := s.o.People.IsGuardianOf(ctx, tx, who.Account, a.ID)
	if err != nil {
		return a, err
	}
	if guardian && who.Role == identity.Parent {
		return a, nil
	}
	head := who.Role == identity.Instructor && who.Has(identity.Head) && who.School != "" && who.School == a.School && a.Role == identity.Student
	if who.Role != identity.Admin && !head {
		return a, identity.ErrNoSuchAccount
	}
	if r := strings.TrimSpace(in.Reason); r == "" || utf8.RuneCountInString(r) > 300 {
		return a, ErrReason
	}
	return a, nil
}
