package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// ComparerOptions are the parts of a Comparer.
type ComparerOptions struct {
	Agent *Agent
	// DB has the journal: what only this box has is recorded again.
	DB       db.DB
	Registry *syncer.Registry
	Members  syncer.Members
	Clock    clock.Clock
	Log      *slog.Logger
	// Snapshot asks for one: sending again did not help.
	Snapshot func(reason string)
}

// Comparer compares the box's records with the cloud's, every night and after
// every snapshot, and has what differs sent again. It works only while both
// sides have applied all of each other's logs; otherwise it tries again later.
type Comparer struct {
	o      ComparerOptions
	poke   chan struct{}
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// NewComparer makes a stopped service.
func NewComparer(o ComparerOptions) *Comparer { return &Comparer{o: o, poke: make(chan struct{}, 1)} }

// Compare makes the next comparison due now. It never blocks.
func (c *Comparer) Compare() {
	select {
	case c.poke <- struct{}{}:
	default:
	}
}

// The states of a report.
const (
	digestEqual     = "equal"
	digestRepairing = "repairing"
	digestDiffers   = "differs"
)

// compared is the outcome of the last comparison, kept with the box's state.
type compared struct {
	State string `json:"state"`
	At    int64  `json:"at"`
	// Pair names exactly what differed: the same again means that repairing it did
	// not help.
	Pair string `json:"pair,omitempty"`
}

const comparedKey = "agent.compared"

func lastCompared(ctx context.Context, tx db.Tx) (last compared, err error) {
	text, err := syncer.NodeState(ctx, tx, comparedKey)
	if err != nil || text == "" {
		return last, err
	}
	return last, json.Unmarshal([]byte(text), &last)
}

// Fill puts the last comparison into the report.
func (c *Comparer) Fill(ctx context.Context, tx db.Tx, r *syncproto.Report) error {
	last, err := lastCompared(ctx, tx)
	r.Digest, r.DigestAt = last.State, last.At
	return err
}

// When to compare.
const (
	compareEvery = 24 * time.Hour
	repairLooked = 5 * time.Minute // after a repair, to see whether it helped
	compareAgain = 2 * time.Minute // when the two sides were not at the same point
	nightFrom    = 22              // the hour of the school's night, in UTC: one o'clock
)

// Start implements service.Service.
func (c *Comparer) Start(ctx context.Context) error {
	ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	c.wg.Go(func() { c.run(ctx) })
	return nil
}

// Stop implements service.Service.
func (c *Comparer) Stop(context.Context) error {
	if c.cancel != nil {
		c.cancel()
	}
	c.wg.Wait()
	return nil
}

func (c *Comparer) run(ctx context.Context) {
	tick := time.NewTicker(compareAgain)
	defer tick.Stop()
	for asked := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-c.poke:
			asked = true
		case <-tick.C:
		}
		due, err := c.due(ctx)
		if err == nil && (asked || due) {
			var done bool
			if done, err = c.Once(ctx); done {
				asked = false
			}
		}
		if err != nil && ctx.Err() == nil {
			c.o.Log.Info("compare the records with the cloud", logging.Err(err))
		}
	}
}

// due tells whether it is time: at night, or a while after a repair.
func (c *Comparer) due(ctx context.Context) (due bool, err error) {
	err = c.o.DB.View(ctx, func(tx db.Tx) error {
		last, err := lastCompared(ctx, tx)
		now := c.o.Clock.Now()
		since := now.Sub(time.Unix(last.At, 0))
		due = last.State == digestRepairing && since > repairLooked || since > compareEvery && now.Hour() >= nightFrom || since > 2*compareEvery || since < 0
		return err
	})
	return due, err
}

// Once compares once. done is false when the two sides were not at the same
// point, so that nothing can be said.
func (c *Comparer) Once(ctx context.Context) (done bool, err error) {
	state, ok := c.o.Agent.State()
	if !ok {
		return false, nil
	}
	in, ready, err := c.ask(ctx, state)
	if err != nil || !ready {
		return false, err
	}
	roots := in
	roots.Kinds = slices.Clone(in.Kinds)
	for i := range roots.Kinds {
		roots.Kinds[i].Buckets = nil
	}
	var answer syncproto.DigestAnswer
	if err := post(ctx, c.o.Agent.Client(), state.CloudURL+syncproto.DigestPath, roots, &answer); err != nil {
		return false, err
	}
	if answer.Moved {
		return false, nil
	}
	if len(answer.Differ) == 0 {
		return true, c.note(ctx, compared{State: digestEqual})
	}
	return c.mend(ctx, state, in, answer.Differ)
}

