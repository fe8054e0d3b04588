package accounts

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/courier"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Purpose is what a code is for; a code for one thing proves no other.
type Purpose string

// The purposes.
const (
	ToRegister    Purpose = "register"
	ToReset       Purpose = "reset_password"
	ToChangePhone Purpose = "change_phone"
)

// Limits of codes: one phone gets at most 5 codes a day with 5 guesses each, so
// that 25 of a million are tried.
const (
	codeDigits   = 6
	codeLifetime = 10 * time.Minute
	codeGuesses  = 5
	codesADay    = 5
)

// SendCode sends a code to a phone, known or not. ErrTooSoon within a minute of
// the last one, ErrTooMany after five in a day.
func (s *Service) SendCode(ctx context.Context, phone string, purpose Purpose, language string) error {
	phone, err := identity.NormalPhone(phone)
	if err != nil {
		return err
	}
	if purpose != ToRegister && purpose != ToChangePhone { // a reset looks first whose phone it is
		return fault.New(fault.Invalid, "A code is for registering or for changing the phone.").WithCode("bad_purpose").At("unknown", "purpose")
	}
	err = s.o.DB.Update(ctx, func(tx db.Tx) error { return s.sendCode(ctx, tx, phone, purpose, language) })
	if err != nil {
		return fmt.Errorf("send a code: %w", err)
	}
	return nil
}

func (s *Service) sendCode(ctx context.Context, tx db.Tx, phone string, purpose Purpose, language string) error {
	if _, err := tx.Exec(ctx, lockPhone, phone); err != nil { // two requests at once are one after the other
		return err
	}
	c, err := db.First(ctx, tx, countCodes, scanCounts, phone, s.in(-time.Minute), s.in(-24*time.Hour))
	switch {
	case err != nil:
		return err
	case c.lately > 0:
		return ErrTooSoon
	case c.today >= codesADay:
		return ErrTooMany
	}
	all, err := db.First(ctx, tx, countAllCodes, db.Scalar[int], s.in(-time.Hour))
	if err != nil {
		return err
	}
	if all >= s.o.CodesAnHour {
		return ErrTooMany.Hint("the limit of codes to all phones is reached")
	}

	code, row := id.Digits(codeDigits), id.New()
	if _, err := tx.Exec(ctx, endCodes, phone, purpose, s.now()); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, insertCode, row, phone, purpose, s.codeHash(row, code), s.now(), s.in(codeLifetime)); err != nil {
		return err
	}
	return s.o.Letters.Send(ctx, tx, courier.Letter{
		Channel: courier.SMS, To: phone, Template: "code", Language: language, Data: map[string]string{"code": code},
	})
}

func (s *Service) codeHash(row, code string) string {
	mac := hmac.New(sha256.New, s.o.CodeKey)
	mac.Write([]byte(row + " " + code))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

type codeRow struct {
	id, hash string
	attempts int
}

// checkCode gives the id of the live code that was sent to phone when it is
// code. The guess is counted in a transaction of its own: what fails afterwards
// does not give it back.
func (s *Service) checkCode(ctx context.Context, phone string, purpose Purpose, code string) (string, error) {
	var row codeRow
	right := false
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		var err error
		right = false
		row, err = db.First(ctx, tx, lockCode, scanCode, phone, purpose, s.now())
		if errors.Is(err, db.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if row.attempts >= codeGuesses {
			return nil
		}
		right = hmac.Equal([]byte(s.codeHash(row.id, code)), []byte(row.hash))
		_, err = tx.Exec(ctx, guessCode, row.id)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("check a code: %w", err)
	}
	if !right {
		return "", ErrCode
	}
	return row.id, nil
}

// useCode uses a checked code up, once.
func (s *Service) useCode(ctx context.Context, tx db.Tx, row string) error {
	n, err := tx.Exec(ctx, useCode, row, s.now())
	if err == nil && n == 0 {
		return ErrCode
	}
	return err
}
