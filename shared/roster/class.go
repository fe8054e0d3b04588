package roster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Class is one class of a school. Learners are in it whose class has its name.
type Class struct {
	// ID is derived from school and name.
	ID     string            `cbor:"1,keyasint" json:"id"`
	School identity.SchoolID `cbor:"2,keyasint" json:"school_id"`
	Name   string            `cbor:"3,keyasint" json:"name"`
	Grade  string            `cbor:"4,keyasint" json:"grade"`
	// Stream tells classes of one grade apart, e.g. "Blue"; optional.
	Stream string `cbor:"5,keyasint,omitempty" json:"stream,omitempty"`
	// Teacher may change what stands about the class; optional.
	Teacher   identity.AccountID `cbor:"6,keyasint,omitempty" json:"teacher_id,omitempty"`
	Active    bool               `cbor:"7,keyasint" json:"active"`
	UpdatedAt db.Time            `cbor:"8,keyasint" json:"updated_at"`
}

// ClassLine is a class with the number of its learners. A class that nobody
// made, but that learners are in, has no grade.
type ClassLine struct {
	Class
	Learners int
}

// ListClasses gives the classes of a school by name, for its instructors and
// admins.
func (s *Service) ListClasses(ctx context.Context, who identity.Actor, school identity.SchoolID) ([]ClassLine, error) {
	if err := maySee(who, school); err != nil {
		return nil, err
	}
	var out []ClassLine
	err := s.db.View(ctx, func(tx db.Tx) error {
		if _, err := s.people.School(ctx, tx, school); err != nil {
			return err
		}
		made, err := db.All(ctx, tx, classesOf, scanClass, school)
		if err != nil {
			return err
		}
		counts, err := db.All(ctx, tx, countInClass, scanHeadcount, school)
		if err != nil {
			return err
		}
		out = withCounts(made, counts, school)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list classes: %w", err)
	}
	return out, nil
}

func withCounts(made []Class, counts []headcount, school identity.SchoolID) []ClassLine {
	out := []ClassLine{}
	in := map[string]int{}
	for _, c := range counts {
		in[c.class] = c.n
	}
	for _, c := range made {
		if c.Active || in[c.Name] > 0 {
			out = append(out, ClassLine{c, in[c.Name]})
		}
		delete(in, c.Name)
	}
	for name, n := range in {
		out = append(out, ClassLine{Class{ID: classID(school, name), School: school, Name: name, Active: true}, n})
	}
	slices.SortFunc(out, func(a, b ClassLine) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// SaveClass makes a class, or changes the one of that name; for admins and the
// holders of a duty.
func (s *Service) SaveClass(ctx context.Context, who identity.Actor, c Class) (Class, error) {
	name, err := identity.CleanName(c.Name, "name")
	if err != nil {
		return c, err
	}
	if !identity.IsGrade(c.Grade) {
		return c, invalid("unknown_grade", "The grade is PP1, PP2 or Grade 1 to Grade 12.", "grade")
	}
	if c.Stream != "" {
		if c.Stream, err = identity.CleanName(c.Stream, "stream"); err != nil {
			return c, err
		}
	}
	c.ID, c.Name, c.UpdatedAt = classID(c.School, name), name, s.now()
	err = s.db.Update(ctx, func(tx db.Tx) error {
		if err := s.mayChange(ctx, tx, who, c.School, ""); err != nil {
			return err
		}
		if _, err := s.people.School(ctx, tx, c.School); err != nil {
			return err
		}
		if err := s.checkTeacher(ctx, tx, c); err != nil {
			return err
		}
		_, err := Classes.Save(ctx, tx, c)
		return err
	})
	if err != nil {
		return c, fmt.Errorf("save a class: %w", err)
	}
	return c, nil
}

func (s *Service) checkTeacher(ctx context.Context, tx db.Tx, c Class) error {
	if c.Teacher == "" {
		return nil
	}
	a, err := s.people.Account(ctx, tx, c.Teacher)
	if errors.Is(err, identity.ErrNoSuchAccount) || err == nil && (a.Role != identity.Instructor || a.School != c.School) {
		return invalid("not_a_teacher_here", "The class teacher is an instructor of this school.", "teacher_id")
	}
	return err
}

// Term is one of the three terms of a school year. First and Last are days,
// YYYY-MM-DD, both inclusive.
type Term struct {
	ID        string            `cbor:"1,keyasint" json:"id"`
	School    identity.SchoolID `cbor:"2,keyasint" json:"school_id"`
	Year      int64             `cbor:"3,keyasint" json:"year"`
	Number    int64             `cbor:"4,keyasint" json:"number"`
	First     string            `cbor:"5,keyasint" json:"first_day"`
	Last      string            `cbor:"6,keyasint" json:"last_day"`
	UpdatedAt db.Time           `cbor:"7,keyasint" json:"updated_at"`
}

// CountryTerms are the terms of public schools in Kenya as the Ministry of
// Education announced them (circulars of 2024 and of 9 October 2025). For a year
// that it has not announced they are what its pattern gives: the first on the
// first Monday from 4 January, of 13, 14 and 9 weeks, with holidays of three.
func CountryTerms(year int) []Term {
	announced := map[int][6]string{
		2025: {"01-06", "04-04", "04-28", "08-01", "08-25", "10-24"},
		2026: {"01-05", "04-02", "04-27", "07-31", "08-24", "10-23"},
	}
	days, ok := announced[year]
	if !ok {
		days = pattern(year)
	}
	out := make([]Term, 3)
	for i := range out {
		y := strconv.Itoa(year) + "-"
		out[i] = Term{Year: int64(year), Number: int64(i + 1), First: y + days[2*i], Last: y + days[2*i+1]}
	}
	return out
}

func pattern(year int) (days [6]string) {
	day := time.Date(year, time.January, 4, 0, 0, 0, 0, time.UTC)
	for day.Weekday() != time.Monday {
		day = day.AddDate(0, 0, 1)
	}
	const week, school, holidays = 7, 4, 3
	for i, weeks := range []int{13, 14, 9} {
		last := day.AddDate(0, 0, (weeks-1)*week+school)
		days[2*i], days[2*i+1] = day.Format("01-02"), last.Format("01-02")
		day = day.AddDate(0, 0, (weeks+holidays)*week)
	}
	return days
}

// ListTerms gives the three terms of a year: the school's own dates where it set
// them, the country's elsewhere.
func (s *Service) ListTerms(ctx context.Context, who identity.Actor, school identity.SchoolID, year int) ([]Term, error) {
	if err := maySee(who, school); err != nil {
		return nil, err
	}
	if year < 2000 || year > 2100 {
		return nil, invalid("bad_year", "The year is not one of this century.", "year")
	}
	out := CountryTerms(year)
	err := s.db.View(ctx, func(tx db.Tx) error {
		own, err := db.All(ctx, tx, termsOf, scanTerm, school, year)
		for _, t := range own {
			if t.Number >= 1 && int(t.Number) <= len(out) {
				out[t.Number-1] = t
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list terms: %w", err)
	}
	return out, nil
}

// SaveTerm sets a school's own dates of a term; for admins and holders of a duty.
func (s *Service) SaveTerm(ctx context.Context, who identity.Actor, t Term) (Term, error) {
	bad := invalid("bad_term", "A term is 1 to 3, with its first and last day of that year in order.", "term")
	first, err1 := time.Parse(time.DateOnly, t.First)
	last, err2 := time.Parse(time.DateOnly, t.Last)
	if err1 != nil || err2 != nil || !last.After(first) || int64(first.Year()) != t.Year || int64(last.Year()) != t.Year || t.Number < 1 || t.Number > 3 {
		return t, bad
	}
	t.ID, t.UpdatedAt = id.Derived("roster.term", string(t.School), strconv.FormatInt(t.Year, 10), strconv.FormatInt(t.Number, 10)), s.now()
	err := s.db.Update(ctx, func(tx db.Tx) error {
		if err := s.mayChange(ctx, tx, who, t.School, ""); err != nil {
			return err
		}
		_, err := Terms.Save(ctx, tx, t)
		return err
	})
	if err != nil {
		return t, fmt.Errorf("save a term: %w", err)
	}
	return t, nil
}
