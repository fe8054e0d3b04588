package talk

import (
	"testing"
	"time"
)

func at(weekday time.Weekday, hour, minute int) time.Time { // 2026-11-22 is a Sunday
	return time.Date(2026, 11, 22+int(weekday), hour, minute, 0, 0, time.FixedZone("EAT", 3*3600))
}

func TestHowTheLineMayBeUsed(t *testing.T) {
	night := Window{From: 22 * 60, To: 5 * 60, Days: 1 << int(time.Friday)}
	noon := Window{From: 12 * 60, To: 13 * 60}
	budget := Plan{DayBytes: 1000, MonthBytes: 5000}
	for name, c := range map[string]struct {
		plan Plan
		at   time.Time
		used Use
		want Way
	}{
		"no plan":                            {Plan{}, at(1, 9, 0), Use{1 << 40, 1 << 40}, Open},
		"a metered line":                     {Plan{Metered: true}, at(1, 9, 0), Use{}, OnDemand},
		"a budget with room":                 {budget, at(1, 9, 0), Use{999, 4999}, Open},
		"the day's budget is used up":        {budget, at(1, 9, 0), Use{1000, 1000}, Sparing},
		"the month's budget is used up":      {budget, at(1, 9, 0), Use{0, 5000}, Sparing},
		"inside a window":                    {Plan{Windows: []Window{noon}}, at(3, 12, 0), Use{}, Open},
		"at its end":                         {Plan{Windows: []Window{noon}}, at(3, 13, 0), Use{}, Sparing},
		"inside one of two":                  {Plan{Windows: []Window{night, noon}, Metered: true}, at(3, 12, 59), Use{}, OnDemand},
		"a night that begins on Friday":      {Plan{Windows: []Window{night}}, at(time.Friday, 23, 0), Use{}, Open},
		"the morning after it":               {Plan{Windows: []Window{night}}, at(time.Saturday, 4, 59), Use{}, Open},
		"after the night":                    {Plan{Windows: []Window{night}}, at(time.Saturday, 5, 0), Use{}, Sparing},
		"the morning before it":              {Plan{Windows: []Window{night}}, at(time.Friday, 4, 0), Use{}, Sparing},
		"a night that begins on another day": {Plan{Windows: []Window{night}}, at(time.Sunday, 23, 0), Use{}, Sparing},
		"a window does not make up for want": {Plan{Windows: []Window{noon}, DayBytes: 5}, at(3, 12, 0), Use{Day: 5}, Sparing},
	} {
		if got := c.plan.Way(c.at, c.used); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestALineOnDemandGathersWhatIsNotUrgent(t *testing.T) {
	var d Demand
	now := start
	step := func(after time.Duration, waiting, urgent bool) bool {
		now = now.Add(after)
		return d.Due(now, waiting, urgent, Plan{}.Interval())
	}
	for i, c := range []struct {
		after           time.Duration
		waiting, urgent bool
		want            bool
	}{
		{0, false, false, true}, // once at the start
		{time.Second, true, false, false},
		{58 * time.Second, true, false, false},
		{time.Second, true, false, true},
		{time.Second, true, true, true}, // a payment
		{10 * time.Minute, false, false, false},
		{5 * time.Minute, false, false, true},
		{-time.Hour, false, false, true}, // the clock was set back
	} {
		if got := step(c.after, c.waiting, c.urgent); got != c.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
	if got := (Plan{Every: 2}).Interval(); got != 2*time.Minute {
		t.Error(got)
	}
}
