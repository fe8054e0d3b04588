// Package mishap keeps the log of errors: failures of ours (a panic, an error
// nobody foresaw), one row for each kind with how often and when. An admin reads
// it to learn what breaks; the request id leads to the log of the process.
//
// The rule that surprises: a mishap never holds what was submitted. The text of
// an error is cleaned of every value of its request, and of everything that
// looks like one, before it is kept.
package mishap

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
)

// Kind of a mishap.
type Kind string

// The kinds.
const (
	Panic Kind = "panic"
	Error Kind = "error"
)

// Mishap is one failure as it happens.
type Mishap struct {
	Kind Kind
	// Method and Route are the operation's: the pattern, not the path.
	Method, Route string
	// Message is cleaned with Submitted before it is kept.
	Message   string
	Submitted []string
	// Place is the function that failed, when it is known.
	Place     string
	RequestID string
}

// Line is a kind of failure and how often it came.
type Line struct {
	Fingerprint, Method, Route, Message, Place, Version, RequestID string
	Kind                                                           Kind
	Count                                                          int64
	FirstAt, LastAt                                                db.Time
}

// Log keeps mishaps.
type Log struct {
	db      db.DB
	clock   clock.Clock
	version string
}

// New makes a Log for this version of the program.
func New(d db.DB, c clock.Clock, version string) *Log { return &Log{d, c, version} }

// Keep is how long a kind of failure that comes no more stays in the log.
const Keep = 90 * 24 * time.Hour

// Note counts m.
func (l *Log) Note(ctx context.Context, m Mishap) error {
	text := Clean(m.Message, m.Submitted)
	sum := sha256.Sum256([]byte(strings.Join([]string{string(m.Kind), m.Method, m.Route, text, m.Place}, "\x1f")))
	now := db.Time{Time: l.clock.Now()}
	err := l.db.Update(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, countMishap, hex.EncodeToString(sum[:8]), string(m.Kind), m.Method, m.Route, text, m.Place, l.version, m.RequestID, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("note a mishap: %w", err)
	}
	return nil
}

// List gives a page, the latest first, and how many kinds there are. Whether the
// asker may see it is decided before (shared/access).
func (l *Log) List(ctx context.Context, skip, limit int) (page []Line, total int, err error) {
	err = l.db.View(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, countKinds)
		if total, err = db.One(rows, err, db.Scalar[int]); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, listMishaps, limit, skip)
		page, err = db.Collect(rows, err, scanLine)
		return err
	})
	return page, total, err
}

// Sweep forgets what has not come for long.
func (l *Log) Sweep(ctx context.Context) error {
	return l.db.Update(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, sweepMishaps, db.Time{Time: l.clock.Now().Add(-Keep)})
		return err
	})
}

// maxMessage is how much of a text is kept.
const maxMessage = 300

// looksSubmitted matches what values look like: quoted texts, addresses, ids,
// tokens, numbers.
var looksSubmitted = regexp.MustCompile("\"[^\"]*\"|'[^']*'|`[^`]*`|\\([^()]*=[^()]*\\)|[^\\s@]+@[^\\s@]+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|[A-Za-z0-9_+/=-]{24,}|[0-9]+")

// sqlState is a code of the database's, which is worth keeping.
var sqlState = regexp.MustCompile(`SQLSTATE ([0-9A-Z]{5})`)

// Clean gives text without the submitted values and without what looks like one.
func Clean(text string, submitted []string) string {
	state := sqlState.FindString(text)
	text = sqlState.ReplaceAllString(text, "SQLSTATE")
	values := slices.Clone(submitted)
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) }) // the longest first: one may hold another
	for _, v := range values {
		if len(v) > 2 {
			text = strings.ReplaceAll(text, v, "…")
		}
	}
	text = looksSubmitted.ReplaceAllString(text, "…")
	if state != "" {
		text = strings.Replace(text, "SQLSTATE", state, 1)
	}
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > maxMessage {
		text = string(r[:maxMessage]) + "…"
	}
	return text
}
