package registry_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/assessment"
	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/consent"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/door"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/learning"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/payments"
	"urbanhomeschool.org/uhs/shared/personal"
	"urbanhomeschool.org/uhs/shared/registry"
	"urbanhomeschool.org/uhs/shared/roster"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/syncer/line"
	"urbanhomeschool.org/uhs/shared/tutor"
	"urbanhomeschool.org/uhs/syncproto"
)

const (
	homeSchool  = "00000000-0000-7000-8000-0000000005c1"
	otherSchool = "00000000-0000-7000-8000-0000000005c2"
	homeLearner = "00000000-0000-7000-8000-0000000001ea"
)

var addJob = db.SQL{Both: `INSERT INTO tutor_jobs (question_id, learner_id, origin, state, created_at, next_at)
	VALUES ($1, $2, $3, 'done', $4, $4) ON CONFLICT (question_id) DO NOTHING`}

// cloudSide is Postgres with the downlink's journal; every record goes to the
// home school but those that name the other one.
type cloudSide struct {
	t     *testing.T
	db    db.DB
	clock *clock.Fake
	reg   *syncer.Registry
}

func newCloudSide(t *testing.T) *cloudSide {
	t.Helper()
	reg, err := registry.All()
	check(t, err)
	c := &cloudSide{t: t, clock: clock.NewFake(time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)), reg: reg}
	pool := dbtest.Postgres(t)
	hybrid, err := syncer.OpenHybrid(t.Context(), pool, c.clock)
	check(t, err)
	c.db = syncer.WithJournal(pool, &syncer.Downlinks{
		Outbox: &syncer.Outbox{Hybrid: hybrid, Clock: c.clock}, Wake: func(string) {},
		Schools: func(_ context.Context, _ db.Tx, a syncproto.Audience) ([]string, error) {
			if school, ok := a.School(); ok {
				return []string{school}, nil
			}
			return []string{homeSchool}, nil
		},
	})
	return c
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// save stores a sample of e at the cloud, about the learner of the home school.
func save[T any](e syncer.Entity[T], n int) func(*cloudSide) error {
	return func(c *cloudSide) error {
		var v T
		fill(reflect.ValueOf(&v).Elem(), fmt.Sprintf("%s %d", e.Name, n))
		point(reflect.ValueOf(&v).Elem())
		return c.db.Update(c.t.Context(), func(tx db.Tx) error {
			if q, ok := any(v).(tutor.Question); ok { // it came from the school once
				if _, err := tx.Exec(c.t.Context(), addJob, string(q.ID), string(q.LearnerID), "arrived", c.clock.Now()); err != nil {
					return err
				}
			}
			_, err := e.Save(c.t.Context(), tx, v)
			return err
		})
	}
}

// point makes a sample one of the home school and its learner.
func point(v reflect.Value) {
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		switch name {
		case "School", "SchoolID":
			f.SetString(homeSchool)
		case "Learner", "LearnerID":
			f.SetString(homeLearner)
		}
	}
	switch v := v.Addr().Interface().(type) {
	case *identity.School:
		v.ID = homeSchool
	case *identity.Account:
		v.ID, v.Role = homeLearner, identity.Student
	case *identity.Credential:
		v.Account, v.Kind = homeLearner, identity.PIN
		v.ID = id.Derived("identity.credential", homeSchool, homeLearner, string(v.Kind))
		v.Verifier = "$2a$04$gBaCWKC9VSyfsAZIqVxtguAUsxP3F6XIjFIYVNu4EC9pmqjKeDnj6"
	case *audit.Record:
		v.Node = audit.BoxNode(homeSchool, homeLearner)
	case *tutor.Answer:
		v.QuestionID = tutor.QuestionID(id.Derived(tutor.Questions.Name+" 0", "ID"))
		v.Source.Kind = tutor.FromCloudModel
	case *payments.Intent:
		v.AmountMinor = 100
	case *assessment.Attempt:
		v.ScorePoints, v.MaxPoints = 1, 2
	}
}

// saves are one record of every kind, and a second one of some.
func saves() []func(*cloudSide) error {
	return []func(*cloudSide) error{
		save(identity.Keys, 0), save(identity.Schools, 0), save(personal.Erasures, 0), save(personal.Receipts, 0), save(personal.Moments, 0), save(identity.Accounts, 0), save(identity.Credentials, 0), save(identity.DutyGrants, 0),
		save(identity.Guardians, 0), save(identity.Consents, 0), save(consent.Privacy, 0), save(identity.Revocations, 0), save(identity.Barrings, 0), save(door.Sheets, 0), save(door.Uses, 0),
		save(roster.Classes, 0), save(roster.Terms, 0), save(roster.Changes, 0), save(roster.Verdicts, 0), save(roster.Codes, 0), save(roster.Uses, 0), save(line.Plans, 0), save(catalogue.Licences, 0), save(payments.Intents, 0),
		save(payments.Outcomes, 0), save(payments.Entitlements, 0), save(learning.Enrolments, 0), save(learning.Activities, 0), save(assessment.Attempts, 0),
		save(tutor.Questions, 0), save(tutor.Answers, 0), save(tutor.Alerts, 0), save(tutor.Acknowledgements, 0), save(audit.Entries, 0),
		save(learning.Activities, 1), save(identity.Accounts, 1), save(identity.Guardians, 1),
	}
}

