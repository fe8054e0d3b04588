package audit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
)

// Filter selects entries. Empty fields select everything; an Action that ends in
// a dot selects the whole family. From is inclusive, Until is not.
type Filter struct {
	Action, Actor, Target, School string
	From, Until                   time.Time
	Skip, Limit                   int
}

// Page is a page of entries, the latest first, and how many there are.
type Page struct {
	Entries []Record
	Total   int
}

// List gives a page of what this node holds, its own chain and the copies.
// Whether the asker may see it is decided before (shared/access).
func (l *Log) List(ctx context.Context, f Filter) (Page, error) {
	var p Page
	args := []any{f.Action, f.Actor, f.Target, f.School, db.Time{Time: f.From}, db.Time{Time: f.Until}}
	if strings.HasSuffix(f.Action, ".") {
		args[0] = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(f.Action) + "%"
	}
	err := l.o.DB.View(ctx, func(tx db.Tx) error {
		var err error
		if p.Total, err = db.First(ctx, tx, countEntries, db.Scalar[int], args...); err != nil {
			return err
		}
		p.Entries, err = db.All(ctx, tx, listEntries, scanRecord, append(args, f.Limit, f.Skip)...)
		return err
	})
	if err != nil {
		return p, fmt.Errorf("list the audit log: %w", err)
	}
	return p, nil
}
