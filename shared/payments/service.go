package payments

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// The faults of a payment that cannot be started or seen.
var (
	ErrNotFound        = fault.New(fault.NotFound, "There is no such payment.").WithCode("payment_not_found")
	ErrUnknownLearner  = fault.New(fault.NotFound, "There is no such learner.").WithCode("learner_not_found")
	ErrUnknownCourse   = fault.New(fault.NotFound, "There is no such course.").WithCode("course_not_found")
	ErrFree            = fault.New(fault.Conflict, "This course is free.").WithCode("course_is_free")
	ErrAlreadyUnlocked = fault.New(fault.Conflict, "This course is already paid for.").WithCode("already_unlocked")
	ErrAmount          = fault.New(fault.Invalid, "The amount must be more than zero.").WithCode("amount_not_positive").At("must be more than zero", "amount")
	ErrWrongAmount     = fault.New(fault.Invalid, "The amount is not the price of the course.").WithCode("wrong_amount").At("is not the price", "amount")
	ErrCurrency        = fault.New(fault.Invalid, "M-Pesa takes Kenya shillings only.").WithCode("wrong_currency").At("must be KES", "currency")
	ErrNotWhole        = fault.New(fault.Conflict, "M-Pesa takes whole shillings only; this price has cents.").WithCode("price_not_whole")
	ErrPhone           = fault.New(fault.Invalid, "This is not a Kenyan mobile number.").WithCode("phone_invalid").At("is not a Kenyan mobile number", "phone_number")
	ErrNotGuardian     = fault.New(fault.Invalid, "This number does not belong to a guardian we know.").WithCode("payer_not_verified").
				At("is not a verified guardian's number", "phone_number")
	ErrTooManyPrompts = fault.New(fault.TooMany, "This number was asked three times today. Try again tomorrow.").WithCode("prompt_limit")
)

// MaxAmountMinor is the most one M-Pesa payment may be: KES 250,000.
const MaxAmountMinor = 250_000_00

// Takes tells why M-Pesa cannot take p; nil when it can.
func (p Price) Takes() error {
	switch {
	case p.AmountMinor == 0:
		return ErrFree
	case p.Currency != "KES":
		return ErrCurrency
	case p.AmountMinor < 0 || p.AmountMinor > MaxAmountMinor || p.AmountMinor%100 != 0:
		return ErrNotWhole
	}
	return nil
}

// Submission is a request to pay for a course. AmountMinor is the price the
// payer saw.
type Submission struct {
	Learner     identity.AccountID
	Course      catalogue.CourseID
	Phone       string
	AmountMinor int64
	Currency    string
}

// StartPayment stores a signed intent and hands it to the gateway. A bursar or
// head may start one for a learner of the school, a parent for an own child, a
// student for herself; the phone must always be a verified guardian's. When a
// payment for the same learner and course is under way, that one is returned
// and nothing new is started.
func (s *Service) StartPayment(ctx context.Context, who identity.Actor, in Submission) (Payment, error) {
	if in.AmountMinor <= 0 {
		return Payment{}, ErrAmount
	}
	phone := Phone(in.Phone)
	if phone == "" {
		return Payment{}, ErrPhone
	}
	now := s.opts.Clock.Now()
	var out Payment
	err := s.db.Update(ctx, func(tx db.Tx) error {
		school, err := s.mayPay(ctx, tx, who, in.Learner)
		if err != nil {
			return err
		}
		price, err := s.price(ctx, tx, in)
		if err != nil {
			return err
		}
		if err := lockPair(ctx, tx, in.Learner, in.Course); err != nil {
			return err
		}
		running, found, err := open(ctx, tx, in.Learner, in.Course, now)
		if err != nil || found {
			out = running
			return err
		}
		if err := s.mayAsk(ctx, tx, in, phone, now); err != nil {
			return err
		}

		i := s.intent(who, in, price, now)
		i.SchoolID, i.PayerPhone = school, phone
		if s.opts.Sign != nil {
			i.Signature = s.opts.Sign(i.Message())
		}
		if _, err := Intents.Save(ctx, tx, i); err != nil {
			return fmt.Errorf("save intent: %w", err)
		}
		if err := s.opts.Gateway.Start(ctx, tx, i); err != nil {
			return fmt.Errorf("start intent %s: %w", i.ID, err)
		}
		out, err = onePayment(ctx, tx, selectByID, i.ID)
		return err
	})
	return seenBy(who, out), err
}

