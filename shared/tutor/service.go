package tutor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// The limits of a question.
const (
	longestQuestion = 2000 // characters
	defaultContext  = 4    // earlier messages given to a model
	mostContext     = 10
	longestTurn     = 600 // characters of an earlier message
)

// Asking is a question on its way in.
type Asking struct {
	// ID makes a repeated request the same question; empty: a new one.
	ID   QuestionID
	Text string
	// CourseID is the course that is open, or empty.
	CourseID string
	// Language of the fixed texts; empty: guessed from the question.
	Language Language
	// Context is how many earlier messages a model sees: negative none, 0 the
	// default.
	Context int
}

// Asked is a question with its answer.
type Asked struct {
	Exchange
	Mode ResponseMode
	// Tokens a model used; 0 when unknown.
	Tokens int
	// Took is the time to the answer.
	Took time.Duration
}

var (
	errTooMany = fault.New(fault.TooMany, "You have asked all your questions for today. Come back tomorrow.").WithCode("tutor_daily_limit")
	errTaken   = fault.New(fault.Conflict, "This question id is in use.").WithCode("question_id_taken")
)

// now is the clock's time as both databases keep it.
func (s *Service) now() db.Time { return db.Time{Time: s.opts.Clock.Now()} }

// plan is what is known about a question before it is answered.
type plan struct {
	question Question
	original string
	profile  Profile
	danger   Danger
	inDanger bool
	// repeated: the question is stored already.
	repeated bool
	answers  []Answer
	consent  bool
	known    Known
	turns    []Turn
	passages []Passage
	waiting  bool
}

// Ask answers a learner's question at once and stores both. The question is
// stored before any model is asked, so that nothing typed is lost; the models run
// outside the transactions, since the appliance has one writer. Repeating an
// Asking with the same ID gives the stored answer.
func (s *Service) Ask(ctx context.Context, who identity.Actor, in Asking) (Asked, error) {
	start := s.opts.Clock.Now()
	if err := who.Require(identity.Student); err != nil {
		return Asked{}, err
	}
	in, err := checked(in)
	if err != nil {
		return Asked{}, err
	}
	p, err := s.prepare(ctx, who, in)
	if err != nil {
		return Asked{}, err
	}
	if len(p.answers) > 0 {
		return Asked{Exchange: exchange(p.display(), p.answers, p.waiting), Mode: p.profile.Mode}, nil
	}

	if p.inDanger {
		p.answers, err = s.keepDanger(ctx, p)
		return Asked{Exchange: exchange(p.display(), p.answers, false), Mode: p.profile.Mode}, err
	}
	if err := s.keepQuestion(ctx, &p); err != nil {
		return Asked{}, err
	}
	answer, tokens := s.compose(ctx, p)
	if err := s.keepAnswer(ctx, &p, answer); err != nil {
		return Asked{}, err
	}
	return Asked{Exchange: exchange(p.display(), p.answers, p.waiting), Mode: p.profile.Mode, Tokens: tokens,
		Took: s.opts.Clock.Now().Sub(start)}, nil
}

// checked is in with its defaults, or why it cannot be asked.
func checked(in Asking) (Asking, error) {
	in.Text = strings.TrimSpace(in.Text)
	switch n := utf8.RuneCountInString(in.Text); {
	case n == 0:
		return in, fault.New(fault.Invalid, "Please write a question.").WithCode("question_empty").At("is empty", "message")
	case n > longestQuestion || !utf8.ValidString(in.Text) || strings.ContainsRune(in.Text, 0):
		return in, fault.Newf(fault.Invalid, "A question has at most %d characters.", longestQuestion).WithCode("question_too_long").At("is too long", "message")
	case in.ID != "" && !id.Valid(string(in.ID)):
		return in, fault.New(fault.Invalid, "The question id is not a UUID.").WithCode("question_id").At("is not a UUID", "question_id")
	case in.CourseID != "" && !id.Valid(in.CourseID):
		return in, fault.New(fault.Invalid, "The course id is not a UUID.").WithCode("course_id").At("is not a UUID", "course_id")
	}
	if in.ID == "" {
		in.ID = QuestionID(id.New())
	}
	if in.Language != English && in.Language != Kiswahili {
		in.Language = languageOf(in.Text)
	}
	if in.Context == 0 {
		in.Context = defaultContext
	}
	in.Context = min(max(in.Context, 0), mostContext)
	return in, nil
}