// boxSide is an appliance's file, with an applier that remembers which questions
// went to the cloud.
func boxSide(c *cloudSide, from syncproto.Writer) *syncer.Applier {
	c.t.Helper()
	file := dbtest.SQLite(c.t)
	hybrid, err := syncer.OpenHybrid(c.t.Context(), file, c.clock)
	check(c.t, err)
	return &syncer.Applier{DB: file, Registry: c.reg, Hybrid: hybrid, Clock: c.clock, Log: logging.Discard(), From: from, Reactions: []syncer.Reaction{
		syncer.On(tutor.Questions, func(ctx context.Context, tx db.Tx, questions []tutor.Question) error {
			for _, q := range questions {
				if _, err := tx.Exec(ctx, addJob, string(q.ID), string(q.LearnerID), "here", c.clock.Now()); err != nil {
					return err
				}
			}
			return nil
		})}}
}

var down = syncer.Log{School: homeSchool, Epoch: syncer.DownEpoch}

// tail applies the rest of the log to a box.
func (c *cloudSide) tail(a *syncer.Applier) {
	c.t.Helper()
	var marks syncproto.Marks
	check(c.t, a.DB.View(c.t.Context(), func(tx db.Tx) (err error) { marks, err = syncer.ReadMarks(c.t.Context(), tx, down); return err }))
	for lane := range syncproto.Lanes {
		for {
			var f *syncproto.Frame
			check(c.t, c.db.View(c.t.Context(), func(tx db.Tx) (err error) {
				f, _, err = syncer.Cut(c.t.Context(), tx, down, syncer.Piece{Lane: lane, After: marks[lane].Seq, MaxBytes: syncproto.MaxFrame})
				return err
			}))
			if f == nil {
				break
			}
			m, err := a.Apply(c.t.Context(), down, *f)
			check(c.t, err)
			marks[lane] = m
		}
	}
}

func (c *cloudSide) scope() syncer.Scope {
	return syncer.Scope{School: homeSchool, Members: identity.MembersOf}
}

// snapshot exports what is there now.
func (c *cloudSide) snapshot() (s syncproto.Snapshot, frames [][]byte) {
	c.t.Helper()
	s, err := syncer.Exporter{DB: c.db, Registry: c.reg, Scope: c.scope()}.Export(c.t.Context(), func(frame []byte) error {
		frames = append(frames, slices.Clone(frame))
		return nil
	})
	check(c.t, err)
	return s, frames
}

func restore(c *cloudSide, s syncproto.Snapshot, frames [][]byte) *syncer.Applier {
	c.t.Helper()
	r := syncer.Restorer{Applier: boxSide(c, 0), Snapshot: s}
	for _, f := range frames {
		check(c.t, r.Frame(c.t.Context(), f))
	}
	check(c.t, r.Seal(c.t.Context()))
	r.Applier.From = syncproto.CloudOnly
	return r.Applier
}

// held is everything a side holds of the school, by kind and id.
func (c *cloudSide) held(d db.DB) map[string]string {
	c.t.Helper()
	out := map[string]string{}
	check(c.t, d.View(c.t.Context(), func(tx db.Tx) error {
		return c.reg.Walk(c.t.Context(), tx, c.scope(), func(h syncer.Held) error {
			body, err := h.Body()
			out[h.Kind.Declared().Name+" "+h.ID] = fmt.Sprintf("%x", body)
			return err
		})
	}))
	return out
}

func same(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for key, body := range want {
		if got[key] != body {
			t.Errorf("%s: %s is %q, want %q", what, key, got[key], body)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d records, want %d", what, len(got), len(want))
	}
}

func TestEveryRecordThatTravelsCanBeListed(t *testing.T) {
	reg, err := registry.All()
	check(t, err)
	for _, k := range reg.Kinds() {
		if !syncer.Lists(k) {
			t.Errorf("%s has no List: snapshots and digests would leave it out", k.Declared().Name)
		}
	}
}

// Invariant 11: snapshot and tail are the whole log, for every cut point.
func TestASnapshotAndItsTailAreTheWholeLog(t *testing.T) {
	c := newCloudSide(t)
	type cut struct {
		s      syncproto.Snapshot
		frames [][]byte
	}
	var cuts []cut
	for _, s := range saves() {
		check(t, s(c))
		s, frames := c.snapshot()
		cuts = append(cuts, cut{s, frames})
	}
	replayed := boxSide(c, syncproto.CloudOnly)
	c.tail(replayed)
	want := c.held(c.db)
	if kinds := len(c.reg.Kinds()); len(want) < kinds {
		t.Fatalf("only %d records of %d kinds", len(want), kinds)
	}
	same(t, "the replayed log", c.held(replayed.DB), want)
	for i, at := range cuts {
		a := restore(c, at.s, at.frames)
		c.tail(a)
		same(t, fmt.Sprintf("cut %d", i), c.held(a.DB), want)
	}
}

func TestASnapshotWhileTheCloudWritesIsOfOneMoment(t *testing.T) {
	c := newCloudSide(t)
	for _, s := range saves() {
		check(t, s(c))
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := range 300 {
			if err := save(learning.Activities, n+10)(c); err != nil {
				t.Error(err)
				return
			}
		}
	})
	var snaps []syncproto.Snapshot
	var all [][][]byte
	for range 5 {
		s, frames := c.snapshot()
		snaps, all = append(snaps, s), append(all, frames)
		time.Sleep(20 * time.Millisecond)
	}
	wg.Wait()
	want := c.held(c.db)
	for i, s := range snaps {
		a := restore(c, s, all[i])
		c.tail(a)
		same(t, fmt.Sprintf("snapshot %d", i), c.held(a.DB), want)
	}
}

