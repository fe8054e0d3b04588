package payments

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/simgate"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	pay "urbanhomeschool.org/uhs/shared/payments"
)

func (w *world) hook(path, body string, want int) string {
	w.t.Helper()
	return w.as("", http.MethodPost, path, body, want)
}

func (w *world) as(token, method, path, body string, want int) string {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, _ := io.ReadAll(res.Body)
	if res.StatusCode != want {
		w.t.Errorf("%s %s answered %d, want %d: %s", method, path, res.StatusCode, want, answer)
	}
	return string(answer)
}

// token is the secret of the callback address, as the gateway was given it.
func (w *world) token(i pay.Intent) string {
	w.t.Helper()
	for _, p := range w.gate.Snapshot().Prompts {
		if p.Reference == i.Reference {
			return strings.TrimSuffix(strings.TrimPrefix(p.CallbackURL, w.url+"/hk/"), "/s")
		}
	}
	w.t.Fatal("the phone was not asked")
	return ""
}

func callbackBody(checkout, code, amount, receipt string) string {
	meta := ""
	if code == "0" {
		meta = fmt.Sprintf(`,"CallbackMetadata":{"Item":[{"Name":"MpesaReceiptNumber","Value":%q},{"Name":"Balance"},{"Name":"Amount","Value":%s}]}`, receipt, amount)
	}
	return fmt.Sprintf(`{"Body":{"stkCallback":{"MerchantRequestID":"m","CheckoutRequestID":%q,"ResultCode":%s,"ResultDesc":"d"%s}}}`, checkout, code, meta)
}

func confirmationBody(receipt, amount, reference string) string {
	return fmt.Sprintf(`{"TransactionType":"Pay Bill","TransID":%q,"TransTime":"20261123051544","TransAmount":%q,"BusinessShortCode":"600123","BillRefNumber":%q,"MSISDN":"2547 ***** 001"}`,
		receipt, amount, reference)
}

func TestForgeries(t *testing.T) {
	w := newWorld(t)
	i := w.intent(shared, simgate.Manual)
	w.arrive(i)
	w.run()
	w.want(i, pay.StatePending, "")
	token := w.token(i)
	checkout := w.gate.Snapshot().Prompts[0].Checkout
	t.Run("a callback with an unknown token is not found", func(t *testing.T) {
		w.hook("/hk/0123456789abcdef0123456789abcdef/s", callbackBody(checkout, "0", "1501.00", "FORGED0001"), 404)
	})
	t.Run("a callback about another request changes nothing", func(t *testing.T) {
		w.hook("/hk/"+token+"/s", callbackBody("ws_CO_other", "0", "1501.00", "FORGED0001"), 200)
		w.want(i, pay.StatePending, "")
	})
	t.Run("a body that is no report is malformed", func(t *testing.T) {
		for _, body := range []string{`{`, `[]`, `{}`, callbackBody(checkout, "0", `"many"`, "X"), callbackBody(checkout, "0", "1.5e9", "X"), callbackBody(checkout, "0", "1501.00", "")} {
			w.hook("/hk/"+token+"/s", body, 400)
		}
		w.hook("/hk/"+token+"/s", strings.Repeat(" ", maxReport+1), 413)
		w.want(i, pay.StatePending, "")
	})
	t.Run("a success nobody can prove unlocks nothing", func(t *testing.T) {
		w.hook("/hk/"+token+"/s", callbackBody(checkout, "0", "1501.00", "FORGED0001"), 200)
		w.run()
		w.want(i, pay.StatePending, "")
		if w.unlocked(i) {
			t.Error("unlocked")
		}
	})
	t.Run("a confirmation with a wrong secret is not found", func(t *testing.T) {
		w.hook("/hk/c2b0000000000000000/c", confirmationBody("FORGED0002", "1501.00", i.Reference), 404)
	})
	t.Run("a confirmation that cannot be read, or is for another PayBill, is malformed", func(t *testing.T) {
		for _, body := range []string{
			`{`, `{}`, confirmationBody("R", "-5", i.Reference), confirmationBody("R", "0", i.Reference), confirmationBody("R", "1.005", i.Reference),
			strings.Replace(confirmationBody("R", "5.00", i.Reference), "600123", "600999", 1),
		} {
			w.hook("/hk/"+c2bSecret+"/c", body, 400)
		}
	})
	t.Run("the published callback address is refused and says why", func(t *testing.T) {
		if got := w.hook("/api/v1/payments/mpesa/callback", callbackBody(checkout, "0", "1501.00", "FORGED0003"), 410); !strings.Contains(got, "callback_moved") {
			t.Error(got)
		}
	})
	w.sound(0)

	t.Run("an intent that was changed, or signed by another school, is rejected and its money parked", func(t *testing.T) {
		cheap := w.intent(shared, simgate.Success)
		cheap.AmountMinor = 1_00
		other := w.intent(shared, simgate.Success)
		other.SchoolID = identity.SchoolID(id.New())
		unsigned := w.intent(shared, simgate.Success)
		unsigned.Signature = nil
		w.arrive(cheap, w.sign(other), unsigned)
		w.wait()
		for _, i := range []pay.Intent{cheap, other, unsigned} {
			w.want(i, pay.StateRejected, "bad_signature")
		}
		w.gate.PayBill("254711000001", 1_00, cheap.Reference)
		w.gate.Wait()
		w.want(cheap, pay.StateRejected, "bad_signature")
		if w.unlocked(cheap) || w.balance(accountSuspense) != 1_00 {
			t.Errorf("unlocked %v, suspense %d", w.unlocked(cheap), w.balance(accountSuspense))
		}
		w.sound(0)
	})
	t.Run("a signed intent below the price of an edition the school knew is rejected", func(t *testing.T) {
		cheap := w.intent(shared, simgate.Success)
		cheap.AmountMinor = 100_00
		cheap = w.sign(cheap)
		gone := w.again(cheap)
		gone.LearnerID, gone.CourseID = identity.AccountID(id.New()), "withdrawn"
		stranger := w.intent(shared, simgate.Success)
		stranger.PayerPhone = "254722000000"
		w.arrive(cheap, w.sign(gone), w.sign(stranger))
		w.run()
		w.want(cheap, pay.StateRejected, "wrong_price")
		w.want(gone, pay.StateRejected, "unknown_course")
		w.want(stranger, pay.StateRejected, "payer_not_verified")
	})
}

