package app

import (
	"context"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/edge/internal/meter"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/syncer/line"
	"urbanhomeschool.org/uhs/shared/syncer/talk"
	"urbanhomeschool.org/uhs/syncproto"
)

// schoolLine is the school's line: the admin's plan, and what was used of it.
type schoolLine struct {
	db     db.DB
	school string
	log    func() syncer.Log
	clock  clock.Clock
	meter  *meter.Meter

	mu     sync.Mutex
	plan   talk.Plan
	readAt time.Time
}

// planFor is how long a plan that was read serves.
const planFor = 10 * time.Second

// rules are the plan as of a moment ago. When it cannot be read, the last one
// holds.
func (l *schoolLine) rules() talk.Plan {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	if age := now.Sub(l.readAt); age >= 0 && age < planFor {
		return l.plan
	}
	ctx := context.Background()
	if err := l.db.View(ctx, func(tx db.Tx) error {
		p, err := line.Of(ctx, tx, l.school)
		if err == nil {
			l.plan, l.readAt = p.Rules(), now
		}
		return err
	}); err != nil {
		return l.plan
	}
	return l.plan
}

// Way implements agent.Line.
func (l *schoolLine) Way() (talk.Way, time.Duration) {
	p := l.rules()
	return p.Way(l.clock.Now().In(meter.Nairobi), l.meter.Used()), p.Interval()
}

// Relay implements agent.Line.
func (l *schoolLine) Relay(ctx context.Context, target string) (*meter.Relay, error) {
	return l.meter.Relay(ctx, meter.Mirror, target)
}

// downloads tells whether courses may be fetched now: not while the line is to
// be spared.
func (l *schoolLine) downloads() bool { way, _ := l.Way(); return way != talk.Sparing }

// urgent tells whether control or money waits for the cloud: courses give way.
func (l *schoolLine) urgent() (waits bool) {
	ctx := context.Background()
	err := l.db.View(ctx, func(tx db.Tx) error {
		h, err := syncer.ReadHeads(ctx, tx, l.log())
		waits = h.Urgent() > 0
		return err
	})
	return err == nil && waits
}

// report fills in what was used and the budgets.
func (l *schoolLine) report(_ context.Context, _ db.Tx, r *syncproto.Report) error {
	p, used := l.rules(), l.meter.Used() //nolint:contextcheck // the plan is shared by all callers
	r.UsedToday, r.UsedMonth, r.BudgetDay, r.BudgetMonth = used.Day, used.Month, p.DayBytes, p.MonthBytes
	return nil
}
