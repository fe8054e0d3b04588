package source

import "urbanhomeschool.org/uhs/shared/catalogue"

type quizYAML struct {
	Title       string         `yaml:"title"`
	PassPercent int            `yaml:"pass_percent"`
	Questions   []questionYAML `yaml:"questions"`
}

// quiz reads lessons/<slug>.quiz.yaml.
func (r *reader) quiz(l listed) {
	name := "lessons/" + l.slug + ".quiz.yaml"
	text, ok := r.file(name)
	if !ok {
		return
	}
	var y quizYAML
	doc, ok := r.yaml(name, text, 0, &y)
	if !ok {
		return
	}
	if y.Title == "" {
		r.problemf(name, doc.line("title"), "title: is missing")
	}
	if y.PassPercent < 1 || y.PassPercent > 100 {
		r.problemf(name, doc.line("pass_percent"), "pass_percent: 1 to 100")
	}
	if len(y.Questions) == 0 || len(y.Questions) > 100 {
		r.problemf(name, doc.line("questions"), "a quiz has 1 to 100 questions")
	}

	course := r.content.Course.ID
	q := catalogue.Quiz{QuizForm: catalogue.QuizForm{ID: catalogue.QuizIDOf(course, l.slug), CourseID: course,
		LessonID: catalogue.LessonIDOf(course, l.slug), Title: y.Title, PassPercent: y.PassPercent}}
	for i, in := range y.Questions {
		at := questionAt{r, doc, name, i}
		question, key := at.convert(in)
		if _, twice := q.Key(question.ID); twice {
			at.problemf("id", "question %q is there twice", question.ID)
		}
		q.Questions, q.Keys = append(q.Questions, question), append(q.Keys, key)
	}
	r.content.Quizzes = append(r.content.Quizzes, q)
}
