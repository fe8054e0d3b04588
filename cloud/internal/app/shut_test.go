package app

import (
	"net/http"

	"urbanhomeschool.org/uhs/shared/api/apitest"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// overRestrictions goes through what can happen to an account while it is kept
// from signing in for a time. user is the address of a student that is active.
func (o *office) overRestrictions(user string, admin apitest.Walker) {
	o.Helper()
	restrict := func() {
		o.Helper()
		o.want(200, admin.Token(), http.MethodPost, user+"/restrict", `{"restriction_type":"sign_in","reason":"a test","duration_days":1}`)
	}
	set := func(s identity.Status) {
		o.Helper()
		o.want(200, admin.Token(), http.MethodPut, user+"/status", `{"status":"`+string(s)+`"}`)
	}
	over := func() {
		o.Helper()
		if _, err := o.pool.Pool.Exec(o.Context(), `UPDATE restrictions SET expires_at = now() - interval '1 second' WHERE lifted_at IS NULL`); err != nil {
			o.Fatal(err)
		}
		if err := o.permits.EndDue(o.Context()); err != nil {
			o.Fatal(err)
		}
	}
	for _, x := range []struct {
		name   string
		happen func()
		want   identity.Status
	}{
		{"nothing", restrict, identity.Active},
		{"a second one", func() { restrict(); restrict() }, identity.Active},
		{"suspended before", func() { set(identity.Suspended); restrict() }, identity.Suspended},
		{"suspended meanwhile", func() { restrict(); set(identity.Suspended) }, identity.Suspended},
		{"suspended between two", func() { restrict(); set(identity.Suspended); restrict() }, identity.Suspended},
		{"opened and restricted anew", func() { set(identity.Suspended); restrict(); set(identity.Active); restrict() }, identity.Active},
		{"closed meanwhile", func() { restrict(); o.want(200, admin.Token(), http.MethodDelete, user, `{"reason":"left"}`) }, identity.Deleted},
	} {
		x.happen()
		over()
		if got := data(o.T, o.want(200, admin.Token(), http.MethodGet, user, ""))["status"]; got != string(x.want) {
			o.Errorf("%s: the account is %v, want %s", x.name, got, x.want)
		}
		if x.want == identity.Deleted {
			o.want(200, admin.Token(), http.MethodPost, user+"/restore", "")
		}
		set(identity.Active)
	}
}

// learnedAsADuplicate reads a student's page before and after a record that was
// merged into hers has learned something.
func (o *office) learnedAsADuplicate(user string, student identity.AccountID, admin apitest.Walker) {
	o.Helper()
	activity := func() (enrolled, hours float64) {
		o.Helper()
		a := data(o.T, o.want(200, admin.Token(), http.MethodGet, user, ""))["activity"].(map[string]any)
		return a["courses_enrolled"].(float64), a["total_time_hours"].(float64)
	}
	courses, hours := activity()
	now := db.Time{Time: o.clock.Now()}
	twin := identity.Account{ID: identity.AccountID(id.New()), Role: identity.Student, FullName: "Amina", Status: identity.Suspended, MergedInto: student,
		CreatedAt: now, UpdatedAt: now}
	if err := o.pool.Update(o.Context(), func(tx db.Tx) error { _, err := identity.Accounts.Put(o.Context(), tx, twin); return err }); err != nil {
		o.Fatal(err)
	}
	for _, q := range []string{
		`INSERT INTO enrolments (id, learner_id, course_id, school_id, enrolled_at) VALUES ('e-twin', $1, 'c-twin', '', now())`,
		`INSERT INTO learning_activities (id, kind, learner_id, school_id, course_id, lesson_id, seconds, at)
			VALUES ('a-twin', 'time_spent', $1, '', 'c-twin', '', 7200, now())`,
	} {
		if _, err := o.pool.Pool.Exec(o.Context(), q, string(twin.ID)); err != nil {
			o.Fatal(err)
		}
	}
	if c, h := activity(); c != courses+1 || h != hours+2 {
		o.Errorf("%v courses and %v hours, before %v and %v", c, h, courses, hours)
	}
}
