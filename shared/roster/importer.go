package roster

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/roster/sheet"
)

// State is what will become of a row of a list.
type State string

// The states. A row is Same when it says nothing new, a Question when only name
// and class match a learner: somebody has to say whether it is the same child.
const (
	Fresh    State = "new"
	Update   State = "update"
	Same     State = "same"
	Question State = "question"
	Wrong    State = "error"
)

// RowError says what is wrong with a cell. It does not repeat what stands there.
type RowError struct {
	Column sheet.Column
	Code   string
}

// PlannedRow is a row with what will become of it.
type PlannedRow struct {
	Number int
	State  State
	Errors []RowError
	// Learner is whom the row matches; Name what the list calls her.
	Learner identity.AccountID
	Name    string
	Class   string
	patch   Patch
}

// Plan is what an import will do.
type Plan struct {
	Columns []sheet.Column
	Ignored []int
	Rows    []PlannedRow
}

// Count is how many rows are in a state.
func (p Plan) Count(s State) (n int) {
	for _, r := range p.Rows {
		if r.State == s {
			n++
		}
	}
	return n
}

// List is what somebody gives to be imported. Grade and Class are for rows that
// have none. Same and New answer the questions about rows, by number.
type List struct {
	Data         []byte
	Grade, Class string
	Same, New    []int
}

// Errors of a list that cannot be imported as it is.
var (
	ErrHasErrors    = fault.New(fault.Invalid, "Some rows have mistakes.").WithCode("import_has_errors")
	ErrHasQuestions = fault.New(fault.Invalid, "Some rows may be learners who are here already.").WithCode("import_has_questions")
)

// Preview tells what importing a list would do, and does nothing.
func (s *Service) Preview(ctx context.Context, who identity.Actor, school identity.SchoolID, l List) (Plan, error) {
	var p Plan
	err := s.db.View(ctx, func(tx db.Tx) (err error) {
		p, err = s.plan(ctx, tx, who, school, l)
		return err
	})
	if err != nil {
		return p, fmt.Errorf("preview a list: %w", err)
	}
	return p, nil
}

// Import brings a list in, all of it or, when a row has a mistake or an open
// question, nothing. The same list again changes nothing.
func (s *Service) Import(ctx context.Context, who identity.Actor, school identity.SchoolID, l List) (Plan, error) {
	var p Plan
	err := s.db.Update(ctx, func(tx db.Tx) (err error) {
		if p, err = s.plan(ctx, tx, who, school, l); err != nil {
			return err
		}
		if p.Count(Wrong) > 0 {
			return ErrHasErrors
		}
		if p.Count(Question) > 0 {
			return ErrHasQuestions
		}
		for _, r := range p.Rows {
			if r.State == Same {
				continue
			}
			c := newChange(school, Learner)
			c.Patch, c.Account = r.patch, r.Learner
			if r.State == Fresh {
				c.Account = LearnerOf(school, c.ID)
			}
			if err := s.change(ctx, tx, who, c); err != nil {
				return fmt.Errorf("row %d: %w", r.Number, err)
			}
		}
		return nil
	})
	if err != nil {
		return p, fmt.Errorf("import a list: %w", err)
	}
	return p, nil
}

func (s *Service) plan(ctx context.Context, tx db.Tx, who identity.Actor, school identity.SchoolID, l List) (Plan, error) {
	if err := s.mayChange(ctx, tx, who, school, ""); err != nil {
		return Plan{}, err
	}
	if _, err := s.people.School(ctx, tx, school); err != nil {
		return Plan{}, err
	}
	t, err := sheet.Read(l.Data)
	if err != nil {
		return Plan{}, err
	}
	here, err := s.people.Learners(ctx, tx, school)
	if err != nil {
		return Plan{}, err
	}
	return planOf(t, l, here, s.clock.Now()), nil
}

// planOf is the rule of an import: each row is matched by UPI, then by admission
// number, then by name and class, which is a question.
func planOf(t sheet.Table, l List, here []identity.Account, now time.Time) Plan {
	p := Plan{Columns: t.Columns, Ignored: t.Ignored}
	m := matcher{byUPI: map[string]identity.Account{}, byAdm: map[string]identity.Account{}, byName: map[string]identity.Account{}, taken: map[identity.AccountID]bool{}, keys: map[string]bool{}}
	for _, a := range here {
		m.know(a)
	}
	for _, row := range t.Rows {
		r := PlannedRow{Number: row.Number}
		r.patch, r.Errors = patchOf(row, l, now)
		if r.patch.FullName != nil {
			r.Name, r.Class = *r.patch.FullName, classOf(r.patch)
		}
		if r.Errors == nil {
			m.match(&r, l)
		}
		if r.Errors != nil {
			r.State = Wrong
		}
		p.Rows = append(p.Rows, r)
	}
	return p
}

