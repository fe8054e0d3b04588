package learning

import (
	"slices"
	"time"
)

// Kenya has one time zone, three hours ahead of UTC the whole year (IANA zone
// Africa/Nairobi, without daylight saving). Written as a fixed offset because
// an appliance may have no zone files.
const nairobiOffset = 3 * 60 * 60

// Date is a calendar day in Kenya, counted from 1 January 1970.
type Date int64

// DateOf is the day on which t falls in Kenya.
func DateOf(t time.Time) Date {
	return Date(floorDiv(t.Unix()+nairobiOffset, secondsPerDay))
}

const secondsPerDay = 24 * 60 * 60

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Start is the first moment of the day, UTC.
func (d Date) Start() time.Time {
	return time.Unix(int64(d)*secondsPerDay-nairobiOffset, 0).UTC()
}

// Weekday is the day of the week in Kenya.
func (d Date) Weekday() time.Weekday {
	return time.Unix(int64(d)*secondsPerDay, 0).UTC().Weekday()
}

// String is the day as 2006-01-02.
func (d Date) String() string {
	return time.Unix(int64(d)*secondsPerDay, 0).UTC().Format(time.DateOnly)
}

// Streak counts days of learning in a row.
type Streak struct {
	Current int
	Longest int
	// Last is the newest day of learning, 0 when there was none.
	Last Date
}

// StreakOf counts the streak of days, in any order, as seen on today.
//
// A day counts when something was learned on it. The streak goes on over days
// on which nothing could be expected: Saturdays and Sundays, when the school and
// its box are closed, and today, which is not over. They add nothing when
// nothing was learned. A day in the future (a clock that was wrong) is left out.
func StreakOf(days []Date, today Date) Streak {
	days = slices.Clone(days)
	slices.Sort(days)
	days = slices.DeleteFunc(slices.Compact(days), func(d Date) bool { return d > today })

	var s Streak
	run := 0
	for i, d := range days {
		if i > 0 && broken(days[i-1], d) {
			run = 0
		}
		run++
		s.Longest, s.Last = max(s.Longest, run), d
	}
	if run > 0 && !broken(s.Last, today) {
		s.Current = run
	}
	return s
}

// broken tells whether a school day passed unused strictly between from and to.
func broken(from, to Date) bool {
	for d := from + 1; d < to; d++ {
		if w := d.Weekday(); w != time.Saturday && w != time.Sunday {
			return true
		}
	}
	return false
}
