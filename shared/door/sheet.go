package door

import (
	"context"
	"crypto/hmac"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

const (
	sheetCodes  = 10
	sheetLength = 12 // characters of a code: 60 bits
)

// Sheet is a page of recovery codes as it is stored: hashes only. The newest sheet
// of a holder counts while she may enter the school, the older ones are waste paper.
type Sheet struct {
	ID     string             `cbor:"1,keyasint" json:"id"`
	School identity.SchoolID  `cbor:"2,keyasint" json:"school_id"`
	Holder identity.AccountID `cbor:"3,keyasint" json:"holder_id"`
	Codes  []string           `cbor:"4,keyasint" json:"codes"`
	MadeBy identity.AccountID `cbor:"5,keyasint" json:"made_by_id"`
	At     db.Time            `cbor:"6,keyasint" json:"at"`
}

// UseKind says what a code was used for.
type UseKind string

// The kinds.
const (
	// ByHolder: the holder of a sheet set her own password.
	ByHolder UseKind = "own"
	// ByTwo: two people set the password of a teacher.
	ByTwo UseKind = "two"
	// Renewed: the head let the school go on without a line.
	Renewed UseKind = "renew"
	// FromCloud: a teacher set her password with a one-time code.
	FromCloud UseKind = "code"
)

// Use is the fact that a code was used at the school's box.
type Use struct {
	ID     string            `cbor:"1,keyasint" json:"id"`
	School identity.SchoolID `cbor:"2,keyasint" json:"school_id"`
	Kind   UseKind           `cbor:"3,keyasint" json:"kind"`
	// Account is whose password was set; empty when the school was renewed.
	Account identity.AccountID `cbor:"4,keyasint,omitempty" json:"account_id,omitempty"`
	// Holder is whose sheet it was; Second who else was there.
	Holder identity.AccountID `cbor:"5,keyasint,omitempty" json:"holder_id,omitempty"`
	Second identity.AccountID `cbor:"6,keyasint,omitempty" json:"second_id,omitempty"`
	At     db.Time            `cbor:"7,keyasint" json:"at"`
}

// UseID is the id of the use of a code: the same code again is the same use.
func UseID(school identity.SchoolID, pepper []byte, code string) string {
	return id.Derived("door.use", string(school), hashOf(pepper, id.Typed(code)))
}

// MadeSheet is a sheet with its codes, which are shown once.
type MadeSheet struct {
	Sheet  Sheet
	Holder identity.Account
	Codes  []string
}

// MakeSheet makes ten codes for holder, an instructor of the school; for the head
// and admins, on either side. It replaces the holder's earlier sheet.
func (s *Service) MakeSheet(ctx context.Context, who identity.Actor, school identity.SchoolID, holder identity.AccountID) (MadeSheet, error) {
	if err := mayKeepSheets(who, school); err != nil {
		return MadeSheet{}, err
	}
	pepper, err := s.Pepper(school)
	if err != nil {
		return MadeSheet{}, fmt.Errorf("make a recovery sheet: %w", err)
	}
	out := MadeSheet{Sheet: Sheet{ID: id.New(), School: school, Holder: holder, MadeBy: who.Account, At: db.Time{Time: s.Clock.Now()}}}
	for range sheetCodes {
		code := id.Code(sheetLength)
		out.Codes = append(out.Codes, group(code))
		out.Sheet.Codes = append(out.Sheet.Codes, hashOf(pepper, code))
	}
	err = s.DB.Update(ctx, func(tx db.Tx) error {
		a, err := s.People.Account(ctx, tx, holder)
		if err != nil {
			return err
		}
		if a.Role != identity.Instructor || a.School != school {
			return errNoHolder
		}
		out.Holder = a
		if _, err := Sheets.Save(ctx, tx, out.Sheet); err != nil {
			return err
		}
		return s.note(ctx, tx, who, identity.Act{Action: "make_recovery_sheet", Target: holder})
	})
	if err != nil {
		return MadeSheet{}, fmt.Errorf("make a recovery sheet: %w", err)
	}
	return out, nil
}

func mayKeepSheets(who identity.Actor, school identity.SchoolID) error {
	if err := who.Require(identity.Admin, identity.Instructor); err != nil {
		return err
	}
	if who.Role == identity.Admin {
		return nil
	}
	if who.School == "" || who.School != school {
		return identity.ErrNoSuchSchool
	}
	if !who.Has(identity.Head) {
		return identity.ErrForbidden
	}
	return nil
}

// SheetLine is a sheet that counts, as the head sees it.
type SheetLine struct {
	Holder     identity.AccountID
	HolderName string
	At         time.Time
	Left       int
}

// ListSheets gives the sheets of a school that count; for the head and admins.
func (s *Service) ListSheets(ctx context.Context, who identity.Actor, school identity.SchoolID) ([]SheetLine, error) {
	if err := mayKeepSheets(who, school); err != nil {
		return nil, err
	}
	out := []SheetLine{}
	err := s.DB.View(ctx, func(tx db.Tx) error {
		sheets, err := newestSheets(ctx, tx, school)
		if err != nil {
			return err
		}
		out = out[:0]
		for _, sh := range sheets {
			a, err := s.People.Account(ctx, tx, sh.Holder)
			if err != nil {
				return err
			}
			left := 0
			for _, hash := range sh.Codes {
				used, err := isUsed(ctx, tx, useIDOf(school, hash))
				if err != nil {
					return err
				}
				if !used {
					left++
				}
			}
			out = append(out, SheetLine{sh.Holder, a.FullName, sh.At.Time, left})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list recovery sheets: %w", err)
	}
	return out, nil
}

func useIDOf(school identity.SchoolID, hash string) string {
	return id.Derived("door.use", string(school), hash)
}

// HolderOf gives whose sheet an unused code is on; ErrWrongCode for any other.
// The sheet of who has left the school or may not enter it counts no more.
func HolderOf(ctx context.Context, tx db.Tx, pepper []byte, school identity.SchoolID, typed string) (identity.AccountID, error) {
	hash := hashOf(pepper, id.Typed(typed))
	sheets, err := newestSheets(ctx, tx, school)
	if err != nil {
		return "", err
	}
	for _, sh := range sheets {
		for _, have := range sh.Codes {
			if !hmac.Equal([]byte(have), []byte(hash)) {
				continue
			}
			used, err := isUsed(ctx, tx, useIDOf(school, hash))
			if err != nil {
				return "", err
			}
			if used {
				return "", ErrWrongCode
			}
			return sh.Holder, nil
		}
	}
	return "", ErrWrongCode
}

// SaveUse stores that a code was used; ErrWrongCode when it was used before.
func SaveUse(ctx context.Context, tx db.Tx, u Use) error {
	isNew, err := Uses.Save(ctx, tx, u)
	if err == nil && !isNew {
		return ErrWrongCode
	}
	return err
}