// ask reads where the box is and what its records add up to, at one moment.
func (c *Comparer) ask(ctx context.Context, state State) (in syncproto.DigestRequest, ready bool, err error) {
	err = c.o.DB.View(ctx, func(tx db.Tx) error {
		heads, err := syncer.ReadHeads(ctx, tx, state.Log())
		if err != nil || heads.Waiting() > 0 {
			return err
		}
		down, err := syncer.ReadMarks(ctx, tx, syncer.Log{School: state.SchoolID, Epoch: syncer.DownEpoch})
		if err != nil {
			return err
		}
		in.Epoch = state.Epoch
		for _, m := range []struct {
			to   *[]byte
			from syncproto.Marks
		}{{&in.Down, down}, {&in.Up, heads.Out}} {
			ack, err := syncproto.EncodeAck(syncproto.Ack{Applied: m.from})
			if err != nil {
				return err
			}
			*m.to = ack.Data
		}
		ready = true
		in.Kinds, err = syncer.Digests(ctx, tx, c.o.Registry, c.scope(state))
		return err
	})
	return in, ready && err == nil, err
}

func (c *Comparer) scope(s State) syncer.Scope {
	return syncer.Scope{School: s.SchoolID, Members: c.o.Members}
}

// mend names the records in the buckets that differ. The cloud sends again what
// the box lacks; the box records again what the cloud lacks. What was mended
// before in exactly this way and differs still needs a snapshot, if it is the
// cloud that has more.
func (c *Comparer) mend(ctx context.Context, state State, in syncproto.DigestRequest, differ []syncproto.KindDigest) (bool, error) {
	pair := pairOf(in.Kinds, differ)
	var last compared
	if err := c.o.DB.View(ctx, func(tx db.Tx) (err error) { last, err = lastCompared(ctx, tx); return err }); err != nil {
		return false, err
	}
	if last.Pair == pair { // told once already; the admin has the incident
		if last.State == digestRepairing && c.o.Snapshot != nil {
			c.o.Snapshot(syncproto.ReasonDigest)
		}
		return true, c.note(ctx, compared{State: digestDiffers, Pair: pair})
	}
	items, err := c.items(ctx, state, in.Kinds, differ)
	if err != nil {
		return false, err
	}
	in.Kinds, in.Items = nil, items
	var answer syncproto.DigestAnswer
	if err := post(ctx, c.o.Agent.Client(), state.CloudURL+syncproto.DigestPath, in, &answer); err != nil {
		return false, err
	}
	if answer.Moved {
		return false, nil
	}
	again, err := c.record(ctx, answer.Extra)
	if err != nil {
		return false, err
	}
	c.o.Log.Warn("records differ from the cloud's and are sent again", logging.School(state.SchoolID), slog.Int("from the cloud", answer.Sent), slog.Int("to the cloud", again))
	return true, c.note(ctx, compared{State: digestRepairing, Pair: pair})
}

// pairOf names what differs: each kind with both roots.
func pairOf(ours, theirs []syncproto.KindDigest) string {
	var out []string
	for _, t := range theirs {
		for _, o := range ours {
			if o.Name == t.Name {
				out = append(out, fmt.Sprintf("%s %x %x", o.Name, o.Root, t.Root))
			}
		}
	}
	return strings.Join(out, "; ")
}

// maxItems is how many records one question names; the next one goes on.
const maxItems = 8_000

// items are the records of this box in the buckets that differ.
func (c *Comparer) items(ctx context.Context, state State, ours, differ []syncproto.KindDigest) (out []syncproto.DigestItems, err error) {
	err = c.o.DB.View(ctx, func(tx db.Tx) error {
		named := 0
		for _, t := range differ {
			i := slices.IndexFunc(ours, func(o syncproto.KindDigest) bool { return o.Name == t.Name })
			if i < 0 {
				continue
			}
			in := syncproto.DigestItems{Name: t.Name, Buckets: syncer.Differing(ours[i], t), Records: map[string]uint64{}}
			per := max(ours[i].Count, t.Count)/syncproto.Buckets + 1
			if room := max(1, int((maxItems-int64(named))/per)); len(in.Buckets) > room {
				in.Buckets = in.Buckets[:room]
			}
			if err := c.o.Registry.InBuckets(ctx, tx, c.scope(state), in, func(h syncer.Held, sum uint64) error {
				in.Records[h.ID] = sum
				return nil
			}); err != nil {
				return err
			}
			named += len(in.Records)
			out = append(out, in)
			if named >= maxItems {
				return nil
			}
		}
		return nil
	})
	return out, err
}

// record sends again the facts that the cloud should have and does not.
func (c *Comparer) record(ctx context.Context, extra map[string][]string) (n int, err error) {
	err = c.o.DB.Update(ctx, func(tx db.Tx) error {
		n = 0
		for _, kind := range slices.Sorted(maps.Keys(extra)) {
			for _, id := range extra[kind] {
				done, err := c.o.Registry.Again(ctx, tx, kind, id, syncproto.EdgeOnly)
				if err != nil {
					return err
				}
				if done {
					n++
				}
			}
		}
		return nil
	})
	return n, err
}

func (c *Comparer) note(ctx context.Context, now compared) error {
	now.At = c.o.Clock.Now().Unix()
	text, err := json.Marshal(now)
	if err != nil {
		return err
	}
	return c.o.DB.Update(ctx, func(tx db.Tx) error { return syncer.SetNodeState(ctx, tx, comparedKey, string(text)) })
}
