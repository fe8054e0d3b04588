package personal_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/personal"
)

// A person with one row in every place: an export has each of them, and no secret.
func TestAnExportHasEverythingAndNoSecret(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w, p, other := newWorld(d), ofNew(), ofNew()
		fill(t, d, p)
		e, err := w.Export(t.Context(), identity.Actor{Account: identity.AccountID(p.id), Role: identity.Student}, personal.Request{Person: identity.AccountID(p.id)})
		must(t, err)
		for _, s := range e.Sheets {
			if len(s.Rows) == 0 && !strings.HasPrefix(s.Name, "ledger_") {
				t.Errorf("the export has nothing of %s", s.Name)
			}
		}
		for _, place := range personal.Places() {
			if place.NoExport != "" && len(e.LeftOut) == 0 {
				t.Errorf("the export does not say why %s is left out", place.Table)
			}
		}
		raw, err := e.JSON()
		must(t, err)
		packed, err := e.Zip()
		must(t, err)
		all := string(raw) + unzip(t, packed)
		if strings.Contains(all, secret) {
			at := strings.Index(all, secret)
			t.Errorf("a secret leaves: %s", all[max(0, at-200):at+40])
		}
		if !strings.Contains(all, marker) || strings.Contains(all, other.id) {
			t.Error("the export is not hers")
		}
		if !json.Valid(raw) {
			t.Error("the document is no JSON")
		}
		page, err := w.audit.List(t.Context(), audit.Filter{Action: "person.export", Target: p.id, Actor: p.id, Limit: 5})
		must(t, err)
		if page.Total != 1 {
			t.Errorf("the export is noted %d times", page.Total)
		}
	})
}

func unzip(t *testing.T, packed []byte) string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	must(t, err)
	var out strings.Builder
	for _, f := range z.File {
		r, err := f.Open()
		must(t, err)
		data, err := io.ReadAll(r)
		must(t, err)
		out.Write(data)
		if strings.HasSuffix(f.Name, ".csv") {
			lines, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
			if err != nil || len(lines) < 2 {
				t.Errorf("%s: %d lines, %v", f.Name, len(lines), err)
			}
		}
	}
	return out.String()
}

func TestOnlyThoseWhoMayExport(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w, p, q := newWorld(d), ofNew(), ofNew()
		fill(t, d, p)
		person := identity.AccountID(p.id)
		const paper = "her mother asked in writing"
		school, elsewhere := identity.SchoolID(p.school), identity.SchoolID(q.school)
		head := []identity.Duty{identity.Head}
		for name, c := range map[string]struct {
			who    identity.Actor
			reason string
			want   error
		}{
			"nobody":  {identity.Actor{}, paper, identity.ErrNobody},
			"herself": {identity.Actor{Account: person, Role: identity.Student}, "", nil},
			"herself, in a session of her guardian's": {identity.Actor{Account: person, Role: identity.Student, Guardian: "g"}, "", personal.ErrAtHome},
			"another learner":                         {identity.Actor{Account: identity.AccountID(q.id), Role: identity.Student}, paper, identity.ErrNoSuchAccount},
			"a parent of others":                      {identity.Actor{Account: identity.AccountID(q.id), Role: identity.Parent}, paper, identity.ErrNoSuchAccount},
			"her teacher":                             {identity.Actor{Account: identity.AccountID(q.id), Role: identity.Instructor, School: school}, paper, identity.ErrNoSuchAccount},
			"the head":                                {identity.Actor{Account: identity.AccountID(q.id), Role: identity.Instructor, School: school, Duties: head}, paper, nil},
			"the head, without a reason":              {identity.Actor{Account: identity.AccountID(q.id), Role: identity.Instructor, School: school, Duties: head}, " ", personal.ErrReason},
			"the head of another school":              {identity.Actor{Account: identity.AccountID(q.id), Role: identity.Instructor, School: elsewhere, Duties: head}, paper, identity.ErrNoSuchAccount},
			"an admin":                                {identity.Actor{Account: identity.AccountID(q.id), Role: identity.Admin}, paper, nil},
			"an admin, without a reason":              {identity.Actor{Account: identity.AccountID(q.id), Role: identity.Admin}, "", personal.ErrReason},
			"staff":                                   {identity.Actor{Account: identity.AccountID(q.id), Role: identity.Staff}, paper, identity.ErrNoSuchAccount},
		} {
			_, err := w.Export(t.Context(), c.who, personal.Request{Person: person, Reason: c.reason})
			if !errors.Is(err, c.want) {
				t.Errorf("%s: got %v, want %v", name, err, c.want)
			}
		}
		guardian := identity.Actor{Account: identity.AccountID(q.id), Role: identity.Parent}
		must(t, d.Update(t.Context(), func(tx db.Tx) error {
			_, err := tx.Exec(t.Context(), db.SQL{Both: `UPDATE guardians SET account_id = $1`}, q.id)
			return err
		}))
		if _, err := w.Export(t.Context(), guardian, personal.Request{Person: person}); err != nil {
			t.Errorf("her guardian: %v", err)
		}
	})
}

func TestACellIsNeverAFormula(t *testing.T) {
	e := &personal.Export{Sheets: []personal.Sheet{{Name: "x", Columns: []string{"a"}, Rows: [][]any{{"=1+1"}, {"+254"}, {"@x"}, {"-1"}, {"fine"}}}}}
	packed, err := e.Zip()
	must(t, err)
	for _, bad := range []string{"\n=1", "\n+254", "\n@x", "\n-1"} {
		if text := unzip(t, packed); strings.Contains(text, bad) {
			t.Errorf("%q begins a cell", bad)
		}
	}
}