type matcher struct {
	byUPI, byAdm, byName map[string]identity.Account
	taken                map[identity.AccountID]bool
	keys                 map[string]bool // of rows before
}

func rowKeys(p Patch) (upi, adm, name string) {
	if p.UPI != nil && *p.UPI != "" {
		upi = "u" + *p.UPI
	}
	if p.AdmissionNumber != nil && *p.AdmissionNumber != "" {
		adm = "a" + strings.ToLower(*p.AdmissionNumber)
	}
	return upi, adm, "n" + nameKey(*p.FullName) + "\x1f" + strings.ToLower(classOf(p))
}

func (m matcher) know(a identity.Account) {
	upi, adm, name := rowKeys(Patch{FullName: &a.FullName, ClassName: &a.ClassName, UPI: &a.UPI, AdmissionNumber: &a.AdmissionNumber})
	m.byName[name] = a
	if upi != "" {
		m.byUPI[upi] = a
	}
	if adm != "" {
		m.byAdm[adm] = a
	}
}

// match says whom the row is about, or that the file has her twice.
func (m matcher) match(r *PlannedRow, l List) {
	upi, adm, name := rowKeys(r.patch)
	a, known := m.byUPI[upi]
	if !known {
		a, known = m.byAdm[adm]
		// Another UPI is another child, whatever the number says.
		if known && upi != "" && a.UPI != "" {
			r.Errors = append(r.Errors, RowError{sheet.Admission, "number_taken"})
			return
		}
	}
	byName := false
	if !known {
		a, known = m.byName[name]
		byName = known && !slices.Contains(l.Same, r.Number)
		if known && slices.Contains(l.New, r.Number) {
			known, byName = false, false
		}
	}
	sure := upi != "" || adm != ""
	for _, k := range []struct {
		key    string
		column sheet.Column
	}{{upi, sheet.UPI}, {adm, sheet.Admission}, {name, sheet.Name}} {
		if k.key == "" || k.column == sheet.Name && (sure || slices.Contains(l.New, r.Number)) {
			continue
		}
		if m.keys[k.key] {
			r.Errors = append(r.Errors, RowError{k.column, "twice_in_list"})
		}
		m.keys[k.key] = true
	}
	if known && m.taken[a.ID] && r.Errors == nil {
		r.Errors = append(r.Errors, RowError{sheet.Name, "twice_in_list"})
	}
	if r.Errors != nil {
		return
	}
	switch {
	case !known:
		r.State = Fresh
		return
	case byName:
		r.State = Question
	case Apply(a, Change{Kind: Learner, Patch: r.patch}) == a && r.patch.GuardianPhone == "":
		r.State = Same
	default:
		r.State = Update
	}
	r.Learner, m.taken[a.ID] = a.ID, true
}

// patchOf reads a row. Every cell that is wrong is told, not only the first.
func patchOf(row sheet.Row, l List, now time.Time) (Patch, []RowError) {
	var p Patch
	var bad []RowError
	wrong := func(c sheet.Column, code string) { bad = append(bad, RowError{c, code}) }
	name := row.Cells[sheet.Name]
	if name == "" {
		name = strings.TrimSpace(row.Cells[sheet.FirstName] + " " + row.Cells[sheet.LastName])
	}
	if clean, err := identity.CleanName(name, "full_name"); err != nil {
		wrong(sheet.Name, "bad_name")
	} else {
		p.FullName = &clean
	}
	grade := gradeOf(row.Cells[sheet.Grade])
	if grade == "" && row.Cells[sheet.Grade] == "" {
		if grade = gradeOf(row.Cells[sheet.Class]); grade == "" {
			grade = l.Grade
		}
	}
	if !identity.IsGrade(grade) {
		wrong(sheet.Grade, "unknown_grade")
	} else {
		p.Grade = &grade
	}
	class := row.Cells[sheet.Class]
	if stream := row.Cells[sheet.Stream]; class == "" && stream != "" {
		class = strings.TrimPrefix(grade, "Grade ") + " " + stream
	}
	if class == "" {
		class = l.Class
	}
	if class == "" {
		class = grade
	}
	p.ClassName = &class
	for _, f := range []struct {
		to     **string
		column sheet.Column
		read   func(string) string
	}{{&p.AdmissionNumber, sheet.Admission, nil}, {&p.UPI, sheet.UPI, strings.ToUpper}, {&p.Born, sheet.Born, bornOf}} {
		text := row.Cells[f.column]
		if text == "" {
			continue // an empty cell says nothing
		}
		if f.read != nil {
			text = f.read(text)
		}
		*f.to = &text
	}
	p.GuardianName, p.GuardianPhone = row.Cells[sheet.GuardianName], phoneOf(row.Cells[sheet.GuardianPhone])
	if p.GuardianPhone == "" {
		p.GuardianName = "" // nobody can be reached by a name
	} else if p.GuardianName == "" {
		p.GuardianName = "Guardian"
	}
	return p.checkCells(now, wrong), bad
}

