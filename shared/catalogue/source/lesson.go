package source

import (
	"bytes"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/id"
)

// frontMatter is the YAML between the two lines of hyphens.
type frontMatter struct {
	Title    string   `yaml:"title"`
	Minutes  int      `yaml:"minutes"`
	Outcomes []string `yaml:"outcomes"`
}

func (r *reader) lessons(o outline) {
	c := &r.content.Course
	for i, l := range o.lessons {
		r.lesson(i, l)
		r.quiz(l)
	}
	c.LessonCount = len(o.lessons)
	for _, l := range r.content.Lessons {
		c.Minutes += l.Minutes
	}
}

// lesson reads lessons/<slug>.md.
func (r *reader) lesson(position int, l listed) {
	name := "lessons/" + l.slug + ".md"
	text, ok := r.file(name)
	if !ok {
		return
	}
	head, body, bodyLine, ok := splitFront(text)
	if !ok {
		r.problemf(name, 1, "a lesson begins with a block between two lines of three hyphens")
		return
	}
	var front frontMatter
	doc, ok := r.yaml(name, head, 1, &front)
	if !ok {
		return
	}
	if front.Title == "" {
		r.problemf(name, doc.line("title"), "title: is missing")
	}
	if front.Minutes < 1 || front.Minutes > 600 {
		r.problemf(name, doc.line("minutes"), "minutes: 1 to 600")
	}
	if len(front.Outcomes) == 0 {
		r.problemf(name, doc.line("outcomes"), "outcomes: at least one")
	}

	course := r.content.Course.ID
	lesson := catalogue.Lesson{LessonSummary: catalogue.LessonSummary{ID: catalogue.LessonIDOf(course, l.slug), CourseID: course, Slug: l.slug,
		Title: front.Title, Position: position, Minutes: front.Minutes, Outcomes: front.Outcomes,
		Strand: l.strand, SubStrand: l.subStrand, Competencies: l.competencies, QuizID: catalogue.QuizIDOf(course, l.slug)}}
	page := parsePage(body)
	r.links(name, bodyLine, page)
	lesson.HTML = page.html()
	r.content.Lessons = append(r.content.Lessons, lesson)
	for i, p := range page.passages() {
		p.ID, p.CourseID, p.LessonID, p.Position = id.Derived("passage", string(lesson.ID), p.Anchor, p.Text), course, lesson.ID, i
		p.LessonTitle = front.Title
		r.content.Passages = append(r.content.Passages, p)
	}
}

// splitFront cuts a lesson into front matter and body, and tells the line the
// body begins at.
func splitFront(text []byte) (head, body []byte, line int, ok bool) {
	text = bytes.ReplaceAll(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), []byte("\r\n"), []byte("\n"))
	rest, ok := bytes.CutPrefix(text, []byte("---\n"))
	if !ok {
		return nil, nil, 0, false
	}
	head, body, ok = bytes.Cut(rest, []byte("\n---\n"))
	return head, body, bytes.Count(head, []byte("\n")) + 4, ok
}
