package personal_test

import (
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/payments"
	"urbanhomeschool.org/uhs/shared/personal"
	"urbanhomeschool.org/uhs/shared/tutor"
)

// old is a question and its answer, an alert that was taken up, a consent that was
// withdrawn, a payment and a note about her, made at the box at one moment.
func (l *line) old(who identity.Account, at time.Time, text string) {
	l.t.Helper()
	when, school := db.Time{Time: at}, identity.SchoolID(l.school)
	must(l.t, l.box.db.Update(l.t.Context(), func(tx db.Tx) error {
		ctx := l.t.Context()
		q := tutor.Question{ID: tutor.QuestionID(id.New()), ConversationID: id.New(), LearnerID: who.ID, SchoolID: school, Text: text, Language: "en", AskedAt: when}
		if _, err := tutor.Questions.Save(ctx, tx, q); err != nil {
			return err
		}
		alert := tutor.Alert{ID: id.New(), LearnerID: who.ID, SchoolID: school, Category: "c", Severity: "urgent", At: when}
		if _, err := tutor.Alerts.Save(ctx, tx, alert); err != nil {
			return err
		}
		if _, err := tutor.Acknowledgements.Save(ctx, tx, tutor.Acknowledgement{ID: id.New(), AlertID: alert.ID, LearnerID: who.ID, SchoolID: school, AccountID: who.ID, At: when}); err != nil {
			return err
		}
		for i, given := range []bool{true, false} {
			c := identity.Consent{ID: id.New(), Learner: who.ID, Purpose: "tutor_cloud", Given: given, GuardianName: text, Method: "paper", TextVersion: "1",
				RecordedBy: who.ID, At: db.Time{Time: at.Add(time.Duration(i) * time.Minute)}}
			if _, err := identity.Consents.Save(ctx, tx, c); err != nil {
				return err
			}
		}
		i := payments.Intent{ID: payments.IntentID(id.New()), SchoolID: school, LearnerID: who.ID, CourseID: "c", PayerPhone: "254700" + text, AmountMinor: 100, Currency: "KES",
			Reference: text, CreatedBy: who.ID, CreatedAt: when, ExpiresAt: when, Signature: []byte("s")}
		if _, err := payments.Intents.Save(ctx, tx, i); err != nil {
			return err
		}
		return l.box.log.Note(ctx, tx, audit.Entry{Action: "learner.changed", TargetKind: "user", TargetID: string(who.ID), After: map[string]string{"name": text}})
	}))
}

// travelled says on both sides that questions went to the cloud, and answers one
// there: only those are compared.
func (l *line) travelled() {
	l.t.Helper()
	for s, origin := range map[*side]string{l.cloud: "arrived", l.box: "here"} {
		exec(l.t, s.db, `INSERT INTO tutor_jobs (question_id, learner_id, origin, state, created_at, next_at)
			SELECT id, learner_id, '`+origin+`', 'done', asked_at, asked_at FROM tutor_questions q WHERE NOT EXISTS (SELECT 1 FROM tutor_jobs j WHERE j.question_id = q.id)`)
	}
}

func (l *line) compared(want int64) {
	l.t.Helper()
	l.digests()
	for where, s := range map[string]*side{"cloud": l.cloud, "box": l.box} {
		if n := scalar(l.t, s.db, `SELECT count(*) FROM tutor_questions`); n != want {
			l.t.Errorf("the %s has %d questions instead of %d", where, n, want)
		}
	}
}

func scalar(t *testing.T, d db.DB, q string) (n int64) {
	t.Helper()
	must(t, d.View(t.Context(), func(tx db.Tx) error {
		rows, err := tx.Query(t.Context(), db.SQL{Both: q})
		n, err = db.One(rows, err, db.Scalar[int64])
		return err
	}))
	return n
}

func (l *line) night(at time.Time) {
	l.t.Helper()
	l.clock.Set(at)
	_, err := l.cloud.Retire(l.t.Context())
	must(l.t, err)
}