func (s *Service) intent(who identity.Actor, in Submission, price Price, now time.Time) Intent {
	i := IntentID(id.New())
	return Intent{
		ID: i, LearnerID: in.Learner, CourseID: in.Course, AmountMinor: price.AmountMinor, Currency: price.Currency,
		Edition: price.Edition, Reference: ReferenceOf(i), CreatedBy: who.Account,
		CreatedAt: db.Time{Time: now}, ExpiresAt: db.Time{Time: now.Add(s.opts.Validity)},
	}
}

// mayPay gives the learner's school when who may pay for the learner.
func (s *Service) mayPay(ctx context.Context, tx db.Tx, who identity.Actor, learner identity.AccountID) (identity.SchoolID, error) {
	if err := who.Require(identity.Student, identity.Parent, identity.Instructor); err != nil {
		return "", err
	}
	if who.Role == identity.Instructor && !handlesMoney(who) {
		return "", identity.ErrForbidden
	}
	if !id.Valid(string(learner)) {
		return "", ErrUnknownLearner
	}
	school, err := s.opts.Guardians.SchoolOf(ctx, tx, learner)
	if err != nil {
		return "", fmt.Errorf("find the learner's school: %w", err)
	}
	switch who.Role {
	case identity.Student:
		if learner != who.Account {
			return "", ErrUnknownLearner
		}
	case identity.Parent:
		children, err := s.opts.Guardians.Children(ctx, tx, who.Account)
		if err != nil {
			return "", fmt.Errorf("list children: %w", err)
		}
		if !slices.Contains(children, learner) {
			return "", ErrUnknownLearner
		}
	default:
		if school == "" || school != who.School {
			return "", ErrUnknownLearner
		}
	}
	return school, nil
}

func handlesMoney(who identity.Actor) bool { return who.Has(identity.Bursar) || who.Has(identity.Head) }

// price is the present price when it is the one the payer saw.
func (s *Service) price(ctx context.Context, tx db.Tx, in Submission) (Price, error) {
	price, err := s.opts.Prices.Price(ctx, tx, in.Course)
	if fault.KindOf(err) == fault.NotFound || errors.Is(err, db.ErrNoRows) {
		return Price{}, ErrUnknownCourse
	}
	if err != nil {
		return Price{}, fmt.Errorf("read the price: %w", err)
	}
	if err := price.Takes(); err != nil {
		return Price{}, err
	}
	if in.Currency != "" && in.Currency != price.Currency {
		return Price{}, ErrCurrency
	}
	if in.AmountMinor != price.AmountMinor {
		return Price{}, ErrWrongAmount
	}
	return price, nil
}

// mayAsk checks what stands against asking phone for this payment today.
func (s *Service) mayAsk(ctx context.Context, tx db.Tx, in Submission, phone string, now time.Time) error {
	unlocked, err := HasEntitlement(ctx, tx, in.Learner, in.Course)
	if err != nil {
		return fmt.Errorf("read entitlement: %w", err)
	}
	if unlocked {
		return ErrAlreadyUnlocked
	}
	known, err := s.opts.Guardians.VerifiedPhones(ctx, tx, in.Learner)
	if err != nil {
		return fmt.Errorf("list guardians' numbers: %w", err)
	}
	if !slices.ContainsFunc(known, func(p string) bool { return Phone(p) == phone }) {
		return ErrNotGuardian
	}
	asked, err := scalar(ctx, tx, countForPhone, db.Contact(phone), db.Time{Time: DayInNairobi(now)})
	if err != nil {
		return fmt.Errorf("count prompts: %w", err)
	}
	if asked >= PromptsADay {
		return ErrTooManyPrompts
	}
	return nil
}

// Page is a stretch of payments, newest first, and how many there are in all.
type Page struct {
	Items             []Payment
	Total, Skip, Take int
}

// ListPayments lists what the actor may see: a student's own, a parent's
// children's, a bursar's or head's school, for admin and staff all.
func (s *Service) ListPayments(ctx context.Context, who identity.Actor, skip, take int) (Page, error) {
	return s.list(ctx, skip, take, who, func(ctx context.Context, tx db.Tx) ([]scope, error) {
		switch who.Role {
		case identity.Student:
			return []scope{{selectOfLearner, countOfLearner, []any{who.Account}}}, nil
		case identity.Parent:
			children, err := s.opts.Guardians.Children(ctx, tx, who.Account)
			if err != nil {
				return nil, fmt.Errorf("list children: %w", err)
			}
			scopes := make([]scope, len(children))
			for i, c := range children {
				scopes[i] = scope{selectOfLearner, countOfLearner, []any{c}}
			}
			return scopes, nil
		case identity.Admin, identity.Staff:
			return []scope{{selectOfAll, countOfAll, nil}}, nil
		case identity.Instructor, identity.Partner:
			if who.Role == identity.Instructor && handlesMoney(who) && who.School != "" {
				return []scope{{selectOfSchool, countOfSchool, []any{who.School}}}, nil
			}
		}
		return nil, identity.ErrForbidden
	})
}

