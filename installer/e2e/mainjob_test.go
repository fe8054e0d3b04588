package e2e

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// mainJob is one run of the main job: what was done without internet, to be
// looked for when it is back.
type mainJob struct {
	w        *world.World
	school   *world.School
	akiru    *world.Client // her guardian agreed to the cloud's tutor
	ekai     *world.Client // nobody asked his
	bursar   *world.Client
	mirrored uint64

	attempt         result
	best, worst     string // attempt ids
	question        string
	unasked         string // Ekai's question, which may not travel
	science, saving payment
	old             payment
}

type payment struct {
	ID        string `json:"payment_id"`
	Reference string `json:"reference_number"`
	State     string `json:"state"`
}

type tutorAnswer struct {
	Message    string `json:"message"`
	QuestionID string `json:"question_id"`
	Queued     bool   `json:"queued"`
	Better     bool   `json:"better"`
	Source     struct {
		Kind     string `json:"kind"`
		Reason   string `json:"reason"`
		Passages []struct {
			LessonTitle string `json:"lesson_title"`
			Link        string `json:"link"`
		} `json:"passages"`
	} `json:"source"`
}

// TestMainJob is the promise of the product: a school works without internet,
// and when it comes back everything arrives, once.
func TestMainJob(t *testing.T) {
	w := theWorld(t)
	j := &mainJob{w: w, school: schoolOf(t, w, "lodwar")}
	settled(t, j.school)
	j.mirrored = j.fleet(t).MirroredUp

	cut(t, j.school)
	for _, step := range []struct {
		name string
		do   func(t *testing.T)
	}{
		{"without internet a learner signs in with a PIN and a bursar with the school password", j.signIn},
		{"without internet a payment that will be too old is started", j.startOld},
		{"without internet a learner takes a lesson and a quiz is graded at once", j.learn},
		{"without internet the tutor answers from the lessons and the question waits", j.ask},
		{"without internet a paid lesson stays closed and the payments wait", j.pay},
		{"the cloud has none of it", j.cloudHasNothing},
	} {
		if !t.Run(step.name, step.do) {
			t.FailNow()
		}
	}

	must(t, j.school.Link.Plug())
	for _, step := range []struct {
		name string
		do   func(t *testing.T)
	}{
		{"when the internet is back the attempts are in Postgres exactly once", j.attemptsArrived},
		{"the parent sees the attempt with its as-of time", j.parentSees},
		{"the better answer of a cloud provider is back at the school", j.betterAnswer},
		{"a question without a guardian's consent never left the school", j.unaskedStayed},
		{"each fresh payment was executed once", j.paidOnce},
		{"the ledger balances: 60/30/10 for the instructor's course, all the platform's for its own", j.ledger},
		{"the paid course is open at the school", j.unlocked},
		{"the old payment asks for a fresh yes and no phone was asked", j.oldAsks},
		{"the parent's yes executes it", j.oldConfirmed},
		{"it went through the mirror", j.throughMirror},
		{"a second outage and a restart of both sides change nothing", j.nothingTwice},
	} {
		t.Run(step.name, step.do)
	}
}

func (j *mainJob) signIn(t *testing.T) {
	j.akiru, j.ekai = learnerAt(t, j.w, j.school, "Akiru"), learnerAt(t, j.w, j.school, "Ekai")
	j.bursar = bursarAt(t, j.w, j.school)

	wrong := world.NewClient(j.school.Edge.URL)
	err := wrong.SignInPIN(t.Context(), j.w.People().Learner("Akiru").ID, "0000")
	if p := problem(err); p == nil || p.Status != http.StatusUnauthorized {
		t.Errorf("a wrong PIN gave %v", err)
	}
	err = wrong.SignIn(t.Context(), j.w.People().Teacher("lodwar", "bursar").Email, world.AdminPassword)
	if p := problem(err); p == nil || p.Status != http.StatusUnauthorized {
		t.Errorf("the cloud's password opened the school's box: %v", err)
	}
}

func (j *mainJob) startOld(t *testing.T) {
	j.old = j.startPayment(t, "Akiru", platformCourse, "Arupe")
}

