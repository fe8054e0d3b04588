package patience_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2" //nolint:depguard // a request of its own, to have its context

	"urbanhomeschool.org/uhs/cloud/internal/patience"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
)

// from is the context of a request that came from an address.
func from(t *testing.T, address string) context.Context {
	t.Helper()
	proxies, err := api.ParseProxies([]string{"0.0.0.0"})
	if err != nil {
		t.Fatal(err)
	}
	a := api.New(api.Options{Log: logging.Discard(), Proxies: proxies})
	var ctx context.Context
	a.App.Get("/x", func(c *fiber.Ctx) error { ctx = c.UserContext(); return nil }) //nolint:fatcontext // it is what is wanted
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/x", nil)
	r.Header.Set("X-Forwarded-For", address)
	res, err := a.App.Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return ctx
}

func wait(err error) time.Duration {
	var f *fault.Error
	if errors.As(err, &f) && f.Kind == fault.TooMany {
		return f.Wait
	}
	return 0
}

var amina = identity.Attempt{Account: "amina", Typed: "amina@example.org", Role: identity.Parent}

func TestWrongTriesWaitLongerAndLonger(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))
	d := patience.New(c)
	ctx := from(t, "203.0.113.9")
	for i := range 3 {
		if err := d.Enter(ctx, amina); err != nil {
			t.Fatalf("try %d: %v", i+1, err)
		}
	}
	for _, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second} {
		if got := wait(d.Enter(ctx, amina)); got != want {
			t.Fatalf("wait %v, want %v", got, want)
		}
		c.Advance(want)
		if err := d.Enter(ctx, amina); err != nil {
			t.Fatalf("after waiting: %v", err)
		}
	}
	for range 40 {
		c.Advance(15 * time.Minute)
		if err := d.Enter(ctx, amina); err != nil {
			t.Fatalf("a quarter of an hour is not enough: %v", err)
		}
	}
	c.Advance(15 * time.Minute)
	if err := errors.Join(d.Enter(ctx, amina), d.Tell(ctx, amina, true), d.Enter(ctx, amina)); err != nil {
		t.Errorf("the right password does not end the wait: %v", err)
	}
}

func TestAStrangerCannotShutTheOwnerOut(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))
	d := patience.New(c)
	owner := from(t, "198.51.100.7")
	for i := range 200 {
		ctx := from(t, fmt.Sprintf("203.0.%d.%d", i/200, i%200+1))
		_ = d.Enter(ctx, amina)
		c.Advance(time.Minute)
	}
	c.Advance(-59 * time.Second)
	if got := wait(d.Enter(owner, amina)); got <= 0 || got > 30*time.Second {
		t.Errorf("the owner waits %v, want a little and at most half a minute", got)
	}
	c.Advance(30 * time.Second)
	if err := d.Enter(owner, amina); err != nil {
		t.Errorf("after half a minute: %v", err)
	}
}

func TestWhereThePersonSignedInBeforeSheDoesNotWaitForOthers(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))
	d := patience.New(c)
	home := from(t, "2001:db8:1:2::a")
	if err := errors.Join(d.Enter(home, amina), d.Tell(home, amina, true)); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		_ = d.Enter(from(t, fmt.Sprintf("203.0.%d.%d", i/200, i%200+1)), amina)
		c.Advance(time.Minute)
	}
	c.Advance(-59 * time.Second)
	if err := d.Enter(from(t, "2001:db8:1:2::b"), amina); err != nil { // another phone of the household
		t.Errorf("at home: %v", err)
	}
	if wait(d.Enter(from(t, "2001:db8:1:3::a"), amina)) == 0 {
		t.Error("a neighbour is taken for her")
	}
	if baraka := (identity.Attempt{Account: "baraka"}); d.Enter(home, baraka) != nil {
		t.Error("somebody else at her place waits")
	}
	for range 3 {
		_ = d.Enter(home, amina)
	}
	if wait(d.Enter(home, amina)) == 0 {
		t.Error("guessing at her own place is not slowed")
	}
}

func TestAHouseholdOfIPv6IsOneGuesser(t *testing.T) {
	d := patience.New(clock.NewFake(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)))
	for i := range 3 {
		if err := d.Enter(from(t, fmt.Sprintf("2001:db8:1:2::%d", i+1)), amina); err != nil {
			t.Fatal(err)
		}
	}
	if wait(d.Enter(from(t, "2001:db8:1:2:ffff::9"), amina)) == 0 {
		t.Error("another address of the same network begins anew")
	}
}

func TestAnAddressNobodyHasIsSlowedTheSame(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))
	d := patience.New(c)
	ctx := from(t, "203.0.113.9")
	nobody := identity.Attempt{Typed: "nobody@example.org"}
	for range 3 {
		_ = d.Enter(ctx, nobody)
		_ = d.Enter(ctx, amina)
	}
	if a, b := wait(d.Enter(ctx, nobody)), wait(d.Enter(ctx, amina)); a != b || a == 0 {
		t.Errorf("nobody waits %v, somebody %v", a, b)
	}
}

func TestManyNamesDoNotPushAVictimOut(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))
	d := patience.New(c)
	ctx := from(t, "203.0.113.9")
	for range 3 {
		_ = d.Enter(ctx, amina)
	}
	for i := range 60_000 {
		_ = d.Enter(ctx, identity.Attempt{Typed: fmt.Sprint(i)})
	}
	if wait(d.Enter(ctx, amina)) == 0 {
		t.Error("invented names made the victim's count forgotten")
	}
}
