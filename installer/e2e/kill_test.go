package e2e

import (
	"context"
	"fmt"
	"maps"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// kills is how often a process is killed during the main job.
const kills = 20

// promises is what people were told is saved, kept by the test as it was told.
type promises struct {
	mu        sync.Mutex
	attempts  map[string]int64 // id → points told
	questions []string
	intents   map[string]payment // reference → told
	lessons   int
	refused   int
}

// TestKills kills the appliance or the cloud with kill -9 at random moments
// while learners work and a bursar takes payments. Everything that was answered
// with success must be in Postgres, once; what was not answered may be there or
// not, but not twice.
func TestKills(t *testing.T) {
	seed := time.Now().UnixNano()
	if s := os.Getenv("UHS_SEED"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		must(t, err)
		seed = n
	}
	t.Logf("seed %d (set UHS_SEED to repeat the order of the kills)", seed)
	random := rand.New(rand.NewSource(seed))

	w, dir, err := startWorld(t.Context())
	t.Cleanup(func() {
		if err := leave(w, dir, t.Failed()); err != nil {
			t.Error(err)
		}
	})
	must(t, err)
	s := schoolOf(t, w, "lodwar")
	p := &promises{attempts: map[string]int64{}, intents: map[string]payment{}}

	ctx, cancel := context.WithCancel(t.Context())
	var working sync.WaitGroup
	for _, name := range []string{"Akiru", "Nakiru"} {
		working.Go(func() { learnOn(ctx, t, w, s, name, p) })
	}
	working.Go(func() { payOn(ctx, w, s, p) })
	killing := killOn(t, w, s, random)
	cancel()
	working.Wait()
	if killing != nil {
		t.Fatal(killing)
	}
	must(t, s.Link.Plug())
	settled(t, s)
	p.check(t, w)
}

// killOn kills and restarts, with the cable in and out.
func killOn(t *testing.T, w *world.World, s *world.School, random *rand.Rand) error {
	victims := map[string]int{}
	for i := range kills {
		time.Sleep(time.Duration(100+random.Intn(900)) * time.Millisecond)
		if i%5 == 2 {
			s.Link.Cut()
		}
		if i%5 == 4 {
			if err := s.Link.Plug(); err != nil {
				return err
			}
		}
		victim := s.Edge
		if random.Intn(2) == 0 {
			victim = w.Cloud
		}
		victims[victim.Name]++
		victim.Kill()
		time.Sleep(time.Duration(random.Intn(300)) * time.Millisecond)
		if err := victim.Start(t.Context()); err != nil {
			return fmt.Errorf("start %s after kill %d: %w", victim.Name, i+1, err)
		}
	}
	t.Logf("killed %v", victims)
	return nil
}

// learnOn takes quizzes and asks questions until ctx ends, signing in again when
// the session does not work.
func learnOn(ctx context.Context, t *testing.T, w *world.World, s *world.School, name string, p *promises) {
	who := w.People().Learner(name)
	right := keys(t, filepath.Join("..", "content", freeCourse))
	for ctx.Err() == nil {
		c := world.NewClient(s.Edge.URL)
		if err := c.SignInPIN(ctx, who.ID, who.PIN); err != nil {
			p.note(err)
			pause(ctx, 50*time.Millisecond)
			continue
		}
		if err := lessonRound(ctx, c, right, p); err != nil {
			p.note(err)
		}
	}
}

// lessonRound is one turn of a learner; it ends at the first error.
func lessonRound(ctx context.Context, c *world.Client, right map[string]map[string]any, p *promises) error {
	k, err := findCourse(ctx, c, freeCourse)
	if err != nil {
		return err
	}
	lesson := k.Lessons[rand.Intn(len(k.Lessons))]
	activity := newID()
	err = c.Post(ctx, "/api/v1/courses/"+k.ID+"/lessons/"+lesson.ID+"/time", map[string]any{"seconds": 60, "activity_id": activity}, nil)
	if err != nil {
		return err
	}
	p.keep(func() { p.lessons++ })
	q, err := readQuiz(ctx, c, lesson.AssessmentID)
	if err != nil {
		return err
	}
	attempt := newID()
	answers := []map[string]any{}
	for _, question := range q.Questions {
		a := map[string]any{"question_id": question.ID}
		maps.Copy(a, right[question.Question])
		answers = append(answers, a)
	}
	told, err := submit(ctx, c, q, attempt, answers[:1+rand.Intn(len(answers))])
	if err != nil {
		return err
	}
	p.keep(func() { p.attempts[attempt] = told.Score })
	var answer tutorAnswer
	if err := c.Post(ctx, "/api/v1/ai-tutor/chat", map[string]any{"message": "What is a fraction?", "question_id": newID()}, &answer); err != nil {
		return err
	}
	if answer.Queued {
		p.keep(func() { p.questions = append(p.questions, answer.QuestionID) })
	}
	pause(ctx, 30*time.Millisecond)
	return nil
}

// payOn starts the payments of two courses; the same one again is the same
// payment.
func payOn(ctx context.Context, w *world.World, s *world.School, p *promises) {
	learners := map[string]string{"Akiru": "Arupe", "Nakiru": "Lokiru"}
	for ctx.Err() == nil {
		c := world.NewClient(s.Edge.URL)
		if err := c.SignIn(ctx, w.People().Teacher("lodwar", "bursar").Email, world.SchoolPassword); err != nil {
			pause(ctx, 100*time.Millisecond)
			continue
		}
		for name, payer := range learners {
			k, err := findCourse(ctx, c, platformCourse)
			if err != nil {
				break
			}
			var told payment
			err = c.Post(ctx, "/api/v1/payments/initiate", map[string]any{
				"gateway": "mpesa", "amount": k.Price, "phone_number": w.People().Parent(payer).Phone,
				"course_id": k.ID, "learner_id": w.People().Learner(name).ID,
			}, &told)
			if err == nil {
				p.keep(func() { p.intents[told.Reference] = told })
			}
		}
		pause(ctx, 200*time.Millisecond)
	}
}

func (p *promises) keep(fn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fn()
}

func (p *promises) note(error) { p.keep(func() { p.refused++ }) }

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// check compares what was told with what is there.
func (p *promises) check(t *testing.T, w *world.World) {
	t.Logf("told that it is saved: %d attempts, %d questions, %d payments, %d stretches of time; %d requests failed",
		len(p.attempts), len(p.questions), len(p.intents), p.lessons, p.refused)
	if len(p.attempts) < 5 || len(p.intents) == 0 {
		t.Error("too little was done between the kills for this test to mean anything")
	}
	for id, points := range p.attempts {
		if n := count(t, w, "SELECT count(*) FROM attempts WHERE id = $1 AND score_points = $2", id, points); n != 1 {
			t.Errorf("the attempt %s with %d points is there %d times", id, points, n)
		}
	}
	for _, id := range p.questions {
		if n := count(t, w, "SELECT count(*) FROM tutor_questions WHERE id = $1", id); n != 1 {
			t.Errorf("the question %s is there %d times", id, n)
		}
	}
	if n := count(t, w, "SELECT count(*) FROM learning_activities WHERE kind = 'time_spent'"); n < int64(p.lessons) {
		t.Errorf("%d stretches of time were told, %d are there", p.lessons, n)
	}
	for _, table := range []string{"conflict_log", "dead_letters"} {
		if n := count(t, w, "SELECT count(*) FROM "+table); n != 0 {
			t.Errorf("%d rows in %s", n, table)
		}
	}
	p.checkMoney(t, w)
}

func (p *promises) checkMoney(t *testing.T, w *world.World) {
	g, err := readGate(t.Context(), w)
	must(t, err)
	charged := map[string]int64{}
	for _, c := range g.Book {
		charged[c.Reference] += c.AmountMinor
	}
	for ref, told := range p.intents {
		if n := count(t, w, "SELECT count(*) FROM payment_intents WHERE id = $1", told.ID); n != 1 {
			t.Errorf("the payment %s is there %d times", ref, n)
		}
		if charged[ref] > 30000 {
			t.Errorf("the payer of %s was charged %d cents for a course of 30000", ref, charged[ref])
		}
	}
	// Every shilling in the gateway's book is in the ledger, once it was reported.
	await(t, "the ledger agrees with the gateway's book, or an open question says why not", func(ctx context.Context) (bool, error) {
		held, err := number(ctx, w, "SELECT -coalesce(sum(amount_minor), 0)::bigint FROM ledger_postings WHERE account = 'gw:mpesa'")
		if err != nil {
			return false, err
		}
		open, err := number(ctx, w, "SELECT count(*) FROM payment_reviews WHERE resolved_at IS NULL")
		var book int64
		for _, minor := range charged {
			book += minor
		}
		return held == book || open > 0, err
	})
	if n := count(t, w, "SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_postings"); n != 0 {
		t.Errorf("the ledger is off by %d", n)
	}
	refs := make([]string, 0, len(charged))
	for ref := range charged {
		refs = append(refs, ref)
	}
	slices.Sort(refs)
	t.Logf("charged: %v", refs)
}
