package personal

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/syncproto"
)

// Sheet is one part of an export: the rows of one place.
type Sheet struct {
	Name    string
	Columns []string
	Rows    [][]any
}

// Export is everything that this node holds about a person.
type Export struct {
	Person identity.AccountID
	Name   string
	MadeAt time.Time
	Sheets []Sheet
	// LeftOut are the tables about her that are in no export, with the reason.
	LeftOut map[string]string
}

// Request is somebody's wish about a person's data. Reason is needed from those
// who act for her on paper: heads and admins.
type Request struct {
	Person identity.AccountID
	Reason string
}

// Export gives everything this node holds about a person: to herself, to a
// child's guardian, and with a reason to admins and the head of her school. It
// is noted in the audit log. Anybody else gets identity.ErrNoSuchAccount.
func (s *Service) Export(ctx context.Context, who identity.Actor, in Request) (*Export, error) {
	var out *Export
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		person, err := s.may(ctx, tx, who, in)
		if err != nil {
			return err
		}
		if out, err = s.gather(ctx, tx, person); err != nil {
			return err
		}
		return s.o.Audit.Note(ctx, tx, audit.Entry{Action: "person.export", Actor: string(who.Account), Role: string(who.Role), School: string(person.School),
			TargetKind: "user", TargetID: string(person.ID), After: map[string]any{"reason": in.Reason, "sheets": len(out.Sheets)}})
	})
	if err != nil {
		return nil, fmt.Errorf("export a person: %w", err)
	}
	return out, nil
}

// gather reads all places for a person and her duplicates.
func (s *Service) gather(ctx context.Context, tx db.Tx, person identity.Account) (*Export, error) {
	selves, err := s.o.People.Selves(ctx, tx, person.ID)
	if err != nil {
		return nil, err
	}
	out := &Export{Person: person.ID, Name: person.FullName, MadeAt: s.now().Time, LeftOut: map[string]string{}}
	for _, p := range Places() {
		columns, err := Columns(ctx, tx, p.Table)
		if err != nil {
			return nil, err
		}
		if len(columns) == 0 {
			continue // the other side's
		}
		if p.NoExport != "" {
			out.LeftOut[p.name()] = p.NoExport
			continue
		}
		sheet := Sheet{Name: p.name(), Columns: slices.DeleteFunc(columns, func(c string) bool { return slices.Contains(p.Hidden, c) })}
		for _, self := range selves {
			rows, err := tx.Query(ctx, rowsOf(tx.Dialect(), p, sheet.Columns), string(self))
			found, err := db.Collect(rows, err, scanRow(len(sheet.Columns)))
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", p.Table, err)
			}
			for _, row := range found {
				for i := range row {
					if row[i], err = db.Unsealed(tx, row[i]); err != nil {
						return nil, fmt.Errorf("read %s: %w", p.Table, err)
					}
				}
				sheet.Rows = append(sheet.Rows, plain(sheet.Columns, row))
			}
		}
		out.Sheets = append(out.Sheets, sheet)
	}
	return out, nil
}

// plain turns what the two databases give for the same value into the same one.
func plain(columns []string, row []any) []any {
	for i, v := range row {
		switch v := v.(type) {
		case time.Time:
			row[i] = v.UTC().Format(time.RFC3339Nano)
		case [16]byte:
			h := hex.EncodeToString(v[:])
			row[i] = h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
		case []byte:
			row[i] = v
			if columns[i] == "body" {
				row[i] = readable(v)
			}
		}
	}
	return row
}

// readable is the body of a record as JSON values; the bytes when it is none.
func readable(body []byte) any {
	var v any
	if syncproto.DecodeBody(body, &v) != nil {
		return body
	}
	return named(v)
}

func named(v any) any {
	switch v := v.(type) {
	case map[any]any:
		out := make(map[string]any, len(v))
		for key, inner := range v {
			out[fmt.Sprint(key)] = named(inner)
		}
		return out
	case []any:
		for i := range v {
			v[i] = named(v[i])
		}
	}
	return v
}

