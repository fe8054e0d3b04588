package e2e

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// TestClaim claims an empty box the wrong ways and then the right one.
func TestClaim(t *testing.T) {
	w := theWorld(t)
	ctx := t.Context()
	admin, err := w.Admin(ctx)
	must(t, err)
	var school struct{ ID string }
	must(t, admin.Post(ctx, "/api/v1/schools", world.SchoolPlan{Name: "Wajir Girls", Code: "WAJIR-1", County: "Wajir", Language: "en"}, &school))
	code := func() string {
		var c struct{ Code string }
		must(t, admin.Post(ctx, "/api/v1/schools/"+school.ID+"/claim-codes", nil, &c))
		return c.Code
	}
	box, err := w.EmptyBox(ctx, "wajir")
	must(t, err)
	claim := func(code string) error {
		return world.NewClient(box.Edge.URL).Post(ctx, "/api/v1/claim", map[string]string{"code": code}, nil)
	}
	wants := func(name string, err error, status int, code string) {
		t.Helper()
		if p := problem(err); p == nil || p.Status != status || p.Code != code {
			t.Errorf("%s: got %v, want %d %s", name, err, status, code)
		}
	}

	wants("a code that was never made", claim("AAAA-BBBB-CCCC"), http.StatusNotFound, "claim_code_unknown")
	box.Link.Cut()
	wants("without internet", claim(code()), http.StatusServiceUnavailable, "cloud_unreachable")
	must(t, box.Link.Plug())
	good := code()
	must(t, claim(strings.ToLower(good)+" ")) // typed by a person
	await(t, "the box is claimed", func(ctx context.Context) (bool, error) {
		st, err := box.Status(ctx)
		return st.Claimed, err
	})

	other, err := w.EmptyBox(ctx, "wajir-spare")
	must(t, err)
	err = world.NewClient(other.Edge.URL).Post(ctx, "/api/v1/claim", map[string]string{"code": good}, nil)
	wants("a code that was used", err, http.StatusGone, "claim_code_used")
	if st, err := other.Status(ctx); err != nil || st.Claimed {
		t.Errorf("after a refusal the box is claimed: %v, %v", st.Claimed, err)
	}
}

// wrong is a request that must be refused.
type wrong struct {
	name    string
	at      *world.Client
	method  string
	path    string
	body    any
	status  int
	nothing string // a table that must not grow
}

