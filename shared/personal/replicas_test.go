package personal_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/learning"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/personal"
	"urbanhomeschool.org/uhs/shared/registry"
	"urbanhomeschool.org/uhs/shared/roster"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/tutor"
	"urbanhomeschool.org/uhs/syncproto"
)

// side is one end of a line, with its log to the other.
type side struct {
	*personal.Service
	raw     db.DB // db without its journal
	db      db.DB
	people  *identity.Service
	log     *audit.Log
	outbox  *syncer.Outbox
	applier *syncer.Applier
	out     syncer.Log
	sent    [syncproto.Lanes]int64
}

// line is a school's box and the cloud, with the real records between them.
type line struct {
	t          *testing.T
	clock      *clock.Fake
	reg        *syncer.Registry
	cloud, box *side
	school     string
	admin      identity.Actor
}

func newLine(t *testing.T) *line {
	t.Helper()
	reg, err := registry.All()
	must(t, err)
	l := &line{t: t, clock: clock.NewFake(begin), reg: reg}
	l.cloud = l.side(dbtest.Postgres(t), "", "")
	first, err := l.cloud.people.CreateFirstAdmin(t.Context(), "a@uhs.example", "Sunny-Day-2026", "Ada Admin")
	must(t, err)
	l.admin = identity.Actor{Account: first.Account.ID, Role: identity.Admin}
	school, err := l.cloud.people.CreateSchool(t.Context(), l.admin, identity.NewSchool{Name: "Lodwar", County: "Turkana"})
	must(t, err)
	l.school = string(school.ID)
	l.cloud.out = syncer.Log{School: l.school, Epoch: syncer.DownEpoch}
	l.box = l.side(dbtest.SQLite(t), l.school, "box-1")
	return l
}

func (l *line) side(d db.DB, school, node string) *side {
	l.t.Helper()
	hybrid, err := syncer.OpenHybrid(l.t.Context(), d, l.clock)
	must(l.t, err)
	s := &side{raw: d, outbox: &syncer.Outbox{Hybrid: hybrid, Clock: l.clock}, out: syncer.Log{School: school, Epoch: 7}}
	from, o := syncproto.CloudOnly, audit.Options{Clock: l.clock, Node: audit.Cloud}
	if school == "" {
		from = syncproto.EdgeOnly
		s.db = syncer.WithJournal(d, &syncer.Downlinks{Outbox: s.outbox, Wake: func(string) {},
			Schools: func(ctx context.Context, tx db.Tx, a syncproto.Audience) ([]string, error) {
				return s.people.Schools(ctx, tx, a)
			}})
	} else {
		s.db = syncer.WithJournal(d, &syncer.Uplink{Outbox: s.outbox, Current: func() syncer.Log { return s.out }, Wake: func() {}})
		o.Node, o.School, o.Travel = audit.BoxNode(school, node), school, audit.Entries.Record
	}
	o.DB = s.db
	s.log = audit.New(o)
	s.people = identity.New(identity.Options{DB: s.db, Clock: l.clock, BcryptCost: 4, Audit: s.log, Passwords: identity.CloudPasswords{}, School: identity.SchoolID(school),
		Pepper: func(identity.SchoolID) ([]byte, error) { return []byte("pepper"), nil },
		Welcome: func(ctx context.Context, tx db.Tx, school identity.SchoolID) error {
			return l.reg.Welcome(ctx, tx, string(school))
		}})
	s.Service = personal.New(personal.Options{DB: s.db, Clock: l.clock, Log: logging.Discard(), People: s.people, Audit: s.log, School: school, Node: node,
		Box: func(context.Context, db.Tx, string) (string, error) { return "box-1", nil }})
	s.Join(personal.Engine{Outbox: s.outbox, Registry: l.reg})
	s.applier = &syncer.Applier{DB: s.db, Registry: l.reg, Hybrid: hybrid, Clock: l.clock, Log: logging.Discard(), From: from, Erased: personal.Erased,
		Reactions: append(s.Reactions(), syncer.On(personal.Erasures, s.OnErasures))}
	if school == "" {
		s.applier.Admit = s.people.Admits
	}
	return s
}

// carry brings what from has recorded since to the other side.
func (l *line) carry(from, to *side) {
	l.t.Helper()
	for _, f := range l.cut(from) {
		_, err := to.applier.Apply(l.t.Context(), from.out, f)
		must(l.t, err)
		from.sent[f.Lane] = f.End()
	}
}