// JSON is the export as one document. Files are base64 in it.
func (e *Export) JSON() ([]byte, error) {
	tables := map[string][]map[string]any{}
	for _, s := range e.Sheets {
		rows := make([]map[string]any, len(s.Rows))
		for i, row := range s.Rows {
			rows[i] = map[string]any{}
			for k, c := range s.Columns {
				rows[i][c] = row[k]
			}
		}
		tables[s.Name] = rows
	}
	return json.MarshalIndent(map[string]any{"person": e.Person, "name": e.Name, "made_at": e.MadeAt, "tables": tables, "left_out": e.LeftOut}, "", "  ")
}

// readMe is the page in front of the files.
const readMe = `Urban Home School

Everything that this service holds about the person named in export.json.
tables/ has one CSV file for each kind of record, files/ the pictures and documents.
Passwords, PINs and other secrets are never exported.

Kila kitu ambacho huduma hii inahifadhi kuhusu mtu aliyetajwa katika export.json.
tables/ ina faili moja ya CSV kwa kila aina ya kumbukumbu, files/ ina picha na nyaraka.
Nywila, PIN na siri nyingine hazitolewi kamwe.
`

// Zip writes the export as a zip: the JSON document, a CSV file for each sheet
// with rows, and the files themselves.
func (e *Export) Zip() ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	add := func(name string, write func(io.Writer) error) error {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: e.MadeAt})
		if err != nil {
			return err
		}
		return write(w)
	}
	document, err := e.JSON()
	if err != nil {
		return nil, err
	}
	for name, data := range map[string][]byte{"README.txt": []byte(readMe), "export.json": document} {
		if err := add(name, func(w io.Writer) error { _, err := w.Write(data); return err }); err != nil {
			return nil, err
		}
	}
	for _, s := range e.Sheets {
		if len(s.Rows) == 0 {
			continue
		}
		if err := add("tables/"+s.Name+".csv", s.csv); err != nil {
			return nil, err
		}
		for name, data := range s.files() {
			if err := add(name, func(w io.Writer) error { _, err := w.Write(data); return err }); err != nil {
				return nil, err
			}
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func (s Sheet) csv(to io.Writer) error {
	w := csv.NewWriter(to)
	if err := w.Write(s.Columns); err != nil {
		return err
	}
	files := s.fileNames()
	for n, row := range s.Rows {
		line := make([]string, len(row))
		for i, v := range row {
			if name, ok := files[[2]int{n, i}]; ok {
				line[i] = name
				continue
			}
			line[i] = cell(v)
		}
		if err := w.Write(line); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// cell is a value as a spreadsheet should take it: never as a formula.
func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		if v != "" && strings.ContainsRune("=+-@\t\r", rune(v[0])) {
			return "'" + v
		}
		return v
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case map[string]any, []any:
		raw, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return string(raw)
	default:
		return fmt.Sprint(v)
	}
}

// fileNames are the names of pictures and documents, by row and column.
func (s Sheet) fileNames() map[[2]int]string {
	out := map[[2]int]string{}
	for n, row := range s.Rows {
		for i, c := range s.Columns {
			data, ok := row[i].([]byte)
			if !ok || c != "image" && c != "content" {
				continue
			}
			out[[2]int{n, i}] = "files/" + s.Name + "-" + strconv.Itoa(n+1) + ending(data)
		}
	}
	return out
}

func (s Sheet) files() map[string][]byte {
	out := map[string][]byte{}
	for at, name := range s.fileNames() {
		if data, ok := s.Rows[at[0]][at[1]].([]byte); ok {
			out[name] = data
		}
	}
	return out
}

func ending(data []byte) string {
	switch http.DetectContentType(data) {
	case "image/jpeg":
		return ".jpg"
	case "image/png":
		return ".png"
	case "image/webp":
		return ".webp"
	case "application/pdf":
		return ".pdf"
	default:
		return ".bin"
	}
}