func (j *mainJob) learn(t *testing.T) {
	ctx := t.Context()
	c, err := findCourse(ctx, j.akiru, freeCourse)
	must(t, err)
	var enrolled struct {
		ID string `json:"id"`
	}
	must(t, j.akiru.Post(ctx, "/api/v1/courses/"+c.ID+"/enroll", nil, &enrolled))
	lesson := c.Lessons[0]
	var page struct{ HTML string }
	must(t, j.akiru.Get(ctx, "/api/v1/courses/"+c.ID+"/lessons/"+lesson.ID, &page))
	if len(page.HTML) < 500 {
		t.Fatalf("the lesson has %d bytes", len(page.HTML))
	}
	must(t, j.akiru.Post(ctx, "/api/v1/courses/"+c.ID+"/lessons/"+lesson.ID+"/open", nil, nil))
	must(t, j.akiru.Post(ctx, "/api/v1/courses/enrollments/"+enrolled.ID+"/complete-lesson",
		map[string]any{"lesson_id": lesson.ID, "time_spent_minutes": 12}, nil))

	q, err := readQuiz(ctx, j.akiru, lesson.AssessmentID)
	must(t, err)
	right := rightAnswers(t, q, keys(t, filepath.Join("..", "content", freeCourse)))
	j.best, j.worst = newID(), newID()
	if j.attempt, err = submit(ctx, j.akiru, q, j.best, right); err != nil {
		t.Fatal(err)
	}
	if j.attempt.Percentage != 100 || !j.attempt.Passed || len(j.attempt.Results) != len(q.Questions) {
		t.Errorf("all answers right gave %+v", j.attempt)
	}
	again, err := submit(ctx, j.akiru, q, j.best, right[:1])
	must(t, err)
	if again.Percentage != 100 || again.AttemptID != j.attempt.AttemptID {
		t.Errorf("the same attempt handed in again gave %+v, not the first result", again)
	}
	none, err := submit(ctx, j.akiru, q, j.worst, []map[string]any{})
	must(t, err)
	if none.Score != 0 || none.Passed {
		t.Errorf("no answers gave %+v", none)
	}
}

func (j *mainJob) ask(t *testing.T) {
	ask := func(c *world.Client, text string) (a tutorAnswer) {
		began := time.Now()
		must(t, c.Post(t.Context(), "/api/v1/ai-tutor/chat", map[string]any{"message": text}, &a))
		t.Logf("answered in %s from %s", time.Since(began).Round(time.Millisecond), a.Source.Kind)
		return a
	}
	a := ask(j.akiru, "What is the place value of a digit?")
	if a.Source.Kind != "lesson_passages" || len(a.Source.Passages) == 0 || !a.Queued {
		t.Errorf("with consent: %+v", a)
	}
	j.question = a.QuestionID
	b := ask(j.ekai, "How do I compare two fractions?")
	if b.Source.Kind != "lesson_passages" || b.Queued {
		t.Errorf("without consent: %+v", b)
	}
	j.unasked = b.QuestionID
	if none := ask(j.akiru, "Who won the football match in Manchester yesterday?"); none.Source.Kind != "none" {
		t.Errorf("a question outside the lessons was answered from %s", none.Source.Kind)
	}
}

func (j *mainJob) pay(t *testing.T) {
	ctx := t.Context()
	c, err := findCourse(ctx, j.akiru, instructorCourse)
	must(t, err)
	err = j.akiru.Get(ctx, "/api/v1/courses/"+c.ID+"/lessons/"+c.Lessons[0].ID, nil)
	if p := problem(err); p == nil || p.Status < 400 || p.Status >= 500 {
		t.Errorf("a lesson that is not paid for gave %v", err)
	}
	// The old intent has to be old before the fresh ones are made.
	if wait := fresh + time.Second - time.Since(j.attempt.SubmittedAt); wait > 0 {
		time.Sleep(wait)
	}
	j.science = j.startPayment(t, "Akiru", instructorCourse, "Arupe")
	j.saving = j.startPayment(t, "Nakiru", platformCourse, "Lokiru")
	if twice := j.startPayment(t, "Akiru", instructorCourse, "Arupe"); twice.ID != j.science.ID {
		t.Errorf("the same payment started again is another one: %s and %s", j.science.ID, twice.ID)
	}
}

