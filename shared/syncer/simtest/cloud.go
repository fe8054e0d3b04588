package simtest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// cloud is the cloud's process and database.
type cloud struct {
	w     *world
	store *Store
	disk  db.DB
	plan  plan
	clock nodeClock
	build uint32

	up       bool
	life     int
	timeline int
	db       db.DB
	kit      kit
	outbox   *syncer.Outbox
	apply    *syncer.Applier
	down     *syncer.Downlinks
	talks    map[string]*talk
	backup   *Store // the newest verified backup
}

// talk is the conversation with one school in its present epoch.
type talk struct {
	school  *school
	epoch   int64
	peer    *syncer.Peer
	ticking bool
	idle    int
}

func (c *cloud) start() {
	c.plan = quiet()
	c.life++
	c.up, c.talks = true, map[string]*talk{}
	c.w.must("the cloud starts", c.open(faulty{c.disk, &c.plan}))
	c.w.note("start", "cloud", int64(c.timeline), int64(c.build))
	c.w.check.started(c.store, "cloud", nil)
}

func (c *cloud) open(raw db.DB) error {
	hybrid, err := syncer.OpenHybrid(c.w.ctx, raw, &c.clock)
	if err != nil {
		return err
	}
	side := side{cloud: true, build: c.build}
	c.kit = newKit(side)
	reg, err := c.kit.registry(side)
	if err != nil {
		return err
	}
	c.outbox = &syncer.Outbox{Hybrid: hybrid, Clock: &c.clock}
	c.down = &syncer.Downlinks{Outbox: c.outbox, Schools: c.audience, Wake: c.wake}
	c.db = syncer.WithJournal(raw, c.down)
	c.apply = &syncer.Applier{DB: c.db, Registry: reg, Hybrid: hybrid, Clock: &c.clock, Log: logging.Discard(), From: syncproto.EdgeOnly,
		Admit: c.admit, Echo: c.down, Reactions: []syncer.Reaction{syncer.On(c.kit.intents, c.book), syncer.On(c.kit.facts, c.forward)}}
	_, err = c.apply.ReplayUnknown(c.w.ctx)
	return err
}

// audience gives the schools a record goes to.
func (c *cloud) audience(ctx context.Context, tx db.Tx, a syncproto.Audience) ([]string, error) {
	if s, ok := a.School(); ok {
		return []string{s}, nil
	}
	who, _ := a.Learner()
	rows, err := tx.Query(ctx, schoolsOf, who)
	return db.Collect(rows, err, db.Scalar[string])
}

// admit lets a school write about itself and its present and past learners.
func (c *cloud) admit(ctx context.Context, tx db.Tx, school string, a syncproto.Audience) error {
	if s, ok := a.School(); ok && s == school {
		return nil
	}
	if l, ok := a.Learner(); ok {
		rows, err := tx.Query(ctx, placeOf, placeID(l, school))
		n, err := db.One(rows, err, db.Scalar[int64])
		if err != nil {
			return err
		}
		if n > 0 {
			return nil
		}
	}
	return fault.New(fault.Forbidden, "Not a learner of this school.")
}

func placeID(learner, school string) string {
	// Half of each: both are random.
	return learner[:18] + school[18:]
}

// book adds intents to their school's total: what happens once per intent.
func (c *cloud) book(ctx context.Context, tx db.Tx, in []Intent) error {
	for _, i := range in {
		if _, err := tx.Exec(ctx, addTotal, i.School, i.Amount); err != nil {
			return err
		}
	}
	return nil
}

// forward sends facts to the school the learner has moved to.
func (c *cloud) forward(ctx context.Context, tx db.Tx, in []Fact) error {
	for _, f := range in {
		rows, err := tx.Query(ctx, schoolsOf, f.Learner)
		homes, err := db.Collect(rows, err, db.Scalar[string])
		if err != nil {
			return err
		}
		if len(homes) == 1 && homes[0] == f.School {
			continue
		}
		if err := c.kit.facts.Record(ctx, tx, f); err != nil {
			return err
		}
	}
	return nil
}

func (c *cloud) crash() {
	if !c.up {
		return
	}
	c.up = false
	c.life++
	c.w.note("crash", "cloud", 0, 0)
	life := c.life
	c.w.after(c.w.between(time.Second, 5*time.Minute), func() {
		if c.life == life && !c.up {
			c.start()
		}
	})
}

func (c *cloud) fell() bool {
	if c.plan.crashed {
		c.crash()
		return true
	}
	return false
}

// row is the fleet's row of a school.
func (c *cloud) row(ctx context.Context, tx db.Tx, school string) (schoolRow, error) {
	rows, err := tx.Query(ctx, getSchool, school)
	return db.One(rows, err, func(r db.Rows) (s schoolRow, err error) { return s, r.Scan(&s.epoch, &s.appliance, &s.nonce) })
}

