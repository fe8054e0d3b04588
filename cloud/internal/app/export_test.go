package app

import (
	"net/http"
	"strings"
	"testing"
)

func TestWhoTakesTheListOfASchoolIsNoted(t *testing.T) {
	w := newWalk(t)
	o := &office{w, w.routes()}
	teacher := o.walker("instructor")
	path := "/api/v1/schools/" + string(o.home.ID) + "/roster-export"
	if text := o.want(200, teacher.Token(), http.MethodGet, path+"?class=4+Blue", ""); !strings.Contains(text, "student,Grade 4,4 Blue") || strings.Contains(text, "other student") {
		t.Errorf("the list is %q", text)
	}
	e := o.noted("request.export-roster")
	if len(e) != 1 || e[0].Actor != string(teacher.Who.Account) || e[0].TargetID != string(o.home.ID) || e[0].Status != 200 {
		t.Errorf("%+v", e)
	}
	o.want(404, o.walker("other head").Token(), http.MethodGet, path, "")
	o.want(403, o.walker("parent").Token(), http.MethodGet, path, "")
	taken := 0
	e = o.noted("request.export-roster")
	for _, one := range e {
		if one.Status == 200 {
			taken++
		}
	}
	if len(e) != 3 || taken != 1 {
		t.Errorf("refusals are noted too: %+v", e)
	}
}