// What both sides hold goes on both with the cloud's moment, by the time of the
// event: they compare equal on every point of the way, also when records come late
// from a box that was away, and the chains hold.
func TestBothSidesForgetTheSame(t *testing.T) {
	l := newLine(t)
	her := l.learner("Zawadi Ekai")
	l.old(her, begin, "11")
	l.both()
	l.travelled()
	l.clock.Set(begin.AddDate(0, 6, 0))
	l.old(her, begin.AddDate(0, 6, 0), "22")
	l.both()
	l.travelled()
	l.night(begin.AddDate(1, 0, -1))
	l.both()
	l.compared(2)

	// A year after the first; the box is cut off and goes on with what it has.
	l.night(begin.AddDate(1, 0, 1))
	if n := scalar(t, l.box.db, `SELECT count(*) FROM tutor_questions`); n != 2 {
		t.Errorf("before the box has heard, %d left there", n)
	}
	l.old(her, begin.AddDate(0, 0, -1), "33") // by a clock that was behind: too old before it travels
	l.carry(l.box, l.cloud)
	if n := scalar(t, l.cloud.db, `SELECT count(*) FROM tutor_questions`); n != 1 {
		t.Errorf("what came too late is kept: %d", n)
	}
	l.carry(l.cloud, l.box)
	l.both()
	l.compared(1)
	l.chains()

	// Three years on the alerts, the consents and the notes have gone as well.
	l.night(begin.AddDate(3, 7, 0))
	l.both()
	l.compared(0)
	for where, s := range map[string]*side{"cloud": l.cloud, "box": l.box} {
		for q, want := range map[string]int64{
			`SELECT count(*) FROM tutor_alerts`: 0, `SELECT count(*) FROM tutor_acknowledgements`: 0, `SELECT count(*) FROM consents WHERE given`: 0,
			`SELECT count(*) FROM consents`: 1, `SELECT count(*) FROM audit_entries WHERE node <> 'cloud' AND details <> ''`: 0,
			`SELECT count(*) FROM payment_intents WHERE payer_phone <> ''`: 3,
		} {
			if n := scalar(t, s.db, q); n != want {
				t.Errorf("the %s: %d instead of %d: %s", where, n, want, q)
			}
		}
	}
	l.night(begin.AddDate(7, 7, 0))
	l.both()
	l.digests()
	l.chains()
	for where, s := range map[string]*side{"cloud": l.cloud, "box": l.box} {
		if n := scalar(t, s.db, `SELECT count(*) FROM payment_intents WHERE payer_phone <> '' OR length(signature) > 0`); n != 0 {
			t.Errorf("the %s knows %d payers", where, n)
		}
	}
}

// A learner who left is erased at the cloud and at the box; who came back, or has
// a guardian with an account, is not.
func TestALearnerWhoLeftIsErasedOnEverySide(t *testing.T) {
	l := newLine(t)
	const name = "Zawadi Marker Ekai"
	left, home, stays := l.learner(name), l.learner("Halima Home"), l.learner("Faith Friend")
	l.both()
	l.work(left)
	l.work(home)
	l.both()
	for _, a := range []identity.Account{left, home} {
		exec(t, l.cloud.db, `UPDATE memberships SET until = $1 WHERE account_id = $2`, db.Time{Time: begin}, string(a.ID))
	}
	exec(t, l.cloud.db, `INSERT INTO guardians (id, learner_id, account_id, name, phone, verified, relationship, updated_at) VALUES ($1, $2, $1, 'm', '', true, 'mother', $3)`,
		id.New(), string(home.ID), db.Time{Time: begin})
	l.night(begin.AddDate(3, 0, 1))
	l.both()
	if _, err := l.box.Confirm(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.both()
	l.nothingOf(name)
	l.chains()
	for _, a := range []identity.Account{home, stays} {
		if len(tablesWith(t, l.cloud.db, a.FullName)) == 0 {
			t.Errorf("%s is gone", a.FullName)
		}
	}
	if n := scalar(t, l.cloud.db, `SELECT count(*) FROM erasures WHERE by_id = 'retention' AND school_id <> ''`); n != 1 {
		t.Errorf("%d erasures told", n)
	}
	if n := scalar(t, l.cloud.db, `SELECT count(*) FROM erasure_receipts`); n != 1 {
		t.Errorf("%d receipts", n)
	}
}

// The moment is told when something went, and else once a week.
func TestTheMomentIsToldSeldom(t *testing.T) {
	l := newLine(t)
	told := func() int64 {
		return scalar(t, l.cloud.db, `SELECT count(*) FROM outbox WHERE type = '`+personal.Moments.Name+`'`)
	}
	l.night(begin)
	if n := told(); n != 1 {
		t.Fatalf("at first, told %d times", n)
	}
	for d := range 7 {
		l.night(begin.AddDate(0, 0, d))
	}
	if n := told(); n != 1 {
		t.Errorf("in the first week, told %d times", n)
	}
	l.night(begin.AddDate(0, 0, 7))
	if n := told(); n != 2 {
		t.Errorf("after a week, told %d times", n)
	}
}
