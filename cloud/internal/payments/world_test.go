package payments

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"maps"
	"net"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/payments/daraja"
	"urbanhomeschool.org/uhs/cloud/internal/simgate"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	pay "urbanhomeschool.org/uhs/shared/payments"
	"urbanhomeschool.org/uhs/shared/syncer"
)

// noon in Nairobi on a Monday.
var noon = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

const c2bSecret = "c2b0123456789abcdef"

// world is the cloud's payments on a real Postgres, answering on a real port,
// with the simulated gateway on another.
type world struct {
	*Service

	t       testing.TB
	clock   *clock.Fake
	gate    *simgate.Gate
	exec    *Executor
	url     string
	journal *journal
	school  identity.SchoolID
	key     ed25519.PrivateKey
	tutor   identity.AccountID // the outside instructor
	parent  identity.Actor
	domain  *pay.Service

	mu       sync.Mutex
	prices   map[catalogue.CourseID]pay.Price
	phones   map[identity.AccountID]string
	children []identity.AccountID
	actors   map[string]identity.Actor // by access token
}

type journal struct {
	mu    sync.Mutex
	names []string
}

func (j *journal) Record(_ context.Context, _ db.Tx, c syncer.Change) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.names = append(j.names, c.Spec.Name)
	return nil
}

func (w *world) VerifiedPhones(_ context.Context, _ db.Tx, learner identity.AccountID) ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return []string{w.phones[learner]}, nil
}

func (w *world) Children(_ context.Context, _ db.Tx, parent identity.AccountID) ([]identity.AccountID, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if parent == w.parent.Account {
		return w.children, nil
	}
	return nil, nil
}

func (w *world) SchoolOf(context.Context, db.Tx, identity.AccountID) (identity.SchoolID, error) {
	return w.school, nil
}

func (w *world) Price(_ context.Context, _ db.Tx, course catalogue.CourseID) (pay.Price, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, ok := w.prices[course]
	if !ok {
		return p, fault.New(fault.NotFound, "no course")
	}
	return p, nil
}

// The courses of the world.
var (
	shared = catalogue.CourseIDOf("of-an-outside-instructor")
	own    = catalogue.CourseIDOf("of-the-platform")
)

