package wiring

import (
	"context"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/tutor"
)

// consents answers the tutor's question for consent.
type consents struct{ people *identity.Service }

func (c consents) HasConsent(ctx context.Context, tx db.Tx, learner identity.AccountID, purpose string) (bool, error) {
	return c.people.HasConsent(ctx, tx, learner, identity.Purpose(purpose))
}

// fits is the least share of a question's words, rare ones counting more, that
// a passage must hold to be quoted as an answer.
const fits = 0.5

// answers tells whether a passage fits well enough to be quoted: half of what is
// asked, and more than one word of it when more than one was asked. A cake has
// two syllables, but that does not say how to bake one.
func answers(h catalogue.Hit) bool {
	return h.Score >= fits && (len(h.Matched) > 1 || h.Score > 0.99)
}

// passages finds what the lessons on this node say.
type passages struct{}

func (passages) Search(ctx context.Context, tx db.Tx, query string, courses []string) ([]tutor.Passage, error) {
	in := make([]catalogue.CourseID, len(courses))
	for i, c := range courses {
		in[i] = catalogue.CourseID(c)
	}
	hits, err := catalogue.SearchPassages(ctx, tx, catalogue.Query{Text: query, Courses: in, Limit: 3})
	if err != nil {
		return nil, err
	}
	var out []tutor.Passage
	titles := map[catalogue.CourseID]string{}
	for _, h := range hits {
		if !answers(h) {
			continue
		}
		if _, known := titles[h.CourseID]; !known {
			c, err := catalogue.CourseByID(ctx, tx, h.CourseID)
			if err != nil {
				return nil, err
			}
			titles[h.CourseID] = c.Title
		}
		out = append(out, tutor.Passage{
			CourseID: string(h.CourseID), CourseTitle: titles[h.CourseID], LessonID: string(h.LessonID), LessonTitle: h.LessonTitle,
			Heading: h.Heading, Quote: h.Text, Link: LessonPage(h.CourseID, h.LessonID, h.Anchor),
		})
	}
	return out, nil
}

// LessonPage is the address of a lesson in the web app, at a heading.
func LessonPage(course catalogue.CourseID, lesson catalogue.LessonID, anchor string) string {
	page := "/courses/" + string(course) + "/lessons/" + string(lesson)
	if anchor != "" {
		page += "#" + anchor
	}
	return page
}

// openTo lists the courses whose lessons a learner may be quoted.
type openTo struct{ courses *catalogue.Service }

func (o openTo) OpenCourses(ctx context.Context, tx db.Tx, learner identity.AccountID) ([]string, error) {
	ids, err := o.courses.OpenCourses(ctx, tx, identity.Actor{Account: learner, Role: identity.Student})
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = string(id)
	}
	return out, err
}

// names collects what must not leave with a learner's words.
type names struct{ people *identity.Service }

func (n names) Known(ctx context.Context, tx db.Tx, learner identity.AccountID) (tutor.Known, error) {
	known := tutor.Known{}
	a, err := n.people.Account(ctx, tx, learner)
	if err != nil {
		return known, err
	}
	known.Learner = a.FullName
	if known.People, err = n.people.NamesAround(ctx, tx, learner); err != nil {
		return known, err
	}
	if a.School != "" {
		s, err := n.people.School(ctx, tx, a.School)
		if err != nil {
			return known, err
		}
		known.Places = []string{s.Name}
	}
	return known, nil
}
