package e2e

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"testing"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

const (
	cloudWord = "Cloud-Secret-2026"
	doorWord  = "Box-Secret-2026"
	nextWord  = "Next-Secret-2027"
)

// doorSchool is a school of its own for the tests of the door.
type doorSchool struct {
	*world.School
	admin *world.Client
	ids   map[string]string
}

func openDoor(t *testing.T, w *world.World) *doorSchool {
	t.Helper()
	admin, err := w.Admin(t.Context())
	must(t, err)
	s, err := w.AddSchool(t.Context(), admin, world.SchoolPlan{Key: "door", Name: "Kakuma Primary", Code: "DOOR-1", County: "Turkana", Language: "en"})
	must(t, err)
	d := &doorSchool{School: s, admin: admin, ids: map[string]string{}}
	for name, duty := range map[string]string{"head": "head", "keeper": "site_admin", "teacher": ""} {
		var made struct {
			Data struct {
				ID string `json:"id"`
			} `json:"data"`
		}
		must(t, admin.Post(t.Context(), "/api/v1/admin/users", map[string]any{"email": name + ".door@example.org", "password": cloudWord, "role": "instructor",
			"profile_data": map[string]string{"full_name": "Lopeyok Esekon"}}, &made))
		in := map[string]any{"account_id": made.Data.ID, "school_password": doorWord}
		if duty != "" {
			in["duties"] = []string{duty}
		}
		must(t, admin.Post(t.Context(), "/api/v1/schools/"+s.ID+"/instructors", in, nil))
		d.ids[name] = made.Data.ID
	}
	for _, name := range []string{"stays", "leaves"} {
		var made struct {
			ID string `json:"id"`
		}
		must(t, admin.Post(t.Context(), "/api/v1/schools/"+s.ID+"/learners",
			map[string]any{"full_name": "Nakiru Ewoi", "grade": "Grade 4", "class_name": "4 Door", "pin": "8317"}, &made))
		d.ids[name] = made.ID
	}
	await(t, "the people are at the box", func(ctx context.Context) (bool, error) {
		_, child := d.child(ctx, "leaves", "8317")
		_, adult := d.adult(ctx, "teacher", doorWord)
		return child == nil && adult == nil, nil
	})
	return d
}

func (d *doorSchool) child(ctx context.Context, name, pin string) (*world.Client, error) {
	c := world.NewClient(d.Edge.URL)
	return c, c.SignInPIN(ctx, d.ids[name], pin)
}

func (d *doorSchool) adult(ctx context.Context, name, word string) (*world.Client, error) {
	c := world.NewClient(d.Edge.URL)
	return c, c.SignIn(ctx, name+".door@example.org", word)
}

func whoAmI(ctx context.Context, c *world.Client) error { return c.Get(ctx, "/api/v1/auth/me", nil) }

