package tutor_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/tutor"
	"urbanhomeschool.org/uhs/syncproto"
)

func TestAnswerPending(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		type cloud struct {
			*world
			hosted *model
			q      tutor.Question
		}
		// arrive is a cloud to which a school's question came.
		arrive := func(t *testing.T, text string) cloud {
			t.Helper()
			m := &model{name: "hosted"}
			c := cloud{world: newWorld(t, d, func(o *tutor.Options) {
				o.Routes, o.DailyLimit = []tutor.Route{{Provider: m, Hosted: true}}, 3
			}), hosted: m}
			c.consent = true
			c.q = tutor.Question{ID: tutor.QuestionID(id.New()), ConversationID: id.New(), LearnerID: c.learner.Account, SchoolID: c.learner.School,
				Text: text, Language: tutor.English, AskedAt: db.Time{Time: c.clock.Now().Add(-time.Hour)}}
			if err := c.db.Update(t.Context(), func(tx db.Tx) error {
				if _, err := tutor.Questions.Put(t.Context(), tx, c.q); err != nil {
					return err
				}
				return c.tutor.OnQuestions(t.Context(), tx, []tutor.Question{c.q})
			}); err != nil {
				t.Fatal(err)
			}
			return c
		}
		// drain does what is due; other questions of this database included.
		drain := func(t *testing.T, c cloud) {
			t.Helper()
			for {
				n, err := c.tutor.AnswerPending(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if n == 0 {
					return
				}
			}
		}
		sent := func(t *testing.T, c cloud) (out []tutor.Answer) {
			t.Helper()
			for _, ch := range c.journal.named("tutor.answer") {
				var a tutor.Answer
				if err := syncproto.DecodeBody(ch.Body, &a); err != nil {
					t.Fatal(err)
				}
				out = append(out, a)
			}
			return out
		}

		t.Run("a question from a school is answered once and the answer travels back", func(t *testing.T) {
			c := arrive(t, "What is photosynthesis?")
			drain(t, c)
			drain(t, c)
			got := sent(t, c)
			if len(got) != 1 || got[0].QuestionID != c.q.ID || got[0].Source.Kind != tutor.FromCloudModel || got[0].LearnerID != c.learner.Account {
				t.Fatalf("sent %+v", got)
			}
			if c.hosted.calls() != 1 {
				t.Errorf("%d calls", c.hosted.calls())
			}
		})
		t.Run("consent withdrawn on the way stops the question, with a reason", func(t *testing.T) {
			c := arrive(t, "What is photosynthesis?")
			c.consent = false
			drain(t, c)
			got := sent(t, c)
			if c.hosted.calls() != 0 || len(got) != 1 || got[0].Source.Reason != tutor.ReasonConsent {
				t.Errorf("%d calls, sent %+v", c.hosted.calls(), got)
			}
			if h := c.history(); h.Exchanges[0].Refused != tutor.ReasonConsent || h.Exchanges[0].Waiting {
				t.Errorf("got %+v", h.Exchanges[0])
			}
		})
		t.Run("a failed call is tried again later", func(t *testing.T) {
			c := arrive(t, "What is photosynthesis?")
			c.hosted.set(fails(tutor.Unreachable))
			drain(t, c)
			if len(sent(t, c)) != 0 || !c.history().Exchanges[0].Waiting {
				t.Fatal("gave up")
			}
			c.hosted.set(nil)
			drain(t, c)
			if c.hosted.calls() != 1 {
				t.Errorf("%d calls before the wait was over", c.hosted.calls())
			}
			c.clock.Advance(time.Minute)
			drain(t, c)
			if len(sent(t, c)) != 1 {
				t.Error("not answered")
			}
		})
		t.Run("after a week without success the school is told", func(t *testing.T) {
			c := arrive(t, "What is photosynthesis?")
			c.hosted.set(fails(tutor.Unreachable))
			c.clock.Advance(8 * 24 * time.Hour)
			drain(t, c)
			if got := sent(t, c); len(got) != 1 || got[0].Source.Reason != tutor.ReasonGivenUp {
				t.Errorf("sent %+v", got)
			}
		})
		t.Run("names that slipped through are stripped again", func(t *testing.T) {
			c := arrive(t, "Achieng asks what photosynthesis is")
			drain(t, c)
			if q := c.hosted.seen[0].Question; strings.Contains(q, "Achieng") {
				t.Errorf("sent %q", q)
			}
		})
		t.Run("words of danger that slipped through reach no model", func(t *testing.T) {
			c := arrive(t, "i want to kill myself")
			drain(t, c)
			got := sent(t, c)
			if c.hosted.calls() != 0 || len(got) != 1 || got[0].Source.Kind != tutor.FromSafety || len(c.journal.named("tutor.alert")) != 1 {
				t.Errorf("%d calls, sent %+v", c.hosted.calls(), got)
			}
		})
		t.Run("the daily limit of hosted answers postpones and does not lose", func(t *testing.T) {
			c := arrive(t, "What is photosynthesis?")
			for range 3 {
				c.q.ID = tutor.QuestionID(id.New())
				if err := c.db.Update(t.Context(), func(tx db.Tx) error {
					if _, err := tutor.Questions.Put(t.Context(), tx, c.q); err != nil {
						return err
					}
					return c.tutor.OnQuestions(t.Context(), tx, []tutor.Question{c.q})
				}); err != nil {
					t.Fatal(err)
				}
			}
			drain(t, c)
			if n := len(sent(t, c)); n != 3 {
				t.Fatalf("%d answers on the first day", n)
			}
			c.clock.Advance(25 * time.Hour)
			drain(t, c)
			if n := len(sent(t, c)); n != 4 {
				t.Errorf("%d answers on the second day", n)
			}
		})
		t.Run("a question asked on this node is answered later and stays here", func(t *testing.T) {
			m := &model{name: "hosted", do: fails(tutor.Unreachable)}
			w := newWorld(t, d, func(o *tutor.Options) { o.Routes = []tutor.Route{{Provider: m, Hosted: true}} })
			w.consent = true
			got := w.ask("What is photosynthesis?")
			if got.Best.Source.Kind != tutor.FromPassages || !got.Waiting {
				t.Fatalf("got %+v", got)
			}
			m.set(nil)
			drain(t, cloud{world: w})
			e := w.history().Exchanges[0]
			if !e.Better() || e.Earlier.Source.Kind != tutor.FromPassages || e.Waiting || len(w.journal.changes) != 0 {
				t.Errorf("got %+v, %d records", e, len(w.journal.changes))
			}
		})
		t.Run("a worker that died leaves its question to the next", func(t *testing.T) {
			c := arrive(t, "What is photosynthesis?")
			ctx, cancel := context.WithCancel(t.Context())
			c.hosted.set(func(context.Context) (tutor.Reply, error) { cancel(); return tutor.Reply{}, context.Canceled })
			if _, err := c.tutor.AnswerPending(ctx); err == nil {
				t.Fatal("a cancelled worker stored its result")
			}
			c.hosted.set(nil)
			drain(t, c)
			if len(sent(t, c)) != 0 {
				t.Fatal("taken while claimed")
			}
			c.clock.Advance(4 * time.Minute)
			drain(t, c)
			if len(sent(t, c)) != 1 {
				t.Error("lost")
			}
		})
		t.Run("the service answers what arrives and stops", func(t *testing.T) {
			c := arrive(t, "What is photosynthesis?")
			a := c.tutor.Answerer()
			if err := a.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(10 * time.Second); len(sent(t, c)) == 0 && time.Now().Before(deadline); {
				time.Sleep(5 * time.Millisecond)
			}
			if err := a.Stop(t.Context()); err != nil || len(sent(t, c)) != 1 {
				t.Errorf("%v, %d answers", err, len(sent(t, c)))
			}
		})
		t.Run("at the school the better answer replaces the local one and says so", func(t *testing.T) {
			w := newWorld(t, d, func(o *tutor.Options) { o.Forward = true })
			w.consent = true
			got := w.ask("What is photosynthesis?")
			better := tutor.Answer{ID: id.New(), QuestionID: got.Question.ID, LearnerID: w.learner.Account, SchoolID: w.learner.School,
				Text: "Better.", Source: tutor.Source{Kind: tutor.FromCloudModel, Provider: "hosted"}, At: db.Time{Time: w.clock.Now()}}
			if err := w.db.Update(t.Context(), func(tx db.Tx) error {
				if _, err := tutor.Answers.Put(t.Context(), tx, better); err != nil {
					return err
				}
				return w.tutor.OnAnswers(t.Context(), tx, []tutor.Answer{better})
			}); err != nil {
				t.Fatal(err)
			}
			e := w.history().Exchanges[0]
			if !e.Better() || e.Best.Text != "Better." || e.Earlier.Source.Kind != tutor.FromPassages || e.Waiting {
				t.Errorf("got %+v", e)
			}
			if st, err := w.tutor.Status(t.Context(), w.learner); err != nil || st.Waiting != 0 {
				t.Errorf("%v, %d waiting", err, st.Waiting)
			}
		})
	})
}
