package catalogue

import (
	"context"
	"fmt"
	"slices"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
)

// Category is a learning area with the number of its courses.
type Category struct {
	Area
	// ParentID is empty for one of the twelve.
	ParentID    string
	Order       int
	CourseCount int
	Subs        []Category
}

// Categories lists the learning areas, for anybody.
func (s *Service) Categories(ctx context.Context) ([]Category, error) {
	counts := map[string]int{}
	err := s.db.View(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, countAreas)
		found, err := db.Collect(rows, err, scanAreaCount)
		for _, a := range found {
			counts[a.area] = a.n
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list categories: %w", err)
	}
	var build func(areas []Area, parent string) []Category
	build = func(areas []Area, parent string) []Category {
		out := []Category{}
		for i, a := range areas {
			c := Category{Area: a, ParentID: parent, Order: i + 1, CourseCount: counts[a.Name], Subs: build(a.Parts, a.ID)}
			for _, sub := range c.Subs {
				c.CourseCount += sub.CourseCount
			}
			out = append(out, c)
		}
		return out
	}
	return build(Areas(), ""), nil
}

// Category gives one learning area by id, slug or name; ErrNoArea otherwise.
func (s *Service) Category(ctx context.Context, key string) (Category, error) {
	area, ok := ParseArea(key)
	if !ok {
		return Category{}, ErrNoArea
	}
	all, err := s.Categories(ctx)
	if err != nil {
		return Category{}, err
	}
	for _, c := range all {
		for _, m := range append([]Category{c}, c.Subs...) {
			if m.ID == area.ID {
				return m, nil
			}
		}
	}
	return Category{}, ErrNoArea
}

// Target is a core competency worked on in one sub-strand at one grade.
type Target struct {
	Competency
	ID                       string
	Grade, Strand, SubStrand string
	// Outcomes are those of the sub-strand's lessons.
	Outcomes []string
	// Criteria are the levels of the grade's scale.
	Criteria []Rubric
}

// CategoryTargets lists the competencies that the courses of a learning area
// work on, in the order of the courses; year chooses the scale.
func (s *Service) CategoryTargets(ctx context.Context, key string, year int) (Area, []Target, error) {
	area, ok := ParseArea(key)
	if !ok {
		return Area{}, nil, ErrNoArea
	}
	var lessons []gradedLesson
	err := s.db.View(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, selectAreaLessons, area.Name)
		lessons, err = db.Collect(rows, err, scanGraded)
		return err
	})
	if err != nil {
		return Area{}, nil, fmt.Errorf("list competencies: %w", err)
	}
	out := []Target{}
	for _, l := range lessons {
		for _, slug := range l.Competencies {
			out = addTarget(out, l, slug, year)
		}
	}
	return area, out, nil
}

func addTarget(out []Target, l gradedLesson, slug string, year int) []Target {
	i := slices.IndexFunc(out, func(t Target) bool {
		return t.Slug == slug && t.Grade == l.Grade && t.Strand == l.Strand && t.SubStrand == l.SubStrand
	})
	if i >= 0 {
		out[i].Outcomes = append(out[i].Outcomes, l.Outcomes...)
		return out
	}
	c, ok := CompetencyBySlug(slug)
	if !ok {
		return out
	}
	scale, _ := ScaleFor(l.Grade, year)
	targetID := id.Derived("target", l.Grade, l.Strand, l.SubStrand, slug)
	return append(out, Target{Competency: c, ID: targetID, Grade: l.Grade, Strand: l.Strand, SubStrand: l.SubStrand,
		Outcomes: slices.Clone(l.Outcomes), Criteria: scale.Levels})
}
