package privacy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"urbanhomeschool.org/uhs/cloud/internal/courier"
	"urbanhomeschool.org/uhs/cloud/internal/sms"
	"urbanhomeschool.org/uhs/shared/consent"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Times of questions.
const (
	// answerWithin is how long a yes is taken; a no or a stop always is.
	answerWithin = 7 * 24 * time.Hour
	// askAgain is how soon the same may be asked again.
	askAgain = 24 * time.Hour
)

// Errors of questions.
var (
	ErrNotVerified = fault.New(fault.Invalid, "This guardian's phone number is not verified.").WithCode("phone_not_verified")
	ErrAskedToday  = fault.New(fault.Conflict, "This guardian was asked the same less than a day ago.").WithCode("asked_today")
)

// Asking is a question to a guardian's phone.
type Asking struct {
	Learner  identity.AccountID
	Guardian string // the id of the link, not of an account
	Purpose  identity.Purpose
}

// Question is one that was asked.
type Question struct {
	ID         string
	Learner    identity.AccountID
	Guardian   string
	Purpose    identity.Purpose
	Version    string
	Phone      string
	Code       string
	AskedBy    identity.AccountID
	AskedAt    db.Time
	ExpiresAt  db.Time
	Answer     string // "", yes, no or stop
	AnsweredAt db.Time
}

// Ask sends a verified guardian a text message that asks for consent to one
// purpose; for admins, the head and the bursar of the learner's school.
func (s *Service) Ask(ctx context.Context, who identity.Actor, in Asking) (Question, error) {
	if !slices.Contains(identity.Purposes(), in.Purpose) {
		return Question{}, invalid("unknown_purpose", "There is no such purpose.", "purpose")
	}
	var q Question
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		learner, err := s.asked(ctx, tx, who, in)
		if err != nil {
			return err
		}
		g, err := s.o.People.GuardianByID(ctx, tx, in.Guardian)
		if err != nil {
			return err
		}
		if err := s.isOf(ctx, tx, g, learner.ID); err != nil {
			return err
		}
		if g.Phone == "" || !g.Verified {
			return ErrNotVerified
		}
		now := s.now()
		n, err := db.First(ctx, tx, countAsked, db.Scalar[int64], string(learner.ID), string(in.Purpose), g.Phone, db.Time{Time: now.Add(-askAgain)})
		if err != nil {
			return err
		}
		if n > 0 {
			return ErrAskedToday
		}
		q = Question{ID: id.New(), Learner: learner.ID, Guardian: g.ID, Purpose: in.Purpose, Version: consent.Version, Phone: g.Phone,
			AskedBy: who.Account, AskedAt: now, ExpiresAt: db.Time{Time: now.Add(answerWithin)}}
		if err := storeQuestion(ctx, tx, &q); err != nil {
			return err
		}
		return s.send(ctx, tx, q, learner)
	})
	if err != nil {
		return Question{}, fmt.Errorf("ask for consent: %w", err)
	}
	return q, nil
}

// asked is the learner, when the actor may ask about her.
func (s *Service) asked(ctx context.Context, tx db.Tx, who identity.Actor, in Asking) (identity.Account, error) {
	if err := who.Require(identity.Admin, identity.Instructor); err != nil {
		return identity.Account{}, err
	}
	if err := s.o.People.MaySee(ctx, tx, who, in.Learner); err != nil {
		return identity.Account{}, err
	}
	if who.Role == identity.Instructor && !who.Has(identity.Head) && !who.Has(identity.Bursar) {
		return identity.Account{}, identity.ErrForbidden
	}
	return s.o.People.Survivor(ctx, tx, in.Learner)
}

// isOf refuses a guardian of somebody else.
func (s *Service) isOf(ctx context.Context, tx db.Tx, g identity.Guardian, learner identity.AccountID) error {
	selves, err := s.o.People.Selves(ctx, tx, learner)
	if err == nil && !slices.Contains(selves, g.Learner) {
		err = identity.ErrNoSuchGuardian
	}
	return err
}