func (j *mainJob) startPayment(t *testing.T, learner, slug, payer string) (p payment) {
	t.Helper()
	c, err := findCourse(t.Context(), j.bursar, slug)
	must(t, err)
	must(t, j.bursar.Post(t.Context(), "/api/v1/payments/initiate", map[string]any{
		"gateway": "mpesa", "amount": c.Price, "currency": "KES", "phone_number": j.w.People().Parent(payer).Phone,
		"course_id": c.ID, "learner_id": j.w.People().Learner(learner).ID,
	}, &p))
	if p.State != "waiting" {
		t.Errorf("without internet the payment is %q, not waiting", p.State)
	}
	return p
}

func (j *mainJob) cloudHasNothing(t *testing.T) {
	school := j.school.ID
	for what, query := range map[string]string{
		"attempts":  "SELECT count(*) FROM attempts WHERE school_id = $1",
		"questions": "SELECT count(*) FROM tutor_questions WHERE school_id = $1",
		"intents":   "SELECT count(*) FROM payment_intents WHERE school_id = $1",
		"lessons":   "SELECT count(*) FROM learning_activities WHERE school_id = $1",
	} {
		if n := count(t, j.w, query, school); n != 0 {
			t.Errorf("%d %s are at the cloud while the cable is out", n, what)
		}
	}
	st, err := j.school.Status(t.Context())
	if err != nil || st.Waiting < 8 {
		t.Errorf("the box says that %d records wait, %v", st.Waiting, err)
	}
}

func (j *mainJob) attemptsArrived(t *testing.T) {
	began := time.Now()
	await(t, "the attempts arrive", func(ctx context.Context) (bool, error) {
		n, err := number(ctx, j.w, "SELECT count(*) FROM attempts WHERE learner_id = $1", j.w.People().Learner("Akiru").ID)
		return n >= 2, err
	})
	t.Logf("arrived %s after the cable was back", time.Since(began).Round(time.Millisecond))
	for _, id := range []string{j.best, j.worst} {
		if n := count(t, j.w, "SELECT count(*) FROM attempts WHERE id = $1", id); n != 1 {
			t.Errorf("the attempt %s is there %d times", id, n)
		}
	}
	if n := count(t, j.w, "SELECT count(*) FROM attempts WHERE learner_id = $1", j.w.People().Learner("Akiru").ID); n != 2 {
		t.Errorf("%d attempts, not 2", n)
	}
	if n := count(t, j.w, "SELECT score_points FROM attempts WHERE id = $1", j.best); n != j.attempt.Score {
		t.Errorf("the cloud has %d points, the learner was told %d", n, j.attempt.Score)
	}
}

func (j *mainJob) parentSees(t *testing.T) {
	parent := parentOf(t, j.w, "Arupe")
	child := j.w.People().Learner("Akiru").ID
	var page struct {
		ChildName string     `json:"child_name"`
		AsOf      *time.Time `json:"as_of"`
		Recent    []struct {
			Type  string   `json:"type"`
			Score *float64 `json:"score"`
		} `json:"recent_activities"`
	}
	await(t, "the parent's page is as of a time after the attempt", func(ctx context.Context) (bool, error) {
		err := parent.Get(ctx, "/api/v1/parent/children/"+child+"/progress", &page)
		return page.AsOf != nil && page.AsOf.After(j.attempt.SubmittedAt), err
	})
	var best float64
	quizzes := 0
	for _, a := range page.Recent {
		if a.Type == "quiz" && a.Score != nil {
			quizzes++
			best = math.Max(best, *a.Score)
		}
	}
	if quizzes != 2 || best != 100 {
		t.Errorf("the parent sees %+v", page)
	}
	err := parent.Get(t.Context(), "/api/v1/parent/children/"+j.w.People().Learner("Ekai").ID+"/progress", nil)
	if p := problem(err); p == nil || p.Status != http.StatusNotFound {
		t.Errorf("another family's child gave %v", err)
	}
}

type tutorMessage struct {
	Role       string `json:"role"`
	QuestionID string `json:"question_id"`
	Better     bool   `json:"better"`
	Content    string `json:"content"`
	Source     *struct {
		Kind string `json:"kind"`
	} `json:"source"`
	Earlier *struct {
		Source struct {
			Kind string `json:"kind"`
		} `json:"source"`
	} `json:"earlier"`
}

