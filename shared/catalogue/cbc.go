package catalogue

import (
	"slices"
	"strings"

	"urbanhomeschool.org/uhs/shared/id"
)

// Level is one grade of the Competency-Based Curriculum.
type Level struct {
	// Grade is the wire value: "PP1", "Grade 4".
	Grade string
	// Stage as the platform's reference names it.
	Stage string
}

// Levels are the grades in order, PP1 to Grade 12.
func Levels() []Level {
	const lower, upper, junior, senior = "Lower Primary", "Upper Primary", "Junior Secondary", "Senior Secondary"
	return []Level{
		{"PP1", "Pre-Primary"}, {"PP2", "Pre-Primary"},
		{"Grade 1", lower}, {"Grade 2", lower}, {"Grade 3", lower},
		{"Grade 4", upper}, {"Grade 5", upper}, {"Grade 6", upper},
		{"Grade 7", junior}, {"Grade 8", junior}, {"Grade 9", junior},
		{"Grade 10", senior}, {"Grade 11", senior}, {"Grade 12", senior},
	}
}

// ParseGrade gives the wire value of a grade however a person wrote it: "Grade
// 4", "grade 4", "4", "pp1". False when there is no such grade.
func ParseGrade(s string) (string, bool) {
	folded := strings.ToLower(strings.Join(strings.Fields(s), " "))
	for _, l := range Levels() {
		g := strings.ToLower(l.Grade)
		if folded == g || "grade "+folded == g || folded == strings.ReplaceAll(g, " ", "") || folded == strings.ReplaceAll(g, " ", "_") {
			return l.Grade, true
		}
	}
	return "", false
}

// gradeIndex is the place of grade among Levels, -1 when there is none.
func gradeIndex(grade string) int {
	return slices.IndexFunc(Levels(), func(l Level) bool { return l.Grade == grade })
}

// Area is a learning area, shown as a category.
type Area struct {
	ID          string
	Name        string
	Slug        string
	Description string
	// Icon names a picture of the web app.
	Icon string
	// Parts are the subjects a school chooses between, e.g. CRE, IRE and HRE.
	Parts []Area
}

// Areas are the twelve learning areas in the order of the platform's reference.
func Areas() []Area {
	area := func(name, icon, description string, parts ...Area) Area {
		slug := slugOf(name)
		return Area{ID: id.Derived("learning_area", slug), Name: name, Slug: slug, Icon: icon, Description: description, Parts: parts}
	}
	return []Area{
		area("Mathematics", "calculator", "Numbers, measurement, geometry, data handling and algebra."),
		area("English", "book-open", "Listening and speaking, reading, grammar in use and writing."),
		area("Kiswahili", "languages", "Kusikiliza na kuzungumza, kusoma, sarufi na kuandika."),
		area("Science and Technology", "flask", "Living things, the environment, matter, force and energy, and technology."),
		area("Social Studies", "globe", "People, places, resources, history, citizenship and governance."),
		area("Creative Arts", "palette", "Visual arts, music, dance, drama and craft."),
		area("Physical and Health Education", "activity", "Movement, games, sport, safety and healthy living."),
		area("Religious Education", "heart", "Faith, values and life together, by the tradition the family chose.",
			area("Christian Religious Education", "heart", "The Christian tradition (CRE)."),
			area("Islamic Religious Education", "heart", "The Islamic tradition (IRE)."),
			area("Hindu Religious Education", "heart", "The Hindu tradition (HRE).")),
		area("Agriculture", "sprout", "Crops, animals, soil and water, and caring for the environment."),
		area("Home Science", "home", "Food and nutrition, clothing, hygiene and running a home."),
		area("Business Studies", "briefcase", "Money, trade, saving, entrepreneurship and consumer skills."),
		area("Pre-Technical Studies", "wrench", "Tools, materials, drawing, safety and the world of work."),
	}
}

// ParseArea finds a learning area by its name, slug or id.
func ParseArea(s string) (Area, bool) {
	slug := slugOf(s)
	for _, a := range Areas() {
		for _, c := range append([]Area{a}, a.Parts...) {
			if c.Slug == slug || c.ID == s {
				return c, true
			}
		}
	}
	return Area{}, false
}

func slugOf(name string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), "-")
}

// Competency is one of the seven core competencies of the Basic Education
// Curriculum Framework (KICD, 2017).
type Competency struct {
	// Slug is what course sources write.
	Slug        string
	Code        string
	Title       string
	Description string
}

// Competencies are the seven core competencies.
func Competencies() []Competency {
	return []Competency{
		{"communication-and-collaboration", "CC1", "Communication and collaboration", "Listens, speaks and writes clearly, and works with others towards a shared goal."},
		{"self-efficacy", "CC2", "Self-efficacy", "Believes in own ability to plan, start and finish a task, and to learn from mistakes."},
		{"critical-thinking-and-problem-solving", "CC3", "Critical thinking and problem solving", "Weighs information, gives reasons, and finds and tests solutions."},
		{"creativity-and-imagination", "CC4", "Creativity and imagination", "Forms new ideas and turns them into something of use or beauty."},
		{"citizenship", "CC5", "Citizenship", "Knows own rights and duties and acts for the good of community and country."},
		{"digital-literacy", "CC6", "Digital literacy", "Uses digital tools safely to find, make and share information."},
		{"learning-to-learn", "CC7", "Learning to learn", "Seeks out, organises and reflects on own learning."},
	}
}

// CompetencyBySlug finds a core competency.
func CompetencyBySlug(slug string) (Competency, bool) {
	all := Competencies()
	i := slices.IndexFunc(all, func(c Competency) bool { return c.Slug == slug })
	if i < 0 {
		return Competency{}, false
	}
	return all[i], true
}