// prepare reads everything that decides how the question is answered.
func (s *Service) prepare(ctx context.Context, who identity.Actor, in Asking) (plan, error) {
	p := plan{original: in.Text}
	p.danger, p.inDanger = s.danger.find(in.Text)
	err := s.db.View(ctx, func(tx db.Tx) error {
		var err error
		if p.profile, err = s.profile(ctx, tx, who.Account); err != nil {
			return err
		}
		if err := s.repeated(ctx, tx, who, in, &p); err != nil || len(p.answers) > 0 {
			return err
		}
		if !p.repeated {
			p.question = Question{ID: in.ID, ConversationID: p.profile.ConversationID, LearnerID: who.Account, SchoolID: who.School,
				Text: in.Text, Language: in.Language, CourseID: in.CourseID, AskedAt: s.now()}
		}
		if p.inDanger {
			return nil // nothing else matters, and no limit stands in the way
		}
		if err := s.guarded(ctx, tx, who); err != nil {
			return err
		}
		if err := s.withinLimit(ctx, tx, p); err != nil {
			return err
		}
		return s.gather(ctx, tx, in, &p)
	})
	return p, err
}

// repeated loads a question that was asked before under the same id.
func (s *Service) repeated(ctx context.Context, tx db.Tx, who identity.Actor, in Asking, p *plan) error {
	q, err := getQuestion(ctx, tx, string(in.ID))
	if errors.Is(err, db.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("load question: %w", err)
	}
	if q.LearnerID != who.Account {
		return errTaken
	}
	p.question, p.repeated = q, true
	if p.answers, err = answersOf(ctx, tx, q.ID); err != nil {
		return fmt.Errorf("load answers: %w", err)
	}
	waiting, err := waitingOf(ctx, tx, who.Account)
	p.waiting = waiting[q.ID]
	return err
}

// nairobi is East Africa Time, without daylight saving.
var nairobi = time.FixedZone("EAT", 3*60*60)

func (s *Service) withinLimit(ctx context.Context, tx db.Tx, p plan) error {
	if p.repeated {
		return nil
	}
	t, err := tallyOf(ctx, tx, p.question.LearnerID, startOfDay(s.opts.Clock.Now()))
	if err != nil {
		return fmt.Errorf("count questions: %w", err)
	}
	if t.questions >= int64(s.opts.DailyLimit) {
		return errTooMany
	}
	return nil
}

func startOfDay(t time.Time) time.Time {
	y, m, d := t.In(nairobi).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, nairobi).UTC()
}

// gather finds consent, names, lesson passages and the conversation so far.
func (s *Service) gather(ctx context.Context, tx db.Tx, in Asking, p *plan) error {
	learner := p.question.LearnerID
	var err error
	if p.consent, err = s.opts.Consents.HasConsent(ctx, tx, learner, PurposeCloudTutor); err != nil {
		return fmt.Errorf("read consent: %w", err)
	}
	if p.consent {
		if p.known, err = s.opts.Names.Known(ctx, tx, learner); err != nil {
			return fmt.Errorf("read names: %w", err)
		}
	}
	open, err := s.opts.Access.OpenCourses(ctx, tx, learner)
	if err != nil {
		return fmt.Errorf("list open courses: %w", err)
	}
	found, err := s.opts.Passages.Search(ctx, tx, p.original, open)
	if err != nil {
		return fmt.Errorf("search lessons: %w", err)
	}
	p.passages = allowed(found, open)
	p.turns, err = s.turns(ctx, tx, p.profile, in.Context)
	return err
}

// turns are the last n messages of the conversation, oldest first. Exchanges in
// which there was danger are left out: no model sees them later either.
func (s *Service) turns(ctx context.Context, tx db.Tx, profile Profile, n int) ([]Turn, error) {
	if n <= 0 {
		return nil, nil
	}
	page, err := s.exchanges(ctx, tx, profile, (n+1)/2, 0)
	if err != nil {
		return nil, err
	}
	var out []Turn
	for _, e := range slices.Backward(page) {
		if e.Best.ID == "" || e.Best.Source.Kind == FromSafety || e.Best.Source.Kind == FromNothing {
			continue
		}
		out = append(out, Turn{"user", shorten(e.Question.Text)}, Turn{"assistant", shorten(e.Best.Text)})
	}
	return out, nil
}

func shorten(s string) string {
	if r := []rune(s); len(r) > longestTurn {
		return string(r[:longestTurn]) + " …"
	}
	return s
}

// forwards tells whether the question goes to the node with hosted models.
func (s *Service) forwards(p plan) bool { return s.opts.Forward && p.consent && !p.inDanger }

