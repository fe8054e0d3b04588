package payments_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/payments"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// noon in Nairobi on a Monday.
var noon = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

type world struct {
	*payments.Service

	db                               db.DB
	clock                            *clock.Fake
	journal                          *journal
	public                           ed25519.PublicKey
	school                           identity.SchoolID
	learner, other, parent, stranger identity.AccountID
	course, free, dollars            catalogue.CourseID
	price                            int64
	bursar                           identity.Actor
}

type journal struct{ changes []syncer.Change }

func (j *journal) Record(_ context.Context, _ db.Tx, c syncer.Change) error {
	j.changes = append(j.changes, c)
	return nil
}

func (w *world) VerifiedPhones(_ context.Context, _ db.Tx, learner identity.AccountID) ([]string, error) {
	if learner == w.learner {
		return []string{"+254 711 000 001"}, nil
	}
	return []string{"0711000002"}, nil
}

func (w *world) Children(_ context.Context, _ db.Tx, parent identity.AccountID) ([]identity.AccountID, error) {
	if parent == w.parent {
		return []identity.AccountID{w.learner, w.other}, nil
	}
	return nil, nil
}

func (w *world) SchoolOf(_ context.Context, _ db.Tx, learner identity.AccountID) (identity.SchoolID, error) {
	if learner == w.learner || learner == w.other {
		return w.school, nil
	}
	return "", nil
}

func (w *world) Price(_ context.Context, _ db.Tx, course catalogue.CourseID) (payments.Price, error) {
	switch course {
	case w.course:
		return payments.Price{AmountMinor: w.price, Currency: "KES", Edition: 3, Owner: payments.Platform}, nil
	case w.free:
		return payments.Price{Currency: "KES", Edition: 3, Owner: payments.Platform}, nil
	case w.dollars:
		return payments.Price{AmountMinor: 1000, Currency: "USD", Edition: 3, Owner: payments.Platform}, nil
	}
	return payments.Price{}, fault.New(fault.NotFound, "no course")
}

func newWorld(d db.DB) *world {
	public, private, _ := ed25519.GenerateKey(nil)
	w := &world{
		clock: clock.NewFake(noon), journal: &journal{}, public: public, school: identity.SchoolID(id.New()), price: 1500_00,
		learner: identity.AccountID(id.New()), other: identity.AccountID(id.New()), parent: identity.AccountID(id.New()), stranger: identity.AccountID(id.New()),
		course: catalogue.CourseIDOf("paid"), free: catalogue.CourseIDOf("free"), dollars: catalogue.CourseIDOf("dollars"),
	}
	w.db = syncer.WithJournal(d, w.journal)
	w.bursar = identity.Actor{Account: identity.AccountID(id.New()), Role: identity.Instructor, School: w.school, Duties: []identity.Duty{identity.Bursar}}
	w.Service = payments.New(w.db, payments.Options{
		Clock: w.clock, Prices: w, Guardians: w, Gateway: payments.Waiting{},
		Sign: func(m []byte) []byte { return ed25519.Sign(private, m) },
	})
	return w
}

func (w *world) submission() payments.Submission {
	return payments.Submission{Learner: w.learner, Course: w.course, Phone: "0711 000 001", AmountMinor: w.price, Currency: "KES"}
}

