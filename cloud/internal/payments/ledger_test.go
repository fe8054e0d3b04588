package payments

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"urbanhomeschool.org/uhs/cloud/internal/simgate"
	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
	pay "urbanhomeschool.org/uhs/shared/payments"
)

func TestSplit(t *testing.T) {
	t.Run("every split is exact, floors the shares and leaves the rest to the platform", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			amount := rapid.Int64Range(0, 1<<62).Draw(t, "amount")
			shares := Split(amount, "teacher")
			var sum int64
			parts := map[string]int64{}
			for _, s := range shares {
				sum += s.AmountMinor
				parts[s.Account] = s.AmountMinor
			}
			if sum != amount {
				t.Fatalf("the shares of %d sum to %d", amount, sum)
			}
			if parts["inst:teacher:held"] != amount/10*6+amount%10*6/10 || parts["marketing:pool"] != amount/10 {
				t.Fatalf("%d is shared as %v", amount, parts)
			}
			if amount > 0 && slices.ContainsFunc(shares, func(s Share) bool { return s.AmountMinor <= 0 }) {
				t.Fatalf("%d has an empty share: %v", amount, shares)
			}
		})
	})
	t.Run("a platform course is not shared", func(t *testing.T) {
		if got := Split(1500_01, string(pay.Platform)); len(got) != 1 || got[0] != (Share{"platform:rev", 1500_01}) {
			t.Errorf("got %v", got)
		}
	})
}