// wantCode fails the test unless err is a problem with this code.
func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	if p := problem(err); p == nil || p.Code != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// TestTheDoorWithoutALine cuts a school's line. Teachers and children go in and out
// as every day, forgotten secrets are made anew, and what the cloud decides
// meanwhile counts from the moment it arrives.
func TestTheDoorWithoutALine(t *testing.T) {
	w, ctx := theWorld(t), t.Context()
	d := openDoor(t, w)
	cloud := world.NewClient(w.Cloud.URL)
	must(t, cloud.SignIn(ctx, "keeper.door@example.org", cloudWord))
	var fromCloud struct {
		Code string `json:"code"`
	}
	must(t, cloud.Post(ctx, "/api/v1/auth/school-code", nil, &fromCloud))

	d.Link.Cut()
	teacher, err := d.adult(ctx, "teacher", doorWord)
	must(t, err)
	leaves, err := d.child(ctx, "leaves", "8317")
	must(t, err)

	var made struct {
		Cards []struct {
			Pictures []string `json:"pictures"`
		} `json:"cards"`
	}
	must(t, teacher.Post(ctx, "/api/v1/learners/cards", map[string]any{"kind": "pictures", "learners": []string{d.ids["stays"]}}, &made))
	shown := map[string]any{"learner_id": d.ids["stays"], "pictures": made.Cards[0].Pictures}
	wantCode(t, "pictures before a teacher opened them", world.NewClient(d.Edge.URL).Post(ctx, "/api/v1/auth/pictures", shown, nil), "pictures_not_here")
	must(t, teacher.Post(ctx, "/api/v1/door/classes", map[string]string{"class_name": "4 Door", "reach": "network"}, nil))
	must(t, world.NewClient(d.Edge.URL).Post(ctx, "/api/v1/auth/pictures", shown, nil))

	t.Run("a token of this school is good at no other, nor at the cloud", func(t *testing.T) {
		other, err := w.School("nakuru")
		must(t, err)
		for place, url := range map[string]string{"another school": other.Edge.URL, "the cloud": w.Cloud.URL} {
			for who, own := range map[string]*world.Client{"a teacher": teacher, "a child": leaves} {
				c := world.NewClient(url)
				c.SetToken(own.Token())
				wantCode(t, who+" at "+place, whoAmI(ctx, c), "token_invalid")
			}
		}
		here := world.NewClient(d.Edge.URL)
		here.SetToken(cloud.Token()) // a token of the cloud names the school, and is good here
		must(t, whoAmI(ctx, here))
	})

	t.Run("a verifier of the box opens nothing at the cloud", func(t *testing.T) {
		wantCode(t, "the box's password at the cloud", world.NewClient(w.Cloud.URL).SignIn(ctx, "teacher.door@example.org", doorWord), "wrong_password")
		_, err := d.adult(ctx, "head", cloudWord)
		wantCode(t, "the cloud's password at the box", err, "wrong_password")
	})

	t.Run("a code of the cloud sets the password once", func(t *testing.T) {
		in := map[string]string{"email": "keeper.door@example.org", "code": fromCloud.Code, "password": nextWord}
		must(t, world.NewClient(d.Edge.URL).Post(ctx, "/api/v1/auth/school-password", in, nil))
		_, err := d.adult(ctx, "keeper", nextWord)
		must(t, err)
		wantCode(t, "the same code again", world.NewClient(d.Edge.URL).Post(ctx, "/api/v1/auth/school-password", in, nil), "wrong_door_code")
	})

	t.Run("two people with two sheets set a forgotten one", func(t *testing.T) {
		head, err := d.adult(ctx, "head", doorWord)
		must(t, err)
		codes := make([]string, 2)
		for i, holder := range []string{"keeper", "teacher"} {
			var sheet struct {
				Codes []string `json:"codes"`
			}
			must(t, head.Post(ctx, "/api/v1/schools/"+d.ID+"/recovery-sheets", map[string]string{"holder_id": d.ids[holder]}, &sheet))
			codes[i] = sheet.Codes[0]
		}
		in := map[string]any{"email": "head.door@example.org", "password": nextWord, "codes": codes[:1]}
		wantCode(t, "one sheet alone", world.NewClient(d.Edge.URL).Post(ctx, "/api/v1/auth/recovery", in, nil), "two_people")
		in["codes"] = codes
		must(t, world.NewClient(d.Edge.URL).Post(ctx, "/api/v1/auth/recovery", in, nil))
		_, err = d.adult(ctx, "head", nextWord)
		must(t, err)
	})

	// What the cloud decides now, the box hears of later.
	must(t, d.admin.Put(ctx, "/api/v1/admin/users/"+d.ids["teacher"]+"/status", map[string]string{"status": "suspended"}, nil))
	nakuru, err := w.School("nakuru")
	must(t, err)
	must(t, d.admin.Post(ctx, "/api/v1/schools/"+nakuru.ID+"/learners", map[string]any{"account_id": d.ids["leaves"], "class_name": "4 Moved"}, nil))
	must(t, whoAmI(ctx, teacher))
	must(t, whoAmI(ctx, leaves))

	must(t, d.Link.Plug())
	await(t, "the suspension ends the teacher's session", func(ctx context.Context) (bool, error) { return whoAmI(ctx, teacher) != nil, nil })
	await(t, "the child who left is out", func(ctx context.Context) (bool, error) { return whoAmI(ctx, leaves) != nil, nil })
	wantCode(t, "the teacher's session", whoAmI(ctx, teacher), "token_revoked")
	await(t, "nobody of them comes in again", func(ctx context.Context) (bool, error) {
		_, adult := d.adult(ctx, "teacher", doorWord)
		_, child := d.child(ctx, "leaves", "8317")
		p := problem(adult)
		return p != nil && p.Code == "account_suspended" && child != nil, nil
	})

	t.Run("the cloud has the child's pictures, and the office heard of the two people", func(t *testing.T) {
		await(t, "the pictures arrive", func(ctx context.Context) (bool, error) {
			var list struct {
				Learners []struct {
					ID          string `json:"id"`
					HasPIN      bool   `json:"has_pin"`
					HasPictures bool   `json:"has_pictures"`
				} `json:"learners"`
			}
			err := d.admin.Get(ctx, "/api/v1/schools/"+d.ID+"/learners", &list)
			for _, l := range list.Learners {
				if l.ID == d.ids["stays"] {
					return l.HasPictures && !l.HasPIN, err
				}
			}
			return false, err
		})
		await(t, "the incident arrives", func(ctx context.Context) (bool, error) {
			n, err := number(ctx, w, `SELECT count(*) FROM incidents WHERE kind = 'door_two' AND school_id = $1`, d.ID)
			return n > 0, err
		})
	})
}

// TestADeviceKeepsItsName says that the box tells browsers apart by a cookie that
// no script reads, and that guesses at one leave another alone.
func TestADeviceKeepsItsName(t *testing.T) {
	w, ctx := theWorld(t), t.Context()
	s, err := w.School("lodwar")
	must(t, err)
	jar, err := cookiejar.New(nil)
	must(t, err)
	browser := &http.Client{Jar: jar}
	ask := func() *http.Response {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Edge.URL+"/api/v1/auth/door", nil)
		must(t, err)
		res, err := browser.Do(r)
		must(t, err)
		must(t, res.Body.Close())
		return res
	}
	first := ask().Cookies()
	if len(first) != 1 || !first[0].HttpOnly || first[0].SameSite != http.SameSiteStrictMode || first[0].Secure || len(first[0].Value) < 16 {
		t.Fatalf("the device got %+v", first)
	}
	if again := ask().Cookies(); len(again) != 0 {
		t.Errorf("it got another name: %+v", again)
	}
}
