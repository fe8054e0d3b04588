package learning

import (
	"testing"
	"time"
)

// day is the date of a day in November 2026; the 2nd is a Monday.
func day(n int) Date { return DateOf(time.Date(2026, 11, n, 9, 0, 0, 0, time.UTC)) }

func TestStreak(t *testing.T) {
	for _, c := range []struct {
		name             string
		days             []int
		today            int
		current, longest int
	}{
		{"nothing learned is no streak", nil, 4, 0, 0},
		{"today alone counts one", []int{4}, 4, 1, 1},
		{"yesterday still stands while today is not over", []int{2, 3}, 4, 2, 2},
		{"a school day missed ends it", []int{2, 3}, 5, 0, 2},
		{"Friday to Monday goes on over the weekend", []int{5, 6, 9}, 9, 3, 3},
		{"a weekend alone breaks nothing, seen on Monday", []int{5, 6}, 9, 2, 2},
		{"work on a Saturday counts", []int{6, 7, 9}, 9, 3, 3},
		{"a missed Monday ends it", []int{5, 6}, 10, 0, 2},
		{"the longest run stays after a break", []int{2, 3, 4, 10}, 10, 1, 3},
		{"days may come in any order and twice", []int{4, 2, 3, 3, 2}, 4, 3, 3},
		{"a day in the future is left out", []int{3, 4, 20}, 4, 2, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			var days []Date
			for _, n := range c.days {
				days = append(days, day(n))
			}
			got := StreakOf(days, day(c.today))
			if got.Current != c.current || got.Longest != c.longest {
				t.Errorf("got %+v, want current %d, longest %d", got, c.current, c.longest)
			}
		})
	}
}

func TestDate(t *testing.T) {
	t.Run("a day begins at midnight in Nairobi", func(t *testing.T) {
		before := time.Date(2026, 11, 3, 20, 59, 59, 0, time.UTC)
		after := before.Add(time.Second)
		if DateOf(before).String() != "2026-11-03" || DateOf(after).String() != "2026-11-04" {
			t.Errorf("got %v and %v", DateOf(before), DateOf(after))
		}
		if !DateOf(after).Start().Equal(after) {
			t.Errorf("starts at %v", DateOf(after).Start())
		}
	})
	t.Run("days before 1970 count down", func(t *testing.T) {
		if got := DateOf(time.Date(1969, 12, 31, 12, 0, 0, 0, time.UTC)); got != -1 {
			t.Errorf("got %d", got)
		}
	})
	t.Run("weekdays are those of the calendar", func(t *testing.T) {
		if day(2).Weekday() != time.Monday || day(8).Weekday() != time.Sunday {
			t.Errorf("got %v and %v", day(2).Weekday(), day(8).Weekday())
		}
	})
}