// keepQuestion stores the question, and its way to the cloud when consent allows
// one. Names leave before the outbox row is written, not after.
func (s *Service) keepQuestion(ctx context.Context, p *plan) error {
	if p.repeated {
		return nil
	}
	p.waiting = s.forwards(*p)
	return s.db.Update(ctx, func(tx db.Tx) error {
		if !p.waiting {
			_, err := Questions.Put(ctx, tx, p.question)
			return err
		}
		p.question.Text = p.strip(p.original)
		if _, err := Questions.Save(ctx, tx, p.question); err != nil {
			return fmt.Errorf("save question: %w", err)
		}
		if p.question.Text != p.original {
			if err := storeOriginal(ctx, tx, p.question.ID, p.original); err != nil {
				return fmt.Errorf("keep what was typed: %w", err)
			}
		}
		return addJob(ctx, tx, p.question, askedHere, JobForwarded, s.opts.Clock.Now())
	})
}

// keepDanger stores question, fixed answer and alert together. The question and
// the answer stay here; only the alert, without words, travels.
func (s *Service) keepDanger(ctx context.Context, p plan) ([]Answer, error) {
	answer := answerTo(p.question, safetyAnswer(p.question), Source{Kind: FromSafety}, s.now())
	err := s.db.Update(ctx, func(tx db.Tx) error {
		if _, err := Questions.Put(ctx, tx, p.question); err != nil {
			return fmt.Errorf("store question: %w", err)
		}
		if _, err := Answers.Put(ctx, tx, answer); err != nil {
			return fmt.Errorf("store answer: %w", err)
		}
		_, err := Alerts.Save(ctx, tx, alertOf(p.question, p.danger, s.now()))
		return err
	})
	return []Answer{answer}, err
}

// compose finds the best answer this node can give now.
func (s *Service) compose(ctx context.Context, p plan) (Answer, int) {
	req := request{learner: string(p.question.LearnerID), local: p.prompt(asTyped)}
	if p.consent {
		req.hosted = p.prompt(p.strip)
	}
	reply, r, failure := s.chain.answer(ctx, req)
	if r != nil {
		return s.answerOf(p.question, reply, r, p.passages), reply.Tokens
	}

	src, l := Source{Kind: FromNothing, Reason: reasonNoModel}, p.question.Language
	switch {
	case failure != nil:
		src.Reason = string(failure.Kind)
	case !p.consent && s.chain.serves(true):
		src.Reason = ReasonNoConsent
	}
	if src.Reason == string(Moderated) {
		return answerTo(p.question, moderatedAnswer(l), src, s.now()), 0
	}
	if len(p.passages) == 0 {
		return answerTo(p.question, nothingAnswer(l, p.waiting), src, s.now()), 0
	}
	src.Kind, src.Passages = FromPassages, p.passages
	return answerTo(p.question, passagesAnswer(l, p.passages), src, s.now()), 0
}

// prompt builds what a model sees; clean goes over every word a learner typed
// and a model answered. Lesson text is public and stays as it is.
func (p plan) prompt(clean func(string) string) *Prompt {
	out := &Prompt{System: SystemPrompt, Passages: p.passages, Question: clean(p.original)}
	for _, t := range p.turns {
		out.Turns = append(out.Turns, Turn{t.Role, clean(t.Text)})
	}
	return out
}

// strip takes the names around this learner out of a text.
func (p plan) strip(text string) string { return Strip(text, p.known) }

// asTyped is for models in the house.
func asTyped(text string) string { return text }

func (s *Service) answerOf(q Question, reply Reply, r *route, passages []Passage) Answer {
	src := Source{Kind: FromLocalModel, Provider: r.Provider.Name(), Model: reply.Model, Passages: passages}
	if r.Hosted {
		src.Kind = FromCloudModel
	}
	return answerTo(q, strings.TrimSpace(reply.Text), src, s.now())
}

// keepAnswer stores the answer here; an appliance's own answers do not travel.
// Where this node has hosted models and none answered, the question waits here.
func (s *Service) keepAnswer(ctx context.Context, p *plan, a Answer) error {
	retry := p.consent && s.chain.serves(true) && a.Source.Kind != FromCloudModel && a.Source.Reason != string(Moderated)
	err := s.db.Update(ctx, func(tx db.Tx) error {
		if _, err := Answers.Put(ctx, tx, a); err != nil {
			return fmt.Errorf("store answer: %w", err)
		}
		if !retry {
			return nil
		}
		tx.AfterCommit(s.poke)
		return addJob(ctx, tx, p.question, askedHere, JobPending, s.opts.Clock.Now())
	})
	p.answers, p.waiting = []Answer{a}, p.waiting || retry
	return err
}

// display is the question as its learner typed it.
func (p plan) display() Question {
	q := p.question
	q.Text = p.original
	return q
}