// together runs fn n times at once.
func together(n int, fn func()) {
	var all sync.WaitGroup
	for range n {
		all.Go(fn)
	}
	all.Wait()
}

func TestDuplicates(t *testing.T) {
	w := newWorld(t)
	i := w.intent(shared, simgate.Manual)
	together(4, func() {
		if err := w.apply(i); err != nil {
			t.Error(err)
		}
	})
	other := NewExecutor(w.Service)
	together(4, func() {
		for _, e := range []*Executor{w.exec, other} {
			if err := e.begin(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		}
	})
	other.calls.Wait()
	w.run()
	checkout := w.gate.Snapshot().Prompts[0].Checkout
	w.gate.Answer(checkout, simgate.LostCallback) // paid; the test tells
	receipt := w.gate.Snapshot().Book[0].Receipt
	together(6, func() {
		w.hook("/hk/"+w.token(i)+"/s", callbackBody(checkout, "0", "1501.00", receipt), 200)
		w.gate.Confirm(receipt)
	})
	together(3, w.run)
	w.wait()
	w.hook("/hk/"+w.token(i)+"/s", callbackBody(checkout, "1032", "", ""), 200) // a contradiction, late
	w.want(i, pay.StateCompleted, "")
	if w.prompts(i) != 1 {
		t.Errorf("the phone was asked %d times", w.prompts(i))
	}
	if got := -w.balance(accountGateway); got != 1501_00 {
		t.Errorf("booked %d", got)
	}
	w.sound(0)
	if open := w.reviews(); len(open) != 0 {
		t.Errorf("open questions: %v", open)
	}
}

func TestPayBill(t *testing.T) {
	t.Run("money that came before the intent settles it without asking the phone", func(t *testing.T) {
		w := newWorld(t)
		i := w.intent(shared, simgate.Success)
		w.gate.PayBill(i.PayerPhone, 1501_00, strings.ToLower(i.Reference[:6])+"-"+i.Reference[6:])
		w.gate.Wait()
		if open := w.reviews(); len(open) != 1 || open[0] != "unmatched" || w.balance(accountSuspense) != 1501_00 {
			t.Errorf("open %v, suspense %d", open, w.balance(accountSuspense))
		}
		w.sound(0)
		w.clock.Advance(5 * 24 * time.Hour) // the school was offline
		w.arrive(i)
		w.wait()
		w.want(i, pay.StateCompleted, "")
		if w.prompts(i) != 0 || w.balance(accountSuspense) != 0 || len(w.reviews()) != 0 {
			t.Errorf("asked %d times, suspense %d, open %v", w.prompts(i), w.balance(accountSuspense), w.reviews())
		}
		w.sound(0)
	})
	t.Run("a learner's number is enough when the amount is the price", func(t *testing.T) {
		w := newWorld(t)
		before, after := w.intent(shared, simgate.Success), w.intent(own, simgate.Manual)
		w.gate.PayBill(before.PayerPhone, 1501_00, pay.LearnerReference(before.LearnerID))
		w.gate.Wait()
		w.arrive(before, after)
		w.want(before, pay.StateCompleted, "")
		w.run()
		w.gate.PayBill(after.PayerPhone, 800_00, pay.LearnerReference(after.LearnerID))
		w.gate.Wait()
		w.want(after, pay.StateCompleted, "")
		w.gate.PayBill(after.PayerPhone, 5_00, pay.LearnerReference(after.LearnerID))
		w.gate.Wait()
		if w.balance(accountSuspense) != 5_00 {
			t.Errorf("suspense %d", w.balance(accountSuspense))
		}
		w.sound(0)
	})
	t.Run("too little waits for a person, too much unlocks and the excess waits", func(t *testing.T) {
		w := newWorld(t)
		less, more := w.intent(shared, simgate.Manual), w.intent(own, simgate.Manual)
		w.arrive(less, more)
		w.run()
		w.gate.PayBill(less.PayerPhone, 1000_00, less.Reference)
		w.gate.PayBill(more.PayerPhone, 1000_00, more.Reference)
		w.gate.Wait()
		w.want(less, pay.StateReview, "underpaid")
		w.want(more, pay.StateCompleted, "")
		if w.unlocked(less) || w.balance(accountSuspense) != 1000_00+200_00 {
			t.Errorf("unlocked %v, suspense %d", w.unlocked(less), w.balance(accountSuspense))
		}
		w.sound(0)
	})
	t.Run("paid by push and at the PayBill as well, the second waits for a person", func(t *testing.T) {
		w := newWorld(t)
		i := w.intent(shared, simgate.Manual)
		w.arrive(i)
		w.run()
		w.gate.PayBill(i.PayerPhone, 1501_00, i.Reference)
		w.gate.Wait()
		w.want(i, pay.StateCompleted, "")
		w.gate.Answer(w.gate.Snapshot().Prompts[0].Checkout, simgate.Success)
		w.wait()
		w.want(i, pay.StateCompleted, "")
		if open := w.reviews(); len(open) != 1 || open[0] != "paid_twice" || w.balance(accountSuspense) != 1501_00 {
			t.Errorf("open %v, suspense %d", open, w.balance(accountSuspense))
		}
		w.sound(0)
	})
	t.Run("one receipt with two amounts is booked once and shown to a person", func(t *testing.T) {
		w := newWorld(t)
		w.hook("/hk/"+c2bSecret+"/c", confirmationBody("UKN1", "100.00", "NOBODY"), 200)
		w.hook("/hk/"+c2bSecret+"/c", confirmationBody("UKN1", "900.00", "NOBODY"), 200)
		if open := w.reviews(); len(open) != 2 || w.balance(accountSuspense) != 100_00 {
			t.Errorf("open %v, suspense %d", open, w.balance(accountSuspense))
		}
	})
	t.Run("the second channel's report of a payment that is booked changes nothing", func(t *testing.T) {
		w := newWorld(t)
		i := w.intent(shared, simgate.Success)
		w.arrive(i)
		w.run()
		w.want(i, pay.StateCompleted, "")
		rev := w.order(i).Rev
		w.gate.Confirm(w.gate.Snapshot().Book[0].Receipt)
		if open := w.reviews(); len(open) != 0 || w.order(i).Rev != rev {
			t.Errorf("open %v, revision %d after %d", open, w.order(i).Rev, rev)
		}
		w.sound(0)
	})
	t.Run("an admin places unmatched money", func(t *testing.T) {
		w := newWorld(t)
		i := w.intent(shared, simgate.Cancel)
		w.arrive(i)
		w.run()
		w.gate.PayBill(i.PayerPhone, 1501_00, "GRACE")
		w.gate.Wait()
		open, _ := w.ListReviews(t.Context(), w.actors["admin"])
		body := fmt.Sprintf(`{"decision":"place","reference_number":%q}`, i.Reference)
		w.as("parent", http.MethodPost, "/api/v1/admin/finance/review/"+open[0].ID+"/resolve", body, 403)
		w.as("admin", http.MethodPost, "/api/v1/admin/finance/review/"+open[0].ID+"/resolve", body, 204)
		w.as("admin", http.MethodPost, "/api/v1/admin/finance/review/"+open[0].ID+"/resolve", body, 404)
		w.want(i, pay.StateLateSuccess, "")
		if w.balance(accountSuspense) != 0 || len(w.reviews()) != 0 {
			t.Errorf("suspense %d, open %v", w.balance(accountSuspense), w.reviews())
		}
		w.sound(0)
	})
}

func TestOneForACourse(t *testing.T) {
	w := newWorld(t)
	first := w.intent(shared, simgate.Manual)
	w.arrive(first)
	second := w.again(first)
	w.arrive(second)
	t.Run("a second intent for the same course does not run beside the first", func(t *testing.T) {
		w.run()
		w.want(second, pay.StateFailed, "already_started")
		if w.prompts(second) != 0 {
			t.Error("the phone was asked")
		}
	})
	t.Run("after the first failed and a third was paid, money for the first waits for a person", func(t *testing.T) {
		w.gate.Answer(w.gate.Snapshot().Prompts[0].Checkout, simgate.Cancel)
		w.run()
		w.want(first, pay.StateFailed, "cancelled")
		third := w.again(first)
		w.arrive(third)
		w.run()
		w.gate.Answer(w.gate.Snapshot().Prompts[1].Checkout, simgate.Success)
		w.run()
		w.want(third, pay.StateCompleted, "")
		w.gate.PayBill(first.PayerPhone, 1501_00, first.Reference)
		w.gate.Wait()
		w.want(first, pay.StateReview, "paid_twice")
		w.sound(0)
	})
	t.Run("an intent for an unlocked course is rejected", func(t *testing.T) {
		late := w.again(first)
		w.arrive(late)
		w.want(late, pay.StateRejected, "already_paid")
	})
}

func TestConfirm(t *testing.T) {
	old := func(t *testing.T) (*world, pay.Intent) {
		w := newWorld(t)
		i := w.intent(shared, simgate.Success)
		w.clock.Advance(11 * time.Minute)
		w.arrive(i)
		w.run()
		w.want(i, pay.StateNeedsConfirmation, "too_old")
		if w.prompts(i) != 0 {
			t.Fatal("the phone was asked")
		}
		return w, i
	}
	t.Run("an old intent is executed after a parent's fresh yes, once", func(t *testing.T) {
		w, i := old(t)
		path := "/api/v1/payments/" + string(i.ID) + "/confirm"
		w.as("", http.MethodPost, path, "", 401)
		w.as("admin", http.MethodPost, path, "", 403)
		w.as("parent", http.MethodPost, "/api/v1/payments/"+id.New()+"/confirm", "", 404)
		if _, err := w.Confirm(t.Context(), identity.Actor{Account: "other", Role: identity.Parent}, i.ID); !errors.Is(err, pay.ErrNotFound) {
			t.Errorf("another parent: %v", err)
		}
		w.as("parent", http.MethodPost, path, "", 200)
		w.as("parent", http.MethodPost, path, "", 200)
		w.run()
		w.as("parent", http.MethodPost, path, "", 200)
		w.want(i, pay.StateCompleted, "")
		if w.prompts(i) != 1 {
			t.Errorf("the phone was asked %d times", w.prompts(i))
		}
		if got := w.as("parent", http.MethodGet, "/api/v1/parent/payments", "", 200); !strings.Contains(got, `"state":"completed"`) {
			t.Error(got)
		}
		w.sound(0)
	})
	t.Run("no phone is asked at night", func(t *testing.T) {
		w, i := old(t)
		w.clock.Set(noon.Add(8 * time.Hour)) // 20:00 in Nairobi
		if _, err := w.Confirm(t.Context(), w.parent, i.ID); !errors.Is(err, ErrQuietHours) {
			t.Errorf("at 20:00: %v", err)
		}
		w.clock.Set(noon.Add(19 * time.Hour)) // 07:00
		if _, err := w.Confirm(t.Context(), w.parent, i.ID); err != nil {
			t.Errorf("at 07:00: %v", err)
		}
	})
	t.Run("after its expiry an intent is over", func(t *testing.T) {
		w, i := old(t)
		w.clock.Advance(pay.DefaultValidity)
		if _, err := w.Confirm(t.Context(), w.parent, i.ID); !errors.Is(err, ErrExpired) {
			t.Errorf("got %v", err)
		}
		w.run()
		w.want(i, pay.StateFailed, "expired")
		late := w.intent(shared, simgate.Success)
		w.clock.Advance(pay.DefaultValidity)
		w.arrive(late)
		w.want(late, pay.StateFailed, "expired")
	})
	t.Run("a changed price is shown first and charged after a second yes", func(t *testing.T) {
		w := newWorld(t)
		i := w.intent(shared, simgate.Success)
		w.prices[shared] = pay.Price{AmountMinor: 1600_00, Currency: "KES", Edition: 4, Owner: w.tutor}
		w.arrive(i)
		w.want(i, pay.StateNeedsConfirmation, "price_changed")
		if o := w.order(i); o.AmountMinor != 1600_00 {
			t.Errorf("asks for %d", o.AmountMinor)
		}
		w.prices[shared] = pay.Price{AmountMinor: 1700_00, Currency: "KES", Edition: 5, Owner: w.tutor}
		if _, err := w.Confirm(t.Context(), w.parent, i.ID); !errors.Is(err, ErrPriceChanged) {
			t.Errorf("got %v", err)
		}
		p, err := w.Confirm(t.Context(), w.parent, i.ID)
		if err != nil || p.Due != 1700_00 {
			t.Errorf("%v, due %d", err, p.Due)
		}
		w.run()
		w.want(i, pay.StateCompleted, "")
		if w.gate.Total() != 1700_00 {
			t.Errorf("charged %d", w.gate.Total())
		}
		w.sound(0)
	})
	t.Run("a newer intent takes the place of one that waits for a yes", func(t *testing.T) {
		w, i := old(t)
		next := w.again(i)
		w.arrive(next)
		w.run()
		w.want(i, pay.StateFailed, "replaced")
		w.want(next, pay.StateCompleted, "")
		if _, err := w.Confirm(t.Context(), w.parent, i.ID); !errors.Is(err, ErrUnconfirmed) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a time in the future comes from a wrong clock and asks nobody", func(t *testing.T) {
		w := newWorld(t)
		i := w.intent(shared, simgate.Success)
		i.CreatedAt, i.ExpiresAt = db.Time{Time: noon.Add(time.Hour)}, db.Time{Time: noon.Add(2 * time.Hour)}
		w.arrive(w.sign(i))
		w.want(i, pay.StateNeedsConfirmation, "too_old")
	})
	t.Run("a parent starts a payment on the cloud and is asked at once", func(t *testing.T) {
		w := newWorld(t)
		i := w.intent(own, simgate.Success) // only for the learner and the phone
		w.as("parent", http.MethodPost, "/api/v1/payments/initiate",
			fmt.Sprintf(`{"gateway":"mpesa","amount":800,"phone_number":%q,"course_id":%q,"learner_id":%q}`, i.PayerPhone, i.CourseID, i.LearnerID), 200)
		w.run()
		page, err := w.domain.ListPayments(t.Context(), w.parent, 0, 10)
		if err != nil || len(page.Items) != 1 || page.Items[0].State != pay.StateCompleted {
			t.Errorf("%v %+v", err, page)
		}
		w.sound(0)
		for body, want := range map[string]int{
			`{"gateway":"mpesa","amount":-5,"course_id":"x","learner_id":"x","phone_number":"0711000001"}`:                                                    422,
			`{"gateway":"mpesa","amount":8.001,"course_id":"x","learner_id":"x","phone_number":"0711000001"}`:                                                 422,
			`{"gateway":"stripe","amount":5,"course_id":"x","learner_id":"x","phone_number":"0711000001"}`:                                                    422,
			fmt.Sprintf(`{"gateway":"mpesa","amount":5,"course_id":"x","learner_id":%q,"phone_number":"0711000001"}`, i.LearnerID):                            404,
			fmt.Sprintf(`{"gateway":"mpesa","amount":5,"course_id":%q,"learner_id":%q,"phone_number":%q}`, shared, i.LearnerID, i.PayerPhone):                 422,
			fmt.Sprintf(`{"gateway":"mpesa","amount":1501,"course_id":%q,"learner_id":%q,"phone_number":"0733000000"}`, shared, i.LearnerID):                  422,
			fmt.Sprintf(`{"gateway":"mpesa","amount":1501,"course_id":%q,"learner_id":%q,"phone_number":"0733000000"}`, shared, identity.AccountID(id.New())): 404,
		} {
			w.as("parent", http.MethodPost, "/api/v1/payments/initiate", body, want)
		}
	})
}
