package api_test

import (
	"context"
	"net/http"
	"testing"

	"urbanhomeschool.org/uhs/shared/access"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Who takes a file of people's data away is noted, though nothing was changed.
func TestAnExportIsNoted(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		a, log := auditedAPI(t, d)
		own := access.Need{Feature: access.Account, Grades: []access.Grade{access.Own}}
		for path, export := range map[string]bool{"/api/v1/file": true, "/api/v1/page": false} {
			api.Register(a, api.Op{ID: path, Method: http.MethodGet, Path: path, Summary: "x", Tag: "x", Need: own, Export: export},
				func(context.Context, identity.Actor, *struct{}) (*struct{}, error) { return &struct{}{}, nil })
		}
		token := login(t, a, "admin@uhs.example")["access_token"].(string)
		fresh := noted(t, log)
		fresh()
		for _, path := range []string{"/api/v1/file", "/api/v1/page"} {
			if status, _ := call(t, a, http.MethodGet, path, token, ""); status >= 300 {
				t.Fatalf("%s: %d", path, status)
			}
		}
		if got := fresh(); len(got) != 1 || got[0].Action != "request./api/v1/file" {
			t.Errorf("got %+v", got)
		}
	})
}
