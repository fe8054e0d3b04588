package syncer_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/db/sqlite"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// fact is an append-only record, note a last-writer one.
type fact struct {
	ID      string  `cbor:"1,keyasint"`
	Learner string  `cbor:"2,keyasint"`
	Points  int64   `cbor:"3,keyasint"`
	At      db.Time `cbor:"4,keyasint"`
}

type note struct {
	ID     string `cbor:"1,keyasint"`
	School string `cbor:"2,keyasint"`
	Text   string `cbor:"3,keyasint"`
}

var (
	insertFact = db.SQL{Both: `INSERT INTO facts (id, learner, points, at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING`}
	getFact    = db.SQL{Both: `SELECT id, learner, points, at FROM facts WHERE id = $1`}
	sumFacts   = db.SQL{Both: `SELECT count(*), coalesce(sum(points), 0) FROM facts`}
	upsertNote = db.SQL{Both: `INSERT INTO notes (id, school, text) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET text = excluded.text`}

	errBroken = errors.New("the database is away")
)

// brokenLearner makes Put fail for a while, poisonLearner for ever.
const (
	brokenLearner = "00000000-0000-7000-8000-00000000b0b0"
	poisonLearner = "00000000-0000-7000-8000-0000000dead0"
	stranger      = "00000000-0000-7000-8000-000000057a90"
)

func facts(broken func() bool) syncer.Entity[fact] {
	return syncer.Entity[fact]{
		Spec:     syncproto.Spec{Name: "test.fact", Version: 1, Lane: syncproto.LaneLearning, Writer: syncproto.EitherSide, Merge: syncproto.AppendOnly},
		ID:       func(f fact) string { return f.ID },
		Audience: func(f fact) syncproto.Audience { return syncproto.OfLearner(f.Learner) },
		Put: func(ctx context.Context, tx db.Tx, f fact) (bool, error) {
			if f.Learner == brokenLearner && broken() {
				return false, errBroken
			}
			if f.Points < 0 {
				return false, fault.New(fault.Invalid, "points are never negative")
			}
			n, err := tx.Exec(ctx, insertFact, f.ID, f.Learner, f.Points, f.At)
			return n > 0, err
		},
		Get: func(ctx context.Context, tx db.Tx, id string) (fact, error) {
			rows, err := tx.Query(ctx, getFact, id)
			return db.One(rows, err, func(r db.Rows) (f fact, err error) { return f, r.Scan(&f.ID, &f.Learner, &f.Points, &f.At) })
		},
		Bulk: &syncer.Bulk[fact]{
			Table: "facts", Columns: []string{"id", "learner", "points", "at"},
			Row: func(f fact) []any { return []any{f.ID, f.Learner, f.Points, f.At} },
		},
	}
}

var notes = syncer.Entity[note]{
	Spec:     syncproto.Spec{Name: "test.note", Version: 1, Lane: syncproto.LaneRoster, Writer: syncproto.EitherSide, Merge: syncproto.LastWriter},
	ID:       func(n note) string { return n.ID },
	Audience: func(n note) syncproto.Audience { return syncproto.OfSchool(n.School) },
	Put: func(ctx context.Context, tx db.Tx, n note) (bool, error) {
		_, err := tx.Exec(ctx, upsertNote, n.ID, n.School, n.Text)
		return true, err
	},
}

var orders = syncer.Entity[note]{
	Spec:     syncproto.Spec{Name: "test.order", Version: 1, Lane: syncproto.LaneControl, Writer: syncproto.CloudOnly, Merge: syncproto.LastWriter},
	ID:       notes.ID,
	Audience: notes.Audience,
	Put:      notes.Put,
}

// node is one side with a real database.
type node struct {
	db      db.DB
	file    *sqlite.DB // of an appliance
	outbox  *syncer.Outbox
	applier *syncer.Applier
	peer    *syncer.Peer
	facts   syncer.Entity[fact]
	broken  bool
	forked  error
	seen    []fact // what reactions saw
}

// world is one school and the cloud, joined by a road that may lose, repeat and
// reorder what it carries.
type world struct {
	t      *testing.T
	clock  *clock.Fake
	school string
	epoch  int64
	rng    *rand.Rand
	edge   *node
	cloud  *node
	faulty bool
	toEdge []syncproto.Message
	toHub  []syncproto.Message
}

const down = syncer.DownEpoch

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewFake(time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)), school: id.New(), epoch: 1_700_000_000,
		rng: rand.New(rand.NewPCG(7, 11))}
	w.edge = w.node(dbtest.SQLite(t), syncproto.CloudOnly)
	w.cloud = w.node(dbtest.Postgres(t), syncproto.EdgeOnly)
	w.cloud.applier.Admit = func(_ context.Context, _ db.Tx, _ string, a syncproto.Audience) error {
		if l, ok := a.Learner(); ok && l == stranger {
			return fault.New(fault.Forbidden, "not a learner of this school")
		}
		return nil
	}
	w.connect()
	return w
}

