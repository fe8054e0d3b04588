package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"urbanhomeschool.org/uhs/cloud/internal/secondfactor"
	"urbanhomeschool.org/uhs/cloud/internal/web"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/fernet"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
)

func TestAFactorWhoseCodesWereLostIsNoTrap(t *testing.T) {
	ctx, d := t.Context(), dbtest.Postgres(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	now := clock.NewFake(time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC))
	factor := secondfactor.New(secondfactor.Options{
		DB: d, Clock: now, Issuer: "Urban Home School", Required: []identity.Role{identity.Admin}, Ring: fernet.Ring{{1}}, CodeKey: []byte("codes"),
	})
	people := identity.New(identity.Options{
		DB: d, Clock: now, Issuer: "https://uhs.example", Audience: identity.CloudAudience, Passwords: identity.CloudPasswords{}, SecondFactor: factor, BcryptCost: 4,
	})
	factor.Join(people)
	must(people.EnsureKey(ctx))
	_, err := people.CreateFirstAdmin(ctx, "ada@example.org", "Sunny-Day-2026", "Ada Admin")
	must(err)
	tokens, err := people.SignIn(ctx, "ada@example.org", "Sunny-Day-2026")
	must(err)

	a := api.New(api.Options{Name: "Test", Version: "test", Log: logging.Discard(), Verify: people.Verify})
	web.MountSecondFactor(a, factor)
	post := func(path, body string) int {
		t.Helper()
		r := httptest.NewRequest(http.MethodPost, "/api/v1/users/me/second-factor"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+tokens.Access)
		resp, err := a.App.Test(r, -1)
		must(err)
		must(resp.Body.Close())
		return resp.StatusCode
	}
	who, err := people.Verify(ctx, tokens.Access)
	must(err)
	setup, err := factor.Begin(ctx, who, "Sunny-Day-2026")
	must(err)
	code := func() string {
		now.Advance(time.Minute)
		c, err := totp.GenerateCode(setup.Secret, now.Now())
		must(err)
		return `{"code":"` + c + `"}`
	}

	// The answer to the first of these never arrives. Her token still says that the factor is missing.
	if got := post("/confirm", code()); got != http.StatusOK {
		t.Fatalf("confirm: %d", got)
	}
	if got := post("/recovery-codes", code()); got != http.StatusOK {
		t.Errorf("new codes: %d", got)
	}
	if got := post("/remove", code()); got != http.StatusForbidden {
		t.Errorf("remove: %d", got)
	}
}