// checkCells checks each field alone, so that each mistake finds its column.
func (p Patch) checkCells(now time.Time, wrong func(sheet.Column, string)) Patch {
	one := func(column sheet.Column, code string, part Patch) Patch {
		clean, err := part.check(now, false)
		if err != nil {
			wrong(column, code)
		}
		return clean
	}
	p.ClassName = one(sheet.Class, "bad_name", Patch{ClassName: p.ClassName}).ClassName
	p.AdmissionNumber = one(sheet.Admission, "too_long", Patch{AdmissionNumber: p.AdmissionNumber}).AdmissionNumber
	p.UPI = one(sheet.UPI, "bad_upi", Patch{UPI: p.UPI}).UPI
	p.Born = one(sheet.Born, "bad_born", Patch{Born: p.Born}).Born
	g := one(sheet.GuardianPhone, "bad_phone", Patch{GuardianName: p.GuardianName, GuardianPhone: p.GuardianPhone})
	p.GuardianName, p.GuardianPhone = g.GuardianName, g.GuardianPhone
	return p
}

var gradeForm = regexp.MustCompile(`(?i)^(?:grade|gredi|gr\.?|g|std\.?|class|darasa)?\s*0?(\d{1,2})\b`)

// gradeOf reads a grade as schools write it: 4, Grade 4, G4, Gredi ya 4, PP1, and
// the number at the front of a class, 4 Blue.
func gradeOf(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	upper := strings.ToUpper(strings.ReplaceAll(text, " ", ""))
	if strings.HasPrefix(upper, "PP1") || strings.HasPrefix(upper, "PP2") {
		return upper[:3]
	}
	m := gradeForm.FindStringSubmatch(strings.Replace(text, " ya ", " ", 1))
	if m == nil {
		return ""
	}
	if grade := "Grade " + m[1]; identity.IsGrade(grade) {
		return grade
	}
	return ""
}

// bornOf reads a birth as people write it in Kenya: day, month, year.
func bornOf(text string) string {
	for _, layout := range []string{"2006", time.DateOnly, "2/1/2006", "2-1-2006", "2.1.2006", "2 Jan 2006", "2-Jan-2006", "01-02-06"} {
		day, err := time.Parse(layout, text)
		switch {
		case err != nil:
		case layout == "2006":
			return text
		default:
			return day.Format(time.DateOnly)
		}
	}
	return text
}

// phoneOf gives a number back the 0 that spreadsheets eat.
func phoneOf(text string) string {
	if len(text) == 9 && (text[0] == '7' || text[0] == '1') {
		return "0" + text
	}
	return text
}

// Export is the roster of a school, or of a class, as CSV that a spreadsheet opens
// without running anything in it.
func (s *Service) Export(ctx context.Context, who identity.Actor, school identity.SchoolID, class string) ([]byte, error) {
	lines, err := s.List(ctx, who, school, class)
	if err != nil {
		return nil, err
	}
	rows := [][]string{{"Full name", "Grade", "Class", "Admission number", "UPI", "Date of birth"}}
	for _, l := range lines {
		a := l.Account
		rows = append(rows, []string{a.FullName, a.Grade, a.ClassName, a.AdmissionNumber, a.UPI, a.Born})
	}
	return sheet.Write(rows)
}
