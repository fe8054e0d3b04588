package app

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/id"
)

// What the pages of the class list send, as they send it.
func TestTheRosterOverHTTP(t *testing.T) {
	w := newWalk(t)
	o := &office{w, w.routes()}
	head := o.walker("head").Token()
	path := "/api/v1/schools/" + string(o.home.ID) + "/roster"
	body := `{"id":"` + id.New() + `","full_name":"Typed Learner","grade":"Grade 4","class_name":"4 Green","admission_number":"T-1"}`

	var line struct {
		ID   string `json:"id"`
		Name string `json:"full_name"`
		Adm  string `json:"admission_number"`
	}
	for range 2 { // the second is the first, asked again
		text := o.want(201, head, http.MethodPost, path, body)
		if err := json.Unmarshal([]byte(text), &line); err != nil || line.Name != "Typed Learner" || line.Adm != "T-1" {
			t.Fatalf("%v in %s", err, text)
		}
	}
	o.want(200, head, http.MethodPatch, path+"/"+line.ID, `{"upi":"AB12CD","guardian_name":"A Guardian","guardian_phone":"0711000009"}`)
	if text := o.want(200, head, http.MethodGet, path+"?class_name=4%20Green", ""); strings.Count(text, `"Typed Learner"`) != 1 || !strings.Contains(text, `"AB12CD"`) {
		t.Errorf("%s", text)
	}
}
