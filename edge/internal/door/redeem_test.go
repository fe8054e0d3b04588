package door_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/edge/internal/door"
	"urbanhomeschool.org/uhs/shared/db"
	sheets "urbanhomeschool.org/uhs/shared/door"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

func codeOf(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Code
	}
	return fmt.Sprint(err)
}

const days = 24 * time.Hour

func (b *box) sheet(t *testing.T, holder identity.AccountID) []string {
	t.Helper()
	m, err := b.sheets.MakeSheet(t.Context(), b.head, home, holder)
	must(t, err)
	if len(m.Codes) != 10 {
		t.Fatalf("%d codes", len(m.Codes))
	}
	return m.Codes
}

func TestATeacherSetsHerPasswordWithACodeOfTheCloud(t *testing.T) {
	b := newBox(t)
	issue := func(who identity.Actor) string {
		c, err := b.sheets.IssueCode(t.Context(), who) // the cloud has the same key
		must(t, err)
		return c.Code
	}
	ctx := at(t, "laptop")
	mine := issue(b.teacher)
	t.Run("her own only", func(t *testing.T) {
		want(t, b.SetPassword(ctx, "ann@example.org", mine, newWord), sheets.ErrWrongCode)
		want(t, b.SetPassword(ctx, "nobody@example.org", mine, newWord), sheets.ErrWrongCode)
	})
	t.Run("to the letter, however it is typed", func(t *testing.T) {
		wrong := []byte(mine)
		wrong[18] = map[bool]byte{true: 'B', false: 'A'}[wrong[18] == 'A']
		want(t, b.SetPassword(ctx, "tom@example.org", string(wrong), newWord), sheets.ErrWrongCode)
		want(t, b.SetPassword(ctx, "tom@example.org", "", newWord), sheets.ErrWrongCode)
		session, err := b.people.SignIn(ctx, "tom@example.org", word)
		must(t, err)
		must(t, b.SetPassword(ctx, "Tom@Example.org ", "  "+strings.ToLower(mine[:9])+" "+mine[10:], newWord))
		must(t, b.password(ctx, "tom@example.org", newWord))
		want(t, b.password(ctx, "tom@example.org", word), identity.ErrWrongPassword)
		_, err = b.people.Refresh(ctx, session.Refresh)
		want(t, err, identity.ErrTokenRevoked)
	})
	t.Run("once, also after a restart", func(t *testing.T) {
		b.start(t, 0)
		want(t, b.SetPassword(ctx, "tom@example.org", mine, word), sheets.ErrWrongCode)
		must(t, b.password(ctx, "tom@example.org", newWord))
	})
	t.Run("for seven days", func(t *testing.T) {
		later := issue(b.another)
		b.clock.Advance(7*days + 2*time.Hour)
		want(t, b.SetPassword(ctx, "ann@example.org", later, newWord), sheets.ErrOldCode)
	})
	t.Run("a weak password uses no code up", func(t *testing.T) {
		next := issue(b.another)
		if err := b.SetPassword(ctx, "ann@example.org", next, "short"); code(err) != "weak_password" {
			t.Errorf("got %v", err)
		}
		must(t, b.SetPassword(ctx, "ann@example.org", next, newWord))
	})
	t.Run("and both the password and the use travel", func(t *testing.T) {
		if k := b.sent.kinds(); !slices.Contains(k, "identity.credential") || !slices.Contains(k, "door.use") {
			t.Errorf("sent were %v", k)
		}
	})
	t.Run("guesses are slowed", func(t *testing.T) {
		got := ""
		for range 12 {
			got = code(b.SetPassword(ctx, "box@example.org", "0000-0000-0000-0000", newWord))
		}
		if got != "door_wait" {
			t.Errorf("the twelfth guess gets %q", got)
		}
	})
	t.Run("none for a learner, nor for nobody's school", func(t *testing.T) {
		_, err := b.sheets.IssueCode(t.Context(), identity.Actor{Account: b.learners[0], Role: identity.Student, School: home})
		want(t, err, identity.ErrForbidden)
		_, err = b.sheets.IssueCode(t.Context(), identity.Actor{Account: b.teacher.Account, Role: identity.Instructor})
		want(t, err, identity.ErrNoSuchSchool)
	})
}

