package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"urbanhomeschool.org/uhs/edge/internal/agent"
	safety "urbanhomeschool.org/uhs/edge/internal/copy"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/service"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// pulse is what only the running service knows. It writes it beside the
// database from time to time, for the status command; nothing depends on it.
type pulse struct {
	At      time.Time        `json:"at"`
	Link    string           `json:"link"`
	Carrier string           `json:"carrier"`
	Report  syncproto.Report `json:"report"`
	Needs   []api.SyncNeed   `json:"needs"`
}

// pulseEvery is how often it is written; pulseLate when the service counts as
// not running.
const (
	pulseEvery = 15 * time.Second
	pulseLate  = time.Minute
)

func pulseFile(dir string) string { return filepath.Join(dir, "status.json") }

// beat writes the pulse while the service runs, and takes it back when it stops.
func (b *box) beat(s *school) service.Service {
	return &heart{dir: b.config.DataDir, Loop: service.Every(pulseEvery, func(ctx context.Context) {
		st, err := b.syncStatus(ctx, s)
		if err != nil {
			return // the pages say so
		}
		p := pulse{At: st.Now, Link: st.Link, Carrier: st.Carrier, Needs: st.Needs}
		if err := b.db.View(ctx, func(tx db.Tx) (err error) { p.Report, err = s.report.report(ctx, tx); return err }); err != nil {
			return
		}
		text, err := json.Marshal(p)
		if err != nil {
			return
		}
		next := pulseFile(b.config.DataDir) + ".next"
		if os.WriteFile(next, text, 0o600) == nil {
			_ = os.Rename(next, pulseFile(b.config.DataDir))
		}
	})}
}

// heart is the loop that writes the pulse.
type heart struct {
	*service.Loop
	dir string
}

// Stop implements service.Service: a stopped box is not to look alive. What only
// the service knew stays readable.
func (h *heart) Stop(ctx context.Context) error {
	err := h.Loop.Stop(ctx)
	text, rerr := os.ReadFile(pulseFile(h.dir))
	var p pulse
	if rerr != nil || json.Unmarshal(text, &p) != nil {
		return err
	}
	p.At = time.Time{}
	if text, rerr = json.Marshal(p); rerr == nil {
		_ = os.WriteFile(pulseFile(h.dir), text, 0o600)
	}
	return err
}

// ErrAttention is what the status command ends with when something is to be seen
// to.
var ErrAttention = errors.New("needs attention")

// status prints what the operator wants to know: from the database, and from
// the running service's last word. It gives ErrAttention when something is to be
// seen to.
func status(ctx context.Context, c Config, out io.Writer) (err error) {
	if _, err := os.Stat(filepath.Join(c.DataDir, "school.db")); err != nil {
		return fmt.Errorf("there is no box in %s", c.DataDir)
	}
	b, err := lookAtBox(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.db.Close()) }()
	s, claimed := b.agent.State()
	if !claimed {
		_, err = fmt.Fprintln(out, "this box belongs to no school yet")
		return errors.Join(err, ErrAttention)
	}
	var last pulse
	if text, rerr := os.ReadFile(pulseFile(c.DataDir)); rerr == nil {
		_ = json.Unmarshal(text, &last) // an unreadable one is as good as none
	}
	return b.db.View(ctx, func(tx db.Tx) error {
		p := printer{out: out}
		if err := b.printStatus(ctx, tx, s, last, &p); err != nil {
			return err
		}
		if p.err == nil && p.attention {
			return ErrAttention
		}
		return p.err
	})
}

// printer prints lines and remembers whether one of them is a trouble.
type printer struct {
	out       io.Writer
	err       error
	attention bool
}

func (p *printer) linef(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format+"\n", args...)
	}
}

func (p *printer) troublef(is bool, format string, args ...any) {
	if is {
		p.attention = true
		p.linef("! "+format, args...)
	}
}

// known is what the database says of the box's conversation with the cloud, and
// what the running service last said.
type known struct {
	now    time.Time
	heads  syncer.Heads
	back   syncer.Backlog
	peer   syncer.PeerState
	paused []syncproto.Lane
	down   syncproto.Marks
	last   pulse
	// running: the service gave a sign of life within the last minute.
	running bool
}

func (b *box) known(ctx context.Context, tx db.Tx, s agent.State, last pulse) (k known, err error) {
	log := s.Log()
	k.now, k.last = b.clock.Now(), last
	k.running = k.now.Sub(last.At).Abs() < pulseLate
	if k.heads, err = syncer.ReadHeads(ctx, tx, log); err != nil {
		return k, err
	}
	if k.back, err = syncer.ReadBacklog(ctx, tx, log); err != nil {
		return k, err
	}
	if k.peer, _, err = syncer.ReadPeer(ctx, tx, s.SchoolID); err != nil {
		return k, err
	}
	if k.paused, err = syncer.PausedLanes(ctx, tx, s.SchoolID); err != nil {
		return k, err
	}
	if k.down, err = syncer.ReadMarks(ctx, tx, syncer.Log{School: s.SchoolID, Epoch: syncer.DownEpoch}); err != nil {
		return k, err
	}
	if k.running {
		return k, nil
	}
	k.last.Link, k.last.Carrier = "not running", ""
	k.last.Report, err = b.freshReport(ctx, tx, log, last.Report)
	return k, err
}

