package roster_test

import (
	"slices"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/roster"
)

func TestALearnerAddedOfflineIsTheSameOnBothSides(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(t, d)
		b := w.box("Shule ya Msingi")
		change := id.New()
		p := roster.Patch{FullName: new("  Achieng  A "), Grade: new("Grade 4"), ClassName: new("4 Blue"), UPI: new("ab12cd"), Born: new("2016"),
			GuardianName: "A Guardian", GuardianPhone: "0711 000 001"}
		here, err := b.Add(t.Context(), b.head, b.school, change, p)
		check(t, err)
		again, err := b.Add(t.Context(), b.head, b.school, change, p)
		check(t, err)
		if here.ID != again.ID || here.FullName != "Achieng A" || here.UPI != "AB12CD" {
			t.Errorf("at the box: %+v, again %+v", here, again)
		}
		lines, err := b.List(t.Context(), b.head, b.school, "4 Blue")
		check(t, err)
		if len(lines) != 1 || !lines[0].Waiting || lines[0].Age == nil || *lines[0].Age != 9 {
			t.Errorf("before the exchange: %+v", lines)
		}

		w.exchange(b)
		there := w.cloud.account(t, here.ID)
		here = b.account(t, here.ID)
		if there != here || there.School != b.school || there.Born != "2016" {
			t.Errorf("the cloud has %+v, the box %+v", there, here)
		}
		lines, err = b.List(t.Context(), b.head, b.school, "")
		check(t, err)
		if len(lines) != 1 || lines[0].Waiting {
			t.Errorf("after the exchange: %+v", lines)
		}
		check(t, w.cloud.db.View(t.Context(), func(tx db.Tx) error {
			if err := w.cloud.people.Admits(t.Context(), tx, string(b.school), learner(here.ID)); err != nil {
				t.Errorf("her school may not write about her: %v", err)
			}
			phones, err := w.cloud.people.VerifiedPhones(t.Context(), tx, here.ID)
			if len(phones) != 0 {
				t.Error("a phone from a list counts as verified")
			}
			return err
		}))
		guardians, err := b.people.GuardiansOf(t.Context(), b.head, here.ID)
		if err != nil || len(guardians) != 1 || guardians[0].Phone != "254711000001" {
			t.Errorf("guardians %+v, %v", guardians, err)
		}
	})
}

func TestWhatTheSchoolChangedStaysVisibleUntilTheCloudAnswers(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	b := w.box("A")
	a := b.add(t, "Otieno O", "4 Blue")
	w.exchange(b)

	_, err := b.Correct(t.Context(), b.head, b.school, a.ID, roster.Patch{ClassName: new("4 Red")})
	check(t, err)
	// Meanwhile the cloud corrects something else and tells the box.
	_, err = w.cloud.Correct(t.Context(), w.admin, b.school, a.ID, roster.Patch{FullName: new("Otieno Odhiambo")})
	check(t, err)
	w.down(b)
	if got := b.account(t, a.ID); got.ClassName != "4 Red" || got.FullName != "Otieno Odhiambo" {
		t.Errorf("the box shows %+v", got)
	}
	w.exchange(b)
	if here, there := b.account(t, a.ID), w.cloud.account(t, a.ID); here != there || here.ClassName != "4 Red" || here.FullName != "Otieno Odhiambo" {
		t.Errorf("the cloud has %+v, the box %+v", there, here)
	}
}