func TestASnapshotIsOfOneSchoolAndOfThePresent(t *testing.T) {
	c := newCloudSide(t)
	for _, s := range saves() {
		check(t, s(c))
	}
	check(t, c.db.Update(t.Context(), func(tx db.Tx) error { // she goes to another school
		now := db.Time{Time: c.clock.Now()}
		_, err := identity.Accounts.Put(t.Context(), tx, identity.Account{ID: homeLearner, Role: identity.Student, School: otherSchool, CreatedAt: now, UpdatedAt: now})
		return err
	}))
	s, frames := c.snapshot()
	for _, n := range s.Counts {
		if n.Name != identity.Keys.Name && n.Name != identity.Schools.Name && n.Name != identity.DutyGrants.Name &&
			n.Name != identity.Revocations.Name && n.Name != identity.Barrings.Name && !strings.HasPrefix(n.Name, "personal.") && n.Name != door.Sheets.Name && n.Name != door.Uses.Name && n.Name != line.Plans.Name && n.Name != catalogue.Licences.Name && n.Name != audit.Entries.Name && !strings.HasPrefix(n.Name, "roster.") {
			t.Errorf("%d records of %s, about a child who left", n.N, n.Name)
		}
	}
	a := restore(c, s, frames)
	check(t, a.DB.View(t.Context(), func(tx db.Tx) error {
		rows, err := tx.Query(t.Context(), db.SQL{Both: `SELECT (SELECT count(*) FROM learning_activities) + (SELECT count(*) FROM accounts)`})
		if n, err := db.One(rows, err, db.Scalar[int64]); err != nil || n != 0 {
			t.Errorf("%d records of her, %v", n, err)
		}
		return nil
	}))
}

func TestAnIncompleteSnapshotIsRefused(t *testing.T) {
	c := newCloudSide(t)
	for _, s := range saves() {
		check(t, s(c))
	}
	s, frames := c.snapshot()
	r := syncer.Restorer{Applier: boxSide(c, 0), Snapshot: s}
	for _, f := range frames[:len(frames)-1] {
		check(t, r.Frame(t.Context(), f))
	}
	if err := r.Seal(t.Context()); err == nil {
		t.Error("a snapshot without its last frame was accepted")
	}
	f, err := syncproto.DecodeFrame(frames[0])
	check(t, err)
	if _, err := boxSide(c, syncproto.CloudOnly).Apply(t.Context(), down, f); err == nil {
		t.Error("a frame of a snapshot was taken for one of the log")
	}
}

func TestDigestsOfBothSidesAreEqualUntilOneByteDiffers(t *testing.T) {
	c := newCloudSide(t)
	for _, s := range saves() {
		check(t, s(c))
	}
	s, frames := c.snapshot()
	a := restore(c, s, frames)
	digests := func(d db.DB) (out []syncproto.KindDigest) {
		check(t, d.View(t.Context(), func(tx db.Tx) (err error) {
			out, err = syncer.Digests(t.Context(), tx, c.reg, c.scope())
			return err
		}))
		return out
	}
	cloud, box := digests(c.db), digests(a.DB)
	for i := range cloud {
		if cloud[i].Root != box[i].Root || cloud[i].Count != box[i].Count || len(syncer.Differing(cloud[i], box[i])) != 0 {
			t.Errorf("%s differs: %+v", cloud[i].Name, syncer.Differing(cloud[i], box[i]))
		}
		if cloud[i].Count == 0 {
			t.Errorf("no %s was compared", cloud[i].Name)
		}
	}
	check(t, a.DB.Update(t.Context(), func(tx db.Tx) error {
		_, err := tx.Exec(t.Context(), db.SQL{Both: `UPDATE learning_activities SET seconds = seconds + 1 WHERE id = (SELECT min(id) FROM learning_activities)`})
		return err
	}))
	for i, d := range digests(a.DB) {
		want := 0
		if d.Name == learning.Activities.Name {
			want = 1
		}
		if got := len(syncer.Differing(cloud[i], d)); got != want {
			t.Errorf("%s: %d buckets differ, want %d", d.Name, got, want)
		}
	}
}
