package syncer_test

import (
	"testing"

	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

func TestTheWayToThePresent(t *testing.T) {
	type lane = syncer.LaneCoverage
	whole := func(cursor, head int64) lane {
		return lane{Floor: min(1, head), Head: head, Cursor: cursor, Agrees: true}
	}
	for _, c := range []struct {
		name   string
		lane   lane
		worked bool
		want   syncer.Way
	}{
		{"nothing was ever recorded", whole(0, 0), true, syncer.WayNone},
		{"up to date", whole(9, 9), true, syncer.WayNone},
		{"behind", whole(5, 9), true, syncer.WayTail},
		{"a new box of a new school", whole(0, 9), false, syncer.WayTail},
		{"a new box of a school that has sent records", whole(0, 9), true, syncer.WaySnapshot},
		{"a new box and a very long log", whole(0, 50_000), false, syncer.WaySnapshot},
		{"a long absence, and the log is kept", whole(1, 50_000), true, syncer.WayTail},
		{"just at the floor", lane{Floor: 5, Head: 9, Cursor: 5, Agrees: true}, true, syncer.WayTail},
		{"just below the floor", lane{Floor: 5, Head: 9, Cursor: 4}, true, syncer.WaySnapshot},
		{"empty, and the log is pruned", lane{Floor: 5, Head: 9}, false, syncer.WaySnapshot},
		{"empty, and nothing of the log is kept", lane{Head: 9}, false, syncer.WaySnapshot},
		{"another chain at the cursor", lane{Floor: 1, Head: 9, Cursor: 5}, true, syncer.WaySnapshot},
		{"another chain at the head", lane{Floor: 1, Head: 9, Cursor: 9}, true, syncer.WaySnapshot},
		{"beyond the head: the cloud was rewound", lane{Floor: 1, Head: 9, Cursor: 12}, true, syncer.WaySnapshot},
	} {
		t.Run(c.name, func(t *testing.T) {
			cov := syncer.Coverage{Worked: c.worked}
			cov.Lanes[syncproto.LaneRoster] = c.lane
			if got := cov.Choose(); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	t.Run("one lane below the floor is enough", func(t *testing.T) {
		var cov syncer.Coverage
		for l := range cov.Lanes {
			cov.Lanes[l] = whole(9, 9)
		}
		cov.Lanes[0] = lane{Floor: 5, Head: 9, Cursor: 4}
		if got := cov.Choose(); got != syncer.WaySnapshot {
			t.Errorf("got %v", got)
		}
	})
}
