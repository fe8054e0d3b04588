package accounts_test

import (
	"errors"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/cloud/internal/accounts"
	"urbanhomeschool.org/uhs/shared/identity"
)

func TestApplications(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	teacher := w.register("tom@uhs.example", identity.Instructor)
	stranger := w.register("eve@uhs.example", identity.Instructor)
	staff := identity.Actor{Account: "staff-1", Role: identity.Staff}
	in := accounts.Application{FullName: "Tom Teacher", Qualifications: "P1 certificate", ExperienceYears: 7, Subjects: []string{"Kiswahili"}, Bio: "I like to teach."}
	var a accounts.Application
	t.Run("an applicant applies once, and sees it; nobody else's applicant does", func(t *testing.T) {
		var err error
		a, err = w.Apply(ctx, teacher, in)
		must(t, err)
		_, err = w.Apply(ctx, teacher, in)
		wantErr(t, err, accounts.ErrApplied)
		_, err = w.Application(ctx, teacher, a.ID)
		must(t, err)
		_, err = w.Application(ctx, stranger, a.ID)
		wantErr(t, err, accounts.ErrNoneSuch)
		page, counts, err := w.ListApplications(ctx, stranger, accounts.Page{Limit: 10})
		if err != nil || len(page) != 0 || counts.Total != 0 {
			t.Errorf("%v %+v %v", page, counts, err)
		}
	})
	t.Run("who applies is an instructor who waits", func(t *testing.T) {
		parent := w.register("mama@uhs.example", identity.Parent)
		_, err := w.Apply(ctx, parent, in)
		wantErr(t, err, identity.ErrForbidden)
		partner := w.register("partner@uhs.example", identity.Partner)
		_, err = w.Apply(ctx, partner, in)
		wantErr(t, err, identity.ErrForbidden)
	})
	t.Run("an incomplete application is refused", func(t *testing.T) {
		for _, edit := range []func(*accounts.Application){
			func(a *accounts.Application) { a.FullName = " " }, func(a *accounts.Application) { a.Qualifications = "" }, func(a *accounts.Application) { a.ExperienceYears = 71 },
			func(a *accounts.Application) { a.CVURL = "javascript:alert(1)" }, func(a *accounts.Application) { a.Bio = strings.Repeat("x", 2001) },
		} {
			bad := in
			edit(&bad)
			_, err := w.Apply(ctx, stranger, bad)
			wantErr(t, err, accounts.ErrApplication)
		}
	})
	t.Run("documents: a PDF or a picture, for the writer and reviewers only", func(t *testing.T) {
		must(t, w.PutDocument(ctx, teacher, "cv", []byte("%PDF-1.7 ...")))
		must(t, w.PutDocument(ctx, teacher, "id_front", picture(t, 30, 20, asPNG)))
		wantErr(t, w.PutDocument(ctx, teacher, "id_back", []byte("<html>")), accounts.ErrDocument)
		wantErr(t, w.PutDocument(ctx, teacher, "passport", []byte("%PDF-1.7")), accounts.ErrNoSuchFile)
		d, err := w.Document(ctx, staff, a.ID, "cv")
		if err != nil || d.MediaType != "application/pdf" {
			t.Errorf("%s, %v", d.MediaType, err)
		}
		if d, err = w.Document(ctx, teacher, a.ID, "id_front"); err != nil || d.MediaType != "image/jpeg" {
			t.Errorf("%s, %v", d.MediaType, err)
		}
		_, err = w.Document(ctx, stranger, a.ID, "cv")
		wantErr(t, err, accounts.ErrNoneSuch)
		_, err = w.Document(ctx, staff, a.ID, "id_back")
		wantErr(t, err, accounts.ErrNoSuchFile)
	})
	t.Run("a rejection has a reason, reaches the applicant, and allows another try", func(t *testing.T) {
		_, err := w.Decide(ctx, teacher, a.ID, accounts.Verdict{Status: accounts.Approved})
		wantErr(t, err, identity.ErrForbidden)
		_, err = w.Decide(ctx, staff, a.ID, accounts.Verdict{Status: accounts.Rejected})
		if err == nil {
			t.Error("rejected without a reason")
		}
		got, err := w.Decide(ctx, staff, a.ID, accounts.Verdict{Status: accounts.Rejected, Text: "Please add your TSC number."})
		if err != nil || got.Status != accounts.Rejected || got.ReviewedBy != staff.Account {
			t.Errorf("%+v, %v", got, err)
		}
		if l := w.last("rejected", "tom@uhs.example"); l.Data["reason"] != "Please add your TSC number." || l.Language != "sw" {
			t.Errorf("%+v", l)
		}
		_, err = w.Decide(ctx, staff, a.ID, accounts.Verdict{Status: accounts.Approved})
		wantErr(t, err, accounts.ErrDecided)
		if a, err = w.Apply(ctx, teacher, in); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("approval opens the account and says so", func(t *testing.T) {
		_, err := w.Decide(ctx, w.admin, a.ID, accounts.Verdict{Status: accounts.Approved, Text: "seen"})
		must(t, err)
		w.last("approved", "tom@uhs.example")
		p, err := w.people.Me(ctx, teacher)
		must(t, err)
		if who := w.actor(p, identity.Instructor); who.Role != identity.Instructor {
			t.Errorf("she enters as %s", who.Role)
		}
		_, err = w.Decide(ctx, staff, "none", accounts.Verdict{Status: accounts.Approved})
		wantErr(t, err, accounts.ErrNoneSuch)
		page, counts, err := w.ListApplications(ctx, staff, accounts.Page{Status: accounts.Approved, Limit: 10})
		if err != nil || len(page) != 1 || counts != (accounts.Review{Total: 2, Approved: 1, Rejected: 1}) {
			t.Errorf("%d %+v %v", len(page), counts, err)
		}
	})
	t.Run("a partner is approved by status, and told", func(t *testing.T) {
		p, err := w.people.SignIn(ctx, "partner@uhs.example", word)
		must(t, err)
		who, err := w.people.Verify(ctx, p.Access)
		must(t, err)
		_, err = w.SetStatus(ctx, w.admin, who.Account, identity.Active)
		must(t, err)
		w.last("approved", "partner@uhs.example")
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error = %v; want %v", err, want)
	}
}
