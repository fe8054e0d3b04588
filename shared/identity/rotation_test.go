package identity_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/identity"
)

// browser is one person's browser: its tabs share what they store, and a tab
// may work with what it read some time ago.
type browser struct {
	stored string
	tabs   [3]string
}

// TestAnyOrderOfTabsAndLostAnswers plays a browser with three tabs on a line
// that loses answers, in any order, within the grace of 20 seconds after each
// change. The browser is never signed out, and at any moment one token, and no
// more, is good for going on.
func TestAnyOrderOfTabsAndLostAnswers(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.parent(t, "mary@example.org")
	rapid.Check(t, func(rt *rapid.T) {
		ctx := t.Context()
		start, err := w.SignIn(ctx, "mary@example.org", goodWord)
		if err != nil {
			rt.Fatal(err)
		}
		b := browser{stored: start.Refresh}
		for i := range b.tabs {
			b.tabs[i] = start.Refresh
		}
		given, used := map[string]bool{start.Refresh: true}, map[string]bool{}
		for range rapid.IntRange(1, 25).Draw(rt, "rounds") {
			// Within one grace, tabs use the token they know, and answers get lost.
			left := identity.RefreshGrace
			for range rapid.IntRange(1, 5).Draw(rt, "requests") {
				tab := rapid.IntRange(0, 2).Draw(rt, "tab")
				token := b.tabs[tab]
				got, err := w.Refresh(ctx, token)
				if err != nil {
					rt.Fatalf("a tab was signed out: %v", err)
				}
				given[got.Refresh], used[token] = true, true
				if !rapid.Bool().Draw(rt, "answer lost") {
					b.stored, b.tabs[tab] = got.Refresh, got.Refresh
				}
				step := time.Duration(rapid.Int64Range(0, int64(left)/2).Draw(rt, "pause"))
				left -= step
				w.clock.Advance(step)
			}
			// Later, every tab reads what is stored. The last answers may all be lost;
			// then the browser asks again within the grace.
			if used[b.stored] {
				got, err := w.Refresh(ctx, b.stored)
				if err != nil {
					rt.Fatalf("asking again: %v", err)
				}
				b.stored = got.Refresh
			}
			if used[b.stored] {
				rt.Fatal("what is stored has been used")
			}
			for i := range b.tabs {
				b.tabs[i] = b.stored
			}
			w.clock.Advance(time.Duration(rapid.Int64Range(int64(time.Minute), int64(time.Hour)).Draw(rt, "away")))
		}
		live := 0
		for token := range given {
			if !used[token] {
				live++
			}
		}
		if live != 1 {
			rt.Fatalf("%d tokens are good for going on", live)
		}
	})
}

// TestAThiefAndAPersonEndTheFamily lets a thief who copied a token and the
// person it belongs to refresh in any order, each with the newest token she got.
// After both have been at it beyond the grace, neither is signed in any more.
func TestAThiefAndAPersonEndTheFamily(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.parent(t, "mary@example.org")
	rapid.Check(t, func(rt *rapid.T) {
		ctx := t.Context()
		start, err := w.SignIn(ctx, "mary@example.org", goodWord)
		if err != nil {
			rt.Fatal(err)
		}
		tokens, acted := [2]string{start.Refresh, start.Refresh}, [2]bool{}
		ended := false
		for !acted[0] || !acted[1] || rapid.IntRange(0, 3).Draw(rt, "more") > 0 {
			i := rapid.IntRange(0, 1).Draw(rt, "who")
			got, err := w.Refresh(ctx, tokens[i])
			acted[i] = true
			switch {
			case err == nil:
				if ended {
					rt.Fatal("somebody got on after the family had ended")
				}
				tokens[i] = got.Refresh
			case errors.Is(err, identity.ErrRefreshReused):
				ended = true
			case errors.Is(err, identity.ErrTokenRevoked) && ended:
			default:
				rt.Fatalf("unexpected: %v", err)
			}
			w.clock.Advance(identity.RefreshGrace + time.Second)
		}
		if !ended {
			rt.Fatal("two parties hold the family and both go on")
		}
	})
}