// storeQuestion gives q a code that no other question to this phone has. Four
// digits are enough: they count only together with the phone.
func storeQuestion(ctx context.Context, tx db.Tx, q *Question) error {
	for range 50 {
		q.Code = strconv.Itoa(1000 + id.Below(9000))
		n, err := tx.Exec(ctx, insertQuestion, questionArgs(*q)...)
		if err != nil || n > 0 {
			return err
		}
	}
	return errors.New("no code is free for this phone")
}

func (s *Service) send(ctx context.Context, tx db.Tx, q Question, learner identity.Account) error {
	language, err := s.language(ctx, tx, learner)
	if err != nil {
		return err
	}
	words, _ := consent.Texts(q.Version)
	return s.o.Courier.Send(ctx, tx, courier.Letter{Channel: courier.SMS, To: q.Phone, Template: "consent_ask", Language: language,
		Data: map[string]string{"child": firstName(learner), "question": words[q.Purpose][language].SMS, "code": q.Code}})
}

// language is what a learner's guardians are written in: her school's.
func (s *Service) language(ctx context.Context, tx db.Tx, learner identity.Account) (string, error) {
	if learner.School == "" {
		return "en", nil
	}
	school, err := s.o.People.School(ctx, tx, learner.School)
	if err != nil || school.Language != "sw" {
		return "en", err
	}
	return "sw", nil
}

// firstName is all of a child's name that a text message says, so short that it
// fits.
func firstName(a identity.Account) string {
	const most = 24
	name, _, _ := strings.Cut(a.FullName, " ")
	if r := []rune(name); len(r) > most {
		return string(r[:most])
	}
	return name
}

