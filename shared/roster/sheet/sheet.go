// Package sheet reads a list of learners as a school has it: a CSV file, an
// .xlsx file, or rows pasted from a spreadsheet. It finds the row of headings, in
// English or Kiswahili, and says of each cell which column it is.
//
// The rule that surprises: nothing in a file is trusted, its size least of all.
// What unpacks to more than a list of learners can be is refused unread.
package sheet

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"urbanhomeschool.org/uhs/shared/fault"
)

// Limits of a file.
const (
	MaxBytes   = 2 << 20 // as it comes
	maxUnpack  = 24 << 20
	maxEntries = 200
	MaxRows    = 2_000
	maxColumns = 60
	maxCell    = 500 // bytes of one cell that are read
)

// Errors of a file as a whole.
var (
	ErrTooLarge   = fault.New(fault.TooLarge, "The file is too large.").WithCode("sheet_too_large")
	ErrUnreadable = fault.New(fault.Invalid, "The file cannot be read as a list.").WithCode("sheet_unreadable")
	ErrTooMany    = fault.New(fault.Invalid, "The list has more than 2,000 rows.").WithCode("sheet_too_many_rows")
	ErrNoHeadings = fault.New(fault.Invalid, "No row of headings with a column of names was found.").WithCode("sheet_no_headings")
	ErrEmpty      = fault.New(fault.Invalid, "The list is empty.").WithCode("sheet_empty")
)

// Column is what a cell says.
type Column string

// The columns.
const (
	Name          Column = "full_name"
	FirstName     Column = "first_name"
	LastName      Column = "last_name"
	Grade         Column = "grade"
	Class         Column = "class_name"
	Stream        Column = "stream"
	Admission     Column = "admission_number"
	UPI           Column = "upi"
	Born          Column = "born"
	GuardianName  Column = "guardian_name"
	GuardianPhone Column = "guardian_phone"
)

// Row is one row under the headings. Number counts the file's rows from 1.
type Row struct {
	Number int
	Cells  map[Column]string
}

// Table is a list that was read. Ignored are the numbers, from 1, of columns with
// a heading that is not known.
type Table struct {
	Columns []Column
	Ignored []int
	Rows    []Row
}

// Read reads a list. A file that begins like a zip is an .xlsx, everything else is
// text: separated by tabs when the first line has one, else by semicolons or
// commas.
func Read(data []byte) (Table, error) {
	if len(data) > MaxBytes {
		return Table{}, ErrTooLarge
	}
	var cells [][]string
	var err error
	if bytes.HasPrefix(data, []byte("PK\x03\x04")) {
		cells, err = workbook(data)
	} else {
		cells, err = text(data)
	}
	if err != nil {
		return Table{}, err
	}
	return table(cells)
}

// text reads separated values. Spreadsheets on Windows save bytes that are no
// UTF-8; those are read as Latin-1, which gives names their accents.
func text(data []byte) ([][]string, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if bytes.IndexByte(data, 0) >= 0 {
		return nil, ErrUnreadable
	}
	s := string(data)
	if !utf8.ValidString(s) {
		runes := make([]rune, len(data))
		for i, b := range data {
			runes[i] = rune(b)
		}
		s = string(runes)
	}
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	r := csv.NewReader(strings.NewReader(s))
	r.Comma, r.FieldsPerRecord, r.LazyQuotes = separator(s), -1, true
	var out [][]string
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, ErrUnreadable
		}
		line, _ := r.FieldPos(0)
		for len(out) < line-1 { // the reader skips empty lines; people count them
			if len(out) > MaxRows+maxHead {
				return nil, ErrTooMany
			}
			out = append(out, nil)
		}
		if len(out) > MaxRows+maxHead {
			return nil, ErrTooMany
		}
		out = append(out, cut(record))
	}
}

func separator(s string) rune {
	first, _, _ := strings.Cut(strings.TrimLeft(s, "\n"), "\n")
	switch {
	case strings.ContainsRune(first, '\t'):
		return '\t'
	case strings.Count(first, ";") > strings.Count(first, ","):
		return ';'
	default:
		return ','
	}
}

// cut bounds a row: what is too long is cut one byte above the limit of a cell,
// so that the rules see that it is too long.
func cut(record []string) []string {
	out := make([]string, 0, min(len(record), maxColumns))
	for _, c := range record[:min(len(record), maxColumns)] {
		if len(c) > maxCell {
			c = strings.ToValidUTF8(c[:maxCell], "")
		}
		out = append(out, bare(strings.TrimSpace(strings.ToValidUTF8(c, "\uFFFD"))))
	}
	return out
}

// workbook reads the first sheet of an .xlsx that has rows.
func workbook(data []byte) (out [][]string, err error) {
	if err := bounded(data); err != nil {
		return nil, err
	}
	// The library reads what people send; a mistake in it is not ours to die of.
	defer func() {
		if e := recover(); e != nil {
			out, err = nil, ErrUnreadable.Because(fmt.Errorf("the reader of workbooks: %v", e))
		}
	}()
	f, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{UnzipSizeLimit: maxUnpack, UnzipXMLSizeLimit: maxUnpack})
	if err != nil {
		return nil, ErrUnreadable.Because(err)
	}
	defer func() { _ = f.Close() }()
	for _, name := range f.GetSheetList() {
		if out, err = sheetRows(f, name); err != nil || len(out) > 0 {
			return out, err
		}
	}
	return nil, ErrEmpty
}

func sheetRows(f *excelize.File, name string) ([][]string, error) {
	rows, err := f.Rows(name)
	if err != nil {
		return nil, ErrUnreadable.Because(err)
	}
	defer func() { _ = rows.Close() }()
	var out [][]string
	for rows.Next() {
		if len(out) > MaxRows+maxHead {
			return nil, ErrTooMany
		}
		record, err := rows.Columns()
		if err != nil {
			return nil, ErrUnreadable.Because(err)
		}
		out = append(out, cut(record))
	}
	if err := rows.Error(); err != nil {
		return nil, ErrUnreadable.Because(err)
	}
	return out, nil
}

// bounded looks at what a zip says of itself before anything is unpacked. What
// lies about its size fails when it is read: archive/zip stops at the size told.
func bounded(data []byte) error {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return ErrUnreadable.Because(err)
	}
	if len(z.File) > maxEntries {
		return ErrTooLarge
	}
	var total uint64
	for _, f := range z.File {
		if total += f.UncompressedSize64; f.UncompressedSize64 > maxUnpack || total > maxUnpack {
			return ErrTooLarge
		}
	}
	return nil
}