func (j *mainJob) betterAnswer(t *testing.T) {
	await(t, "the better answer is at the school", func(ctx context.Context) (bool, error) {
		var h struct{ Messages []tutorMessage }
		if err := j.akiru.Get(ctx, "/api/v1/ai-tutor/history", &h); err != nil {
			return false, err
		}
		for _, m := range h.Messages {
			if m.Role == "assistant" && m.QuestionID == j.question && m.Better {
				if m.Source.Kind != "cloud_model" || m.Earlier == nil || m.Earlier.Source.Kind != "lesson_passages" {
					return false, fmt.Errorf("not marked as what it is: %+v", m)
				}
				return true, nil
			}
		}
		return false, nil
	})
	if n := count(t, j.w, "SELECT count(*) FROM tutor_answers WHERE question_id = $1 AND kind = 'cloud_model'", j.question); n != 1 {
		t.Errorf("the cloud answered %d times", n)
	}
}

func (j *mainJob) unaskedStayed(t *testing.T) {
	settled(t, j.school)
	if n := count(t, j.w, "SELECT count(*) FROM tutor_questions WHERE id = $1", j.unasked); n != 0 {
		t.Errorf("the question without consent is at the cloud")
	}
}

// gate is the simulated gateway's own book.
type gate struct {
	Prompts []struct {
		Reference   string `json:"reference"`
		Phone       string `json:"phone"`
		AmountMinor int64  `json:"amount_minor"`
	} `json:"prompts"`
	Book []struct {
		Reference   string `json:"reference"`
		AmountMinor int64  `json:"amount_minor"`
	} `json:"book"`
}

func readGate(ctx context.Context, w *world.World) (g gate, err error) {
	return g, world.NewClient(w.Simgate.URL).Get(ctx, "/admin/state", &g)
}

// executed counts the prompts and the charges of one payment.
func executed(ctx context.Context, w *world.World, reference string) (prompts, charges int, minor int64, err error) {
	g, err := readGate(ctx, w)
	for _, p := range g.Prompts {
		if p.Reference == reference {
			prompts++
		}
	}
	for _, c := range g.Book {
		if c.Reference == reference {
			charges++
			minor += c.AmountMinor
		}
	}
	return prompts, charges, minor, err
}

func (j *mainJob) paidOnce(t *testing.T) {
	for _, p := range []struct {
		payment
		minor int64
	}{{j.science, 50000}, {j.saving, 30000}} {
		j.becomes(t, p.payment, "completed")
		prompts, charges, minor, err := executed(t.Context(), j.w, p.Reference)
		if err != nil || prompts != 1 || charges != 1 || minor != p.minor {
			t.Errorf("%s: %d prompts, %d charges, %d cents, %v", p.Reference, prompts, charges, minor, err)
		}
	}
}

// becomes waits until the school sees the payment in a state.
func (j *mainJob) becomes(t *testing.T, p payment, state string) {
	t.Helper()
	await(t, "the school sees "+p.Reference+" as "+state, func(ctx context.Context) (bool, error) {
		var now payment
		if err := j.bursar.Get(ctx, "/api/v1/payments/mpesa/status/"+p.Reference, &now); err != nil {
			return false, err
		}
		if now.State != state {
			return false, fmt.Errorf("it is %s", now.State)
		}
		return true, nil
	})
}

func (j *mainJob) ledger(t *testing.T) {
	instructor := column(t, j.w, "SELECT id::text FROM accounts WHERE full_name = 'Otieno Okoth'")
	if len(instructor) != 1 {
		t.Fatalf("the outside instructor is %v", instructor)
	}
	shares := func(p payment) map[string]int64 {
		out := map[string]int64{}
		for _, account := range column(t, j.w, `SELECT DISTINCT account FROM ledger_postings p JOIN ledger_transactions t ON t.id = p.transaction_id WHERE t.intent_id = $1`, p.ID) {
			out[account] = count(t, j.w, `SELECT sum(amount_minor)::bigint FROM ledger_postings p JOIN ledger_transactions t ON t.id = p.transaction_id
				WHERE t.intent_id = $1 AND account = $2`, p.ID, account)
		}
		return out
	}
	for p, want := range map[payment]map[string]int64{
		j.science: {"gw:mpesa": -50000, "inst:" + instructor[0] + ":held": 30000, "platform:rev": 15000, "marketing:pool": 5000},
		j.saving:  {"gw:mpesa": -30000, "platform:rev": 30000},
	} {
		if got := shares(p); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s was shared %v, not %v", p.Reference, got, want)
		}
	}
	if n := count(t, j.w, "SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_postings"); n != 0 {
		t.Errorf("the ledger is off by %d", n)
	}
	g, err := readGate(t.Context(), j.w)
	must(t, err)
	var book int64
	for _, c := range g.Book {
		book += c.AmountMinor
	}
	if n := count(t, j.w, "SELECT -sum(amount_minor)::bigint FROM ledger_postings WHERE account = 'gw:mpesa'"); n != book {
		t.Errorf("the ledger says that the gateway holds %d, its book says %d", n, book)
	}
}

