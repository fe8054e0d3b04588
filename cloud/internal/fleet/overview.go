package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/syncproto"
)

// The troubles of a box, the worst first.
const (
	troublePaused   = "paused"   // a lane takes nothing more
	troubleStuck    = "stuck"    // the link is up and nothing moves
	troubleDigest   = "digest"   // its records differ from the cloud's
	troubleLetters  = "letters"  // records are kept aside, on either side
	troubleDisk     = "disk"     // it fills
	troubleCopy     = "copy"     // the second medium does not work
	troubleClock    = "clock"    // it is wrong
	troubleSilent   = "silent"   // not heard for a day, with work on it
	troubleBudget   = "budget"   // its data is used up
	troubleSnapshot = "snapshot" // it is loading one
)

var severity = map[string]int{troublePaused: 100, troubleStuck: 90, troubleDigest: 80, troubleLetters: 70, troubleDisk: 60, troubleCopy: 50,
	troubleClock: 40, troubleSilent: 30, troubleBudget: 20, troubleSnapshot: 10}

// When a figure is a trouble.
const (
	stuckAfter = 10 * 60 // seconds since the link came up
	diskLow    = 1 << 30
	clockOff   = 5 * 60 * 1000 // milliseconds
	silentFor  = 24 * time.Hour
)

// Lane is one lane of a school, in both directions.
type Lane struct {
	Lane     int   `json:"lane"`
	Head     int64 `json:"head" doc:"The end of the box's own log when it was last heard."`
	Applied  int64 `json:"applied" doc:"How far that is applied here."`
	BackedUp int64 `json:"backed_up" doc:"How far the box knows it to be in a verified backup."`
	DownHead int64 `json:"down_head" doc:"The end of the cloud's log for the school."`
	DownDone int64 `json:"down_applied" doc:"How far the box has applied it."`
	Paused   bool  `json:"paused"`
}

// Said is what a box last said of itself.
type Said struct {
	OldestUnacked  int64      `json:"oldest_unacked_seconds"`
	OldestSinceUp  int64      `json:"oldest_since_up_seconds" doc:"The same, counted from when the link came up at the earliest: alert on this."`
	PendingBytes   int64      `json:"pending_bytes"`
	BoxDeadLetters int64      `json:"box_dead_letters" doc:"Records of the cloud that the box could not store."`
	Digest         string     `json:"digest,omitempty"`
	DigestAt       *time.Time `json:"digest_at"`
	UsedToday      int64      `json:"used_today"`
	UsedMonth      int64      `json:"used_month"`
	BudgetDay      int64      `json:"budget_day"`
	BudgetMonth    int64      `json:"budget_month"`
	DiskFree       int64      `json:"disk_free"`
	DiskTotal      int64      `json:"disk_total"`
	CopyAt         *time.Time `json:"copy_at"`
	CopyState      string     `json:"copy_state,omitempty"`
	BundleAt       *time.Time `json:"bundle_at"`
	LostIfDead     int64      `json:"lost_if_dead" doc:"Records that exist on this box alone."`
	Snapshot       string     `json:"snapshot,omitempty"`
	SnapshotDone   int64      `json:"snapshot_done"`
	SnapshotOf     int64      `json:"snapshot_of"`
}

// saidOf makes r readable.
func saidOf(r syncproto.Report) Said {
	return Said{OldestUnacked: r.OldestUnacked, OldestSinceUp: r.OldestSinceUp, PendingBytes: r.PendingBytes, BoxDeadLetters: r.DeadLetters,
		Digest: r.Digest, DigestAt: unix(r.DigestAt), UsedToday: r.UsedToday, UsedMonth: r.UsedMonth, BudgetDay: r.BudgetDay, BudgetMonth: r.BudgetMonth,
		DiskFree: r.DiskFree, DiskTotal: r.DiskTotal, CopyAt: unix(r.CopyAt), CopyState: r.CopyState, BundleAt: unix(r.BundleAt), LostIfDead: r.LostIfDead,
		Snapshot: r.Snapshot, SnapshotDone: r.SnapshotDone, SnapshotOf: r.SnapshotOf}
}

func unix(seconds int64) *time.Time {
	if seconds <= 0 {
		return nil
	}
	t := time.Unix(seconds, 0).UTC()
	return &t
}

// Search chooses and orders boxes.
type Search struct {
	// Text is looked for in names, codes and counties; Status and Trouble are one of
	// theirs, empty for all. Trouble "any" is any of them.
	Text, Status, Trouble string
	// ByTrouble puts the worst first; otherwise they go by name.
	ByTrouble   bool
	Skip, Limit int
}

