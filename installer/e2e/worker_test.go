package e2e

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// work is people at work at a school and at the cloud, until it is stopped; every
// value they send is in the audit.
type work struct {
	w      *world.World
	school *world.School
	audit  *audit
	paid   *promises
	pace   time.Duration

	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// startWork lets two learners and a bursar work at the school and an admin add
// learners at the cloud. Stop it also when the test fails.
func startWork(t *testing.T, w *world.World, s *world.School, a *audit) *work {
	t.Helper()
	k := &work{w: w, school: s, audit: a, paid: &promises{attempts: map[string]int64{}, intents: map[string]payment{}}, pace: 60 * time.Millisecond}
	ctx, cancel := context.WithCancel(t.Context())
	k.cancel = cancel
	right := keys(t, filepath.Join("..", "content", freeCourse))
	for _, l := range w.People().Learners {
		if l.School == s.Key && l.Grade == "Grade 6" {
			k.wg.Go(func() { k.learn(ctx, l, right) })
		}
	}
	k.wg.Go(func() { k.enrol(ctx) })
	if s.Key == "lodwar" {
		k.wg.Go(func() { payOn(ctx, w, s, k.paid) })
	}
	t.Cleanup(k.stop)
	return k
}

// stop ends the work and waits; what was under way has an unknown end.
func (k *work) stop() { k.cancel(); k.wg.Wait() }

// learn sends stretches of time, each of another length, and attempts at quizzes.
func (k *work) learn(ctx context.Context, who world.Person, right map[string]map[string]any) {
	for ctx.Err() == nil {
		c := world.NewClient(k.school.Edge.URL)
		if err := c.SignInPIN(ctx, who.ID, who.PIN); err != nil {
			pause(ctx, 2*k.pace)
			continue
		}
		shelf, err := findCourse(ctx, c, freeCourse)
		for err == nil && ctx.Err() == nil {
			err = k.round(ctx, c, shelf, right)
			pause(ctx, k.pace)
		}
	}
}

func (k *work) round(ctx context.Context, c *world.Client, shelf course, right map[string]map[string]any) error {
	lesson := shelf.Lessons[rand.Intn(len(shelf.Lessons))]
	n := k.audit.count()
	err := k.audit.send("time", strconv.Itoa(n), func() error {
		return c.Post(ctx, "/api/v1/courses/"+shelf.ID+"/lessons/"+lesson.ID+"/time", map[string]any{"seconds": n}, nil)
	})
	if err != nil || n%4 != 0 {
		return err
	}
	q, err := readQuiz(ctx, c, lesson.AssessmentID)
	if err != nil {
		return err
	}
	var answers []map[string]any
	for _, question := range q.Questions {
		a := map[string]any{"question_id": question.ID}
		maps.Copy(a, right[question.Question])
		answers = append(answers, a)
	}
	attempt := newID()
	return k.audit.send("attempt", attempt, func() error {
		_, err := submit(ctx, c, q, attempt, answers)
		return err
	})
}

// counterClass is where the learners of the audit sit.
const counterClass = "5 Counter"

// enrol adds learners at the cloud, whom the school must get.
func (k *work) enrol(ctx context.Context) {
	for ctx.Err() == nil {
		admin := world.NewClient(k.w.Cloud.URL)
		err := admin.SignIn(ctx, world.AdminEmail, world.AdminPassword)
		for err == nil && ctx.Err() == nil {
			name := fmt.Sprintf("Counter %06d", k.audit.count())
			err = k.audit.send("learner", name, func() error {
				return admin.Post(ctx, "/api/v1/schools/"+k.school.ID+"/learners",
					map[string]any{"full_name": name, "grade": "Grade 5", "class_name": counterClass, "pin": "2699"}, nil)
			})
			pause(ctx, 3*k.pace)
		}
		pause(ctx, 2*k.pace)
	}
}

// verify waits until everything has arrived on both sides and judges it.
func (k *work) verify(t *testing.T) {
	t.Helper()
	k.stop()
	arrived(t, k.w, k.school)
	there := atCloud(t, k.w, k.school.ID)
	there["learner"] = counters(t, k.w, k.school)
	k.audit.check(t, there)
	for _, table := range []string{"conflict_log", "dead_letters"} {
		if n := count(t, k.w, "SELECT count(*) FROM "+table); n != 0 {
			t.Errorf("%d rows in %s", n, table)
		}
	}
	if len(k.paid.intents) > 0 {
		k.paid.checkMoney(t, k.w)
	}
}

// arrived waits until nothing waits at the box and the box has every learner of
// the counters' class that the cloud has.
func arrived(t *testing.T, w *world.World, s *world.School) {
	t.Helper()
	var have, want int64
	err := world.Await(t.Context(), 4*time.Minute, "everything arrives at both sides", func(ctx context.Context) (bool, error) {
		st, err := s.Status(ctx)
		if err != nil || st.Link != "up" || st.Waiting != 0 {
			return false, err
		}
		var classes struct {
			Classes []struct {
				Name     string `json:"name"`
				Learners int64  `json:"learners"`
			} `json:"classes"`
		}
		if err := world.NewClient(s.Edge.URL).Get(ctx, "/api/v1/auth/classes", &classes); err != nil {
			return false, err
		}
		have = 0
		for _, c := range classes.Classes {
			if c.Name == counterClass {
				have = c.Learners
			}
		}
		want, err = number(ctx, w, "SELECT count(*) FROM accounts WHERE school_id = $1 AND class_name = $2", s.ID, counterClass)
		return have >= want, err
	})
	if err != nil {
		t.Errorf("%v (%d learners at the box, %d at the cloud)", err, have, want)
	}
}

// newcomer is a learner of a school that was opened by the test, signed in at its
// box, with a course that the box has.
type newcomer struct {
	*world.Client
	id    string
	shelf course
}

const newcomerPIN = "2620"

// addNewcomer adds a learner and waits until the school has the learner and the
// free course.
func addNewcomer(t *testing.T, admin *world.Client, s *world.School) (n newcomer) {
	t.Helper()
	var made struct {
		ID string `json:"id"`
	}
	must(t, admin.Post(t.Context(), "/api/v1/schools/"+s.ID+"/learners",
		map[string]any{"full_name": "Abdi Hassan", "grade": "Grade 4", "class_name": "4 One", "pin": newcomerPIN}, &made))
	n.id = made.ID
	await(t, "the learner and the course are at "+s.Name, func(ctx context.Context) (bool, error) { return n.signIn(ctx, s) == nil, nil })
	return n
}

func (n *newcomer) signIn(ctx context.Context, s *world.School) (err error) {
	n.Client = world.NewClient(s.Edge.URL)
	if err := n.SignInPIN(ctx, n.id, newcomerPIN); err != nil {
		return err
	}
	n.shelf, err = findCourse(ctx, n.Client, freeCourse)
	return err
}

// spend sends one stretch of time.
func (k *work) spend(ctx context.Context, n newcomer) error {
	value := k.audit.count()
	return k.audit.send("time", strconv.Itoa(value), func() error {
		return n.Post(ctx, "/api/v1/courses/"+n.shelf.ID+"/lessons/"+n.shelf.Lessons[0].ID+"/time", map[string]any{"seconds": value}, nil)
	})
}

// page is the text of a page that needs no sign-in.
func page(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}