// cut makes the frames that a stick or the line would carry now.
func (l *line) cut(from *side) (out []syncproto.Frame) {
	l.t.Helper()
	must(l.t, from.db.View(l.t.Context(), func(tx db.Tx) error {
		for lane := range syncproto.Lanes {
			for after := from.sent[lane]; ; {
				f, data, err := syncer.Cut(l.t.Context(), tx, from.out, syncer.Piece{Lane: lane, After: after, MaxBytes: syncproto.MaxFrame})
				if err != nil {
					return err
				}
				if f == nil {
					break
				}
				read, err := syncproto.DecodeFrame(data) // as it arrives: the chain is checked
				if err != nil {
					return err
				}
				out, after = append(out, read), f.End()
			}
		}
		return nil
	}))
	return out
}

func (l *line) both() {
	l.t.Helper()
	for range 3 {
		l.carry(l.box, l.cloud)
		l.carry(l.cloud, l.box)
	}
}

func (l *line) learner(name string) identity.Account {
	l.t.Helper()
	a, err := l.cloud.people.AddLearner(l.t.Context(), l.admin, identity.SchoolID(l.school),
		identity.NewLearner{FullName: name, Grade: "Grade 4", ClassName: "4 Blue"})
	must(l.t, err)
	return a
}

// work is what a learner does at the box in a day, and what is noted about her.
func (l *line) work(who identity.Account) {
	l.t.Helper()
	at := db.Time{Time: l.clock.Now()}
	must(l.t, l.box.db.Update(l.t.Context(), func(tx db.Tx) error {
		ctx := l.t.Context()
		_, err := tutor.Questions.Save(ctx, tx, tutor.Question{ID: tutor.QuestionID(id.New()), ConversationID: id.New(), LearnerID: who.ID, SchoolID: identity.SchoolID(l.school),
			Text: "why, asks " + who.FullName, Language: "en", AskedAt: at})
		if err != nil {
			return err
		}
		if _, err = learning.Activities.Save(ctx, tx, learning.Activity{ID: learning.ActivityID(id.New()), Kind: "lesson_opened", LearnerID: who.ID, CourseID: "c", LessonID: "l", At: at}); err != nil {
			return err
		}
		name := who.FullName
		if _, err = roster.Changes.Save(ctx, tx, roster.Change{ID: id.New(), School: identity.SchoolID(l.school), Kind: roster.Learner, Account: who.ID,
			Patch: roster.Patch{FullName: &name}, By: "t", At: at}); err != nil {
			return err
		}
		return l.box.log.Note(ctx, tx, audit.Entry{Action: "learner.changed", TargetKind: "user", TargetID: string(who.ID), After: map[string]string{"name": name}})
	}))
}

func (l *line) nothingOf(name string) {
	l.t.Helper()
	for where, s := range map[string]*side{"cloud": l.cloud, "box": l.box} {
		if left := tablesWith(l.t, s.db, name); len(left) > 0 {
			l.t.Errorf("the %s still has her in %v", where, left)
		}
	}
}

func (l *line) digests() {
	l.t.Helper()
	var got [2][]syncproto.KindDigest
	for i, s := range []*side{l.cloud, l.box} {
		must(l.t, s.db.View(l.t.Context(), func(tx db.Tx) (err error) {
			got[i], err = syncer.Digests(l.t.Context(), tx, l.reg, syncer.Scope{School: l.school, Members: identity.MembersOf})
			return err
		}))
	}
	for i := range got[0] {
		if got[0][i].Root != got[1][i].Root || got[0][i].Count != got[1][i].Count {
			l.t.Errorf("%s: %d at the cloud, %d at the box, or they differ", got[0][i].Name, got[0][i].Count, got[1][i].Count)
		}
	}
}

func (l *line) chains() {
	l.t.Helper()
	for where, s := range map[string]*side{"cloud": l.cloud, "box": l.box} {
		reports, err := s.log.Verify(l.t.Context())
		must(l.t, err)
		for _, r := range reports {
			if r.Broken != nil {
				l.t.Errorf("%s: the audit chain of %s: %+v", where, r.Node, *r.Broken)
			}
		}
	}
}