// TestBadInput sends what must be refused, to both sides, and looks that nothing
// was stored.
func TestBadInput(t *testing.T) {
	w := theWorld(t)
	ctx := t.Context()
	s := schoolOf(t, w, "nakuru")
	learner, bursar, parent := learnerAt(t, w, s, "Kiprono"), bursarAt(t, w, s), parentOf(t, w, "Njeri")
	admin, err := w.Admin(ctx)
	must(t, err)
	free, err := findCourse(ctx, learner, freeCourse)
	must(t, err)
	paid, err := findCourse(ctx, bursar, platformCourse)
	must(t, err)
	quizPath := "/api/v1/assessments/" + free.Lessons[0].AssessmentID + "/submit"
	pay := func(over map[string]any) map[string]any {
		in := map[string]any{"gateway": "mpesa", "amount": paid.Price, "phone_number": w.People().Parent("Njeri").Phone,
			"course_id": paid.ID, "learner_id": w.People().Learner("Wanjiru").ID}
		maps.Copy(in, over)
		return in
	}
	const initiate = "/api/v1/payments/initiate"
	nobody := world.NewClient(s.Edge.URL)
	cases := []wrong{
		{"no token", nobody, "GET", "/api/v1/student/dashboard/today", nil, 401, ""},
		{"a token with another signature", withToken(s.Edge.URL, tampered(learner.Token())), "GET", "/api/v1/student/dashboard/today", nil, 401, ""},
		{"a token that says it needs no signature", withToken(s.Edge.URL, unsigned(learner.Token())), "GET", "/api/v1/student/dashboard/today", nil, 401, ""},
		{"a token signed with the public key", withToken(s.Edge.URL, confused(t, s.Edge.URL, learner.Token())), "GET", "/api/v1/student/dashboard/today", nil, 401, ""},
		{"a school's token at the cloud", withToken(w.Cloud.URL, learner.Token()), "GET", "/api/v1/auth/me", nil, 401, ""},
		{"a school's token at another school", withToken(schoolOf(t, w, "lodwar").Edge.URL, learner.Token()), "GET", "/api/v1/student/dashboard/today", nil, 401, ""},
		{"answers of the wrong shape", learner, "POST", quizPath, map[string]any{"answers": "all of them"}, 422, "attempts"},
		{"an answer to a question of another quiz", learner, "POST", quizPath,
			map[string]any{"answers": []map[string]any{{"question_id": "q99", "text_answer": "x"}}}, 422, "attempts"},
		{"an unknown quiz", learner, "POST", "/api/v1/assessments/" + newID() + "/submit", map[string]any{"answers": []any{}}, 404, "attempts"},
		{"a body that is no JSON", learner, "POST", quizPath, world.Raw("{{"), 400, "attempts"},
		{"an unknown course", learner, "POST", "/api/v1/courses/" + newID() + "/enroll", nil, 404, "enrolments"},
		{"a negative amount", bursar, "POST", initiate, pay(map[string]any{"amount": -500}), 422, "payment_intents"},
		{"another price", bursar, "POST", initiate, pay(map[string]any{"amount": 1}), 422, "payment_intents"},
		{"a number that is no guardian's", bursar, "POST", initiate, pay(map[string]any{"phone_number": "0722000000"}), 422, "payment_intents"},
		{"a course that does not exist", bursar, "POST", initiate, pay(map[string]any{"course_id": newID()}), 404, "payment_intents"},
		{"a learner of another school", bursar, "POST", initiate, pay(map[string]any{"learner_id": w.People().Learner("Akiru").ID}), 404, "payment_intents"},
		{"a payment by a parent for another family's child", parent, "POST", initiate, pay(map[string]any{"learner_id": w.People().Learner("Akiru").ID}), 404, "payment_intents"},
		{"an admin's page for a parent", parent, "GET", "/api/v1/fleet", nil, 403, ""},
		{"a claim code for a school that does not exist", admin, "POST", "/api/v1/schools/" + newID() + "/claim-codes", nil, 404, "claim_codes"},
		{"an oversized body", learner, "POST", quizPath, map[string]any{"answers": []any{}, "attempt_id": strings.Repeat("x", 2<<20)}, 413, "attempts"},
		{"an unknown address", learner, "GET", "/api/v1/no-such-thing", nil, 404, ""},
		{"a sync message without a signature", world.NewClient(w.Cloud.URL), "POST", "/sync/v1/messages?epoch=1", map[string]any{}, 401, "watermarks"},
		{"a callback with an unknown token", world.NewClient(w.Cloud.URL), "POST", "/hk/" + newID() + "/s", map[string]any{"Body": map[string]any{}}, 404, "ledger_transactions"},
	}
	settled(t, s)
	before := map[string]int64{}
	for _, c := range cases {
		if c.nothing != "" {
			before[c.nothing] = count(t, w, "SELECT count(*) FROM "+c.nothing)
		}
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.try(t) })
	}
	settled(t, s) // what the school stored by mistake would be at the cloud now
	for table, n := range before {
		if now := count(t, w, "SELECT count(*) FROM "+table); now != n {
			t.Errorf("%s grew from %d to %d rows", table, n, now)
		}
	}
}

func (c wrong) try(t *testing.T) {
	var err error
	if c.method == http.MethodGet {
		err = c.at.Get(t.Context(), c.path, nil)
	} else {
		err = c.at.Post(t.Context(), c.path, c.body, nil)
	}
	p := problem(err)
	switch {
	case p == nil:
		t.Fatalf("it was accepted: %v", err)
	case c.status == 0 && (p.Status < 400 || p.Status >= 500), c.status != 0 && p.Status != c.status:
		t.Errorf("got %v, want status %d", err, c.status)
	case p.Type != "application/problem+json" || p.Detail == "":
		t.Errorf("not a problem document: %s %+v", p.Type, p)
	}
}

func withToken(base, token string) *world.Client {
	c := world.NewClient(base)
	c.SetToken(token)
	return c
}