func TestLedger(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	book := func(tr Transaction) (posted bool, err error) {
		err = w.db.Update(ctx, func(tx db.Tx) error {
			posted, err = w.post(ctx, tx, tr)
			return err
		})
		return posted, err
	}
	good := Transaction{ID: "rcv:1", Kind: "receipt", Receipt: "1", Postings: []Posting{{accountGateway, "KES", -5}, {accountSuspense, "KES", 5}}}
	t.Run("a transaction is booked once", func(t *testing.T) {
		first, err1 := book(good)
		second, err2 := book(good)
		if !first || second || err1 != nil || err2 != nil {
			t.Errorf("%v %v, %v %v", first, err1, second, err2)
		}
	})
	t.Run("the same id with another payload is an error", func(t *testing.T) {
		other := good
		other.Postings = []Posting{{accountGateway, "KES", -6}, {accountSuspense, "KES", 6}}
		if _, err := book(other); !errors.Is(err, ErrContradiction) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a transaction that is off in one currency is refused before the database", func(t *testing.T) {
		if _, err := book(Transaction{ID: "x", Postings: []Posting{{"a", "KES", -5}, {"b", "USD", 5}}}); err == nil {
			t.Error("booked")
		}
	})
	header := `INSERT INTO ledger_transactions VALUES ('bad', 'k', '', '', '', '\x00', 2, now())`
	for name, statements := range map[string][]string{
		"the database refuses postings that do not sum to zero": {
			header, `INSERT INTO ledger_postings VALUES ('bad', 0, 'a', 'KES', -5), ('bad', 1, 'b', 'KES', 4)`,
		},
		"the database refuses postings that balance across currencies only": {
			header, `INSERT INTO ledger_postings VALUES ('bad', 0, 'a', 'KES', -5), ('bad', 1, 'b', 'USD', 5)`,
		},
		"the database refuses a transaction without postings":   {header},
		"the database refuses postings added later":             {`INSERT INTO ledger_postings VALUES ('rcv:1', 2, 'a', 'KES', -5), ('rcv:1', 3, 'b', 'KES', 5)`},
		"the database refuses to change a posting":              {`UPDATE ledger_postings SET amount_minor = amount_minor * 2`},
		"the database refuses to delete a posting":              {`DELETE FROM ledger_postings`},
		"the database refuses to change a transaction":          {`UPDATE ledger_transactions SET kind = 'other'`},
		"the database refuses to delete a transaction":          {`DELETE FROM ledger_transactions`},
		"the database refuses to empty the book":                {`TRUNCATE ledger_postings, ledger_transactions`},
		"the database refuses a second paid order for a course": {orderRow("a", "completed"), orderRow("b", "late_success")},
		"the database refuses a second open order for a course": {orderRow("a", "pending"), orderRow("b", "unknown")},
	} {
		t.Run(name, func(t *testing.T) {
			err := w.db.Update(ctx, func(tx db.Tx) error {
				for _, s := range statements {
					if _, err := tx.Exec(ctx, db.SQL{Postgres: s}); err != nil {
						return err
					}
				}
				return nil
			})
			if err == nil || !w.db.Permanent(err) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("the check finds money that was booked without a receipt, and a course that was unlocked without money", func(t *testing.T) {
		if err := w.db.Update(ctx, func(tx db.Tx) error {
			_, err := pay.Entitlements.Put(ctx, tx, pay.Entitlement{ID: "e", LearnerID: "l", CourseID: "c", Source: pay.SourcePurchase, Active: true, At: db.Time{Time: noon}})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		broken, err := w.Check(ctx)
		if err != nil || len(broken) != 2 || !strings.Contains(strings.Join(broken, "\n"), "booked 5, received 0") {
			t.Errorf("%v %q", err, broken)
		}
	})
}

func orderRow(intent, state string) string {
	return fmt.Sprintf(`INSERT INTO payment_orders (intent_id, school_id, learner_id, course_id, payer_phone, amount_minor, currency, owner,
		reference, learner_reference, state, reason, rev, asked_at, created_at, expires_at, updated_at)
		VALUES ('%[1]s', 's', 'l', 'c', '2', 100, 'KES', 'platform', '%[1]s', 'r', '%[2]s', '', 1, now(), now(), now(), now())`, intent, state)
}

// TestAnyOrder lets payers, gateway, schools and time act in any order, and
// proves the book after every step.
func TestAnyOrder(t *testing.T) {
	// Every step is a handful of transactions: a quarter of rapid's usual number
	// of runs, unless a number is asked for.
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		if err := f.Value.Set("25"); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Value.Set(f.DefValue) }()
	}
	w := newWorld(t)
	scenarios := append(simgate.Scenarios(), simgate.Success)
	rapid.Check(t, func(r *rapid.T) {
		var intents []pay.Intent
		pick := func(r *rapid.T) pay.Intent {
			if len(intents) == 0 {
				r.Skip()
			}
			return rapid.SampledFrom(intents).Draw(r, "intent")
		}
		paid := map[pay.IntentID]bool{}
		start := func(i pay.Intent) {
			intents = append(intents, i)
			w.arrive(i)
		}
		r.Repeat(map[string]func(*rapid.T){
			"a school starts a payment": func(r *rapid.T) {
				course := rapid.SampledFrom([]catalogue.CourseID{shared, own}).Draw(r, "course")
				start(w.intent(course, rapid.SampledFrom(scenarios).Draw(r, "scenario")))
			},
			"somebody tries again":  func(r *rapid.T) { start(w.again(pick(r))) },
			"an intent comes twice": func(r *rapid.T) { w.arrive(pick(r)) },
			"the executor works":    func(*rapid.T) { w.run() },
			"time passes": func(r *rapid.T) {
				w.clock.Advance(time.Duration(rapid.IntRange(1, 7200).Draw(r, "seconds")) * time.Second)
			},
			"somebody pays at the PayBill": func(r *rapid.T) {
				i := pick(r)
				ref := rapid.SampledFrom([]string{i.Reference, pay.LearnerReference(i.LearnerID), "NOBODY"}).Draw(r, "reference")
				w.gate.PayBill(i.PayerPhone, rapid.SampledFrom([]int64{i.AmountMinor, i.AmountMinor / 200 * 100, i.AmountMinor + 100_00}).Draw(r, "amount"), ref)
				w.gate.Wait()
			},
			"the gateway repeats a report": func(r *rapid.T) {
				if b := w.gate.Snapshot().Book; len(b) > 0 {
					w.gate.Confirm(rapid.SampledFrom(b).Draw(r, "charge").Receipt)
				}
			},
			"a parent says yes": func(r *rapid.T) { _, _ = w.Confirm(t.Context(), w.parent, pick(r).ID) },
			"": func(r *rapid.T) {
				w.gate.Wait()
				broken, err := w.Check(t.Context())
				if err != nil || len(broken) > 0 {
					r.Fatalf("%v %q", err, broken)
				}
				for _, i := range intents {
					o := w.order(i)
					if paid[i.ID] && !o.State.Paid() {
						r.Fatalf("a paid order became %s", o.State)
					}
					paid[i.ID] = o.State.Paid()
					if n := w.prompts(i); n > 1 {
						r.Fatalf("a phone was asked %d times for one intent", n)
					}
				}
			},
		})
		// Once every charge was reported, the book of the gateway is ours.
		for _, c := range w.gate.Snapshot().Book {
			w.gate.Confirm(c.Receipt)
		}
		if charged, booked := w.gate.Total(), -w.balance(accountGateway); charged != booked {
			r.Fatalf("the gateway charged %d, the ledger holds %d", charged, booked)
		}
	})
}
