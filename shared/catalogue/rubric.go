package catalogue

// Rubric is one level of achievement.
type Rubric struct {
	// Code as reports print it: "EE", "ME1".
	Code  string
	Title string
	// Points are the level's points, the highest level the most.
	Points int
	// MinPercent is the lowest rounded percentage of this level.
	MinPercent int
}

// Scale is the levels in use for a span of grades from a year on, best first.
type Scale struct {
	Name     string
	FromYear int
	// FirstGrade and LastGrade are wire values, inclusive.
	FirstGrade, LastGrade string
	Levels                []Rubric
}

// The titles of the four levels of achievement (KICD and KNEC).
const (
	exceeding   = "Exceeding expectations"
	meeting     = "Meeting expectations"
	approaching = "Approaching expectations"
	below       = "Below expectations"
)

// Scales are all scales, newest first within a span of grades.
//
// The eight levels with their points and percentages are those KNEC published
// for the Kenya Junior School Education Assessment of 2025; senior school
// started with them in 2026. The four levels are described in words, not in
// percentages: here a quiz's percentage is placed by the outer bounds of the
// eight-level pairs, so that a learner's level does not jump between grades.
func Scales() []Scale {
	eight := []Rubric{
		{"EE1", exceeding, 8, 90}, {"EE2", exceeding, 7, 75},
		{"ME1", meeting, 6, 58}, {"ME2", meeting, 5, 41},
		{"AE1", approaching, 4, 31}, {"AE2", approaching, 3, 21},
		{"BE1", below, 2, 11}, {"BE2", below, 1, 0},
	}
	four := []Rubric{{"EE", exceeding, 4, 75}, {"ME", meeting, 3, 41}, {"AE", approaching, 2, 21}, {"BE", below, 1, 0}}
	return []Scale{
		{"four levels", 2017, "PP1", "Grade 6", four},
		{"eight levels", 2025, "Grade 7", "Grade 9", eight},
		{"four levels", 2023, "Grade 7", "Grade 9", four},
		{"eight levels", 2026, "Grade 10", "Grade 12", eight},
	}
}

// ScaleFor is the scale of a grade in a calendar year; the oldest one of the
// grade for years before it began. False for an unknown grade.
func ScaleFor(grade string, year int) (Scale, bool) {
	at := gradeIndex(grade)
	if at < 0 {
		return Scale{}, false
	}
	var found Scale
	for _, s := range Scales() {
		if at < gradeIndex(s.FirstGrade) || at > gradeIndex(s.LastGrade) {
			continue
		}
		if found = s; year >= s.FromYear {
			break
		}
	}
	return found, true
}

// Level places a percentage, 0 to 100, on the scale.
func (s Scale) Level(percent int) Rubric {
	for _, l := range s.Levels {
		if percent >= l.MinPercent {
			return l
		}
	}
	return s.Levels[len(s.Levels)-1]
}
