package main

import (
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/assessment"
	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/syncproto"
)

// class makes attempts as a school of so many learners does: five questions, one
// option each, a few quizzes at a time.
type class struct {
	school   identity.SchoolID
	learners []identity.AccountID
	made     int
}

const (
	quizzes   = 4
	questions = 5
)

func (c *class) attempt() assessment.Attempt {
	n := c.made
	c.made++
	quiz := fmt.Sprint("quiz ", n/len(c.learners)%quizzes)
	began := clock.System{}.Now().Add(-time.Duration(n%600) * time.Second)
	a := assessment.Attempt{
		ID: assessment.AttemptID(id.New()), LearnerID: c.learners[n%len(c.learners)], SchoolID: c.school,
		CourseID: catalogue.CourseID(id.Derived("rates", "course")), QuizID: catalogue.QuizID(id.Derived("rates", quiz)),
		Edition: 3, PassPercent: 60, MaxPoints: questions,
		StartedAt: db.Time{Time: began}, SubmittedAt: db.Time{Time: began.Add(time.Duration(60+n*7%240) * time.Second)},
	}
	for q := range questions {
		points := int64((n + q) * 7 % 3 % 2)
		a.Responses = append(a.Responses, assessment.Response{QuestionID: id.Derived("rates", quiz, fmt.Sprint(q)), Options: []string{string(rune('a' + (n*5+q*3)%4))},
			Points: points, Max: 1})
		a.ScorePoints += points
	}
	a.Passed = a.ScorePoints*100 >= a.PassPercent*a.MaxPoints
	return a
}

func (c *class) attempts(n int) []assessment.Attempt {
	out := make([]assessment.Attempt, n)
	for i := range out {
		out[i] = c.attempt()
	}
	return out
}

// frame makes the bytes of the frame that carries attempts after a mark.
func (c *class) frame(log int64, after syncproto.Mark, in []assessment.Attempt) ([]byte, error) {
	f := &syncproto.Frame{School: string(c.school), Epoch: log, Lane: assessment.Attempts.Lane, First: after.Seq + 1, Prev: after.Chain}
	for i, a := range in {
		body, err := syncproto.EncodeBody(a)
		if err != nil {
			return nil, err
		}
		f.Events = append(f.Events, syncproto.Event{Type: assessment.Attempts.Name, Version: assessment.Attempts.Version, Entity: string(a.ID),
			HLC: syncproto.HLCAt(a.SubmittedAt.Time) + syncproto.HLC(i), Body: body})
	}
	return syncproto.EncodeFrame(f)
}

// wire prints what a record costs on the line.
func wire() error {
	c := &class{school: identity.SchoolID(id.New())}
	for range 400 {
		c.learners = append(c.learners, identity.AccountID(id.New()))
	}
	for _, n := range []int{1, 10, 100, 1000} {
		data, err := c.frame(1, syncproto.Mark{}, c.attempts(n))
		if err != nil {
			return err
		}
		aim := "-"
		if n == 100 {
			aim = "50"
		}
		tell(fmt.Sprintf("bytes a quiz attempt on the wire, %d in a frame", n), fmt.Sprintf("%.1f", float64(len(data))/float64(n)), aim)
		if n == 1000 {
			const backlog, line = 600_000, 64_000 / 8
			hours := float64(len(data)) / float64(n) * backlog / line / 3600
			tell("a backlog of 600000 attempts at 64 kbit/s (computed)", fmt.Sprintf("%.1f h", hours), "-")
		}
	}
	return nil
}
