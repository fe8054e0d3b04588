package source

import (
	"regexp"

	"urbanhomeschool.org/uhs/shared/catalogue"
)

const courseFile = "course.yaml"

// courseYAML is course.yaml.
type courseYAML struct {
	Slug            string       `yaml:"slug"`
	Title           string       `yaml:"title"`
	Description     string       `yaml:"description"`
	Grade           string       `yaml:"grade"`
	LearningArea    string       `yaml:"learning_area"`
	Curriculum      string       `yaml:"curriculum"`
	Language        string       `yaml:"language"`
	Owner           string       `yaml:"owner"`
	InstructorEmail string       `yaml:"instructor_email"`
	PriceMinor      int64        `yaml:"price_minor"`
	Currency        string       `yaml:"currency"`
	Featured        bool         `yaml:"featured"`
	Strands         []strandYAML `yaml:"strands"`
}

type strandYAML struct {
	Title      string          `yaml:"title"`
	SubStrands []subStrandYAML `yaml:"sub_strands"`
}

type subStrandYAML struct {
	Title        string   `yaml:"title"`
	Competencies []string `yaml:"competencies"`
	Lessons      []string `yaml:"lessons"`
}

// listed is a lesson as the outline lists it.
type listed struct {
	slug, strand, subStrand string
	competencies            []string
}

type outline struct{ lessons []listed }

var (
	slugForm  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	emailForm = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)
)

// outline reads course.yaml into the content's course.
func (r *reader) outline() outline {
	text, ok := r.file(courseFile)
	if !ok {
		return outline{}
	}
	var y courseYAML
	doc, ok := r.yaml(courseFile, text, 0, &y)
	if !ok {
		return outline{}
	}
	r.checkCourse(doc, y)
	grade, _ := catalogue.ParseGrade(y.Grade)
	area, _ := catalogue.ParseArea(y.LearningArea)
	id := catalogue.CourseIDOf(y.Slug)
	r.content.Course = catalogue.Course{ID: id, Slug: y.Slug, Title: y.Title, Description: y.Description, Grade: grade,
		LearningArea: area.Name, Curriculum: y.Curriculum, Language: y.Language, Owner: catalogue.Owner(y.Owner),
		InstructorEmail: y.InstructorEmail, PriceMinor: y.PriceMinor, Currency: y.Currency, Featured: y.Featured}

	var out outline
	for i, s := range y.Strands {
		strand := catalogue.Strand{Title: s.Title}
		for j, sub := range s.SubStrands {
			at := []any{"strands", i, "sub_strands", j}
			r.checkSubStrand(doc, at, s, sub)
			converted := catalogue.SubStrand{Title: sub.Title, Competencies: sub.Competencies}
			for k, slug := range sub.Lessons {
				for _, l := range out.lessons {
					if l.slug == slug {
						r.problemf(courseFile, doc.line(append(at, "lessons", k)...), "lesson %q is listed twice", slug)
					}
				}
				out.lessons = append(out.lessons, listed{slug, s.Title, sub.Title, sub.Competencies})
				converted.Lessons = append(converted.Lessons, catalogue.LessonIDOf(id, slug))
			}
			strand.SubStrands = append(strand.SubStrands, converted)
		}
		r.content.Course.Strands = append(r.content.Course.Strands, strand)
	}
	if len(out.lessons) == 0 || len(out.lessons) > maxLessons {
		r.problemf(courseFile, doc.line("strands"), "a course has 1 to %d lessons, this one has %d", maxLessons, len(out.lessons))
	}
	return out
}

func (r *reader) checkCourse(doc document, y courseYAML) {
	check := func(ok bool, field, format string, args ...any) {
		if !ok {
			r.problemf(courseFile, doc.line(field), field+": "+format, args...)
		}
	}
	_, grade := catalogue.ParseGrade(y.Grade)
	_, area := catalogue.ParseArea(y.LearningArea)
	check(slugForm.MatchString(y.Slug), "slug", "small letters, digits and hyphens only")
	check(y.Title != "", "title", "is missing")
	check(y.Description != "", "description", "is missing")
	check(grade, "grade", "%q is not PP1, PP2 or Grade 1 to Grade 12", y.Grade)
	check(area, "learning_area", "%q is not a learning area", y.LearningArea)
	check(y.Curriculum != "", "curriculum", "is missing")
	check(y.Language == "en" || y.Language == "sw", "language", "%q is not en or sw", y.Language)
	check(y.Owner == "platform" || y.Owner == "instructor", "owner", "%q is not platform or instructor", y.Owner)
	check(y.Owner != "instructor" || emailForm.MatchString(y.InstructorEmail), "instructor_email", "is needed when the owner is an instructor")
	check(y.Owner != "platform" || y.InstructorEmail == "", "instructor_email", "is empty when the owner is the platform")
	check(y.PriceMinor >= 0, "price_minor", "is not negative")
	check(y.Currency == "KES", "currency", "%q is not KES", y.Currency)
}

func (r *reader) checkSubStrand(doc document, at []any, s strandYAML, sub subStrandYAML) {
	line := func(more ...any) int { return doc.line(append(append([]any{}, at...), more...)...) }
	if s.Title == "" || sub.Title == "" {
		r.problemf(courseFile, line(), "a strand and a sub-strand have a title")
	}
	if len(sub.Competencies) == 0 {
		r.problemf(courseFile, line(), "a sub-strand names at least one core competency")
	}
	for k, slug := range sub.Competencies {
		if _, ok := catalogue.CompetencyBySlug(slug); !ok {
			r.problemf(courseFile, line("competencies", k), "%q is not a core competency", slug)
		}
	}
	for k, slug := range sub.Lessons {
		if !slugForm.MatchString(slug) {
			r.problemf(courseFile, line("lessons", k), "lesson %q: small letters, digits and hyphens only", slug)
		}
	}
}
