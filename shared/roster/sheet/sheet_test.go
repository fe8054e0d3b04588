package sheet_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"urbanhomeschool.org/uhs/shared/roster/sheet"
)

func TestHeadingsInBothLanguagesAndSeparators(t *testing.T) {
	for name, text := range map[string]string{
		"comma":     "Adm. No,Learner's Name,Grade,Stream,D.O.B\n101,Achieng A,4,Blue,2016\n",
		"semicolon": "\ufeffAdm No;Name;Grade;Stream;DOB\r\n101;Achieng A;4;Blue;2016\r\n",
		"pasted":    "Nambari ya usajili\tJina la mwanafunzi\tGredi\tMkondo\tMwaka wa kuzaliwa\n101\tAchieng A\t4\tBlue\t2016",
		"a title":   "Shule ya Msingi,,,,\n,,,,\nADM,NAME,GRADE,STREAM,YOB\n101,Achieng A,4,Blue,2016\n",
	} {
		got, err := sheet.Read([]byte(text))
		if err != nil || len(got.Rows) != 1 {
			t.Fatalf("%s: %+v, %v", name, got, err)
		}
		for column, want := range map[sheet.Column]string{sheet.Admission: "101", sheet.Name: "Achieng A", sheet.Grade: "4", sheet.Stream: "Blue", sheet.Born: "2016"} {
			if got.Rows[0].Cells[column] != want {
				t.Errorf("%s: %s is %q", name, column, got.Rows[0].Cells[column])
			}
		}
	}
}

func TestRowsKeepTheirNumberAndUnknownColumnsAreNamedByNumber(t *testing.T) {
	got, err := sheet.Read([]byte("Name,Shoe size,Grade\n\nA B,37,4\n,,\nC D,38,5\n"))
	if err != nil || len(got.Rows) != 2 || got.Rows[0].Number != 3 || got.Rows[1].Number != 5 || !slices.Equal(got.Ignored, []int{2}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAPastedColumnOfNamesNeedsNoHeading(t *testing.T) {
	got, err := sheet.Read([]byte("Achieng Akinyi\nOtieno Odhiambo\n"))
	if err != nil || len(got.Rows) != 2 || got.Rows[1].Cells[sheet.Name] != "Otieno Odhiambo" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := sheet.Read([]byte("Achieng\nOtieno\n")); !errors.Is(err, sheet.ErrNoHeadings) {
		t.Errorf("words alone: %v", err)
	}
}

func workbook(t *testing.T, rows ...[]any) []byte {
	t.Helper()
	f := excelize.NewFile()
	for i, row := range rows {
		if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := f.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestAWorkbook(t *testing.T) {
	got, err := sheet.Read(workbook(t, []any{"Name", "Adm No", "Grade"}, []any{"Achieng A", 101, "Grade 4"}))
	if err != nil || len(got.Rows) != 1 || got.Rows[0].Cells[sheet.Admission] != "101" || got.Rows[0].Number != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAZipBombIsRefusedUnread(t *testing.T) {
	var bomb bytes.Buffer
	z := zip.NewWriter(&bomb)
	for _, name := range []string{"[Content_Types].xml", "xl/workbook.xml", "xl/worksheets/sheet1.xml"} {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, 20<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if bomb.Len() > sheet.MaxBytes {
		t.Fatalf("the bomb has %d bytes", bomb.Len())
	}
	if _, err := sheet.Read(bomb.Bytes()); !errors.Is(err, sheet.ErrTooLarge) {
		t.Errorf("a bomb: %v", err)
	}
}

func TestWhatIsNoList(t *testing.T) {
	many := "Name\n" + strings.Repeat("A B\n", sheet.MaxRows+1)
	for name, c := range map[string]struct {
		data string
		want error
	}{
		"nothing":          {"", sheet.ErrNoHeadings},
		"headings alone":   {"Name,Grade\n", sheet.ErrEmpty},
		"a picture":        {"\x89PNG\x00\x00", sheet.ErrUnreadable},
		"half a zip":       {"PK\x03\x04....", sheet.ErrUnreadable},
		"too many rows":    {many, sheet.ErrTooMany},
		"far too much":     {strings.Repeat("x", sheet.MaxBytes+1), sheet.ErrTooLarge},
		"no column a name": {"Adm,Grade\n1,4\n", sheet.ErrNoHeadings},
	} {
		if _, err := sheet.Read([]byte(c.data)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// FuzzRead reads anything: it neither panics nor gives more than the limits.
func FuzzRead(f *testing.F) {
	f.Add([]byte("Name,Grade\nA B,4\n"))
	f.Add([]byte("Jina\tGredi\nA B\t4\n"))
	f.Add([]byte("A B\nC D\n"))
	book := excelize.NewFile()
	row := []any{"Name", "Grade"}
	if err := book.SetSheetRow("Sheet1", "A1", &row); err != nil {
		f.Fatal(err)
	}
	row = []any{"A B", 4}
	if err := book.SetSheetRow("Sheet1", "A2", &row); err != nil {
		f.Fatal(err)
	}
	var out bytes.Buffer
	if err := book.Write(&out); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := sheet.Read(data)
		if err != nil {
			return
		}
		if len(got.Rows) == 0 || len(got.Rows) > sheet.MaxRows {
			t.Errorf("%d rows", len(got.Rows))
		}
		for _, r := range got.Rows {
			for c, text := range r.Cells {
				if text == "" || len(text) > 1500 || !slices.Contains(got.Columns, c) {
					t.Errorf("row %d, %s: %d bytes", r.Number, c, len(text))
				}
			}
		}
	})
}