// ListQuestions gives what was asked about a learner, latest first, to those who
// may ask and to her guardians.
func (s *Service) ListQuestions(ctx context.Context, who identity.Actor, learner identity.AccountID) (out []Question, err error) {
	err = s.o.DB.View(ctx, func(tx db.Tx) error {
		if err := who.Require(identity.Admin, identity.Instructor, identity.Parent); err != nil {
			return err
		}
		if err := s.o.People.MaySee(ctx, tx, who, learner); err != nil {
			return err
		}
		out, err = db.All(ctx, tx, listQuestions, scanQuestion, string(learner))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list questions for consent: %w", err)
	}
	return out, nil
}

// The answers.
const (
	yes  = "yes"
	no   = "no"
	stop = "stop"
)

// word is one that people type: what it means, and the language it is of.
type word struct{ answer, language string }

// words are what people type, in both languages. An English one says nothing about
// who types it: the messages of every network say STOP.
var words = map[string]word{ //nolint:gochecknoglobals // a constant
	"YES": {yes, ""}, "NDIO": {yes, "sw"}, "NDIYO": {yes, "sw"}, "NO": {no, ""}, "HAPANA": {no, "sw"}, "LA": {no, "sw"},
	"STOP": {stop, ""}, "ACHA": {stop, "sw"}, "SIMAMA": {stop, "sw"},
}

// heard reads a text message: a word we know and, in any order, a code. One that
// says both yes and no, as our own question sent back by a machine does, says
// neither.
func heard(text string) (said word, code string) {
	fields := strings.FieldsFunc(strings.ToUpper(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	both := false
	for _, f := range fields {
		if w, ok := words[f]; ok {
			both = both || said.answer != "" && (said.answer == yes) != (w.answer == yes)
			if said.answer == "" {
				said = w
			}
		}
		if len(f) == 4 && strings.Trim(f, "0123456789") == "" && code == "" {
			code = f
		}
	}
	if both {
		return word{}, code
	}
	return said, code
}

// OnMessage takes a text message to our short code; it is a courier.Listener. It
// leaves alone what comes from nobody whom we asked.
func (s *Service) OnMessage(ctx context.Context, tx db.Tx, in sms.Incoming) (handled bool, err error) {
	said, code := heard(in.Text)
	switch {
	case said.answer == "":
	case code != "":
		handled, err = s.answered(ctx, tx, reply{in.From, code, said})
	case said.answer == stop:
		handled, err = s.stopAll(ctx, tx, in.From, said.language)
	}
	if handled || err != nil {
		return handled, err
	}
	return s.misread(ctx, tx, in.From, said.language)
}

// reply is what came from a phone about a question.
type reply struct {
	phone, code string
	word
}

func (s *Service) answered(ctx context.Context, tx db.Tx, in reply) (bool, error) {
	answer := in.answer
	q, err := db.First(ctx, tx, lockQuestion, scanQuestion, in.phone, in.code)
	if errors.Is(err, db.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	g, err := s.o.People.GuardianByID(ctx, tx, q.Guardian)
	if errors.Is(err, identity.ErrNoSuchGuardian) {
		return true, nil // who is no guardian any more decides nothing
	}
	if err != nil {
		return false, err
	}
	if !g.Verified || g.Phone != in.phone {
		return true, nil // her number is another by now
	}
	q.Phone = in.phone
	learner, err := s.o.People.Survivor(ctx, tx, q.Learner)
	if err != nil {
		return false, err
	}
	err = s.isOf(ctx, tx, g, learner.ID)
	if errors.Is(err, identity.ErrNoSuchGuardian) && answer == yes {
		return true, nil // a merge was taken back: she is somebody else's; what was allowed she may still end
	}
	if err != nil && !errors.Is(err, identity.ErrNoSuchGuardian) {
		return false, err
	}
	now := s.now()
	if answer == yes && now.After(q.ExpiresAt.Time) {
		return true, s.reply(ctx, tx, q, courier.Letter{Template: "consent_late", Language: in.language})
	}
	if _, err := tx.Exec(ctx, answerQuestion, q.ID, answer, now); err != nil {
		return true, err
	}
	said := identity.NewConsent{Learner: learner.ID, Purpose: q.Purpose, Given: answer == yes, TextVersion: q.Version}
	if _, err := s.o.People.KeepConsent(ctx, tx, g, said); err != nil {
		return true, err
	}
	template := map[string]string{yes: "consent_yes", no: "consent_no", stop: "consent_withdrawn"}[answer]
	return true, s.reply(ctx, tx, q, courier.Letter{Template: template, Language: in.language})
}

// reply sends l about a question to its phone, in the language of the learner's
// school where l names none.
func (s *Service) reply(ctx context.Context, tx db.Tx, q Question, l courier.Letter) error {
	learner, err := s.o.People.Account(ctx, tx, q.Learner)
	if err != nil {
		return err
	}
	if l.Language == "" {
		if l.Language, err = s.language(ctx, tx, learner); err != nil {
			return err
		}
	}
	l.Channel, l.To, l.Data = courier.SMS, q.Phone, map[string]string{"child": firstName(learner), "code": q.Code}
	return s.o.Courier.Send(ctx, tx, l)
}

// stopAll takes back every standing consent for the children of whoever has this
// phone, whichever way it was given. The answer is in the language she wrote in,
// else in her school's.
func (s *Service) stopAll(ctx context.Context, tx db.Tx, phone, wrote string) (bool, error) {
	ids, err := db.All(ctx, tx, guardiansOfPhone, db.Scalar[string], phone)
	if err != nil || len(ids) == 0 {
		return false, err
	}
	language := "en"
	for _, guardian := range ids {
		g, err := s.o.People.GuardianByID(ctx, tx, guardian)
		if err != nil {
			return true, err
		}
		learner, err := s.o.People.Survivor(ctx, tx, g.Learner)
		if err != nil {
			return true, err
		}
		if language, err = s.language(ctx, tx, learner); err != nil {
			return true, err
		}
		for _, p := range identity.Purposes() {
			given, err := s.o.People.HasConsent(ctx, tx, learner.ID, p)
			if err != nil {
				return true, err
			}
			if !given {
				continue
			}
			if _, err := s.o.People.KeepConsent(ctx, tx, g, identity.NewConsent{Learner: learner.ID, Purpose: p, TextVersion: consent.Version}); err != nil {
				return true, err
			}
		}
	}
	if wrote != "" {
		language = wrote
	}
	return true, s.o.Courier.Send(ctx, tx, courier.Letter{Channel: courier.SMS, To: phone, Template: "consent_stopped", Language: language})
}
