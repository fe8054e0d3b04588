package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/door"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer"
)

func TestTheRoutesOfCardsAndSheets(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		a, s := identityAPI(t, d, "")
		d = syncer.WithJournal(d, noJournal{})
		api.MountCards(a, s, door.New(door.Options{DB: d, Clock: clock.System{}, People: s, Pepper: func(identity.SchoolID) ([]byte, error) { return []byte("pepper"), nil }}))
		if _, err := s.CreateFirstAdmin(t.Context(), "admin@uhs.example", password, "Ada Admin"); err != nil {
			t.Fatal(err)
		}
		who := identity.Actor{Account: "x", Role: identity.Admin}
		school, err := s.CreateSchool(t.Context(), who, identity.NewSchool{Name: "Lodwar Primary"})
		if err != nil {
			t.Fatal(err)
		}
		child, err := s.AddLearner(t.Context(), who, school.ID, identity.NewLearner{FullName: "Amina Otieno", Grade: "Grade 4"})
		if err != nil {
			t.Fatal(err)
		}
		head, err := s.AddInstructor(t.Context(), who, school.ID, identity.NewInstructor{Email: "head@example.org", FullName: "Tom Teacher", Duties: []identity.Duty{identity.Head}})
		if err != nil {
			t.Fatal(err)
		}
		admin := login(t, a, "admin@uhs.example")["access_token"].(string)
		for _, c := range []struct {
			name, method, path, token, body string
			status                          int
			has                             string
		}{
			{"cards of pictures", http.MethodPost, "/api/v1/learners/cards", admin, `{"kind":"pictures","learners":["%[1]s"]}`, 200, `"pictures":["`},
			{"cards of PINs", http.MethodPost, "/api/v1/learners/cards", admin, `{"kind":"pin","learners":["%[1]s"]}`, 200, `"pin":"`},
			{"no kind", http.MethodPost, "/api/v1/learners/cards", admin, `{"kind":"iris","learners":["%[1]s"]}`, 422, "kind"},
			{"nobody's", http.MethodPost, "/api/v1/learners/cards", admin, `{"kind":"pin","learners":[]}`, 422, "learners"},
			{"of an unknown child", http.MethodPost, "/api/v1/learners/cards", admin, `{"kind":"pin","learners":["%[2]s"]}`, 404, "no_such_account"},
			{"by nobody", http.MethodPost, "/api/v1/learners/cards", "", `{"kind":"pin","learners":["%[1]s"]}`, 401, "sign_in"},
			{"a sheet", http.MethodPost, "/api/v1/schools/%[3]s/recovery-sheets", admin, `{"holder_id":"%[2]s"}`, 201, `"codes":["`},
			{"a child's sheet", http.MethodPost, "/api/v1/schools/%[3]s/recovery-sheets", admin, `{"holder_id":"%[1]s"}`, 422, "no_sheet_holder"},
			{"the sheets", http.MethodGet, "/api/v1/schools/%[3]s/recovery-sheets", admin, "", 200, `"left":10`},
			{"the sheets, by nobody", http.MethodGet, "/api/v1/schools/%[3]s/recovery-sheets", "", "", 401, "sign_in"},
		} {
			fill := func(text string) string {
				if !strings.Contains(text, "%") {
					return text
				}
				return strings.SplitN(fmt.Sprintf(text+"\x00%[1]s%[2]s%[3]s", child.ID, head.ID, school.ID), "\x00", 2)[0]
			}
			status, text := call(t, a, c.method, fill(c.path), c.token, fill(c.body))
			if status != c.status || !strings.Contains(text, c.has) {
				t.Errorf("%s: %d %s", c.name, status, text)
			}
		}
	})
}

// What is more than learning is closed to who showed only pictures.
func TestPicturesReachNoSettings(t *testing.T) {
	d := dbtest.SQLite(t)
	_, cloud := identityAPI(t, d, "")
	who := identity.Actor{Account: "x", Role: identity.Admin}
	school, err := cloud.CreateSchool(t.Context(), who, identity.NewSchool{Name: "Lodwar Primary"})
	if err != nil {
		t.Fatal(err)
	}
	a, s := identityAPI(t, d, school.ID)
	child, err := s.AddLearner(t.Context(), who, school.ID, identity.NewLearner{FullName: "Amina Otieno", Grade: "Grade 4"})
	if err != nil {
		t.Fatal(err)
	}
	enter := func(kind identity.CredentialKind) string {
		t.Helper()
		cards, err := s.MakeCards(t.Context(), who, kind, []identity.AccountID{child.ID})
		if err != nil {
			t.Fatal(err)
		}
		var in identity.Tokens
		if kind == identity.PIN {
			in, err = s.SignInPIN(t.Context(), child.ID, cards[0].PIN)
		} else {
			in, err = s.SignInPictures(t.Context(), child.ID, cards[0].Pictures)
		}
		if err != nil {
			t.Fatal(err)
		}
		return in.Access
	}
	const mine, settings = "/api/v1/auth/me", "/api/v1/users/me/sessions"
	pictures := enter(identity.PictureSecret)
	if status, text := call(t, a, http.MethodGet, mine, pictures, ""); status != http.StatusOK {
		t.Errorf("%s with pictures: %d %s", mine, status, text)
	}
	if status, text := call(t, a, http.MethodGet, settings, pictures, ""); status != http.StatusForbidden || !strings.Contains(text, "only_pictures") {
		t.Errorf("%s with pictures: %d %s", settings, status, text)
	}
	pin := enter(identity.PIN) // which ends what the pictures opened
	for _, path := range []string{mine, settings} {
		if status, text := call(t, a, http.MethodGet, path, pin, ""); status != http.StatusOK {
			t.Errorf("%s with a PIN: %d %s", path, status, text)
		}
	}
}