// freshReport reads what the database and the disk tell, and keeps of the old
// report r what only the service knew.
func (b *box) freshReport(ctx context.Context, tx db.Tx, log syncer.Log, r syncproto.Report) (syncproto.Report, error) {
	fresh := newReporter(func() syncer.Log { return log }, b.clock, b.log, b.config.DataDir)
	fresh.add("last known", func(_ context.Context, _ db.Tx, to *syncproto.Report) error {
		to.CopyAt, to.CopyState, to.BundleAt, to.Digest, to.DigestAt = r.CopyAt, r.CopyState, r.BundleAt, r.Digest, r.DigestAt
		to.UsedToday, to.UsedMonth, to.BudgetDay, to.BudgetMonth = r.UsedToday, r.UsedMonth, r.BudgetDay, r.BudgetMonth
		to.Snapshot, to.SnapshotDone, to.SnapshotOf = r.Snapshot, r.SnapshotDone, r.SnapshotOf
		return nil
	})
	return fresh.report(ctx, tx)
}

func (b *box) printStatus(ctx context.Context, tx db.Tx, s agent.State, last pulse, p *printer) error {
	k, err := b.known(ctx, tx, s, last)
	if err != nil {
		return err
	}
	p.linef("school %s (%s)\nappliance %s epoch %d", s.SchoolName, s.SchoolID, s.ApplianceID, s.Epoch)
	if standing := b.agent.Standing(); standing != agent.Fine {
		p.troublef(true, "standing: %s", standing)
	}
	p.figures(k)
	p.troubles(k)
	return nil
}

// figures prints everything that is known, well or not.
func (p *printer) figures(k known) {
	r := k.last.Report
	p.linef("service %s, link %s %s", map[bool]string{true: "running", false: "not running"}[k.running], k.last.Link, k.last.Carrier)
	p.linef("cloud last heard %s, clock offset %s", when(k.peer.SeenAt), k.peer.ClockOffset)
	p.linef("waiting %d (%d bytes), oldest %s, last applied %s, dead letters %d", k.back.Waiting, r.PendingBytes, when(k.back.Oldest), when(k.back.LastApplied), k.back.DeadLetters)
	p.linef("oldest unacknowledged since link-up: %d s", r.OldestSinceUp)
	p.linef("lost if this box died now: %d records", r.LostIfDead)
	for l, m := range k.heads.Out {
		if m.Seq > 0 || k.down[l].Seq > 0 {
			p.linef("lane %d: head %d, applied %d, backed up %d; from the cloud %d", l, m.Seq, k.heads.Acked[l], k.heads.Backed[l], k.down[l].Seq)
		}
	}
	p.linef("digest %s %s, snapshot %s %d/%d", or(r.Digest, "none"), stamp(r.DigestAt), or(r.Snapshot, "none"), r.SnapshotDone, r.SnapshotOf)
	p.linef("data used: today %d of %d, month %d of %d bytes (0: no budget)", r.UsedToday, r.BudgetDay, r.UsedMonth, r.BudgetMonth)
	p.linef("second medium %s, newest copy %s%s; bundle %s", or(r.CopyState, "none"), stamp(r.CopyAt), ago(r.CopyAt, k.now), stamp(r.BundleAt))
	p.linef("disk %d MB free of %d", r.DiskFree>>20, r.DiskTotal>>20)
}

// troubles prints what somebody should see to.
func (p *printer) troubles(k known) {
	r := k.last.Report
	for _, l := range k.paused {
		p.troublef(true, "lane %d from the cloud is paused: look at uhs-edge deadletters list", l)
	}
	p.troublef(!k.running, "the service is not running")
	p.troublef(k.back.DeadLetters > 0, "%d records of the cloud could not be stored", k.back.DeadLetters)
	p.troublef(r.Digest == "differs", "the records differ from the cloud's")
	for _, n := range needs(seen{now: k.now, up: k.last.Link == "up", back: k.back, heads: k.heads, peer: k.peer, report: r}) {
		if n.Code == "copy" {
			p.troublef(true, "copy: %s; newest %s%s", copyTroubles[r.CopyState], stamp(r.CopyAt), ago(r.CopyAt, k.now))
			continue
		}
		p.troublef(true, "%s %d %s", n.Code, n.Count, since(n.Since))
	}
}

// copyTroubles says what is wrong with the second medium.
var copyTroubles = map[string]string{ //nolint:gochecknoglobals // a constant
	safety.Missing: "the medium is not there", safety.Full: "the medium is full", safety.ReadOnly: "the medium cannot be written",
	safety.Failing: "the medium gives errors", safety.Unreachable: "the neighbour does not answer", safety.Refused: "the neighbour refuses it",
	safety.NoKey: "the cloud has not told yet who can open the copy",
}

// ago is how long before now a copy was made, for a person; empty: never.
func ago(seconds int64, now time.Time) string {
	if seconds == 0 {
		return ""
	}
	d := now.Sub(time.Unix(seconds, 0)).Round(time.Second)
	if d >= 48*time.Hour {
		return fmt.Sprintf(" (%d days ago)", d/(24*time.Hour))
	}
	return fmt.Sprintf(" (%s ago)", max(0, d))
}

func or(s, none string) string {
	if s == "" {
		return none
	}
	return s
}

func stamp(seconds int64) string {
	if seconds == 0 {
		return "never"
	}
	return when(time.Unix(seconds, 0).UTC())
}

func since(t *time.Time) string {
	if t == nil {
		return ""
	}
	return "since " + when(*t)
}

func when(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format(time.RFC3339)
}
