package ollama_test

import (
	"bytes"
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/edge/internal/ollama"
	"urbanhomeschool.org/uhs/edge/internal/ollama/ollamatest"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/tutor"
)

func provider(t *testing.T, url, model string) *ollama.Provider {
	t.Helper()
	// One thread: on a shared machine more are slower.
	p, err := ollama.New(ollama.Config{URL: url, Model: model, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRealOllama(t *testing.T) {
	s := ollamatest.New(t)
	t.Run("the model that the test wrote answers in a stream that is complete", func(t *testing.T) {
		p := provider(t, s.URL, ollamatest.ModelName)
		if err := p.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := p.Answer(t.Context(), prompt)
		if err != nil || got.Text == "" || got.Tokens < 10 || got.Model != ollamatest.ModelName {
			t.Errorf("%v, %+v", err, got)
		}
	})
	t.Run("the server lists the model", func(t *testing.T) {
		got, err := provider(t, s.URL, ollamatest.ModelName).Models(t.Context())
		if err != nil || len(got) != 1 || !strings.HasPrefix(got[0], ollamatest.ModelName) {
			t.Errorf("%v, %v", err, got)
		}
	})
	t.Run("an unknown model is rejected", func(t *testing.T) {
		if _, err := provider(t, s.URL, "nobody").Answer(t.Context(), prompt); kindOf(err) != tutor.Rejected {
			t.Errorf("got %v", err)
		}
	})
}

func TestRealOllamaDamaged(t *testing.T) {
	s := ollamatest.New(t)
	if err := s.Damage(); err != nil {
		t.Fatal(err)
	}
	p := provider(t, s.URL, ollamatest.ModelName)
	if got, err := p.Models(t.Context()); err != nil || len(got) != 1 {
		t.Fatalf("a damaged model is still listed: %v, %v", err, got)
	}
	if _, err := p.Answer(t.Context(), prompt); kindOf(err) == "" {
		t.Errorf("a damaged model answered: %v", err)
	}
}

// lessons is a school with one lesson and no consent.
type lessons struct{ passage tutor.Passage }

func (lessons) HasConsent(context.Context, db.Tx, identity.AccountID, string) (bool, error) {
	return false, nil
}

func (l lessons) Search(context.Context, db.Tx, string, []string) ([]tutor.Passage, error) {
	return []tutor.Passage{l.passage}, nil
}

func (l lessons) OpenCourses(context.Context, db.Tx, identity.AccountID) ([]string, error) {
	return []string{l.passage.CourseID}, nil
}

func (lessons) Known(context.Context, db.Tx, identity.AccountID) (tutor.Known, error) {
	return tutor.Known{}, nil
}

func (lessons) NamedAdult(context.Context, db.Tx, identity.SchoolID) (identity.AccountID, error) {
	return "", nil
}

func school(t *testing.T, route tutor.Route) (ask func(ctx context.Context, text string) tutor.Asked) {
	t.Helper()
	l := lessons{tutor.Passage{CourseID: id.New(), LessonID: id.New(), LessonTitle: "Nouns", Heading: "Nouns", Quote: "A noun is a naming word.", Link: "/x"}}
	s, err := tutor.New(dbtest.SQLite(t), tutor.Options{Consents: l, Passages: l, Access: l, Names: l, Safeguards: l,
		Routes: []tutor.Route{route}, Clock: clock.System{}, Log: logging.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context, text string) tutor.Asked {
		who := identity.Actor{Account: identity.AccountID(id.New()), Role: identity.Student, School: identity.SchoolID(id.New())}
		got, err := s.Ask(ctx, who, tutor.Asking{Text: text})
		if err != nil {
			t.Error(err)
		}
		return got
	}
}

func TestRealOllamaKilled(t *testing.T) {
	s := ollamatest.New(t)
	front, err := ollamatest.NewFront(s)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(front)
	defer web.Close()
	ask := school(t, tutor.Route{Provider: provider(t, web.URL, ollamatest.ModelName)})

	first := ask(t.Context(), "What is a noun?")
	if first.Best.Source.Kind != tutor.FromLocalModel || len(first.Best.Source.Passages) != 1 {
		t.Fatalf("the model did not answer: %+v", first.Best.Source)
	}
	front.Arm()
	second := ask(t.Context(), "What is a noun?")
	if src := second.Best.Source; src.Kind != tutor.FromPassages || src.Reason != string(tutor.Cut) {
		t.Errorf("killed in the middle of its answer: %+v", src)
	}
	third := ask(t.Context(), "What is a noun?")
	if src := third.Best.Source; src.Kind != tutor.FromPassages || src.Reason != string(tutor.Unreachable) {
		t.Errorf("after it was killed: %+v", src)
	}
}

func TestRealOllamaQueue(t *testing.T) {
	s := ollamatest.New(t)
	ask := school(t, tutor.Route{Provider: provider(t, s.URL, ollamatest.ModelName), Waiting: 1})
	ask(t.Context(), "What is a noun?") // loads the model
	got := make(chan tutor.Source, 8)
	for range cap(got) {
		go func() { got <- ask(t.Context(), "What is a noun?").Best.Source }()
	}
	answered, refused := 0, 0
	for range cap(got) {
		select {
		case src := <-got:
			if src.Kind == tutor.FromLocalModel {
				answered++
			}
			if src.Reason == string(tutor.QueueFull) && src.Kind == tutor.FromPassages {
				refused++
			}
		case <-time.After(time.Minute):
			t.Fatal("a question hangs")
		}
	}
	if answered < 2 || refused == 0 || answered+refused != cap(got) {
		t.Errorf("%d answered by the model, %d sent on to the passages", answered, refused)
	}
}

func TestModel(t *testing.T) {
	a, b := ollamatest.Model(), ollamatest.Model()
	if len(a) != ollamatest.ModelSize || !bytes.Equal(a, b) {
		t.Errorf("%d bytes, the same each time: %v", len(a), bytes.Equal(a, b))
	}
}
