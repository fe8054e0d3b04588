package app

import (
	"time"

	"urbanhomeschool.org/uhs/edge/internal/agent"
	safety "urbanhomeschool.org/uhs/edge/internal/copy"
	"urbanhomeschool.org/uhs/edge/internal/door"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// seen is what needs decides from.
type seen struct {
	standing agent.Standing
	now      time.Time
	up       bool
	back     syncer.Backlog
	heads    syncer.Heads
	peer     syncer.PeerState
	report   syncproto.Report
	doorEnds time.Time // zero: never
	unnamed  bool      // nobody is named who looks after the children
}

// When something is worth a person's attention.
const (
	diskLow      = 1 << 30 // 500 MB are kept free for records; courses stop arriving before
	clockOff     = 5 * time.Minute
	clockSample  = 7 * 24 * time.Hour // an older comparison with the cloud's clock says nothing
	stuckAfter   = 10 * time.Minute
	carryAfter   = 24 * time.Hour
	paymentAfter = 10 * time.Minute
	doorWarning  = door.WarnDays * 24 * time.Hour
)

// standingNeeds are the words for a box that does not have its school's place.
var standingNeeds = map[agent.Standing]string{ //nolint:gochecknoglobals // a constant
	agent.Replaced: "replaced", agent.Quarantined: "second_box", agent.Unknown: "not_known", agent.Delivering: "retiring",
}

// needs lists what a grown-up at the school should see to, most urgent first.
func needs(s seen) (out []api.SyncNeed) {
	add := func(code string, count int64, since time.Time) {
		out = append(out, api.SyncNeed{Code: code, Count: count, Since: moment(since)})
	}
	if code := standingNeeds[s.standing]; code == "retiring" && s.back.Waiting == 0 {
		add("retired", 0, time.Time{})
	} else if code != "" {
		add(code, s.back.Waiting, s.back.Oldest)
	}
	if s.unnamed {
		add("named_adult", 0, time.Time{})
	}
	if s.report.DiskTotal > 0 && s.report.DiskFree < diskLow {
		add("disk", s.report.DiskFree>>20, time.Time{})
	}
	if off := s.peer.ClockOffset.Abs(); off > clockOff && s.now.Sub(s.peer.SeenAt).Abs() < clockSample {
		add("clock", int64(off/time.Second), time.Time{})
	}
	if s.up && s.report.OldestSinceUp > int64(stuckAfter/time.Second) {
		add("stuck", s.back.Waiting, s.back.Oldest)
	}
	if left := s.doorEnds.Sub(s.now); !s.doorEnds.IsZero() && left < doorWarning {
		add("door", max(0, int64(left/(24*time.Hour))), s.doorEnds)
	}
	age := s.now.Sub(s.back.Oldest)
	if !s.up && s.back.Waiting > 0 && age > carryAfter {
		add("carry", s.back.Waiting, s.back.Oldest)
	}
	switch s.report.CopyState {
	case "", safety.OK, safety.Starting, safety.SameDisk: // the last is the office's matter
	default:
		add("copy", 0, time.Unix(s.report.CopyAt, 0).UTC())
	}
	money := s.heads.Out[syncproto.LaneMoney].Seq - s.heads.Acked[syncproto.LaneMoney]
	if money > 0 && age > paymentAfter {
		add("payment", money, s.back.Oldest)
	}
	return out
}
