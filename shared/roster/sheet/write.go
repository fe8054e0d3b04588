package sheet

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
)

// Write gives rows as CSV with a byte order mark, so that spreadsheets read the
// accents. A cell that a spreadsheet would take for a formula gets an apostrophe
// before it (OWASP, CSV injection); Read takes it off again.
func Write(rows [][]string) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString("\ufeff")
	w := csv.NewWriter(&out)
	for _, row := range rows {
		safe := make([]string, len(row))
		for i, cell := range row {
			safe[i] = safeCell(cell)
		}
		if err := w.Write(safe); err != nil {
			return nil, fmt.Errorf("write a list: %w", err)
		}
	}
	w.Flush()
	return out.Bytes(), w.Error()
}

const formula = "=+-@\t\r"

func safeCell(cell string) string {
	if cell != "" && strings.ContainsRune(formula, rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// bare takes off the apostrophe of safeCell.
func bare(cell string) string {
	if len(cell) > 1 && cell[0] == '\'' && strings.ContainsRune(formula, rune(cell[1])) {
		return cell[1:]
	}
	return cell
}
