package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/courier"
	"urbanhomeschool.org/uhs/cloud/internal/jobs"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// door is what a link opens, how long, and where.
type door struct {
	purpose, path string
	lifetime      time.Duration
}

var (
	verifyEmail   = door{"verify_email", "/verify-email", 24 * time.Hour}
	resetPassword = door{"reset_password", "/reset-password", time.Hour}
	changeEmail   = door{"change_email", "/verify-email", 24 * time.Hour}
	setPassword   = door{"set_password", "/reset-password", 7 * 24 * time.Hour}
)

// linksADay bounds the links of one kind for one account.
const linksADay = 5

func linkHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// sendLink mails a person a new link. The token stands behind the #, which no
// browser sends to a server: it is in no log and no Referer.
func (s *Service) sendLink(ctx context.Context, tx db.Tx, p identity.Person, d door) error {
	token := id.Secret(32)
	if _, err := tx.Exec(ctx, insertLink, linkHash(token), p.Account.ID, d.purpose, p.Email, s.now(), s.in(d.lifetime)); err != nil {
		return err
	}
	return s.o.Letters.Send(ctx, tx, courier.Letter{
		Channel: courier.Email, To: p.Email, Template: d.purpose, Language: p.Language,
		Data: map[string]string{"name": p.Account.FullName, "url": s.o.PublicURL + d.path + "#token=" + token},
	})
}

// link is a link that was opened.
type link struct {
	account identity.AccountID
	email   string
	door    door
}

// useLink uses a link up; ErrLink when it was used, is too old or was never sent.
func (s *Service) useLink(ctx context.Context, tx db.Tx, token string, doors ...door) (link, error) {
	for _, d := range doors {
		l, err := db.First(ctx, tx, takeLink, scanLink, linkHash(token), d.purpose, s.now())
		if errors.Is(err, db.ErrNoRows) {
			continue
		}
		l.door = d
		return l, err
	}
	return link{}, ErrLink
}

// VerifyEmail confirms the address a link was mailed to. When it was mailed for a
// change, the person signs in with that address from now on.
func (s *Service) VerifyEmail(ctx context.Context, token string) error {
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		l, err := s.useLink(ctx, tx, token, verifyEmail, changeEmail)
		if err != nil {
			return err
		}
		if l.door == changeEmail {
			return s.moveEmail(ctx, tx, l)
		}
		return s.o.People.VerifyEmail(ctx, tx, l.account, l.email)
	})
	if err != nil {
		return fmt.Errorf("verify an e-mail address: %w", err)
	}
	return nil
}

// ResendVerification mails the actor another link. It does nothing when her
// address is verified; ErrTooSoon within a minute, ErrTooMany after five a day.
func (s *Service) ResendVerification(ctx context.Context, who identity.Actor) error {
	if who.Account == "" {
		return identity.ErrNobody
	}
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		p, err := s.o.People.PersonIn(ctx, tx, who.Account)
		if err != nil || p.Verified || p.Email == "" {
			return err
		}
		if err := s.mayMail(ctx, tx, p, verifyEmail); err != nil {
			return err
		}
		return s.sendLink(ctx, tx, p, verifyEmail)
	})
	if err != nil {
		return fmt.Errorf("resend the verification: %w", err)
	}
	return nil
}

func (s *Service) mayMail(ctx context.Context, tx db.Tx, p identity.Person, d door) error {
	c, err := db.First(ctx, tx, countLinks, scanCounts, p.Account.ID, d.purpose, s.in(-time.Minute), s.in(-24*time.Hour))
	switch {
	case err != nil:
		return err
	case c.lately > 0:
		return ErrTooSoon
	case c.today >= linksADay:
		return ErrTooMany
	}
	return nil
}

// forgotten asks to help whoever signs in with an address. It is the one job
// that holds an address: nobody has looked yet whose it is.
type forgotten struct {
	Address  string `json:"address"`
	Language string `json:"language"`
}

// Kind implements jobs.Args.
func (forgotten) Kind() string { return "forgotten_password" }

// maxAddress is the longest address anybody has (RFC 5321).
const maxAddress = 254

// Forgot takes note that whoever signs in with address, an e-mail address or a
// phone number, has forgotten the password. It looks nobody up: what it does and
// how long it takes is the same for every address.
func (s *Service) Forgot(ctx context.Context, address, language string) error {
	if len(address) > maxAddress {
		address = ""
	}
	err := s.o.DB.Update(ctx, func(tx db.Tx) error { return s.o.Jobs.Enqueue(ctx, tx, forgotten{address, language}) })
	if err != nil {
		return fmt.Errorf("forgotten password: %w", err)
	}
	return nil
}

// answerForgotten sends a link or a code to a person who may enter, and nothing
// to anybody else.
func (s *Service) answerForgotten(ctx context.Context, f forgotten) error {
	return s.o.DB.Update(ctx, func(tx db.Tx) error {
		p, err := s.o.People.PersonByAddress(ctx, tx, f.Address)
		if errors.Is(err, identity.ErrNoSuchAccount) {
			return nil
		}
		if err != nil {
			return err
		}
		if p.Account.Status != identity.Active && p.Account.Status != identity.Pending {
			return nil
		}
		if f.Language != "" {
			p.Language = f.Language
		}
		if phone, err := identity.NormalPhone(f.Address); err == nil && phone == p.LoginPhone {
			return quiet(s.sendCode(ctx, tx, phone, ToReset, p.Language))
		}
		if err := s.mayMail(ctx, tx, p, resetPassword); err != nil {
			return quiet(err)
		}
		return s.sendLink(ctx, tx, p, resetPassword)
	})
}

// quiet drops what only says that enough letters went already.
func quiet(err error) error {
	if errors.Is(err, ErrTooSoon) || errors.Is(err, ErrTooMany) {
		return nil
	}
	return err
}

// Reset is a new password with what proves the right to set it: a link's token,
// or the code that went to a phone.
type Reset struct {
	Token       string
	Phone, Code string
	Password    string
}

// ResetPassword sets a new password and ends all sessions. The link also
// verifies the address it was mailed to.
func (s *Service) ResetPassword(ctx context.Context, in Reset) error {
	if in.Token == "" && in.Phone != "" {
		return s.resetByCode(ctx, in)
	}
	return s.o.People.ReplacePassword(ctx, in.Password, func(ctx context.Context, tx db.Tx) (identity.Proof, error) {
		l, err := s.useLink(ctx, tx, in.Token, resetPassword, setPassword)
		if err != nil {
			return identity.Proof{}, err
		}
		if err := s.o.People.VerifyEmail(ctx, tx, l.account, l.email); err != nil {
			return identity.Proof{}, err
		}
		return identity.Proof{Account: l.account}, s.passwordSet(ctx, tx, l.account)
	})
}

func (s *Service) resetByCode(ctx context.Context, in Reset) error {
	phone, err := identity.NormalPhone(in.Phone)
	if err != nil {
		return err
	}
	code, err := s.checkCode(ctx, phone, ToReset, in.Code)
	if err != nil {
		return err
	}
	return s.o.People.ReplacePassword(ctx, in.Password, func(ctx context.Context, tx db.Tx) (identity.Proof, error) {
		if err := s.useCode(ctx, tx, code); err != nil {
			return identity.Proof{}, err
		}
		p, err := s.o.People.PersonByAddress(ctx, tx, "+"+phone)
		if err != nil {
			return identity.Proof{}, err
		}
		return identity.Proof{Account: p.Account.ID}, s.passwordSet(ctx, tx, p.Account.ID)
	})
}

var _ jobs.Args = forgotten{}
