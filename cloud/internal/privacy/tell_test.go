package privacy_test

import (
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/tutor"
)

func (w *world) raise(severity tutor.Severity, school identity.SchoolID) string {
	w.t.Helper()
	a := tutor.Alert{ID: id.New(), LearnerID: w.child.ID, SchoolID: school, Category: "abuse", Severity: severity, At: db.Time{Time: w.clock.Now()}}
	must(w.t, w.db.Update(w.t.Context(), func(tx db.Tx) error { _, err := tutor.Alerts.Save(w.t.Context(), tx, a); return err }))
	return a.ID
}

// tell runs one round and gives whom it wrote to, in order.
func (w *world) tell() (to []string) {
	w.t.Helper()
	before := w.count(`SELECT count(*) FROM letters`)
	_, err := w.Tell(w.t.Context())
	must(w.t, err)
	rows, err := w.pool.Pool.Query(w.t.Context(), `SELECT recipient FROM letters ORDER BY created_at, id OFFSET $1`, before)
	must(w.t, err)
	defer rows.Close()
	for rows.Next() {
		var s string
		must(w.t, rows.Scan(&s))
		to = append(to, s)
	}
	return to
}

func (w *world) expect(what string, want ...string) {
	w.t.Helper()
	if got := w.tell(); strings.Join(got, " ") != strings.Join(want, " ") {
		w.t.Errorf("%s: told %v, want %v", what, got, want)
	}
}

func (w *world) climbed(what string, want ...string) {
	w.t.Helper()
	must(w.t, w.db.View(w.t.Context(), func(tx db.Tx) error {
		got, err := w.Climbed(w.t.Context(), tx)
		if strings.Join(got, " ") != strings.Join(want, " ") {
			w.t.Errorf("%s: climbed %v, want %v", what, got, want)
		}
		return err
	}))
}

func TestAnAlertThatNobodyTakesUpClimbs(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	// An instructor whose cloud account exists, with a phone or an address.
	teacher := func(name, email, phone string, duties ...identity.Duty) identity.AccountID {
		a, err := w.people.AddInstructor(ctx, w.admin, w.school.ID, identity.NewInstructor{Email: email, FullName: name, SchoolPassword: "Box-Secret-2026", Duties: duties})
		must(t, err)
		_, err = w.pool.Pool.Exec(ctx, `INSERT INTO logins (account_id, email, phone, password_hash) VALUES ($1, NULLIF($2, ''), NULLIF($3, ''), '')
			ON CONFLICT (account_id) DO UPDATE SET email = excluded.email, phone = excluded.phone`, string(a.ID), email, phone)
		must(t, err)
		return a.ID
	}
	adult := teacher("Nina Named", "nina@uhs.example", "254711000021")
	teacher("Hana Head", "hana@uhs.example", "", identity.Head)
	_, err := w.people.SetNamedAdult(ctx, w.admin, w.school.ID, adult)
	must(t, err)

	first := w.raise(tutor.High, w.school.ID)
	w.expect("at once", "254711000021")
	w.expect("once only")
	w.climbed("nothing has climbed")
	if text := w.last("254711000021", 1); !strings.Contains(text, "Lodwar Primary") || strings.Contains(text, "Amina") {
		t.Errorf("the message reads %q", text)
	}
	w.clock.Advance(31 * time.Minute)
	w.expect("after half an hour", "hana@uhs.example")
	w.climbed("the head was told last")
	w.clock.Advance(2 * time.Hour)
	w.expect("after two hours", "admin@uhs.example")
	w.climbed("the office was told", first)
	w.clock.Advance(48 * time.Hour)
	w.expect("nobody is left")

	t.Run("a lesser one takes longer, and stops when somebody has it", func(t *testing.T) {
		second := w.raise(tutor.Standard, w.school.ID)
		w.expect("at once", "254711000021")
		w.clock.Advance(31 * time.Minute)
		w.expect("after half an hour")
		k := tutor.Acknowledgement{ID: id.New(), AlertID: second, LearnerID: w.child.ID, SchoolID: w.school.ID, AccountID: adult, At: db.Time{Time: w.clock.Now()}}
		must(t, w.db.Update(ctx, func(tx db.Tx) error { _, err := tutor.Acknowledgements.Save(ctx, tx, k); return err }))
		w.clock.Advance(48 * time.Hour)
		w.expect("it was taken up")
	})
	t.Run("where nobody can be told at school, the office is, at once", func(t *testing.T) {
		other, err := w.people.CreateSchool(ctx, w.admin, identity.NewSchool{Name: "Kakuma Primary", County: "Turkana", Language: "en"})
		must(t, err)
		w.raise(tutor.Standard, other.ID)
		w.expect("at once", "admin@uhs.example")
	})
}
