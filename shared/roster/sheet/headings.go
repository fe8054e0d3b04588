package sheet

import "strings"

// maxHead is how many rows may stand above the headings: a school's name, a title.
const maxHead = 10

// headings are the words schools write over their columns, without case, points
// and spaces, in English and Kiswahili.
func headings() map[string]Column {
	words := map[Column][]string{
		Name:          {"name", "names", "full name", "learner", "learner name", "learners name", "student", "student name", "students name", "pupil", "pupil name", "name of learner", "name of pupil", "name of student", "jina", "majina", "jina kamili", "mwanafunzi", "jina la mwanafunzi", "jina la mtoto"},
		FirstName:     {"first name", "firstname", "given name", "jina la kwanza"},
		LastName:      {"last name", "surname", "lastname", "family name", "other names", "second name", "jina la ukoo", "jina la mwisho", "jina la familia", "majina mengine"},
		Grade:         {"grade", "level", "grade level", "gredi", "daraja", "kiwango"},
		Class:         {"class", "class name", "darasa", "jina la darasa"},
		Stream:        {"stream", "mkondo"},
		Admission:     {"adm", "adm no", "admno", "admission", "admission no", "admission number", "adm number", "reg no", "registration number", "namba ya usajili", "nambari ya usajili", "namba", "nambari", "usajili"},
		UPI:           {"upi", "upi no", "upi number", "nemis upi", "nemis", "kemis", "namba ya upi", "nambari ya upi"},
		Born:          {"date of birth", "dob", "birth date", "birthdate", "born", "year of birth", "yob", "birth year", "tarehe ya kuzaliwa", "mwaka wa kuzaliwa", "kuzaliwa"},
		GuardianName:  {"guardian", "guardian name", "parent", "parent name", "parents name", "guardians name", "parent guardian", "mzazi", "mlezi", "jina la mzazi", "jina la mlezi"},
		GuardianPhone: {"phone", "phone number", "phone no", "guardian phone", "parent phone", "mobile", "contact", "tel", "telephone", "simu", "namba ya simu", "nambari ya simu", "simu ya mzazi", "simu ya mlezi"},
	}
	out := map[string]Column{}
	for c, list := range words {
		for _, w := range list {
			out[plain(w)] = c
		}
	}
	return out
}

// plain is a heading without case, spaces and points.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		default:
			return -1
		}
	}, s)
}

// table finds the headings and gives what is under them.
func table(cells [][]string) (Table, error) {
	known := headings()
	for i, row := range cells[:min(len(cells), maxHead)] {
		t, ok := head(row, known)
		if !ok {
			continue
		}
		if err := t.fill(cells[i+1:], row, known, i+2); err != nil {
			return Table{}, err
		}
		if len(t.Rows) == 0 {
			return Table{}, ErrEmpty
		}
		return t, nil
	}
	// A pasted column of names has no heading.
	if names, ok := onlyNames(cells); ok {
		return names, nil
	}
	return Table{}, ErrNoHeadings
}

func head(row []string, known map[string]Column) (Table, bool) {
	var t Table
	named := false
	for i, cell := range row {
		c, ok := known[plain(cell)]
		switch {
		case ok:
			t.Columns = append(t.Columns, c)
			named = named || c == Name || c == FirstName
		case plain(cell) != "":
			t.Ignored = append(t.Ignored, i+1)
		}
	}
	return t, named
}

func (t *Table) fill(rows [][]string, head []string, known map[string]Column, first int) error {
	for i, row := range rows {
		r := Row{Number: first + i, Cells: map[Column]string{}}
		for j, cell := range row[:min(len(row), len(head))] {
			if c, ok := known[plain(head[j])]; ok && cell != "" && r.Cells[c] == "" {
				r.Cells[c] = cell
			}
		}
		if len(r.Cells) == 0 {
			continue
		}
		if len(t.Rows) == MaxRows {
			return ErrTooMany
		}
		t.Rows = append(t.Rows, r)
	}
	return nil
}

// onlyNames reads a list of one column in which every row has at least two words.
func onlyNames(cells [][]string) (Table, bool) {
	t := Table{Columns: []Column{Name}}
	for i, row := range cells {
		cell := strings.TrimSpace(strings.Join(row, " "))
		if cell == "" {
			continue
		}
		if len(row) != 1 || len(strings.Fields(cell)) < 2 || len(t.Rows) == MaxRows {
			return Table{}, false
		}
		t.Rows = append(t.Rows, Row{Number: i + 1, Cells: map[Column]string{Name: cell}})
	}
	return t, len(t.Rows) > 0
}