// tampered turns one bit of the signature's bytes, so that it is another one whatever it was.
func tampered(token string) string {
	parts := strings.Split(token, ".")
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		panic(err) // the server's own token
	}
	sig[10] ^= 1
	return parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func unsigned(token string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + strings.Split(token, ".")[1] + "."
}

// confused signs the claims by HMAC with the public key as the secret.
func confused(t *testing.T, base, token string) string {
	t.Helper()
	var set struct {
		Keys []struct{ Kid, X string }
	}
	must(t, world.NewClient(base).Get(t.Context(), "/.well-known/jwks.json", &set))
	parts := strings.Split(token, ".")
	var header struct{ Kid string }
	b, err := base64.RawURLEncoding.DecodeString(parts[0])
	must(t, err)
	must(t, json.Unmarshal(b, &header))
	for _, k := range set.Keys {
		key, err := base64.RawURLEncoding.DecodeString(k.X)
		must(t, err)
		if k.Kid == header.Kid {
			head := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"alg":"HS256","typ":"JWT","kid":%q}`, k.Kid))
			mac := hmac.New(sha256.New, key)
			mac.Write([]byte(head + "." + parts[1]))
			return head + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
		}
	}
	t.Fatal("the key of the token is not published")
	return ""
}

// TestDamagedPack flips one byte of a course file at the cloud: a box must not
// install it, must say so, and must get the course once the file is right.
func TestDamagedPack(t *testing.T) {
	w := theWorld(t)
	ctx := t.Context()
	blob := largestText(t, filepath.Join(shared.dir, "cloud", "packs"))
	whole, err := os.ReadFile(blob)
	must(t, err)
	broken := bytes.Clone(whole)
	broken[len(broken)/2] ^= 1
	must(t, overwrite(blob, broken))
	t.Cleanup(func() { _ = overwrite(blob, whole) })

	admin, err := w.Admin(ctx)
	must(t, err)
	box, err := w.AddSchool(ctx, admin, world.SchoolPlan{Key: "isiolo", Name: "Isiolo Boys", Code: "ISIOLO-1", County: "Isiolo", Language: "en"})
	must(t, err)
	shelf := func(ctx context.Context) (n int, err error) {
		var list struct{ Total int }
		return list.Total, world.NewClient(box.Edge.URL).Get(ctx, "/api/v1/courses/", &list)
	}
	await(t, "all courses but the damaged one are installed", func(ctx context.Context) (bool, error) {
		n, err := shelf(ctx)
		return n == len(courses())-1, err
	})
	time.Sleep(2 * time.Second)
	if n, err := shelf(ctx); err != nil || n != len(courses())-1 {
		t.Fatalf("%d courses with a damaged file, %v", n, err)
	}
	must(t, overwrite(blob, whole))
	must(t, box.Edge.Stop())
	must(t, box.Edge.Start(ctx)) // it would try again by itself, later
	await(t, "the mended course is installed", func(ctx context.Context) (bool, error) {
		n, err := shelf(ctx)
		return n == len(courses()), err
	})
}

// largestText finds the largest content-addressed file that is no picture: a
// course is opened before its pictures are there, but never without its texts.
func largestText(t *testing.T, dir string) (found string) {
	t.Helper()
	var size int64
	must(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || len(e.Name()) != sha256.Size*2 {
			return err
		}
		st, err := e.Info()
		if err == nil && st.Size() > size && !isMedia(path) {
			found, size = path, st.Size()
		}
		return err
	}))
	if found == "" {
		t.Fatalf("no course files in %s", dir)
	}
	return found
}

// isMedia tells by the first bytes of a file whether it is a picture or a sound.
func isMedia(path string) bool {
	b, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	kind := http.DetectContentType(b)
	svg := bytes.Contains(b[:min(len(b), 512)], []byte("<svg"))
	return svg || strings.HasPrefix(kind, "image/") || strings.HasPrefix(kind, "audio/") || strings.HasPrefix(kind, "video/")
}

// overwrite replaces the bytes of a file that may be read-only.
func overwrite(path string, body []byte) error {
	if err := os.Chmod(path, 0o644); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = io.Copy(f, bytes.NewReader(body))
	return err
}
