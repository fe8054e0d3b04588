package main

import (
	"context"
	"fmt"
	"path/filepath"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer"
)

// verified measures what every request with a token pays: its signature, the key
// looked up in the database, and whether the session was ended.
func verified(ctx context.Context, url, dir string) error {
	s, err := openServer(ctx, url)
	if err != nil {
		return err
	}
	defer s.pool.Close()
	b, err := openBox(ctx, filepath.Join(dir, "verify.db"), syncer.Log{School: id.New(), Epoch: 1})
	if err != nil {
		return err
	}
	defer func() { _ = b.file.Close() }()
	for _, on := range []struct {
		name string
		d    db.DB
	}{{"PostgreSQL", s.pool}, {"SQLite", b.file}} {
		if err := verify(ctx, on.name, on.d); err != nil {
			return err
		}
	}
	return nil
}

func verify(ctx context.Context, name string, d db.DB) error {
	const email, password, many = "measured@uhs.example", "Sunny-Day-2026", 2000
	people := identity.New(identity.Options{DB: d, Clock: clock.System{}, Issuer: "measured", Audience: identity.CloudAudience,
		Pepper: func(identity.SchoolID) ([]byte, error) { return make([]byte, 32), nil }, Passwords: identity.CloudPasswords{}, BcryptCost: 4})
	if err := people.EnsureKey(ctx); err != nil {
		return err
	}
	if _, err := people.CreateFirstAdmin(ctx, email, password, "Measured"); err != nil {
		return err
	}
	tokens, err := people.SignIn(ctx, email, password)
	if err != nil {
		return err
	}
	var w watch
	for range many {
		if err := w.run(func() error { _, err := people.Verify(ctx, tokens.Access); return err }); err != nil {
			return err
		}
	}
	tell("a token verified with its key and session, "+name, fmt.Sprintf("%d ns", w.took.Nanoseconds()/many), "-")
	return nil
}