func TestASchoolCannotTouchWhoIsNotItsLearner(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(t, d)
		mine, theirs := w.box("Mine"), w.box("Theirs")
		victim := theirs.add(t, "Wanjiku W", "4 Blue")
		own := mine.add(t, "Own O", "4 Blue")
		w.exchange(mine, theirs)
		before := w.cloud.account(t, victim.ID)

		_, err := mine.Correct(t.Context(), mine.head, mine.school, victim.ID, roster.Patch{FullName: new("X")})
		wantErr(t, err, roster.ErrNotHere)
		// A box that somebody has tampered with says so all the same.
		forged := []roster.Change{
			{Kind: roster.Learner, Account: victim.ID, Patch: roster.Patch{FullName: new("X"), Grade: new("Grade 4")}},
			{Kind: roster.Learner, Account: identity.AccountID(id.New()), Patch: roster.Patch{FullName: new("X"), Grade: new("Grade 4")}},
			{Kind: roster.Leave, Account: victim.ID},
			{Kind: roster.Merge, Account: own.ID, Other: victim.ID},
			{Kind: roster.Merge, Account: victim.ID, Other: own.ID},
			{Kind: roster.Unlink, Account: victim.ID, Of: id.New()},
			{Kind: roster.Transfer, Hash: "x"},
			{Kind: roster.Learner, Account: theirs.head.Account, Patch: roster.Patch{FullName: new("X")}},
			{Kind: "other", Account: own.ID},
		}
		for i, c := range forged {
			c.ID, c.School, c.At = id.New(), mine.school, db.Time{Time: w.clock.Now()}
			check(t, mine.db.Update(t.Context(), func(tx db.Tx) error { _, err := roster.Changes.Save(t.Context(), tx, c); return err }))
			w.exchange(mine, theirs)
			if todos := mine.todos(t); len(todos) != i+1 {
				t.Fatalf("change %d (%s) was not refused: %v", i, c.Kind, todos)
			}
		}
		if after := w.cloud.account(t, victim.ID); after != before {
			t.Errorf("she was changed: %+v", after)
		}
		if here := theirs.account(t, victim.ID); here != before {
			t.Errorf("at her school: %+v", here)
		}
		if got := mine.account(t, own.ID); got.MergedInto != "" || got != w.cloud.account(t, own.ID) {
			t.Errorf("after the refusals her account is %+v", got)
		}
		list, err := mine.ListTodos(t.Context(), mine.head, mine.school)
		check(t, err)
		check(t, mine.Dismiss(t.Context(), mine.head, mine.school, list[0].Change.ID))
		if todos := mine.todos(t); len(todos) != len(forged)-1 {
			t.Errorf("%d to-dos after one was seen", len(todos))
		}
	})
}

func TestAUPIOfAnotherLearnerIsATodoAndNoRefusal(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	a, b := w.box("A"), w.box("B")
	p := roster.Patch{FullName: new("Njeri N"), Grade: new("Grade 4"), UPI: new("UPI123")}
	_, err := a.Add(t.Context(), a.head, a.school, "", p)
	check(t, err)
	w.exchange(a)
	second, err := b.Add(t.Context(), b.head, b.school, "", p)
	check(t, err)
	w.exchange(b)
	if got := b.account(t, second.ID); got.UPI != "" || got.School != b.school {
		t.Errorf("she is %+v", got)
	}
	if todos := b.todos(t); !slices.Equal(todos, []string{"upi_elsewhere"}) {
		t.Errorf("to-dos %v", todos)
	}
}

func TestWhoMayChangeTheRoster(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	b := w.box("A")
	teacher, err := w.cloud.people.AddInstructor(t.Context(), w.admin, b.school, identity.NewInstructor{Email: "t@uhs.example", FullName: "A Teacher"})
	check(t, err)
	w.down(b)
	who := identity.Actor{Account: teacher.ID, Role: identity.Instructor, School: b.school}
	p := roster.Patch{FullName: new("Kamau K"), Grade: new("Grade 4"), ClassName: new("4 Blue")}

	_, err = b.Add(t.Context(), who, b.school, "", p)
	wantErr(t, err, identity.ErrForbidden)
	_, err = b.SaveClass(t.Context(), b.head, roster.Class{School: b.school, Name: "4 Blue", Grade: "Grade 4", Stream: "Blue", Teacher: who.Account, Active: true})
	check(t, err)
	_, err = b.Add(t.Context(), who, b.school, "", p)
	check(t, err)
	p.ClassName = new("4 Red")
	_, err = b.Add(t.Context(), who, b.school, "", p)
	wantErr(t, err, identity.ErrForbidden)

	stranger := identity.Actor{Account: teacher.ID, Role: identity.Instructor, School: identity.SchoolID(id.New()), Duties: []identity.Duty{identity.Head}}
	_, err = b.Add(t.Context(), stranger, b.school, "", p)
	wantErr(t, err, identity.ErrNoSuchSchool)
	for _, role := range []identity.Role{identity.Student, identity.Parent, identity.Staff, identity.Partner} {
		_, err = b.Add(t.Context(), identity.Actor{Account: teacher.ID, Role: role, School: b.school}, b.school, "", p)
		wantErr(t, err, identity.ErrForbidden)
	}
	classes, err := b.ListClasses(t.Context(), who, b.school)
	check(t, err)
	if len(classes) != 1 || classes[0].Learners != 1 || classes[0].Stream != "Blue" {
		t.Errorf("classes %+v", classes)
	}
	_, err = b.SaveClass(t.Context(), b.head, roster.Class{School: b.school, Name: "5", Grade: "Grade 5", Teacher: identity.AccountID(id.New())})
	if err == nil {
		t.Error("somebody unknown teaches a class")
	}
}

func TestACodeFromTheBoxLinksAParentOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(t, d)
		b := w.box("A")
		a := b.add(t, "Akinyi A", "4 Blue")
		slips, err := b.MakeCodes(t.Context(), b.head, b.school, roster.LinkParent, []identity.AccountID{a.ID})
		check(t, err)
		parent := w.parent("p1@uhs.example")
		typed := " " + slips[0].Text[:4] + slips[0].Text[5:]

		_, err = w.cloud.AddChild(t.Context(), parent, typed)
		wantErr(t, err, roster.ErrNoCode) // it is still on the way
		w.exchange(b)
		child, err := w.cloud.AddChild(t.Context(), parent, typed)
		check(t, err)
		if child.ID != a.ID {
			t.Errorf("linked to %s", child.ID)
		}
		_, err = w.cloud.AddChild(t.Context(), w.parent("p2@uhs.example"), typed)
		wantErr(t, err, roster.ErrCodeUsed)
		if !w.isGuardian(parent, a.ID) {
			t.Error("the parent is no guardian")
		}

		w.down(b)
		guardians, err := b.people.GuardiansOf(t.Context(), b.head, a.ID)
		if err != nil || len(guardians) != 1 {
			t.Fatalf("at the school: %+v, %v", guardians, err)
		}
		check(t, b.UnlinkGuardian(t.Context(), b.head, b.school, a.ID, guardians[0].ID))
		w.exchange(b)
		if w.isGuardian(parent, a.ID) {
			t.Error("the school unlinked the parent and she still is a guardian")
		}
		if guardians, _ = b.people.GuardiansOf(t.Context(), b.head, a.ID); len(guardians) != 0 {
			t.Errorf("at the school: %+v", guardians)
		}

		slips, err = b.MakeCodes(t.Context(), b.head, b.school, roster.LinkParent, []identity.AccountID{a.ID})
		check(t, err)
		w.exchange(b)
		w.clock.Advance(31 * 24 * time.Hour)
		_, err = w.cloud.AddChild(t.Context(), parent, slips[0].Text)
		wantErr(t, err, roster.ErrCodeOld)
	})
}

func TestAChildWhoChangesSchoolKeepsHerRecord(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(t, d)
		old, next := w.box("Old"), w.box("New")
		a := old.add(t, "Moraa M", "4 Blue")
		twin := old.add(t, "Moraa M.", "4 Blue")
		check(t, old.MergeLearners(t.Context(), old.head, old.school, a.ID, twin.ID))
		slips, err := old.MakeCodes(t.Context(), old.head, old.school, roster.MoveLearner, []identity.AccountID{a.ID})
		check(t, err)
		w.exchange(old)

		check(t, next.Receive(t.Context(), next.head, next.school, slips[0].Text, roster.Patch{Grade: new("Grade 5"), ClassName: new("5 East")}))
		w.exchange(next, old)
		got := next.account(t, a.ID)
		if got.School != next.school || got.ClassName != "5 East" || got.Grade != "Grade 5" || got.FullName != "Moraa M" {
			t.Errorf("at the new school: %+v", got)
		}
		if got := next.account(t, twin.ID); got.MergedInto != a.ID || got.School != next.school {
			t.Errorf("her duplicate: %+v", got)
		}
		if got := old.account(t, a.ID); got.School == old.school {
			t.Error("the old school still has her")
		}
		lines, err := old.List(t.Context(), old.head, old.school, "")
		if err != nil || len(lines) != 0 {
			t.Errorf("the old school lists %+v, %v", lines, err)
		}
		slices.Sort(w.told)
		want := []string{string(a.ID) + " " + string(next.school), string(twin.ID) + " " + string(next.school)}
		slices.Sort(want)
		if !slices.Equal(w.told, want) {
			t.Errorf("whose past went where: %v", w.told)
		}
		_, err = old.Correct(t.Context(), old.head, old.school, a.ID, roster.Patch{FullName: new("X")})
		wantErr(t, err, roster.ErrNotHere)

		// The code is used, and another from before is stale.
		check(t, next.Receive(t.Context(), next.head, next.school, slips[0].Text, roster.Patch{Grade: new("Grade 5")}))
		w.exchange(next)
		if todos := next.todos(t); !slices.Equal(todos, []string{"code_used"}) {
			t.Errorf("to-dos %v", todos)
		}
	})
}