// Overview reads the figures of every school in one query.
func (s *Service) Overview(ctx context.Context) ([]Box, error) {
	now := s.o.Clock.Now()
	var found []foundBox
	err := s.o.DB.View(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, listFleet)
		found, err = db.Collect(rows, err, scanBox)
		return err
	})
	boxes := make([]Box, len(found))
	for i, f := range found {
		f.Status = status(f.LastSeenAt, now, s.o.Mirrors.Connected(f.SchoolID))
		f.Troubles = troubles(f.Box, now)
		boxes[i] = f.Box
	}
	return boxes, err
}

// troubles lists what is wrong with a box, the worst first.
func troubles(b Box, now time.Time) []string {
	out := []string{}
	for _, t := range []struct {
		is   bool
		name string
	}{
		{slices.ContainsFunc(b.Lanes, func(l Lane) bool { return l.Paused }), troublePaused},
		{b.Status == Online && b.Said.OldestSinceUp > stuckAfter, troubleStuck},
		{b.Said.Digest == "differs", troubleDigest},
		{b.DeadLetters+b.Said.BoxDeadLetters > 0, troubleLetters},
		{b.Said.DiskTotal > 0 && b.Said.DiskFree < diskLow || b.Said.Snapshot == "full", troubleDisk},
		{b.Said.CopyState != "" && b.Said.CopyState != "ok", troubleCopy},
		{b.ClockOffsetMS > clockOff || b.ClockOffsetMS < -clockOff, troubleClock},
		{b.LastSeenAt != nil && now.Sub(*b.LastSeenAt) > silentFor && b.Status != Online, troubleSilent},
		{b.Said.BudgetDay > 0 && b.Said.UsedToday >= b.Said.BudgetDay || b.Said.BudgetMonth > 0 && b.Said.UsedMonth >= b.Said.BudgetMonth, troubleBudget},
		{b.Said.Snapshot == "loading", troubleSnapshot},
	} {
		if t.is {
			out = append(out, t.name)
		}
	}
	return out
}

func (b Box) severity() int {
	if len(b.Troubles) == 0 {
		return 0
	}
	return severity[b.Troubles[0]]
}

func (b Box) fits(q Search) bool {
	if q.Status != "" && b.Status != q.Status {
		return false
	}
	if q.Trouble == "any" && len(b.Troubles) == 0 || q.Trouble != "" && q.Trouble != "any" && !slices.Contains(b.Troubles, q.Trouble) {
		return false
	}
	text := strings.ToLower(strings.TrimSpace(q.Text))
	return text == "" || strings.Contains(strings.ToLower(b.School+"\n"+b.Code+"\n"+b.County), text)
}

// Find gives one page of the fleet and how many boxes fit; admins and staff.
func (s *Service) Find(ctx context.Context, who identity.Actor, q Search) (page []Box, total int64, err error) {
	if err := who.Require(identity.Admin, identity.Staff); err != nil {
		return nil, 0, err
	}
	all, err := s.Overview(ctx)
	if err != nil {
		return nil, 0, err
	}
	all = slices.DeleteFunc(all, func(b Box) bool { return !b.fits(q) })
	if q.ByTrouble {
		slices.SortStableFunc(all, func(a, b Box) int {
			return cmp.Or(cmp.Compare(b.severity(), a.severity()), cmp.Compare(b.Said.OldestSinceUp, a.Said.OldestSinceUp), cmp.Compare(b.Behind, a.Behind))
		})
	}
	from := min(q.Skip, len(all))
	page = all[from:min(from+q.Limit, len(all))]
	for i, b := range page {
		if b.Epoch > 0 {
			if st, serr := s.o.Mirrors.Stats(ctx, b.SchoolID, b.Epoch); serr == nil {
				page[i].MirroredUp = st.UpMirrored
			}
		}
	}
	return page, int64(len(all)), nil
}

// One is the box of one school; admins and staff.
func (s *Service) One(ctx context.Context, who identity.Actor, school identity.SchoolID) (Box, error) {
	if err := who.Require(identity.Admin, identity.Staff); err != nil {
		return Box{}, err
	}
	all, err := s.Overview(ctx)
	if err != nil {
		return Box{}, err
	}
	for _, b := range all {
		if b.SchoolID == string(school) {
			return b, nil
		}
	}
	return Box{}, ErrNoSchool
}

// lanesOf joins what a box said of its log with what the database has: texts are
// JSON of lane → figure.
func lanesOf(head syncproto.Marks, backed [syncproto.Lanes]int64, applied, downHead, downDone, paused string) ([]Lane, error) {
	var maps [4]map[int]int64
	for i, text := range []string{applied, downHead, downDone, paused} {
		if text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(text), &maps[i]); err != nil {
			return nil, err
		}
	}
	out := make([]Lane, syncproto.Lanes)
	for l := range out {
		out[l] = Lane{Lane: l, Head: head[l].Seq, Applied: maps[0][l], BackedUp: backed[l], DownHead: maps[1][l], DownDone: maps[2][l], Paused: maps[3][l] > 0}
	}
	return out, nil
}
