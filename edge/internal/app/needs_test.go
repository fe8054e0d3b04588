package app

import (
	"slices"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/edge/internal/agent"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

func TestWhatNeedsAttention(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	waiting := func(age time.Duration) syncer.Backlog {
		return syncer.Backlog{Waiting: 212, Oldest: now.Add(-age)}
	}
	var money syncer.Heads
	money.Out[syncproto.LaneMoney].Seq, money.Acked[syncproto.LaneMoney] = 5, 3
	for _, c := range []struct {
		name string
		seen seen
		want []string
	}{
		{"nothing on a quiet day", seen{up: true}, nil},
		{"nothing for an hour without the internet", seen{back: waiting(time.Hour)}, nil},
		{"work of more than a day is to be carried", seen{back: waiting(25 * time.Hour)}, []string{"carry"}},
		{"but not while the internet is there", seen{up: true, back: waiting(25 * time.Hour)}, nil},
		{"the internet is there and nothing moves", seen{up: true, back: waiting(25 * time.Hour), report: syncproto.Report{OldestSinceUp: 601}}, []string{"stuck"}},
		{"a disk that fills", seen{report: syncproto.Report{DiskTotal: 64 << 30, DiskFree: 300 << 20}}, []string{"disk"}},
		{"a disk that cannot be measured", seen{}, nil},
		{"a clock that is wrong", seen{peer: syncer.PeerState{ClockOffset: -time.Hour, SeenAt: now}}, []string{"clock"}},
		{"a clock that was wrong a month ago", seen{peer: syncer.PeerState{ClockOffset: -time.Hour, SeenAt: now.Add(-30 * 24 * time.Hour)}}, nil},
		{"the stick is gone", seen{report: syncproto.Report{CopyState: "missing", CopyAt: 1}}, []string{"copy"}},
		{"the copy is fine", seen{report: syncproto.Report{CopyState: "ok", CopyAt: 1}}, nil},
		{"a payment waits", seen{heads: money, back: waiting(time.Hour)}, []string{"payment"}},
		{"another box has the place", seen{standing: agent.Replaced, back: waiting(time.Hour)}, []string{"replaced"}},
		{"two boxes with one name", seen{standing: agent.Quarantined}, []string{"second_box"}},
		{"the cloud does not know it", seen{standing: agent.Unknown}, []string{"not_known"}},
		{"the door closes in a week", seen{doorEnds: now.Add(7 * 24 * time.Hour)}, []string{"door"}},
		{"the door closes in a month", seen{doorEnds: now.Add(29 * 24 * time.Hour)}, nil},
		{"the door is closed", seen{doorEnds: now.Add(-time.Hour)}, []string{"door"}},
		{"it gives its last work away", seen{standing: agent.Delivering, back: waiting(time.Hour)}, []string{"retiring"}},
		{"all of it has arrived", seen{standing: agent.Delivering, up: true}, []string{"retired"}},
		{"the most urgent first", seen{heads: money, back: waiting(49 * time.Hour), report: syncproto.Report{DiskTotal: 1, CopyState: "slow", CopyAt: 1}},
			[]string{"disk", "carry", "copy", "payment"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.seen.now = now
			got := needs(c.seen)
			codes := make([]string, 0, len(got))
			for _, n := range got {
				codes = append(codes, n.Code)
			}
			if !slices.Equal(codes, c.want) {
				t.Fatalf("got %v, want %v", codes, c.want)
			}
		})
	}
	t.Run("with the figures of its sentence", func(t *testing.T) {
		got := needs(seen{now: now, back: waiting(48 * time.Hour)})
		want := api.SyncNeed{Code: "carry", Count: 212, Since: moment(now.Add(-48 * time.Hour))}
		if len(got) != 1 || got[0].Code != want.Code || got[0].Count != want.Count || !got[0].Since.Equal(*want.Since) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	})
}