func TestATransferLiftsNoSuspension(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorld(t, d)
		old, next := w.box("Old"), w.box("New")
		a, twin := old.add(t, "Moraa M", "4 Blue"), old.add(t, "Moraa M.", "4 Blue")
		check(t, old.MergeLearners(t.Context(), old.head, old.school, a.ID, twin.ID))
		slips, err := old.MakeCodes(t.Context(), old.head, old.school, roster.MoveLearner, []identity.AccountID{a.ID})
		check(t, err)
		w.exchange(old)
		set := func(account identity.AccountID, status identity.Status) {
			t.Helper()
			_, err := w.cloud.people.SetStatus(t.Context(), w.admin, account, status)
			check(t, err)
		}
		receive := func() {
			t.Helper()
			check(t, next.Receive(t.Context(), next.head, next.school, slips[0].Text, roster.Patch{Grade: new("Grade 5")}))
			w.exchange(next, old)
		}

		set(a.ID, identity.Suspended)
		receive()
		if got := w.cloud.account(t, a.ID); got.Status != identity.Suspended || got.School != old.school {
			t.Errorf("suspended, she is %s at %s", got.Status, got.School)
		}
		if todos := next.todos(t); !slices.Equal(todos, []string{"not_at_school"}) {
			t.Errorf("to-dos %v", todos)
		}

		// The refusal used nothing up.
		set(a.ID, identity.Active)
		set(twin.ID, identity.Suspended)
		receive()
		if got := w.cloud.account(t, a.ID); got.Status != identity.Active || got.School != next.school {
			t.Errorf("active again, she is %s at %s", got.Status, got.School)
		}
		if got := w.cloud.account(t, twin.ID); got.Status != identity.Suspended || got.School != old.school {
			t.Errorf("her suspended duplicate is %s at %s", got.Status, got.School)
		}
	})
}

func (w *world) parent(email string) identity.Actor {
	w.t.Helper()
	p, err := w.cloud.people.Register(w.t.Context(), identity.Registration{Email: email, Password: "Sunny-Day-2026", Role: identity.Parent, FullName: "A Parent"})
	check(w.t, err)
	return identity.Actor{Account: p.Account.ID, Role: identity.Parent, Email: email}
}

func (w *world) isGuardian(parent identity.Actor, child identity.AccountID) (yes bool) {
	w.t.Helper()
	check(w.t, w.cloud.db.View(w.t.Context(), func(tx db.Tx) (err error) {
		yes, err = w.cloud.people.IsGuardianOf(w.t.Context(), tx, parent.Account, child)
		return err
	}))
	return yes
}

func TestTheThreeTermsOfAYear(t *testing.T) {
	for year := 2024; year < 2050; year++ {
		terms := roster.CountryTerms(year)
		last := ""
		for _, term := range terms {
			first, err := time.Parse(time.DateOnly, term.First)
			check(t, err)
			if first.Weekday() != time.Monday || term.First <= last || term.Last <= term.First || int64(first.Year()) != term.Year {
				t.Errorf("%d: %+v", year, terms)
			}
			last = term.Last
		}
	}
	w := newWorld(t, dbtest.SQLite(t))
	b := w.box("A")
	_, err := b.SaveTerm(t.Context(), b.head, roster.Term{School: b.school, Year: 2026, Number: 2, First: "2026-05-04", Last: "2026-08-07"})
	check(t, err)
	terms, err := b.ListTerms(t.Context(), b.head, b.school, 2026)
	check(t, err)
	if terms[0].First != "2026-01-05" || terms[1].First != "2026-05-04" || terms[2].Last != "2026-10-23" {
		t.Errorf("terms %+v", terms)
	}
	if _, err := b.SaveTerm(t.Context(), b.head, roster.Term{School: b.school, Year: 2026, Number: 2, First: "2026-08-04", Last: "2026-05-07"}); err == nil {
		t.Error("a term that ends before it begins")
	}
}