func newWorld(t testing.TB) *world {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, clock: clock.NewFake(noon), journal: &journal{}, school: identity.SchoolID(id.New()), key: private, tutor: identity.AccountID(id.New()),
		parent: identity.Actor{Account: identity.AccountID(id.New()), Role: identity.Parent},
		phones: map[identity.AccountID]string{}, actors: map[string]identity.Actor{},
	}
	w.actors["parent"] = w.parent
	w.actors["admin"] = identity.Actor{Account: identity.AccountID(id.New()), Role: identity.Admin}
	w.prices = map[catalogue.CourseID]pay.Price{
		shared: {AmountMinor: 1501_00, Currency: "KES", Edition: 3, Owner: w.tutor},
		own:    {AmountMinor: 800_00, Currency: "KES", Edition: 3, Owner: pay.Platform},
	}
	w.gate, err = simgate.Open(simgate.Options{Clock: w.clock, Log: logging.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	gateway := httptest.NewServer(w.gate)
	t.Cleanup(func() { w.gate.Close(); gateway.Close() })

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.url = "http://" + listener.Addr().String()
	w.Service, err = New(syncer.WithJournal(dbtest.Postgres(t), w.journal), Options{
		Clock: w.clock, Log: logging.Discard(), Prices: w, Guardians: w, PublicURL: w.url, C2BSecret: c2bSecret,
		NodeKeys: func(_ context.Context, _ db.Tx, school identity.SchoolID) ([]ed25519.PublicKey, error) {
			if school == w.school {
				return []ed25519.PublicKey{public}, nil
			}
			return nil, nil
		},
		Daraja: daraja.New(daraja.Config{
			BaseURL: gateway.URL, Key: simgate.DefaultKey, Secret: simgate.DefaultSecret,
			ShortCode: simgate.DefaultShortCode, Passkey: simgate.DefaultPasskey,
		}, w.clock, 5*time.Second),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.exec = NewExecutor(w.Service)
	w.domain = pay.New(w.db, pay.Options{Clock: w.clock, Prices: w, Guardians: w, Gateway: w.Service})
	w.serve(listener)
	if err := w.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) serve(listener net.Listener) {
	a := api.New(api.Options{Name: "test", Log: logging.Discard(), Verify: func(_ context.Context, token string) (identity.Actor, error) {
		who, ok := w.actors[token]
		if !ok {
			return who, identity.ErrNobody
		}
		return who, nil
	}})
	api.MountPayments(a, w.domain)
	Mount(a, w.Service, w.domain)
	done := make(chan struct{})
	go func() { defer close(done); _ = a.App.Listener(listener) }()
	w.t.Cleanup(func() { _ = a.App.Shutdown(); <-done })
}

// intent is a signed intent of a new learner whose guardian's phone plays how.
func (w *world) intent(course catalogue.CourseID, how simgate.Scenario) pay.Intent {
	w.mu.Lock()
	defer w.mu.Unlock()
	learner := identity.AccountID(id.New())
	phone := fmt.Sprintf("2547110%05d", len(w.phones)+10)
	w.phones[learner] = phone
	w.children = append(w.children, learner)
	k := w.gate.Snapshot().Knobs
	if k.Phones = maps.Clone(k.Phones); k.Phones == nil {
		k.Phones = map[string]simgate.Scenario{}
	}
	k.Phones[phone] = how
	w.gate.Set(k)
	i := pay.IntentID(id.New())
	price := w.prices[course]
	return w.sign(pay.Intent{
		ID: i, SchoolID: w.school, LearnerID: learner, CourseID: course, PayerPhone: phone, AmountMinor: price.AmountMinor,
		Currency: price.Currency, Edition: price.Edition, Reference: pay.ReferenceOf(i), CreatedBy: identity.AccountID(id.New()),
		CreatedAt: db.Time{Time: w.clock.Now()}, ExpiresAt: db.Time{Time: w.clock.Now().Add(pay.DefaultValidity)},
	})
}

func (w *world) sign(i pay.Intent) pay.Intent {
	i.Signature = ed25519.Sign(w.key, i.Message())
	return i
}

// again is a second intent of the same learner.
func (w *world) again(i pay.Intent) pay.Intent {
	i.ID = pay.IntentID(id.New())
	i.Reference, i.CreatedAt, i.ExpiresAt = pay.ReferenceOf(i.ID), db.Time{Time: w.clock.Now()}, db.Time{Time: w.clock.Now().Add(pay.DefaultValidity)}
	return w.sign(i)
}

// arrive applies intents as the sync engine does: Put, and the reaction for
// those that were inserted.
func (w *world) arrive(intents ...pay.Intent) {
	w.t.Helper()
	if err := w.apply(intents...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) apply(intents ...pay.Intent) error {
	return w.db.Update(w.t.Context(), func(tx db.Tx) error {
		var fresh []pay.Intent
		for _, i := range intents {
			inserted, err := pay.Intents.Put(w.t.Context(), tx, i)
			if err != nil {
				return err
			}
			if inserted {
				fresh = append(fresh, i)
			}
		}
		return w.OnIntents(w.t.Context(), tx, fresh)
	})
}

// run lets executor and gateway do all that is due now.
func (w *world) run() {
	w.t.Helper()
	for range 4 {
		if err := w.exec.Step(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		w.gate.Wait()
	}
}

// wait runs through the whole schedule of questions.
func (w *world) wait() {
	w.t.Helper()
	w.run()
	for range len(w.opts.Schedule) + 2 {
		w.clock.Advance(25 * time.Hour)
		w.run()
	}
}

func (w *world) order(i pay.Intent) order {
	w.t.Helper()
	var o order
	if err := w.db.View(w.t.Context(), func(tx db.Tx) (err error) {
		o, err = read(w.t.Context(), tx, selectOrder, i.ID)
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return o
}

func (w *world) want(i pay.Intent, state pay.State, reason string) {
	w.t.Helper()
	o := w.order(i)
	if o.State != state || o.Reason != reason {
		w.t.Errorf("the order is %s %q, want %s %q", o.State, o.Reason, state, reason)
	}
	var p pay.Payment
	var unlocked bool
	if err := w.db.View(w.t.Context(), func(tx db.Tx) (err error) {
		if p, err = pay.GetPayment(w.t.Context(), tx, i.ID); err != nil {
			return err
		}
		unlocked, err = pay.HasEntitlement(w.t.Context(), tx, i.LearnerID, i.CourseID)
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	if p.State != o.State || p.Reason != o.Reason || p.Receipt != o.Receipt {
		w.t.Errorf("the school is told %s %q, the order is %s %q", p.State, p.Reason, o.State, o.Reason)
	}
	if state.Paid() && !unlocked {
		w.t.Error("paid, and the course is locked")
	}
}

func (w *world) unlocked(i pay.Intent) (yes bool) {
	w.t.Helper()
	if err := w.db.View(w.t.Context(), func(tx db.Tx) (err error) {
		yes, err = pay.HasEntitlement(w.t.Context(), tx, i.LearnerID, i.CourseID)
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return yes
}

func (w *world) balance(account string) (n int64) {
	w.t.Helper()
	if err := w.db.View(w.t.Context(), func(tx db.Tx) (err error) {
		n, err = Balance(w.t.Context(), tx, account, "KES")
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// sound checks every invariant of the book, and the oracle: what the gateway
// charged is what the ledger holds, but for missing.
func (w *world) sound(missing int64) {
	w.t.Helper()
	broken, err := w.Check(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, b := range broken {
		w.t.Error(b)
	}
	if charged, booked := w.gate.Total(), -w.balance(accountGateway); charged != booked+missing {
		w.t.Errorf("the gateway charged %d, the ledger holds %d", charged, booked)
	}
}

func (w *world) prompts(i pay.Intent) (n int) {
	for _, p := range w.gate.Snapshot().Prompts {
		if p.Reference == i.Reference {
			n++
		}
	}
	return n
}

func (w *world) reviews() (reasons []string) {
	w.t.Helper()
	open, err := w.ListReviews(w.t.Context(), w.actors["admin"])
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range open {
		reasons = append(reasons, r.Reason)
	}
	return reasons
}
