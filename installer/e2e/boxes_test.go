package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// boxesOf is what an admin sees of a school's boxes.
type boxesOf struct {
	Held []struct {
		ID          string `json:"id"`
		ApplianceID string `json:"appliance_id"`
		State       string `json:"state"`
		Waiting     int64  `json:"waiting"`
	} `json:"held"`
	Replacements []struct {
		OldBox  string `json:"old_box"`
		NewBox  string `json:"new_box"`
		Missing []struct {
			What  string `json:"what"`
			Count int64  `json:"count"`
		} `json:"missing"`
		MissingInAll int64 `json:"missing_in_all"`
	} `json:"replacements"`
}

// opened is a school that a test opened for itself, with one learner at its box.
type opened struct {
	*work
	admin   *world.Client
	learner newcomer
}

func openSchool(t *testing.T, w *world.World, plan world.SchoolPlan) *opened {
	t.Helper()
	admin, err := w.Admin(t.Context())
	must(t, err)
	plan.Language = "en"
	s, err := w.AddSchool(t.Context(), admin, plan)
	must(t, err)
	return &opened{work: &work{w: w, school: s, audit: newAudit()}, admin: admin, learner: addNewcomer(t, admin, s)}
}

// spends sends n stretches of time, all of which must be taken.
func (o *opened) spends(t *testing.T, n int) {
	t.Helper()
	for range n {
		must(t, o.spend(t.Context(), o.learner))
	}
}

// judged waits until the values are at the cloud and judges them.
func (o *opened) judged(t *testing.T, s *world.School) {
	t.Helper()
	settled(t, s)
	o.audit.check(t, map[string]map[string]int{"time": atCloud(t, o.w, o.school.ID)["time"]})
}

var copyAge = regexp.MustCompile(`(?m)^uhs_copy_age_seconds\S* ([0-9.e+]+)$`)

// TestDeadDisk loses a box's disk with work that only it had. A spare takes its
// place from the copy on a second medium; only what is younger than the copy may
// be missing.
func TestDeadDisk(t *testing.T) {
	w := theWorld(t)
	o := openSchool(t, w, world.SchoolPlan{Key: "garissa", Name: "Garissa Hill", Code: "GARISSA-1", County: "Garissa"})
	s := o.school
	stick := filepath.Join(shared.dir, "stick")
	must(t, os.MkdirAll(stick, 0o700))
	must(t, s.Edge.Stop())
	_, err := s.Edge.Do(t.Context(), "copy", "prepare", stick)
	must(t, err)
	s.Edge.Set("SECOND_MEDIUM", stick)
	must(t, s.Edge.Start(t.Context()))
	must(t, o.learner.signIn(t.Context(), s))
	o.spends(t, 3)
	settled(t, s)

	cut(t, s)
	o.spends(t, 4)
	saved := time.Now()
	await(t, "the copy has what was saved", func(ctx context.Context) (bool, error) {
		text, err := page(ctx, s.Edge.URL+"/metrics")
		m := copyAge.FindStringSubmatch(text)
		if err != nil || m == nil {
			return false, err
		}
		age, err := strconv.ParseFloat(m[1], 64)
		return age > 0 && time.Since(saved).Seconds() > age+1, err
	})
	young := o.audit.count()
	o.spends(t, 2)
	s.Edge.Kill()
	must(t, os.RemoveAll(s.Edge.Dir()))
	o.audit.doubt("time", young) // younger than the copy

	var claim struct{ Code string }
	must(t, o.admin.Post(t.Context(), "/api/v1/schools/"+s.ID+"/replacement", map[string]string{"reason": "its disk is dead"}, &claim))
	spare, err := w.EmptyBox(t.Context(), "garissa-spare")
	must(t, err)
	must(t, world.NewClient(spare.Edge.URL).Post(t.Context(), "/api/v1/claim", map[string]string{"code": claim.Code}, nil))
	must(t, spare.Edge.Stop())
	var seen boxesOf
	must(t, o.admin.Get(t.Context(), "/api/v1/schools/"+s.ID+"/boxes", &seen))
	if len(seen.Replacements) != 1 || seen.Replacements[0].OldBox == "" || seen.Replacements[0].NewBox == "" {
		t.Errorf("the cloud says of the replacement %+v", seen.Replacements)
	}
	t.Logf("the cloud says of the replacement %+v", seen.Replacements)
	out, err := spare.Edge.Do(t.Context(), "restore", stick)
	must(t, err)
	t.Log(out)
	must(t, spare.Edge.Start(t.Context()))
	o.judged(t, spare)
	must(t, o.learner.signIn(t.Context(), spare))
	o.spends(t, 2)
	o.judged(t, spare)
}

// doubt says that values after one may be missing: what was promised of them does
// not hold any more.
func (a *audit) doubt(kind string, after int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for value := range a.kinds[kind] {
		if n, err := strconv.Atoi(value); err == nil && n > after {
			a.kinds[kind][value] = unknown
		}
	}
}

