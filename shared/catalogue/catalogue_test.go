package catalogue_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/identity"
)

var published = db.Time{Time: time.Date(2026, 1, 5, 6, 0, 0, 0, time.UTC)}

// course makes the content of a small course with one quiz a lesson.
func course(slug string, edition, price int64, lessons ...string) catalogue.Content {
	id := catalogue.CourseIDOf(slug)
	c := catalogue.Content{Course: catalogue.Course{
		ID: id, Slug: slug, Title: "Course " + slug, Description: "About " + slug, Grade: "Grade 4", LearningArea: "Mathematics",
		Curriculum: "KICD-2024", Language: "en", Owner: catalogue.OwnerPlatform, PriceMinor: price, Currency: "KES",
		Edition: edition, LessonCount: len(lessons), Minutes: 30 * len(lessons), PublishedAt: published,
	}}
	sub := catalogue.SubStrand{Title: "Fractions", Competencies: []string{"learning-to-learn"}}
	for i, l := range lessons {
		lid, qid := catalogue.LessonIDOf(id, l), catalogue.QuizIDOf(id, l)
		sub.Lessons = append(sub.Lessons, lid)
		c.Lessons = append(c.Lessons, catalogue.Lesson{LessonSummary: catalogue.LessonSummary{ID: lid, CourseID: id, Slug: l, Title: "Lesson " + l,
			Position: i, Minutes: 30, Outcomes: []string{"I can " + l}, Strand: "Numbers", SubStrand: "Fractions",
			Competencies: []string{"learning-to-learn"}, QuizID: qid}, HTML: "<p>" + l + " in edition " + strconv.FormatInt(edition, 10) + "</p>"})
		c.Quizzes = append(c.Quizzes, catalogue.Quiz{QuizForm: catalogue.QuizForm{ID: qid, CourseID: id, LessonID: lid, Edition: edition,
			Title: "Quiz " + l, PassPercent: 60, Questions: []catalogue.Question{{ID: "q1", Kind: catalogue.SingleChoice, Prompt: "Which?",
				Options: []catalogue.Option{{ID: "a", Text: "one"}, {ID: "b", Text: "two"}}}}},
			Keys: []catalogue.Key{{QuestionID: "q1", Options: []string{"b"}, Explanation: "Because of edition " + strconv.FormatInt(edition, 10)}}})
	}
	c.Course.Strands = []catalogue.Strand{{Title: "Numbers", SubStrands: []catalogue.SubStrand{sub}}}
	return c
}

func install(t *testing.T, d db.DB, contents ...catalogue.Content) {
	t.Helper()
	for _, c := range contents {
		if err := d.Update(t.Context(), func(tx db.Tx) error { return catalogue.Install(t.Context(), tx, c) }); err != nil {
			t.Fatal(err)
		}
	}
}

// holders is who has paid for what.
type holders map[catalogue.CourseID]identity.AccountID

func (h holders) CanOpen(_ context.Context, _ db.Tx, who identity.Actor, course catalogue.CourseID) (bool, error) {
	return h[course] == who.Account, nil
}

var (
	amina = identity.Actor{Account: "00000000-0000-4000-8000-00000000000a", Role: identity.Student}
	brian = identity.Actor{Account: "00000000-0000-4000-8000-00000000000b", Role: identity.Student}
)

