package api

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
)

func TestAFloodOfInventedNamesTakesNoMemory(t *testing.T) {
	o := Limits{Clock: clock.NewFake(time.Date(2026, 3, 2, 8, 0, 15, 0, time.UTC)), Factor: 1, Crowd: 1}
	a := New(Options{Name: "Test", Version: "test", Log: logging.Discard(), Limits: o})
	Register(a, Op{ID: "x", Method: http.MethodPost, Path: "/api/v1/auth/login", Public: true},
		func(context.Context, identity.Actor, *struct{ Body map[string]any }) (*struct{}, error) {
			return &struct{}{}, nil
		})
	passed := 0
	for i := range 3000 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/auth/login", strings.NewReader(fmt.Sprintf(`{"email": "a%d@b.c"}`, i)))
		r.Header.Set("Content-Type", "application/json")
		res, err := a.App.Test(r, -1)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode < http.StatusBadRequest {
			passed++
		} else if res.Header.Get("X-Ratelimit-Remaining") != "0" || res.Header.Get("Retry-After") != "45" {
			t.Fatalf("%d %v", res.StatusCode, res.Header)
		}
	}
	if passed != GeneralLimit || a.limiter.Keys() != GeneralLimit+1 { // and the address
		t.Errorf("%d passed, %d keys", passed, a.limiter.Keys())
	}
}