func TestWhenEverybodyHasForgotten(t *testing.T) {
	b := newBox(t)
	ctx := at(t, "laptop")
	ofHead, ofAdmin, ofAnother := b.sheet(t, b.head.Account), b.sheet(t, b.siteAdmin.Account), b.sheet(t, b.another.Account)
	redeem := func(email string, codes ...string) error {
		b.clock.Advance(20 * time.Minute)
		return b.Recover(ctx, door.Recovery{Email: email, Password: newWord, Codes: codes})
	}
	for _, c := range []struct {
		name, email string
		codes       []string
		want        string
	}{
		{"the holder alone, for herself", "head@example.org", ofHead[:1], ""},
		{"which works once", "head@example.org", ofHead[:1], "wrong_door_code"},
		{"the holder alone, for somebody else", "tom@example.org", ofHead[1:2], "two_people"},
		{"two codes of one sheet are one person", "tom@example.org", ofHead[1:3], "two_people"},
		{"two people", "tom@example.org", []string{ofHead[1], ofAnother[0]}, ""},
		{"neither of these codes again", "tom@example.org", []string{ofHead[1], ofAnother[1]}, "wrong_door_code"},
		{"the same code twice", "tom@example.org", []string{ofHead[3], ofHead[3]}, "two_people"},
		{"no code at all", "tom@example.org", nil, "wrong_door_code"},
		{"a code that is on no sheet", "head@example.org", []string{"AAAA-BBBB-CCCC"}, "wrong_door_code"},
		{"somebody who is no teacher here", "mary@example.org", []string{ofHead[4], ofAdmin[4]}, "wrong_door_code"},
	} {
		if got := code(redeem(c.email, c.codes...)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	t.Run("a refused try uses nothing up", func(t *testing.T) {
		must(t, redeem("tom@example.org", ofHead[2], ofAdmin[2]))
	})
	t.Run("one code and the presence of who looks after the box", func(t *testing.T) {
		in := door.Recovery{Email: "ann@example.org", Password: newWord, Codes: ofHead[5:6], AdminEmail: "box@example.org", AdminPassword: "wrong"}
		b.clock.Advance(20 * time.Minute)
		want(t, b.Recover(ctx, in), identity.ErrWrongPassword)
		b.clock.Advance(20 * time.Minute)
		in.AdminPassword = word
		must(t, b.Recover(ctx, in))
		b.clock.Advance(20 * time.Minute)
		in.Codes = ofAdmin[5:6] // her own code and herself are one person
		if got := code(b.Recover(ctx, in)); got != "two_people" {
			t.Errorf("her own code and herself: %q", got)
		}
		b.clock.Advance(20 * time.Minute)
		in.Codes, in.AdminEmail, in.AdminPassword = ofAdmin[6:7], "head@example.org", newWord
		want(t, b.Recover(ctx, in), identity.ErrForbidden) // the head does not look after the box
	})
	t.Run("an older sheet is waste paper", func(t *testing.T) {
		fresh := b.sheet(t, b.head.Account)
		if got := code(redeem("head@example.org", ofHead[9])); got != "wrong_door_code" {
			t.Errorf("the old sheet: %q", got)
		}
		must(t, redeem("head@example.org", fresh[0]))
		lines, err := b.sheets.ListSheets(t.Context(), b.head, home)
		must(t, err)
		for _, l := range lines {
			if l.Holder == b.head.Account && l.Left != 9 {
				t.Errorf("%d codes are left on it", l.Left)
			}
		}
	})
	t.Run("sheets are the head's to make, for teachers of the school", func(t *testing.T) {
		_, err := b.sheets.MakeSheet(t.Context(), b.teacher, home, b.teacher.Account)
		want(t, err, identity.ErrForbidden)
		_, err = b.sheets.MakeSheet(t.Context(), b.head, home, b.learners[0])
		if code(err) != "no_sheet_holder" {
			t.Errorf("a learner's sheet: %v", err)
		}
		_, err = b.sheets.MakeSheet(t.Context(), b.head, "another", b.head.Account)
		want(t, err, identity.ErrNoSuchSchool)
	})
	t.Run("no code is stored", func(t *testing.T) {
		must(t, b.db.View(t.Context(), func(tx db.Tx) error {
			rows, err := tx.Query(t.Context(), db.SQL{SQLite: `SELECT count(*) FROM recovery_sheets WHERE instr(codes, $1) > 0`}, id.Typed(ofAnother[3]))
			if n, err := db.One(rows, err, db.Scalar[int64]); err != nil || n != 0 {
				t.Errorf("%d, %v", n, err)
			}
			return nil
		}))
	})
}

// A school that hears nothing for a year goes on: the head's code lets the teachers
// in, and the teachers' coming lets the children in.
func TestAYearWithoutTheCloud(t *testing.T) {
	b := newBox(t)
	ctx := at(t, "laptop")
	codes := b.sheet(t, b.head.Account)
	must(t, b.password(ctx, "tom@example.org", word))
	b.clock.Advance(29 * days)
	must(t, b.password(ctx, "tom@example.org", word))
	if s, err := b.State(ctx); err != nil || !s.Warn {
		t.Errorf("nobody is warned a day before: %+v %v", s, err)
	}

	b.clock.Advance(2 * days)
	if got := code(b.password(ctx, "tom@example.org", word)); got != "door_expired" {
		t.Fatalf("a teacher after 31 days: %q", got)
	}
	must(t, b.pin(ctx, 0, pin)) // the children go on

	ofAnother := b.sheet(t, b.another.Account)
	want(t, second(b.Renew(ctx, ofAnother[0])), sheets.ErrWrongCode) // the head's alone
	for month := range 9 {
		b.clock.Advance(16 * time.Minute)
		must(t, second(b.Renew(ctx, codes[month])))
		must(t, b.password(ctx, "tom@example.org", word))
		if month == 8 {
			break
		}
		b.clock.Advance(31 * days)
		if got := code(b.password(ctx, "tom@example.org", word)); got != "door_expired" {
			t.Errorf("month %d without a code: %q", month, got)
		}
		must(t, b.pin(ctx, 0, pin))
	}
	b.clock.Advance(119 * days) // a year and a month after the last word of the cloud
	must(t, b.pin(ctx, 0, pin))
	b.clock.Advance(2 * days)
	if got := code(b.pin(ctx, 0, pin)); got != "door_expired" {
		t.Errorf("a child when no teacher came for 121 days: %q", got)
	}

	t.Run("a code that the teacher fetched from the cloud opens it for her", func(t *testing.T) {
		c, err := b.sheets.IssueCode(t.Context(), b.another)
		must(t, err)
		must(t, b.SetPassword(ctx, "ann@example.org", c.Code, newWord))
		must(t, b.password(ctx, "ann@example.org", newWord))
		if got := code(b.password(ctx, "tom@example.org", word)); got != "door_expired" {
			t.Errorf("and not for others: %q", got)
		}
		must(t, b.pin(ctx, 0, pin))
	})
	t.Run("a word of the cloud opens it for all", func(t *testing.T) {
		b.heard = b.clock.Now()
		must(t, b.password(ctx, "tom@example.org", word))
	})
	t.Run("a clock that was set back closes nothing", func(t *testing.T) {
		b.clock.Set(b.heard.Add(-3000 * days))
		must(t, b.password(ctx, "tom@example.org", word))
	})
}

func second[T any](_ T, err error) error { return err }

func TestTheSheetOfWhoMayNotEnterCountsNoMore(t *testing.T) {
	b := newBox(t)
	ofHead, ofAnother := b.sheet(t, b.head.Account), b.sheet(t, b.another.Account)
	// Time passes: a teacher's guesses are slowed, and what is newer counts.
	account := func(change func(*identity.Account)) {
		b.clock.Advance(20 * time.Minute)
		must(t, b.db.Update(t.Context(), func(tx db.Tx) error {
			a, err := b.people.Account(t.Context(), tx, b.another.Account)
			if err != nil {
				return err
			}
			change(&a)
			a.UpdatedAt = db.Time{Time: b.clock.Now()}
			_, err = identity.Accounts.Put(t.Context(), tx, a)
			return err
		}))
	}
	present := func(a *identity.Account) { a.School, a.Status, a.Role = home, identity.Active, identity.Instructor }
	refused := func(t *testing.T) {
		t.Helper()
		b.clock.Advance(20 * time.Minute)
		in := door.Recovery{Email: "tom@example.org", Password: newWord, Codes: []string{ofHead[0], ofAnother[0]}}
		if got := code(b.Recover(at(t, "laptop"), in)); got != "wrong_door_code" {
			t.Errorf("her code gives %q", got)
		}
		lines, err := b.sheets.ListSheets(t.Context(), b.head, home)
		if err != nil || len(lines) != 1 || lines[0].Holder != b.head.Account {
			t.Errorf("listed are %v, %v", lines, err)
		}
	}
	for _, c := range []struct {
		name   string
		change func(*identity.Account)
	}{
		{"suspended", func(a *identity.Account) { a.Status = identity.Suspended }},
		{"at another school", func(a *identity.Account) { a.School = "another" }},
		{"no instructor any more", func(a *identity.Account) { a.Role = identity.Parent }},
	} {
		t.Run(c.name, func(t *testing.T) {
			account(c.change)
			refused(t)
			account(present)
		})
	}
	t.Run("barred, and her account is not here yet", func(t *testing.T) {
		b.clock.Advance(time.Minute)
		v := identity.Barring{ID: "b", School: home, Account: b.another.Account, At: db.Time{Time: b.clock.Now()}}
		must(t, b.db.Update(t.Context(), func(tx db.Tx) error { _, err := identity.Barrings.Put(t.Context(), tx, v); return err }))
		refused(t)
	})
	t.Run("back again", func(t *testing.T) {
		account(present)
		b.clock.Advance(20 * time.Minute)
		must(t, b.Recover(at(t, "laptop"), door.Recovery{Email: "tom@example.org", Password: newWord, Codes: []string{ofHead[0], ofAnother[0]}}))
	})
}
