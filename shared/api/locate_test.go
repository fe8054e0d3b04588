package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
)

// Where the sender chose the key of a map, the place of what is wrong says so without
// the key; names of ours and places in a list stay.
func TestAnErrorDoesNotRepeatTheKeyOfAMap(t *testing.T) {
	a := api.New(api.Options{Name: "test", Version: "1", Environment: "test", Log: logging.Discard()})
	type inner struct {
		Minutes int `json:"minutes_a_day"`
	}
	type in struct {
		Body struct {
			Children map[string]inner `json:"children"`
			List     []inner          `json:"list"`
		}
	}
	api.Register(a, api.Op{ID: "keys", Method: http.MethodPut, Path: "/api/v1/keys", Public: true},
		func(context.Context, identity.Actor, *in) (*empty, error) { return &empty{}, nil })
	for body, want := range map[string]string{
		`{"children":{"Zawadi's phone 0712":{"minutes_a_day":"x"}},"list":[]}`: `"loc":["body","children","*","minutes_a_day"]`,
		`{"children":{},"list":[{"minutes_a_day":"x"}]}`:                       `"loc":["body","list","0","minutes_a_day"]`,
	} {
		res, text := send(t, a, http.MethodPut, "/api/v1/keys", "", body)
		if res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, want) || strings.Contains(text, "0712") {
			t.Errorf("%d %s, want %s", res.StatusCode, text, want)
		}
	}
}