// ListSchoolPayments lists a school's payments for its bursar, its head, admin
// and staff.
func (s *Service) ListSchoolPayments(ctx context.Context, who identity.Actor, school identity.SchoolID, skip, take int) (Page, error) {
	return s.list(ctx, skip, take, who, func(context.Context, db.Tx) ([]scope, error) {
		if err := who.Require(identity.Admin, identity.Staff, identity.Instructor); err != nil {
			return nil, err
		}
		if who.Role == identity.Instructor && !handlesMoney(who) {
			return nil, identity.ErrForbidden
		}
		if who.Role == identity.Instructor && who.School != school {
			return nil, fault.New(fault.NotFound, "There is no such school.").WithCode("school_not_found")
		}
		return []scope{{selectOfSchool, countOfSchool, []any{school}}}, nil
	})
}

// scope is a set of payments: how to read the newest, how to count all.
type scope struct {
	read, count db.SQL
	args        []any
}

func (s *Service) list(ctx context.Context, skip, take int, who identity.Actor, scopes func(context.Context, db.Tx) ([]scope, error)) (Page, error) {
	page := Page{Skip: max(skip, 0), Take: min(max(take, 1), 100)}
	if who.Account == "" {
		return page, identity.ErrNobody
	}
	err := s.db.View(ctx, func(tx db.Tx) error {
		sets, err := scopes(ctx, tx)
		if err != nil {
			return err
		}
		page.Items, page.Total = nil, 0
		for _, set := range sets {
			items, err := listPayments(ctx, tx, set.read, append(slices.Clone(set.args), page.Skip+page.Take)...)
			if err != nil {
				return fmt.Errorf("list payments: %w", err)
			}
			n, err := scalar(ctx, tx, set.count, set.args...)
			if err != nil {
				return fmt.Errorf("count payments: %w", err)
			}
			page.Items, page.Total = append(page.Items, items...), page.Total+int(n)
		}
		return nil
	})
	if err != nil {
		return Page{}, err
	}
	slices.SortFunc(page.Items, func(a, b Payment) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt.Time), cmp.Compare(b.ID, a.ID))
	})
	from := min(page.Skip, len(page.Items))
	page.Items = page.Items[from:min(from+page.Take, len(page.Items))]
	for i := range page.Items {
		page.Items[i] = seenBy(who, page.Items[i])
	}
	return page, nil
}

// Payment reads one payment by its reference or id, if the actor may see it.
func (s *Service) Payment(ctx context.Context, who identity.Actor, ref string) (Payment, error) {
	if who.Account == "" {
		return Payment{}, identity.ErrNobody
	}
	var out Payment
	err := s.db.View(ctx, func(tx db.Tx) (err error) {
		if id.Valid(ref) {
			out, err = onePayment(ctx, tx, selectByID, ref)
		} else {
			out, err = onePayment(ctx, tx, selectByRef, id.Typed(ref))
		}
		if err != nil {
			return err
		}
		return s.maySee(ctx, tx, who, out)
	})
	if errors.Is(err, db.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return Payment{}, err
	}
	return seenBy(who, out), nil
}

func (s *Service) maySee(ctx context.Context, tx db.Tx, who identity.Actor, p Payment) error {
	ok := false
	switch who.Role {
	case identity.Student:
		ok = p.LearnerID == who.Account
	case identity.Parent:
		children, err := s.opts.Guardians.Children(ctx, tx, who.Account)
		if err != nil {
			return fmt.Errorf("list children: %w", err)
		}
		ok = slices.Contains(children, p.LearnerID)
	case identity.Instructor:
		ok = handlesMoney(who) && p.SchoolID == who.School
	case identity.Admin, identity.Staff:
		ok = true
	case identity.Partner:
	}
	if !ok {
		return ErrNotFound
	}
	return nil
}

// seenBy hides the payer's number from students, who share screens, and the
// signature from everybody.
func seenBy(who identity.Actor, p Payment) Payment {
	p.Signature = nil
	if who.Role == identity.Student && len(p.PayerPhone) == 12 {
		p.PayerPhone = p.PayerPhone[:4] + "*****" + p.PayerPhone[9:]
	}
	return p
}
