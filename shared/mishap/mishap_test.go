package mishap_test

import (
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/mishap"
)

func TestOneRowForEachKindOfFailure(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		c := clock.NewFake(time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC))
		l := mishap.New(d, c, "v1")
		note := func(m mishap.Mishap) {
			t.Helper()
			if err := l.Note(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			c.Advance(time.Hour)
		}
		note(mishap.Mishap{Kind: mishap.Error, Method: "GET", Route: "/a/{id}", Message: `grade attempt 0192-77: no row "Jane"`, RequestID: "r1"})
		note(mishap.Mishap{Kind: mishap.Error, Method: "GET", Route: "/a/{id}", Message: `grade attempt 0193-12: no row "Mary"`, RequestID: "r2"})
		note(mishap.Mishap{Kind: mishap.Panic, Method: "GET", Route: "/a/{id}", Message: "nil map", RequestID: "r3"})
		page, total, err := l.List(t.Context(), 0, 10)
		if err != nil || total != 2 || len(page) != 2 {
			t.Fatalf("%+v %d %v", page, total, err)
		}
		if page[0].Kind != mishap.Panic || page[1].Count != 2 || page[1].RequestID != "r2" || page[1].LastAt.Sub(page[1].FirstAt.Time) != time.Hour || page[1].Version != "v1" {
			t.Errorf("%+v", page)
		}
		c.Advance(mishap.Keep - 90*time.Minute)
		if err := l.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if page, _, _ = l.List(t.Context(), 0, 10); len(page) != 1 || page[0].Kind != mishap.Panic {
			t.Errorf("after the sweep: %+v", page)
		}
	})
}

func TestATextIsCleanedOfWhatWasSubmitted(t *testing.T) {
	for text, want := range map[string]string{
		`ERROR: duplicate key value violates unique constraint "logins_email_key" (SQLSTATE 23505)`: `ERROR: duplicate key value violates unique constraint … (SQLSTATE 23505)`,
		`invalid input syntax for type uuid: "secret word"`:                                         `invalid input syntax for type uuid: …`,
		`learner Wanjiru Kamau of 0711000001 is not there`:                                          `learner … of … is not there`,
		`Key (email)=(a@b.c) already exists`:                                                        `Key … already exists`,
		`open 018f2f7e-0000-7000-8000-000000000001: gone`:                                           `open …: gone`,
		`token eyJhbGciOiJFZERTQSIsImtpZCI6IjEyMyJ9 refused`:                                        `token … refused`,
	} {
		if got := mishap.Clean(text, []string{"Wanjiru Kamau", "Wanjiru", "is"}); got != want {
			t.Errorf("%s\n became %s\n    want %s", text, got, want)
		}
	}
	if got := mishap.Clean(strings.Repeat("word ", 1000), nil); len([]rune(got)) > 301 {
		t.Errorf("%d characters are kept", len(got))
	}
}