// TestClonedBox starts two boxes from one disk, both on line, both at work. One
// keeps the school's place, the other's work is held until an admin takes it in.
func TestClonedBox(t *testing.T) {
	w := theWorld(t)
	o := openSchool(t, w, world.SchoolPlan{Key: "voi", Name: "Voi Primary", Code: "VOI-1", County: "Taita Taveta"})
	first := o.school
	o.spends(t, 3)
	settled(t, first)
	must(t, first.Edge.Stop())
	clonedDir := filepath.Join(shared.dir, "voi-clone")
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", first.Edge.Dir(), clonedDir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	must(t, first.Edge.Start(t.Context()))
	clone, err := w.EmptyBox(t.Context(), "voi-clone")
	must(t, err)
	other := o.learner
	must(t, o.learner.signIn(t.Context(), first))
	must(t, other.signIn(t.Context(), clone))
	for range 4 {
		must(t, o.spend(t.Context(), o.learner))
		must(t, o.spend(t.Context(), other))
	}
	var held string
	must(t, world.Await(t.Context(), 3*time.Minute, "one of the boxes is held", func(ctx context.Context) (bool, error) {
		var seen boxesOf
		if err := o.admin.Get(ctx, "/api/v1/schools/"+first.ID+"/boxes", &seen); err != nil {
			return false, err
		}
		for _, h := range seen.Held {
			if h.State == "waiting" {
				held = h.ID
			}
		}
		return held != "", nil
	}))
	// Both go on serving, and both count what they have.
	must(t, o.spend(t.Context(), o.learner))
	must(t, o.spend(t.Context(), other))
	must(t, o.admin.Post(t.Context(), "/api/v1/schools/"+first.ID+"/held-boxes/"+held, map[string]string{"action": "take_in"}, nil))
	for _, s := range []*world.School{first, clone} { // a held box asks again at its start
		must(t, s.Edge.Stop())
		must(t, s.Edge.Start(t.Context()))
	}
	must(t, world.Await(t.Context(), 3*time.Minute, "the held box has delivered", func(ctx context.Context) (bool, error) {
		there, err := number(ctx, w, "SELECT count(*) FROM learning_activities WHERE kind = 'time_spent' AND school_id = $1", first.ID)
		return there >= int64(o.audit.all("time")), err
	}))
	o.audit.check(t, map[string]map[string]int{"time": atCloud(t, w, first.ID)["time"]})
}

// TestRewoundCloud backs up the cloud while a school works, lets more work arrive,
// and puts the backup in its place: the school brings again what the cloud forgot.
func TestRewoundCloud(t *testing.T) {
	w := theWorld(t)
	o := openSchool(t, w, world.SchoolPlan{Key: "kilifi", Name: "Kilifi Creek", Code: "KILIFI-1", County: "Kilifi"})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_ = o.spend(ctx, o.learner)
			pause(ctx, 100*time.Millisecond)
		}
	}()
	t.Cleanup(func() { stop(); <-done })
	o.goesOn(t)
	file := takeBackup(t, w)
	o.goesOn(t)
	must(t, w.Cloud.Stop())
	out, err := w.Cloud.Do(t.Context(), "restore", "--replace", file, "--into", w.DatabaseURL())
	must(t, err)
	t.Log(out)
	must(t, w.Cloud.Start(t.Context()))
	o.goesOn(t)
	stop()
	<-done
	o.judged(t, o.school)
}

// TestByHand carries a school's work on a stick while there is no line, both ways.
func TestByHand(t *testing.T) {
	w := theWorld(t)
	o := openSchool(t, w, world.SchoolPlan{Key: "lamu", Name: "Lamu Seafront", Code: "LAMU-1", County: "Lamu"})
	s := o.school
	settled(t, s)
	cut(t, s)
	o.spends(t, 5)
	stick := filepath.Join(shared.dir, "carried")
	must(t, os.MkdirAll(stick, 0o700))
	up, down := filepath.Join(stick, "up.uhsb"), filepath.Join(stick, "down.uhsb")

	out, err := s.Edge.Do(t.Context(), "bundle", "export", up)
	must(t, err)
	t.Log(out)
	for range 2 { // the second time changes nothing
		out, err = w.Cloud.Do(t.Context(), "bundle", "import", up)
		must(t, err)
		t.Log(out)
	}
	o.audit.check(t, map[string]map[string]int{"time": atCloud(t, w, s.ID)["time"]})

	must(t, o.admin.Post(t.Context(), "/api/v1/schools/"+s.ID+"/learners",
		map[string]any{"full_name": "Counter by hand", "grade": "Grade 5", "class_name": counterClass, "pin": "2699"}, nil))
	out, err = w.Cloud.Do(t.Context(), "bundle", "export", "--school", "LAMU-1", down)
	must(t, err)
	t.Log(out)
	out, err = s.Edge.Do(t.Context(), "bundle", "import", down)
	must(t, err)
	t.Log(out)
	await(t, "without a line the box knows that its work arrived, and has the new learner", func(ctx context.Context) (bool, error) {
		st, err := s.Status(ctx)
		if err != nil || st.Link != "down" || st.Waiting != 0 {
			return false, err
		}
		classes, err := page(ctx, s.Edge.URL+"/api/v1/auth/classes")
		return strings.Contains(classes, counterClass), err
	})
	must(t, s.Link.Plug())
	o.judged(t, s)
}
