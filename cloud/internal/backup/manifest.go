package backup

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// format of the files this build writes and reads.
const format = 1

// Manifest says what is in a backup. It is the last entry of the file.
type Manifest struct {
	Format   int       `json:"format"`
	ID       string    `json:"id"`
	TakenAt  time.Time `json:"taken_at"`
	Software string    `json:"software"`
	// Server is the major version of PostgreSQL.
	Server   int      `json:"server"`
	Contents Contents `json:"contents"`
	Parts    []Part   `json:"parts"`
}

// Contents is what the database held in the snapshot of the dump; the restored
// copy must hold the same.
type Contents struct {
	Timeline string `json:"timeline"`
	Beat     int64  `json:"beat"`
	// Schema is the number of the last migration.
	Schema int64            `json:"schema"`
	Rows   map[string]int64 `json:"rows"`
	// Watermarks are how far each uplink lane was applied: W and its chain.
	Watermarks []Mark `json:"watermarks"`
	// DownHeads are the ends of the logs that go down to the schools.
	DownHeads []Mark `json:"down_heads"`
}

// Mark is a position in one lane of one log.
type Mark struct {
	School string `json:"school"`
	Epoch  int64  `json:"epoch"`
	Lane   int32  `json:"lane"`
	Seq    int64  `json:"seq"`
	Chain  string `json:"chain"`
}

func (c Contents) total() (n int64) {
	for _, k := range c.Rows {
		n += k
	}
	return n
}

// readContents reads it in the snapshot of tx.
func readContents(ctx context.Context, tx pgx.Tx) (Contents, error) {
	c := Contents{Rows: map[string]int64{}}
	rows, err := tx.Query(ctx, listTables)
	if err != nil {
		return c, err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return c, err
	}
	for _, t := range tables {
		var n int64
		if err := tx.QueryRow(ctx, countRows+pgx.Identifier{t}.Sanitize()).Scan(&n); err != nil {
			return c, fmt.Errorf("count the rows of %s: %w", t, err)
		}
		c.Rows[t] = n
	}
	if err := tx.QueryRow(ctx, readSchema).Scan(&c.Schema); err != nil {
		return c, fmt.Errorf("read the schema's version: %w", err)
	}
	if err := tx.QueryRow(ctx, readLifeOfDump).Scan(&c.Timeline, &c.Beat); err != nil {
		return c, fmt.Errorf("read the timeline (was the cloud ever started on this database?): %w", err)
	}
	if c.Watermarks, err = readMarks(ctx, tx, listWatermarks); err != nil {
		return c, err
	}
	c.DownHeads, err = readMarks(ctx, tx, listDownHeads)
	return c, err
}

func readMarks(ctx context.Context, tx pgx.Tx, query string) ([]Mark, error) {
	rows, err := tx.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Mark])
}

// differs names the first thing in which a restored database is not what the
// manifest says; empty when there is none.
func (c Contents) differs(restored Contents) string {
	switch {
	case c.Schema != restored.Schema:
		return fmt.Sprintf("schema %d, want %d", restored.Schema, c.Schema)
	case c.Timeline != restored.Timeline || c.Beat != restored.Beat:
		return "the timeline"
	}
	for table, n := range c.Rows {
		if got, ok := restored.Rows[table]; !ok || got != n {
			return fmt.Sprintf("%d rows of %s, want %d", got, table, n)
		}
	}
	if len(restored.Rows) != len(c.Rows) {
		return "the list of tables"
	}
	if d := differ(c.Watermarks, restored.Watermarks); d != "" {
		return "the watermark of " + d
	}
	if d := differ(c.DownHeads, restored.DownHeads); d != "" {
		return "the end of the log of " + d
	}
	return ""
}

func differ(want, got []Mark) string {
	for i, m := range want {
		if i >= len(got) || got[i] != m {
			return fmt.Sprintf("school %s, epoch %d, lane %d", m.School, m.Epoch, m.Lane)
		}
	}
	if len(got) > len(want) {
		return "a lane that is not in the manifest"
	}
	return ""
}