func (w *world) outcome(t *testing.T, p payments.Payment, state payments.State) {
	t.Helper()
	if err := w.db.Update(t.Context(), func(tx db.Tx) error {
		_, err := payments.Outcomes.Put(t.Context(), tx, payments.Outcome{IntentID: p.ID, LearnerID: p.LearnerID, State: state, Rev: 1, At: db.Time{Time: noon}})
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestStart(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		ctx, w := t.Context(), newWorld(d)
		first, err := w.StartPayment(ctx, w.bursar, w.submission())
		if err != nil {
			t.Fatal(err)
		}
		t.Run("an intent waits with price, edition, expiry and the normal form of the number", func(t *testing.T) {
			if first.State != payments.StateWaiting || first.Due != 1500_00 || first.Edition != 3 || first.PayerPhone != "254711000001" ||
				!first.ExpiresAt.Equal(noon.Add(payments.DefaultValidity)) || len(first.Reference) != 12 || first.Reference != payments.ReferenceOf(first.ID) {
				t.Errorf("%+v", first)
			}
		})
		t.Run("it is signed, queued for the cloud, and stored to the byte", func(t *testing.T) {
			if len(w.journal.changes) != 1 || w.journal.changes[0].Spec.Lane != syncproto.LaneMoney {
				t.Fatalf("%+v", w.journal.changes)
			}
			var sent payments.Intent
			if err := syncproto.DecodeBody(w.journal.changes[0].Body, &sent); err != nil {
				t.Fatal(err)
			}
			if !sent.SignedBy([]ed25519.PublicKey{w.public}) {
				t.Error("the signature is not good")
			}
			forged := sent
			forged.AmountMinor = 1_00
			if forged.SignedBy([]ed25519.PublicKey{w.public}) {
				t.Error("another amount has the same signature")
			}
			if err := d.View(ctx, func(tx db.Tx) error {
				stored, err := payments.Intents.Get(ctx, tx, string(sent.ID))
				a, _ := syncproto.EncodeBody(stored)
				if string(a) != string(w.journal.changes[0].Body) {
					t.Errorf("stored %+v, sent %+v", stored, sent)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
		})
		t.Run("a second request joins the open one", func(t *testing.T) {
			again, err := w.StartPayment(ctx, w.bursar, w.submission())
			if err != nil || again.ID != first.ID || len(w.journal.changes) != 1 {
				t.Errorf("%v %s, %d changes", err, again.ID, len(w.journal.changes))
			}
		})
		t.Run("an unpaid outcome frees the course for a new intent", func(t *testing.T) {
			w.outcome(t, first, payments.StateFailed)
			again, err := w.StartPayment(ctx, w.bursar, w.submission())
			if err != nil || again.ID == first.ID {
				t.Errorf("%v %s", err, again.ID)
			}
		})
		t.Run("a number is asked three times a day at most", func(t *testing.T) {
			for range 2 {
				p, err := w.StartPayment(ctx, w.bursar, w.submission())
				if err != nil {
					t.Fatal(err)
				}
				w.outcome(t, p, payments.StateFailed)
			}
			if _, err := w.StartPayment(ctx, w.bursar, w.submission()); !errors.Is(err, payments.ErrTooManyPrompts) {
				t.Errorf("got %v", err)
			}
			w.clock.Advance(24 * time.Hour)
			if _, err := w.StartPayment(ctx, w.bursar, w.submission()); err != nil {
				t.Errorf("the next day: %v", err)
			}
		})
	})
}

func TestRefusals(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(d)
		teacher := identity.Actor{Account: w.bursar.Account, Role: identity.Instructor, School: w.school}
		elsewhere := w.bursar
		elsewhere.School = identity.SchoolID(id.New())
		for name, c := range map[string]struct {
			who  identity.Actor
			edit func(*payments.Submission)
			want error
		}{
			"a negative amount":                    {w.bursar, func(s *payments.Submission) { s.AmountMinor = -1 }, payments.ErrAmount},
			"an amount of zero":                    {w.bursar, func(s *payments.Submission) { s.AmountMinor = 0 }, payments.ErrAmount},
			"another amount than the price":        {w.bursar, func(s *payments.Submission) { s.AmountMinor = 1_00 }, payments.ErrWrongAmount},
			"another currency":                     {w.bursar, func(s *payments.Submission) { s.Currency = "USD" }, payments.ErrCurrency},
			"a course in dollars":                  {w.bursar, func(s *payments.Submission) { s.Course, s.AmountMinor = w.dollars, 1000 }, payments.ErrCurrency},
			"an unknown course":                    {w.bursar, func(s *payments.Submission) { s.Course = "none" }, payments.ErrUnknownCourse},
			"a free course":                        {w.bursar, func(s *payments.Submission) { s.Course = w.free }, payments.ErrFree},
			"a landline":                           {w.bursar, func(s *payments.Submission) { s.Phone = "0201234567" }, payments.ErrPhone},
			"a number of nobody we know":           {w.bursar, func(s *payments.Submission) { s.Phone = "0722000000" }, payments.ErrNotGuardian},
			"the number of another child's mother": {w.bursar, func(s *payments.Submission) { s.Phone = "0711000002" }, payments.ErrNotGuardian},
			"an unknown learner":                   {w.bursar, func(s *payments.Submission) { s.Learner = w.stranger }, payments.ErrUnknownLearner},
			"a malformed learner":                  {w.bursar, func(s *payments.Submission) { s.Learner = "x" }, payments.ErrUnknownLearner},
			"the bursar of another school":         {elsewhere, nil, payments.ErrUnknownLearner},
			"a teacher without the duty":           {teacher, nil, identity.ErrForbidden},
			"a partner":                            {identity.Actor{Account: w.stranger, Role: identity.Partner}, nil, identity.ErrForbidden},
			"a student for somebody else":          {identity.Actor{Account: w.other, Role: identity.Student}, nil, payments.ErrUnknownLearner},
			"a parent for somebody else's child":   {identity.Actor{Account: w.stranger, Role: identity.Parent}, nil, payments.ErrUnknownLearner},
			"nobody":                               {identity.Actor{}, nil, identity.ErrNobody},
		} {
			t.Run(name+" is refused and stores nothing", func(t *testing.T) {
				in := w.submission()
				if c.edit != nil {
					c.edit(&in)
				}
				if _, err := w.StartPayment(t.Context(), c.who, in); !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if len(w.journal.changes) != 0 {
					t.Error("something was stored")
				}
			})
		}
		t.Run("a price with cents cannot be taken", func(t *testing.T) {
			w.price = 1500_01
			if _, err := w.StartPayment(t.Context(), w.bursar, w.submission()); !errors.Is(err, payments.ErrNotWhole) {
				t.Errorf("got %v", err)
			}
			w.price = 1500_00
		})
		t.Run("an unlocked course is not paid for again", func(t *testing.T) {
			if err := w.db.Update(t.Context(), func(tx db.Tx) error {
				_, err := payments.Entitlements.Put(t.Context(), tx, payments.Entitlement{
					ID: payments.EntitlementID(w.learner, w.course), LearnerID: w.learner, CourseID: w.course, Active: true, Rev: 1, At: db.Time{Time: noon},
				})
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.StartPayment(t.Context(), w.bursar, w.submission()); !errors.Is(err, payments.ErrAlreadyUnlocked) {
				t.Errorf("got %v", err)
			}
		})
	})
}

func TestWhoSees(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		ctx, w := t.Context(), newWorld(d)
		p, err := w.StartPayment(ctx, w.bursar, w.submission())
		if err != nil {
			t.Fatal(err)
		}
		second := w.submission()
		second.Learner, second.Phone = w.other, "0711000002"
		w.clock.Advance(time.Minute)
		if _, err := w.StartPayment(ctx, w.bursar, second); err != nil {
			t.Fatal(err)
		}
		student := identity.Actor{Account: w.learner, Role: identity.Student, School: w.school}
		for name, c := range map[string]struct {
			who   identity.Actor
			total int
			err   error
		}{
			"a student sees her own":           {student, 1, nil},
			"a parent sees the children's":     {identity.Actor{Account: w.parent, Role: identity.Parent}, 2, nil},
			"another parent sees none":         {identity.Actor{Account: w.stranger, Role: identity.Parent}, 0, nil},
			"the bursar sees the school's":     {w.bursar, 2, nil},
			"an admin sees all":                {identity.Actor{Account: w.stranger, Role: identity.Admin}, 2, nil},
			"a partner may not look":           {identity.Actor{Account: w.stranger, Role: identity.Partner}, 0, identity.ErrForbidden},
			"a teacher without duty may not":   {identity.Actor{Account: w.stranger, Role: identity.Instructor, School: w.school}, 0, identity.ErrForbidden},
			"nobody is asked to sign in first": {identity.Actor{}, 0, identity.ErrNobody},
		} {
			t.Run(name, func(t *testing.T) {
				page, err := w.ListPayments(ctx, c.who, 0, 1)
				if !errors.Is(err, c.err) || page.Total != c.total || len(page.Items) != min(c.total, 1) {
					t.Errorf("%v: %d of %d", err, len(page.Items), page.Total)
				}
			})
		}
		t.Run("the second page goes on where the first ended", func(t *testing.T) {
			a, _ := w.ListPayments(ctx, identity.Actor{Account: w.parent, Role: identity.Parent}, 0, 1)
			b, err := w.ListPayments(ctx, identity.Actor{Account: w.parent, Role: identity.Parent}, 1, 1)
			if err != nil || a.Items[0].LearnerID != w.other || b.Items[0].LearnerID != w.learner {
				t.Errorf("%v %+v %+v", err, a.Items, b.Items)
			}
		})
		t.Run("a payment is found by what a person typed, and hidden from others", func(t *testing.T) {
			got, err := w.Payment(ctx, student, p.Reference[:4]+" "+p.Reference[4:])
			if err != nil || got.ID != p.ID || got.PayerPhone == p.PayerPhone || got.Signature != nil {
				t.Errorf("%v %+v", err, got)
			}
			if _, err := w.Payment(ctx, identity.Actor{Account: w.other, Role: identity.Student}, p.Reference); !errors.Is(err, payments.ErrNotFound) {
				t.Errorf("another student: %v", err)
			}
		})
	})
}

func TestNumbers(t *testing.T) {
	for in, want := range map[string]string{
		"0711000001": "254711000001", "+254 711-000-001": "254711000001", "711000001": "254711000001", "0110 000 001": "254110000001",
		"254711000001": "254711000001", "07110000011": "", "0201234567": "", "phone": "", "": "", "+255711000001": "", "07110OO001": "",
	} {
		if got := payments.Phone(in); got != want {
			t.Errorf("Phone(%q) = %q, want %q", in, got, want)
		}
	}
	if got := id.Typed(" yu7k-3m9q x2Ol "); got != "YU7K3M9QX201" {
		t.Errorf("Typed gave %q", got)
	}
}