func TestInstall(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		s := catalogue.New(catalogue.Options{DB: d, Access: holders{}})
		first := course("fractions", 1, 0, "halves", "quarters")
		install(t, d, first)

		t.Run("what was installed is read back whole", func(t *testing.T) {
			got, err := s.Course(t.Context(), brian, first.Course.ID)
			if err != nil {
				t.Fatal(err)
			}
			if got.Title != first.Course.Title || got.Edition != 1 || !got.PublishedAt.Equal(published.Time) ||
				len(got.Strands) != 1 || len(got.Lessons) != 2 || got.Lessons[1].Outcomes[0] != "I can quarters" {
				t.Errorf("got %+v", got)
			}
		})
		t.Run("installing twice is the same as once", func(t *testing.T) {
			before, _ := s.Course(t.Context(), brian, first.Course.ID)
			install(t, d, first)
			after, err := s.Course(t.Context(), brian, first.Course.ID)
			if err != nil || len(after.Lessons) != len(before.Lessons) || after.Edition != before.Edition {
				t.Errorf("got %+v, %v", after, err)
			}
		})
		t.Run("a new edition replaces the lessons and keeps the old quizzes for attempts", func(t *testing.T) {
			install(t, d, course("fractions", 2, 0, "halves", "thirds", "fifths"))
			got, err := s.Course(t.Context(), brian, first.Course.ID)
			if err != nil || len(got.Lessons) != 3 || got.Lessons[1].Slug != "thirds" || got.Edition != 2 {
				t.Fatalf("got %+v, %v", got.Lessons, err)
			}
			halves, quarters := first.Quizzes[0].ID, first.Quizzes[1].ID
			err = d.View(t.Context(), func(tx db.Tx) error {
				now, err := catalogue.QuizByID(t.Context(), tx, halves)
				if err != nil || now.Edition != 2 {
					t.Errorf("the installed edition: %+v, %v", now.QuizForm, err)
				}
				old, err := catalogue.QuizEdition(t.Context(), tx, quarters, 1)
				if err != nil || old.Keys[0].Explanation != "Because of edition 1" {
					t.Errorf("the old edition: %+v, %v", old, err)
				}
				if _, err := catalogue.QuizByID(t.Context(), tx, quarters); !errors.Is(err, catalogue.ErrNoQuiz) {
					t.Errorf("a dropped quiz: %v", err)
				}
				c, err := catalogue.CourseForQuiz(t.Context(), tx, quarters)
				if err != nil || c.ID != first.Course.ID {
					t.Errorf("course of a dropped quiz: %v, %v", c.ID, err)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
		t.Run("a failed install leaves the old edition", func(t *testing.T) {
			broken := course("fractions", 3, 0, "halves")
			broken.Lessons = append(broken.Lessons, broken.Lessons[0])
			if err := d.Update(t.Context(), func(tx db.Tx) error { return catalogue.Install(t.Context(), tx, broken) }); err == nil {
				t.Fatal("a course with one lesson twice was installed")
			}
			got, err := s.Course(t.Context(), brian, first.Course.ID)
			if err != nil || got.Edition != 2 || len(got.Lessons) != 3 {
				t.Errorf("got edition %d with %d lessons, %v", got.Edition, len(got.Lessons), err)
			}
		})
	})
}

func TestOpening(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		free, paid := course("free", 1, 0, "a", "b", "c"), course("paid", 1, 50_000, "x")
		paid.Course.Owner, paid.Course.InstructorID = catalogue.OwnerInstructor, "00000000-0000-4000-8000-00000000000c"
		install(t, d, free, paid)
		var opened []catalogue.CourseID
		s := catalogue.New(catalogue.Options{DB: d, Access: holders{paid.Course.ID: amina.Account},
			Opened: func(c catalogue.CourseID) { opened = append(opened, c) }})
		open := func(who identity.Actor, c catalogue.Content, n int) (catalogue.OpenLesson, error) {
			return s.Lesson(t.Context(), who, c.Course.ID, c.Lessons[n].ID)
		}

		t.Run("a free lesson opens with its neighbours", func(t *testing.T) {
			got, err := open(brian, free, 1)
			if err != nil || got.Previous != free.Lessons[0].ID || got.Next != free.Lessons[2].ID || got.HTML == "" || got.CourseTitle == "" {
				t.Errorf("got %+v, %v", got, err)
			}
			if got, err := open(brian, free, 0); err != nil || got.Previous != "" {
				t.Errorf("the first lesson has %q before it, %v", got.Previous, err)
			}
		})
		t.Run("a paid lesson is locked without an entitlement", func(t *testing.T) {
			if got, err := open(brian, paid, 0); !errors.Is(err, catalogue.ErrLocked) || got.HTML != "" {
				t.Errorf("got %q, %v", got.HTML, err)
			}
			if got, err := s.Quiz(t.Context(), brian, paid.Quizzes[0].ID); !errors.Is(err, catalogue.ErrLocked) || got.Questions != nil {
				t.Errorf("the quiz: %+v, %v", got, err)
			}
		})
		t.Run("what was opened is told, what stayed locked is not", func(t *testing.T) {
			opened = nil
			_, _ = open(brian, paid, 0)
			_, _ = open(brian, free, 0)
			if !slices.Equal(opened, []catalogue.CourseID{free.Course.ID}) {
				t.Errorf("told %v", opened)
			}
		})
		t.Run("a paid lesson opens for its holder, its instructor and an admin", func(t *testing.T) {
			for _, who := range []identity.Actor{amina, {Account: paid.Course.InstructorID, Role: identity.Instructor}, {Account: "x", Role: identity.Admin}} {
				if _, err := open(who, paid, 0); err != nil {
					t.Errorf("%s: %v", who.Role, err)
				}
			}
		})
		t.Run("nobody opens nothing", func(t *testing.T) {
			if _, err := open(identity.Actor{}, free, 0); !errors.Is(err, identity.ErrNobody) {
				t.Errorf("got %v", err)
			}
		})
		t.Run("a lesson is not found under another course", func(t *testing.T) {
			if _, err := s.Lesson(t.Context(), amina, free.Course.ID, paid.Lessons[0].ID); !errors.Is(err, catalogue.ErrNoLesson) {
				t.Errorf("got %v", err)
			}
		})
		t.Run("a course says whether its lessons are open to who asks", func(t *testing.T) {
			for _, c := range []struct {
				who  identity.Actor
				id   catalogue.CourseID
				open bool
			}{{amina, paid.Course.ID, true}, {brian, paid.Course.ID, false}, {brian, free.Course.ID, true}, {identity.Actor{}, free.Course.ID, false}} {
				if got, err := s.Course(t.Context(), c.who, c.id); err != nil || got.Open != c.open {
					t.Errorf("%+v: %v, %v", c, got.Open, err)
				}
			}
		})
		t.Run("the courses open to a learner are the free and the paid for", func(t *testing.T) {
			for who, want := range map[*identity.Actor]int{&amina: 2, &brian: 1} {
				if err := d.View(t.Context(), func(tx db.Tx) error {
					got, err := s.OpenCourses(t.Context(), tx, *who)
					if err != nil || len(got) != want || !slices.Contains(got, free.Course.ID) {
						t.Errorf("got %v, %v", got, err)
					}
					return nil
				}); err != nil {
					t.Fatal(err)
				}
			}
		})
	})
}

func TestListing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		maths, english := course("maths", 1, 0, "a"), course("english", 1, 100, "b")
		english.Course.LearningArea, english.Course.Grade, english.Course.Featured = "English", "Grade 7", true
		english.Course.Title, english.Course.Description = "Course english 5_5", "100% of the words"
		install(t, d, maths, english)
		s := catalogue.New(catalogue.Options{DB: d, Access: holders{}})
		for name, c := range map[string]struct {
			f    catalogue.Filter
			want []string
		}{
			"everything, featured first":                      {catalogue.Filter{}, []string{"english", "maths"}},
			"a grade as a number":                             {catalogue.Filter{Grade: "4"}, []string{"maths"}},
			"a learning area by its slug":                     {catalogue.Filter{LearningArea: "english"}, []string{"english"}},
			"a search in any case":                            {catalogue.Filter{Search: "COURSE M"}, []string{"maths"}},
			"a wildcard stands for itself":                    {catalogue.Filter{Search: "0%"}, []string{"english"}},
			"an underscore stands for itself":                 {catalogue.Filter{Search: "_"}, []string{"english"}},
			"only featured":                                   {catalogue.Filter{FeaturedOnly: true}, []string{"english"}},
			"an unknown grade is empty":                       {catalogue.Filter{Grade: "Form 2"}, nil},
			"quotes are only letters of the search":           {catalogue.Filter{Search: "' OR '1'='1"}, nil},
			"the second page":                                 {catalogue.Filter{Skip: 1, Limit: 1}, []string{"maths"}},
			"an instructor without courses has an empty page": {catalogue.Filter{Instructor: "nobody"}, nil},
		} {
			t.Run(name, func(t *testing.T) {
				page, err := s.ListCourses(t.Context(), c.f)
				var got []string
				for _, l := range page.Courses {
					got = append(got, l.Slug)
				}
				if err != nil || !slices.Equal(got, c.want) {
					t.Errorf("got %v, %v", got, err)
				}
			})
		}
		t.Run("the total counts beyond the page", func(t *testing.T) {
			if page, err := s.ListCourses(t.Context(), catalogue.Filter{Limit: 1}); err != nil || page.Total != 2 {
				t.Errorf("got %d, %v", page.Total, err)
			}
		})
		t.Run("categories count their courses", func(t *testing.T) {
			got, err := s.Category(t.Context(), "mathematics")
			if err != nil || got.CourseCount != 1 {
				t.Errorf("got %+v, %v", got, err)
			}
		})
		t.Run("competencies of a category name strand, outcomes and criteria", func(t *testing.T) {
			_, got, err := s.CategoryTargets(t.Context(), "english", 2026)
			if err != nil || len(got) != 1 || got[0].SubStrand != "Fractions" || got[0].Outcomes[0] != "I can b" || len(got[0].Criteria) != 8 {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	})
}
