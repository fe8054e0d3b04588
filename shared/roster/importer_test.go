package roster_test

import (
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/roster"
	"urbanhomeschool.org/uhs/shared/roster/sheet"
)

func states(p roster.Plan) string {
	var out []string
	for _, r := range p.Rows {
		text := string(r.State)
		for _, e := range r.Errors {
			text += " " + string(e.Column) + ":" + e.Code
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func TestAListIsImportedWholeOrNotAtAll(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(t, d)
		b := w.box("A")
		bad := "Name,Adm No,UPI,Class,Born,Phone\nAchieng Akinyi,101,UPI101,4 Blue,1/4/2016,711000001\nOtieno O,102,!,4 Blue,,12\n,103,,4 Blue,,\nKamau K,101,,Nowhere,,\n"
		p, err := b.Preview(t.Context(), b.head, b.school, roster.List{Data: []byte(bad)})
		check(t, err)
		if got, want := states(p), "new, error upi:bad_upi guardian_phone:bad_phone, error full_name:bad_name, error grade:unknown_grade"; got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
		_, err = b.Import(t.Context(), b.head, b.school, roster.List{Data: []byte(bad)})
		wantErr(t, err, roster.ErrHasErrors)
		if lines, _ := b.List(t.Context(), b.head, b.school, ""); len(lines) != 0 {
			t.Errorf("%d learners of a list with mistakes", len(lines))
		}

		good := "Name,Adm No,UPI,Class,Born\nAchieng Akinyi,101,UPI101,4 Blue,1/4/2016\nOtieno O,102,,4 Blue,2015\nNjeri N,,,4 Red,\n"
		_, err = b.Import(t.Context(), b.head, b.school, roster.List{Data: []byte(good)})
		check(t, err)
		p, err = b.Preview(t.Context(), b.head, b.school, roster.List{Data: []byte(good)})
		check(t, err)
		if got := states(p); got != "same, same, question" {
			t.Errorf("the same list again: %s", got)
		}
		_, err = b.Import(t.Context(), b.head, b.school, roster.List{Data: []byte(good)})
		wantErr(t, err, roster.ErrHasQuestions)

		next := "Name,Adm No,UPI,Class\nAchieng A Akinyi,999,upi101,5 Blue\nOtieno O,102,,5 Blue\nNjeri N,,,4 Red\n"
		p, err = b.Import(t.Context(), b.head, b.school, roster.List{Data: []byte(next), Same: []int{4}})
		check(t, err)
		if got := states(p); got != "update, update, same" {
			t.Errorf("an updated list: %s", got)
		}
		w.exchange(b)
		lines, err := w.cloud.List(t.Context(), w.admin, b.school, "")
		check(t, err)
		if len(lines) != 3 {
			t.Fatalf("%d learners on the cloud", len(lines))
		}
		for _, l := range lines {
			if l.Account.UPI == "UPI101" && (l.Account.AdmissionNumber != "999" || l.Account.Grade != "Grade 5" || l.Account.Born != "2016-04-01") {
				t.Errorf("she is %+v", l.Account)
			}
		}
	})
}

func TestAListThatHasAChildTwice(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	b := w.box("A")
	for text, want := range map[string]string{
		"Name,Adm,Grade\nA B,1,4\nC D,1,4\n":                 "new, error admission_number:twice_in_list",
		"Name,UPI,Grade\nA B,UPI1,4\nC D,upi1,4\n":           "new, error upi:twice_in_list",
		"Name,Grade\nMary Otieno,4\nOtieno  mary,4\n":        "new, error full_name:twice_in_list",
		"Name,Adm,Grade\nMary Otieno,1,4\nMary Otieno,2,4\n": "new, new",
	} {
		p, err := b.Preview(t.Context(), b.head, b.school, roster.List{Data: []byte(text)})
		check(t, err)
		if got := states(p); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestAnExportedListRunsNothingAndComesBackAsItWas(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	b := w.box("A")
	b.add(t, "=HYPERLINK(1)", "4 Blue")
	b.add(t, "@Sum", "-4 Blue")
	b.add(t, "Wanjikũ \"W\", A", "4 Blue")
	out, err := b.Export(t.Context(), b.head, b.school, "")
	check(t, err)
	for line := range strings.SplitSeq(strings.TrimPrefix(string(out), "\ufeff"), "\n") {
		for cell := range strings.SplitSeq(line, ",") {
			if cell = strings.TrimPrefix(cell, `"`); cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
				t.Errorf("a formula: %s", line)
			}
		}
	}
	table, err := sheet.Read(out)
	check(t, err)
	names := map[string]bool{}
	for _, r := range table.Rows {
		names[r.Cells[sheet.Name]] = true
	}
	if !names["=HYPERLINK(1)"] || !names["@Sum"] || !names[`Wanjikũ "W", A`] {
		t.Errorf("names %v", names)
	}
}

// FuzzList reads anything as a list for a school: what it would import passes the
// checks of the roster, and importing the same again never adds anybody twice.
func FuzzList(f *testing.F) {
	f.Add([]byte("Name,Grade\nA B,4\n"))
	f.Add([]byte("Jina\tGredi\tUPI\tSimu\nA B\tGredi ya 4\tX1Y2Z3\t711000001\n"))
	f.Add([]byte("A B\nC D\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		roster.CheckList(t, data)
	})
}