func (j *mainJob) unlocked(t *testing.T) {
	c, err := findCourse(t.Context(), j.akiru, instructorCourse)
	must(t, err)
	await(t, "the paid lesson opens at the school", func(ctx context.Context) (bool, error) {
		var page struct{ HTML string }
		err := j.akiru.Get(ctx, "/api/v1/courses/"+c.ID+"/lessons/"+c.Lessons[0].ID, &page)
		return len(page.HTML) > 500, err
	})
	err = j.ekai.Get(t.Context(), "/api/v1/courses/"+c.ID+"/lessons/"+c.Lessons[0].ID, nil)
	if problem(err) == nil {
		t.Errorf("the course is open for a learner who did not pay: %v", err)
	}
}

func (j *mainJob) oldAsks(t *testing.T) {
	j.becomes(t, j.old, "needs_confirmation")
	prompts, charges, _, err := executed(t.Context(), j.w, j.old.Reference)
	if err != nil || prompts != 0 || charges != 0 {
		t.Errorf("the old payment: %d prompts, %d charges, %v", prompts, charges, err)
	}
}

func (j *mainJob) oldConfirmed(t *testing.T) {
	parent := parentOf(t, j.w, "Arupe")
	must(t, parent.Post(t.Context(), "/api/v1/payments/"+j.old.ID+"/confirm", nil, nil))
	j.becomes(t, j.old, "completed")
	prompts, charges, minor, err := executed(t.Context(), j.w, j.old.Reference)
	if err != nil || prompts != 1 || charges != 1 || minor != 30000 {
		t.Errorf("%d prompts, %d charges, %d cents, %v", prompts, charges, minor, err)
	}
}

type box struct {
	SchoolID    string `json:"school_id"`
	Carrier     string `json:"carrier"`
	Status      string `json:"status"`
	MirroredUp  uint64 `json:"mirrored_up"`
	DeadLetters int64  `json:"dead_letters"`
	Unsent      int64  `json:"unsent"`
	Behind      int64  `json:"behind"`
}

// fleet reads the admin's line about the school.
func (j *mainJob) fleet(t *testing.T) box {
	t.Helper()
	admin, err := j.w.Admin(t.Context())
	must(t, err)
	var list struct{ Boxes []box }
	must(t, admin.Get(t.Context(), "/api/v1/fleet?limit=100", &list))
	for _, b := range list.Boxes {
		if b.SchoolID == j.school.ID {
			return b
		}
	}
	t.Fatal("the school is not in the fleet")
	return box{}
}

func (j *mainJob) throughMirror(t *testing.T) {
	b := j.fleet(t)
	if b.MirroredUp <= j.mirrored {
		t.Errorf("the hub's mirror stands at %d messages, before the outage at %d", b.MirroredUp, j.mirrored)
	}
	if b.Carrier != "mirror" || b.Status != "online" || b.DeadLetters != 0 {
		t.Errorf("the fleet page says %+v", b)
	}
}

func (j *mainJob) nothingTwice(t *testing.T) {
	settled(t, j.school)
	// Counted over everything that travels up, before and after.
	tables := []string{"attempts", "learning_activities", "enrolments", "tutor_questions", "payment_intents", "ledger_transactions", "entitlements", "conflict_log", "dead_letters"}
	before := map[string]int64{}
	for _, table := range tables {
		before[table] = count(t, j.w, "SELECT count(*) FROM "+table)
	}
	cut(t, j.school)
	must(t, j.school.Edge.Stop())
	must(t, j.w.Cloud.Stop())
	must(t, j.w.Cloud.Start(t.Context()))
	must(t, j.school.Edge.Start(t.Context()))
	must(t, j.school.Link.Plug())
	settled(t, j.school)
	for _, table := range tables {
		if n := count(t, j.w, "SELECT count(*) FROM "+table); n != before[table] {
			t.Errorf("%s: %d rows before, %d after", table, before[table], n)
		}
	}
}
