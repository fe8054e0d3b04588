package door

import (
	"context"
	"crypto/hmac"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// CodeLifetime is how long a one-time code may be used.
const CodeLifetime = 7 * 24 * time.Hour

// A one-time code is 80 bits in 16 characters: 20 of the hour it ends in, 15 at
// random, 45 of a keyed hash over both, the school and the person. Guesses are
// slowed at the door.
const (
	codeLength = 16
	hourBits   = 20
	nonceBits  = 15
	proofBits  = 45
)

// codeEpoch is hour zero of one-time codes.
var codeEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// IssuedCode is a one-time code, shown once.
type IssuedCode struct {
	Code  string
	Until time.Time
}

// IssueCode gives a teacher who is signed in to the cloud the code with which she
// sets her password at the school's box. The cloud password never goes there.
func (s *Service) IssueCode(ctx context.Context, who identity.Actor) (IssuedCode, error) {
	if err := who.Require(identity.Instructor); err != nil {
		return IssuedCode{}, err
	}
	if who.School == "" {
		return IssuedCode{}, identity.ErrNoSuchSchool
	}
	pepper, err := s.Pepper(who.School)
	if err != nil {
		return IssuedCode{}, fmt.Errorf("issue a code: %w", err)
	}
	var out IssuedCode
	err = s.DB.Update(ctx, func(tx db.Tx) error {
		a, err := s.People.Account(ctx, tx, who.Account)
		if err != nil {
			return err
		}
		if err := a.MayEnter(); err != nil {
			return err
		}
		if a.School != who.School {
			return identity.ErrNoSuchSchool
		}
		hour := int(s.Clock.Now().Add(CodeLifetime).Sub(codeEpoch) / time.Hour)
		out = IssuedCode{Until: endOf(hour), Code: group(writeCode(pepper, a, hour, id.Below(1<<nonceBits)))}
		return s.note(ctx, tx, who, identity.Act{Action: "issue_school_code", Target: who.Account})
	})
	if err != nil {
		return IssuedCode{}, fmt.Errorf("issue a code: %w", err)
	}
	return out, nil
}

// CheckCode tells whether typed is a code that the cloud gave to a, at now. That
// it was not used before is for the caller to see to (UseOfCode).
func CheckCode(pepper []byte, a identity.Account, typed string, now time.Time) error {
	v, ok := readBits(id.Typed(typed))
	if !ok {
		return ErrWrongCode
	}
	hour, nonce := int(v.hour), int(v.nonce)
	want := writeCode(pepper, a, hour, nonce)
	if !hmac.Equal([]byte(want), []byte(id.Typed(typed))) {
		return ErrWrongCode
	}
	if now.After(endOf(hour)) {
		return ErrOldCode
	}
	return nil
}

func endOf(hour int) time.Time { return codeEpoch.Add(time.Duration(hour+1) * time.Hour) }

func writeCode(pepper []byte, a identity.Account, hour, nonce int) string {
	text := fmt.Sprintf("%s %s %d %d", a.School, a.ID, hour, nonce)
	proof := binary.BigEndian.Uint64(keyed(pepper, "one-time code 1", text)) >> (64 - proofBits)
	head := uint64(hour)<<nonceBits | uint64(nonce)
	return letter(head, hourBits+nonceBits) + letter(proof, proofBits)
}

// letter writes the low bits of v, five to a character.
func letter(v uint64, bits int) string {
	out := make([]byte, bits/5)
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = id.Alphabet[v&31]
		v >>= 5
	}
	return string(out)
}

type codeBits struct{ hour, nonce uint64 }

func readBits(code string) (codeBits, bool) {
	if len(code) != codeLength {
		return codeBits{}, false
	}
	var head uint64
	for _, c := range code[:(hourBits+nonceBits)/5] {
		i := strings.IndexRune(id.Alphabet, c)
		if i < 0 {
			return codeBits{}, false
		}
		head = head<<5 | uint64(i)
	}
	return codeBits{head >> nonceBits, head & (1<<nonceBits - 1)}, true
}

// group writes a code in groups of four.
func group(code string) string {
	var out []string
	for len(code) > 4 {
		out, code = append(out, code[:4]), code[4:]
	}
	return strings.Join(append(out, code), "-")
}

// errNoHolder answers a sheet for somebody who is no teacher of the school.
var errNoHolder = fault.New(fault.Invalid, "A sheet is held by an instructor of the school.").WithCode("no_sheet_holder")