// Her work lies in the outbox of a box that is cut off while her guardian has her
// erased at the cloud. When the line is back, nothing of her is anywhere, the
// chains hold and both sides agree; what was carried off before does not bring
// her back.
func TestAnErasureReachesABoxThatWasCutOff(t *testing.T) {
	for _, order := range []string{"the work comes first", "the erasure comes first"} {
		t.Run(order, func(t *testing.T) {
			l := newLine(t)
			const name = "Zawadi Marker Ekai"
			her, friend := l.learner(name), l.learner("Faith Friend")
			l.both()
			l.work(her) // delivered
			l.both()
			l.work(her) // cut off
			l.work(friend)
			stick := l.cut(l.box)
			if len(tablesWith(t, l.box.db, name)) < 4 || len(tablesWith(t, l.cloud.db, name)) < 4 {
				t.Fatal("she is not there to begin with")
			}

			asked, err := l.cloud.Ask(t.Context(), l.admin, personal.Request{Person: her.ID, Reason: "her mother wrote"})
			must(t, err)
			l.clock.Advance(personal.Cooling)
			if n, err := l.cloud.Due(t.Context()); n != 1 || err != nil {
				t.Fatalf("%d erased, %v", n, err)
			}
			if left := tablesWith(t, l.cloud.db, name); len(left) > 0 {
				t.Fatalf("at once, the cloud still has her in %v", left)
			}
			if p, err := l.cloud.ProofByCode(t.Context(), asked.Code); err != nil || p.Complete {
				t.Errorf("the receipt is complete before the box knows: %v", err)
			}
			if order == "the erasure comes first" {
				l.carry(l.cloud, l.box)
			}
			l.carry(l.box, l.cloud)
			l.both()
			if n, err := l.box.Confirm(t.Context()); n != 1 || err != nil {
				t.Errorf("%d confirmed, %v", n, err)
			}
			l.both()
			l.nothingOf(name)
			l.digests()
			l.chains()
			p, err := l.cloud.ProofByCode(t.Context(), asked.Code)
			if err != nil || !p.Complete || len(p.Stops) != 2 {
				t.Errorf("the receipt: %+v, %v", p, err)
			}
			if len(tablesWith(t, l.cloud.db, "Faith Friend")) < 3 {
				t.Error("her friend's work is gone too")
			}

			// The stick that was written before comes in at last, as another life of the box.
			for _, f := range stick {
				f.Epoch = 8
				_, err := l.cloud.applier.Apply(t.Context(), syncer.Log{School: l.school, Epoch: 8}, f)
				if err != nil && !errors.Is(err, syncer.ErrGap) && !errors.Is(err, syncer.ErrFork) {
					t.Fatal(err)
				}
				f.First, f.Prev = 1, syncproto.Hash{}
				data, err := syncproto.EncodeFrame(&f)
				must(t, err)
				late, err := syncproto.DecodeFrame(data)
				must(t, err)
				_, err = l.cloud.applier.Apply(t.Context(), syncer.Log{School: l.school, Epoch: 8}, late)
				must(t, err)
			}
			l.both()
			l.nothingOf(name)
			l.snapshot(name)
		})
	}
}

// snapshot looks that nothing of her is in one, and that her erasure is.
func (l *line) snapshot(name string) {
	l.t.Helper()
	var kinds []string
	x := syncer.Exporter{DB: l.cloud.db, Registry: l.reg, Scope: syncer.Scope{School: l.school, Members: identity.MembersOf}}
	_, err := x.Export(l.t.Context(), func(frame []byte) error {
		f, err := syncproto.DecodeFrame(frame)
		for _, e := range f.Events {
			kinds = append(kinds, e.Type)
			if contains(e.Body, name) {
				l.t.Errorf("a snapshot holds her in a %s", e.Type)
			}
		}
		return err
	})
	must(l.t, err)
	if !slices.Contains(kinds, "personal.erasure") || !slices.Contains(kinds, "personal.receipt") {
		l.t.Errorf("a snapshot tells a new box nothing of the erasure: %v", kinds)
	}
}

// The head asks at the box; the cloud hears of it and erases her too.
func TestAnErasureAtTheBoxReachesTheCloud(t *testing.T) {
	l := newLine(t)
	const name = "Zawadi Marker Ekai"
	her := l.learner(name)
	l.both()
	l.work(her)
	head := identity.Actor{Account: identity.AccountID(id.New()), Role: identity.Instructor, School: identity.SchoolID(l.school), Duties: []identity.Duty{identity.Head}}
	asked, err := l.box.Ask(t.Context(), head, personal.Request{Person: her.ID, Reason: "her mother came in"})
	must(t, err)
	l.clock.Advance(personal.Cooling)
	if n, err := l.box.Due(t.Context()); n != 1 || err != nil {
		t.Fatalf("%d erased, %v", n, err)
	}
	if left := tablesWith(t, l.box.db, name); len(left) > 0 {
		t.Errorf("at once, the box still has her in %v", left)
	}
	l.both()
	if _, err := l.box.Confirm(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.both()
	l.nothingOf(name)
	l.digests()
	l.chains()
	if p, err := l.box.ProofByCode(t.Context(), asked.Code); err != nil || !p.Complete {
		t.Errorf("the receipt: %+v, %v", p, err)
	}
}