func (w *world) node(d db.DB, from syncproto.Writer) *node {
	w.t.Helper()
	ctx := w.t.Context()
	at, uuid := "TIMESTAMP", "TEXT"
	if d.Dialect() == db.Postgres {
		at, uuid = "timestamptz", "uuid"
	}
	for _, q := range []string{
		"CREATE TABLE IF NOT EXISTS facts (id " + uuid + " PRIMARY KEY, learner text NOT NULL, points bigint NOT NULL CHECK (points < 1000000), at " + at + " NOT NULL)",
		"CREATE TABLE IF NOT EXISTS notes (id " + uuid + " PRIMARY KEY, school text NOT NULL, text text NOT NULL)",
	} {
		w.do(d, func(tx db.Tx) error { _, err := tx.Exec(ctx, db.SQL{Both: q}); return err })
	}
	n := &node{db: d}
	n.file, _ = d.(*sqlite.DB)
	hybrid, err := syncer.OpenHybrid(ctx, d, w.clock)
	w.must(err)
	n.outbox = &syncer.Outbox{Hybrid: hybrid, Clock: w.clock}
	n.facts = facts(func() bool { return n.broken })
	reg, err := syncer.NewRegistry(n.facts, notes, orders, coins)
	w.must(err)
	n.applier = &syncer.Applier{DB: d, Registry: reg, Hybrid: hybrid, Clock: w.clock, Log: logging.Discard(), From: from,
		Reactions: []syncer.Reaction{syncer.On(n.facts, func(_ context.Context, _ db.Tx, in []fact) error { n.seen = append(n.seen, in...); return nil })}}
	return n
}

// connect joins the two sides in a fresh conversation, as after a restart.
func (w *world) connect() {
	up, dn := syncer.Log{School: w.school, Epoch: w.epoch}, syncer.Log{School: w.school, Epoch: down}
	peer := func(n *node, out, in syncer.Log) *syncer.Peer {
		return syncer.NewPeer(syncer.PeerOptions{DB: n.db, Outbox: n.outbox, Applier: n.applier, Clock: w.clock, Log: logging.Discard(),
			Out: out, In: in, Epoch: w.epoch, Appliance: "box", Forked: func(err error) { n.forked = err }})
	}
	downlinks := &syncer.Downlinks{Outbox: w.cloud.outbox, Wake: func(string) {},
		Schools: func(context.Context, db.Tx, syncproto.Audience) ([]string, error) { return []string{w.school}, nil }}
	w.cloud.applier.Echo = downlinks
	w.edge.peer, w.cloud.peer = peer(w.edge, up, dn), peer(w.cloud, dn, up)
	if _, bound := w.edge.db.(journalled); !bound {
		w.edge.db = journalled{syncer.WithJournal(w.edge.db, &syncer.Uplink{Outbox: w.edge.outbox, Current: func() syncer.Log { return syncer.Log{School: w.school, Epoch: w.epoch} }, Wake: func() {}})}
		w.cloud.db = journalled{syncer.WithJournal(w.cloud.db, downlinks)}
	}
	w.toEdge, w.toHub = nil, nil
}

type journalled struct{ db.DB }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) do(d db.DB, fn func(db.Tx) error) { w.t.Helper(); w.must(d.Update(w.t.Context(), fn)) }

func (w *world) save(n *node, points int64, learner string) fact {
	w.t.Helper()
	f := fact{ID: id.New(), Learner: learner, Points: points, At: db.Time{Time: w.clock.Now()}}
	w.do(n.db, func(tx db.Tx) error { _, err := n.facts.Save(w.t.Context(), tx, f); return err })
	return f
}

// settle lets the two sides talk until nothing is left to say, or rounds are over.
func (w *world) settle(rounds int) {
	w.t.Helper()
	ctx := w.t.Context()
	for range rounds {
		for _, s := range []struct {
			from, to *node
			road     *[]syncproto.Message
		}{{w.edge, w.cloud, &w.toHub}, {w.cloud, w.edge, &w.toEdge}} {
			out, err := s.from.peer.Outgoing(ctx, 700)
			w.must(err)
			*s.road = w.mess(append(*s.road, out...))
			for _, m := range *s.road {
				if err := s.to.peer.Handle(ctx, m); err != nil && !errors.Is(err, syncer.ErrRefused) && !errors.Is(err, errBroken) {
					w.t.Fatal(err)
				}
			}
			*s.road = nil
		}
		w.clock.Advance(3 * time.Second)
	}
}

// mess loses a fifth, repeats a fifth and shuffles.
func (w *world) mess(in []syncproto.Message) []syncproto.Message {
	if !w.faulty {
		return in
	}
	var out []syncproto.Message
	for _, m := range in {
		switch w.rng.IntN(5) {
		case 0:
		case 1:
			out = append(out, m, m)
		default:
			out = append(out, m)
		}
	}
	w.rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// total counts the facts of a side and sums their points.
func (w *world) total(n *node) (count, points int64) {
	w.t.Helper()
	w.must(n.db.View(w.t.Context(), func(tx db.Tx) error {
		rows, err := tx.Query(w.t.Context(), sumFacts)
		_, err = db.One(rows, err, func(r db.Rows) (struct{}, error) { return struct{}{}, r.Scan(&count, &points) })
		return err
	}))
	return count, points
}

func (w *world) count(n *node, query string, args ...any) (c int64) {
	w.t.Helper()
	w.must(n.db.View(w.t.Context(), func(tx db.Tx) error {
		rows, err := tx.Query(w.t.Context(), db.SQL{Both: query}, args...)
		c, err = db.One(rows, err, db.Scalar[int64])
		return err
	}))
	return c
}

func (w *world) waiting(n *node, epoch int64) int64 {
	w.t.Helper()
	var b syncer.Backlog
	w.must(n.db.View(w.t.Context(), func(tx db.Tx) (err error) {
		b, err = syncer.ReadBacklog(w.t.Context(), tx, syncer.Log{School: w.school, Epoch: epoch})
		return err
	}))
	return b.Waiting
}