// talk is the conversation of the school's present epoch.
func (c *cloud) talk(s *school) (*talk, error) {
	var row schoolRow
	err := c.db.View(c.w.ctx, func(tx db.Tx) (err error) { row, err = c.row(c.w.ctx, tx, s.id); return err })
	if errors.Is(err, db.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if t := c.talks[s.id]; t != nil && t.epoch == row.epoch {
		return t, nil
	}
	t := &talk{school: s, epoch: row.epoch}
	up := syncer.Log{School: s.id, Epoch: row.epoch}
	t.peer = syncer.NewPeer(syncer.PeerOptions{
		DB: c.db, Outbox: c.outbox, Applier: c.apply, Clock: &c.clock, Log: logging.Discard(),
		Out: syncer.Log{School: s.id, Epoch: syncer.DownEpoch}, In: up, Epoch: row.epoch, Software: "sim", Timeline: timelineName(c.timeline),
		Offer: func(ctx context.Context, tx db.Tx, in syncproto.Marks) (bool, error) {
			cover, err := syncer.ReadCoverage(ctx, tx, syncer.Log{School: s.id, Epoch: syncer.DownEpoch}, in)
			return err == nil && cover.Choose() == syncer.WaySnapshot, err
		},
		Backed: func(context.Context, db.Tx) ([syncproto.Lanes]int64, error) { return c.backed(up), nil },
	})
	c.talks[s.id] = t
	return t, nil
}

func timelineName(n int) string { return fmt.Sprintf("timeline%d", n) }

// backed is how much of a log the newest verified backup holds.
func (c *cloud) backed(log syncer.Log) (b [syncproto.Lanes]int64) {
	if c.backup == nil {
		return b
	}
	for l := range b {
		b[l] = c.backup.marksIn.rows[lane{log.School, log.Epoch, int64(l)}].seq
	}
	return b
}

func (c *cloud) wake(school string) {
	if t := c.talks[school]; t != nil {
		c.poke(t, 50*time.Millisecond)
	}
}

func (c *cloud) poke(t *talk, d time.Duration) {
	if t.ticking {
		return
	}
	t.ticking = true
	life := c.life
	c.w.after(d, func() {
		if c.life == life && c.up && c.talks[t.school.id] == t {
			t.ticking = false
			c.tick(t)
		}
	})
}

// tick sends what is due to a school.
func (c *cloud) tick(t *talk) {
	r := &t.school.road
	if r.cut && !r.stores {
		t.idle++
		c.poke(t, c.pause(t))
		return
	}
	for range 64 {
		msgs, err := t.peer.Outgoing(c.w.ctx, c.w.frame)
		if c.fell() {
			return
		}
		if err != nil && !passes(err) {
			c.w.violatedf("nothing can be sent: %v", err)
		}
		if err != nil || len(msgs) == 0 {
			break
		}
		t.idle = 0
		for _, m := range msgs {
			c.w.note("send down", t.school.name, int64(m.Kind), int64(len(m.Data)))
			r.send(c.w, &r.down, m, t.epoch)
		}
	}
	t.idle++
	if t.peer.Busy() {
		c.poke(t, c.pause(t))
	}
}

func (c *cloud) pause(t *talk) time.Duration {
	return time.Duration(min(t.idle*t.idle, 100)) * 3 * time.Second
}

// deliver takes a message that came up a school's road.
func (c *cloud) deliver(s *school, epoch int64, m syncproto.Message) (again bool) {
	if !c.up {
		return true
	}
	t, err := c.talk(s)
	if c.fell() || err != nil {
		return true
	}
	if t == nil { // put back to before the claim: the box is claimed again
		return m.Kind == syncproto.KindHello && c.late(s, epoch, m)
	}
	c.w.note("arrive up", s.name, int64(m.Kind), epoch)
	c.w.result.Frames++
	if t.epoch != epoch {
		return c.late(s, epoch, m)
	}
	err = t.peer.Handle(c.w.ctx, m)
	if c.fell() {
		return true
	}
	t.idle = 0
	c.poke(t, 100*time.Millisecond)
	c.strange(err)
	return err != nil && !errors.Is(err, syncer.ErrRefused)
}

// strange ends the run on an error that a store gives which does not know a
// statement, or that nothing explains.
func (c *cloud) strange(err error) {
	if err != nil && !passes(err) && !errors.Is(err, syncer.ErrRefused) {
		c.w.violatedf("a message could not be taken: %v", err)
	}
}

// late takes a frame of an epoch that is over; a hello of one is answered with
// the news that it is over.
func (c *cloud) late(s *school, epoch int64, m syncproto.Message) (again bool) {
	if m.Kind == syncproto.KindHello {
		for _, b := range s.boxes {
			if b.up && b.epoch == epoch && !s.road.cut {
				b.renewSoon("the epoch is over")
			}
		}
		return false
	}
	if m.Kind != syncproto.KindFrame {
		return false
	}
	f, err := syncproto.DecodeFrame(m.Data)
	if err != nil {
		c.w.violatedf("a frame cannot be read: %v", err)
		return false
	}
	var known int64
	err = c.db.View(c.w.ctx, func(tx db.Tx) error {
		rows, err := tx.Query(c.w.ctx, knownEpoch, s.id, epoch)
		known, err = db.One(rows, err, db.Scalar[int64])
		return err
	})
	if err == nil && known > 0 {
		_, err = c.apply.Apply(c.w.ctx, syncer.Log{School: s.id, Epoch: epoch}, f)
		// The present box does not have what an earlier one brings late: the nightly
		// comparison sends it.
	}
	if c.fell() {
		return true
	}
	return err != nil && !errors.Is(err, syncer.ErrFork) && !errors.Is(err, syncer.ErrGap) && !errors.Is(err, syncer.ErrForeign)
}
