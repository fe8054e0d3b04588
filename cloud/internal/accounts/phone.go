package accounts

import (
	"context"
	"fmt"

	"urbanhomeschool.org/uhs/cloud/internal/courier"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

// PhoneChange is a new phone with what proves the right to it: the code that went
// to the phone, and the actor's own password and, where she has one, a code of her
// second factor. Who signs in by phone can set a new password by it, so an open
// session alone does not move it.
type PhoneChange struct {
	Phone, Code      string
	Password, Factor string
}

// ChangePhone makes a phone the one the actor signs in with. The addresses she had
// before are told.
func (s *Service) ChangePhone(ctx context.Context, who identity.Actor, in PhoneChange) error {
	if who.Account == "" {
		return identity.ErrNobody
	}
	phone, err := identity.NormalPhone(in.Phone)
	if err != nil {
		return err
	}
	if err := s.o.People.CheckPassword(ctx, who, in.Password); err != nil {
		return err
	}
	row, err := s.checkCode(ctx, phone, ToChangePhone, in.Code)
	if err != nil {
		return err
	}
	if err := s.o.People.CheckFactor(ctx, who, in.Factor); err != nil { // last: a code of the second factor counts once
		return err
	}
	err = s.o.DB.Update(ctx, func(tx db.Tx) error {
		before, err := s.o.People.PersonIn(ctx, tx, who.Account)
		if err != nil {
			return err
		}
		if err := s.useCode(ctx, tx, row); err != nil {
			return err
		}
		if err := s.o.People.SetPhone(ctx, tx, who.Account, phone); err != nil || before.LoginPhone == phone {
			return err
		}
		return s.tellMoved(ctx, tx, before, "phone_changed")
	})
	if err != nil {
		return fmt.Errorf("change a phone: %w", err)
	}
	return nil
}

// tellMoved tells both addresses that a person had: whoever took her account over
// has the new one.
func (s *Service) tellMoved(ctx context.Context, tx db.Tx, before identity.Person, template string) error {
	l := courier.Letter{Template: template, Language: before.Language, Data: s.notMe(before)}
	if before.LoginPhone != "" {
		l.Channel, l.To = courier.SMS, before.LoginPhone
		if err := s.o.Letters.Send(ctx, tx, l); err != nil {
			return err
		}
	}
	if before.Email == "" {
		return nil
	}
	l.Channel, l.To = courier.Email, before.Email
	return s.o.Letters.Send(ctx, tx, l)
}

// notMe stands in the letters about a change: where to go if it was somebody else.
func (s *Service) notMe(p identity.Person) map[string]string {
	return map[string]string{"name": p.Account.FullName, "url": s.o.PublicURL + "/forgot"}
}
