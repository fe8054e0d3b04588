package simtest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// school is one school: its boxes and the road to the cloud.
type school struct {
	id       string
	name     string
	road     road
	boxes    []*box
	learners []*learner
	notes    []string
	orders   []string
	damaged  bool // a disk of it was destroyed, copied or put back
}

// learner is a child; a learner never comes back to a school it left.
type learner struct {
	id   string
	home *school
}

// box is one appliance: a disk, and a process while it runs.
type box struct {
	w       *world
	name    string // the appliance's id; its clone has the same
	label   string // for the trace
	school  *school
	store   *Store // nil on a real database
	disk    db.DB  // what is really there
	file    *file  // the same, as the process has it open
	plan    plan
	clock   nodeClock
	build   uint32
	retired bool      // its disk is destroyed
	away    time.Time // until then it has no line of its own

	up     bool
	life   int // counts starts: what was scheduled by an earlier life is void
	db     db.DB
	kit    kit
	outbox *syncer.Outbox
	apply  *syncer.Applier
	peer   *syncer.Peer

	epoch    int64
	timeline string // of the cloud, as this box knows it
	renewing bool
	moved    bool // the renewal's local half is done
	compared compared
	// A snapshot that is on its way, and its parts on the disk.
	wanted  bool
	parts   *parts
	swapped time.Time // when the last one was put in
	older   *Store    // a copy made earlier
	barred  bool      // another box of the school is the active one
	ticking bool
	idle    int
}

func (b *box) log() syncer.Log { return syncer.Log{School: b.school.id, Epoch: b.epoch} }

func (b *box) downLog() syncer.Log { return syncer.Log{School: b.school.id, Epoch: syncer.DownEpoch} }

// start begins a life of the process on what the disk holds.
func (b *box) start() {
	if b.retired {
		return
	}
	b.plan = plan{failIn: -1, full: b.plan.full}
	b.life++
	b.up, b.ticking, b.renewing, b.idle, b.peer = true, false, false, 0, nil
	b.file = &file{b.disk}
	if err := b.open(faulty{b.file, &b.plan}); err != nil {
		b.w.note("no start", b.label, 0, 0)
		if !passes(err) {
			b.w.violatedf("%s does not start: %v", b.label, err)
		}
		b.up = false
		b.restartIn(b.w.between(time.Second, time.Minute))
		return
	}
	b.w.note("start", b.label, b.epoch, int64(b.build))
	b.w.check.started(b.store, b.label, b)
	if b.epoch == 0 {
		b.claim()
		return
	}
	b.connect()
	if b.wanted {
		b.takeIn(b.w.between(time.Second, time.Minute))
	}
}

func (b *box) open(raw db.DB) error {
	ctx := b.w.ctx
	hybrid, err := syncer.OpenHybrid(ctx, raw, &b.clock)
	if err != nil {
		return err
	}
	side := side{build: b.build}
	b.kit = newKit(side)
	reg, err := b.kit.registry(side)
	if err != nil {
		return err
	}
	b.outbox = &syncer.Outbox{Hybrid: hybrid, Clock: &b.clock}
	b.db = syncer.WithJournal(raw, &syncer.Uplink{Outbox: b.outbox, Current: b.log, Wake: func() { b.wake(50 * time.Millisecond) }})
	b.apply = &syncer.Applier{DB: b.db, Registry: reg, Hybrid: hybrid, Clock: &b.clock, Log: logging.Discard(), From: syncproto.CloudOnly}
	if err := b.readState(); err != nil {
		return err
	}
	_, err = b.apply.ReplayUnknown(ctx)
	return err
}

const stateKey = "sim.state"

func (b *box) readState() error {
	return b.db.View(b.w.ctx, func(tx db.Tx) error {
		text, err := syncer.NodeState(b.w.ctx, tx, stateKey)
		if err != nil {
			return err
		}
		b.epoch = 0
		if text != "" {
			epoch, rest, _ := strings.Cut(text, " ")
			b.name, b.timeline, _ = strings.Cut(rest, " ")
			if b.epoch, err = strconv.ParseInt(epoch, 10, 64); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *box) writeState(ctx context.Context, tx db.Tx, epoch int64, timeline string) error {
	return syncer.SetNodeState(ctx, tx, stateKey, fmt.Sprintf("%d %s %s", epoch, b.name, timeline))
}

// connect makes the conversation of the present epoch.
func (b *box) connect() {
	b.peer = syncer.NewPeer(syncer.PeerOptions{
		DB: b.db, Outbox: b.outbox, Applier: b.apply, Clock: &b.clock, Log: logging.Discard(),
		Out: b.log(), In: b.downLog(), Epoch: b.epoch, Appliance: b.name, Software: "sim",
		Forked:         func(reason error) { b.renewSoon(reason.Error()) },
		SnapshotNeeded: b.want,
		Timeline:       b.timeline,
		Heard: func(h syncproto.Hello) {
			if h.Timeline != b.timeline {
				b.renewSoon("another life of the cloud's database")
			}
		},
	})
	b.wake(b.w.between(0, time.Second))
}

// passes tells whether err is a simulated trouble of the database.
func passes(err error) bool {
	return errors.Is(err, errAway) || errors.Is(err, errBusy) || errors.Is(err, errFull) || errors.Is(err, errCrash)
}

// crash ends the process; what the disk had not flushed is gone.
func (b *box) crash() {
	if !b.up {
		return
	}
	b.up = false
	b.life++
	b.w.note("crash", b.label, b.epoch, 0)
	if b.store != nil {
		b.store.Crash()
	}
	b.restartIn(b.w.between(time.Second, 20*time.Minute))
}

func (b *box) restartIn(d time.Duration) {
	life := b.life
	b.w.after(d, func() {
		if b.life == life && !b.up {
			b.start()
		}
	})
}

// fell tells whether the process ended in what gave err, and ends it.
func (b *box) fell() bool {
	if b.plan.crashed {
		b.crash()
		return true
	}
	return false
}

// wake schedules a look for something to send.
func (b *box) wake(d time.Duration) {
	if b.ticking || !b.up {
		return
	}
	b.ticking = true
	life := b.life
	b.w.after(d, func() {
		if b.life == life && b.up {
			b.ticking = false
			b.tick()
		}
	})
}

// tick sends what is due, as the link's goroutine does.
func (b *box) tick() {
	if b.peer == nil || b.barred || b.renewing {
		return
	}
	if b.w.now.Before(b.away) || (b.school.road.cut && !b.school.road.stores) {
		b.idle++
		b.wake(b.pause())
		return
	}
	for range 64 {
		msgs, err := b.peer.Outgoing(b.w.ctx, b.w.frame)
		if b.fell() {
			return
		}
		if err != nil && !passes(err) {
			b.w.violatedf("nothing can be sent: %v", err)
		}
		if err != nil || len(msgs) == 0 {
			break
		}
		b.idle = 0
		if b.w.faultNow(3) { // the carrier is full
			b.w.note("unsent", b.label, int64(len(msgs)), 0)
			b.peer.Unsent()
			break
		}
		for _, m := range msgs {
			b.w.note("send up", b.label, int64(m.Kind), int64(len(m.Data)))
			b.school.road.send(b.w, &b.school.road.up, m, b.epoch)
		}
	}
	b.idle++
	if b.peer.Busy() || !b.peer.Ready() || b.waiting() {
		b.wake(b.pause())
	}
}

// pause is how long to wait until the next look: longer while nothing moves.
func (b *box) pause() time.Duration {
	return time.Duration(min(b.idle*b.idle, 50)) * 6 * time.Second
}

func (b *box) waiting() bool {
	var n int64
	_ = b.db.View(b.w.ctx, func(tx db.Tx) error {
		backlog, err := syncer.ReadBacklog(b.w.ctx, tx, b.log())
		n = backlog.Waiting
		return err
	})
	return n > 0
}

// deliver hands a message of the cloud to the process.
func (b *box) deliver(m syncproto.Message) (again bool) {
	if b.peer == nil {
		return false
	}
	err := b.peer.Handle(b.w.ctx, m)
	if b.fell() {
		return true
	}
	b.idle = 0
	b.wake(100 * time.Millisecond)
	b.w.cloud.strange(err)
	return err != nil && !errors.Is(err, syncer.ErrRefused)
}

// save runs a use-case and tells the checker what the person was told.
func (b *box) save(what string, n int64, fn func(tx db.Tx) error) bool {
	before := b.plan.commit
	err := b.db.Update(b.w.ctx, fn)
	b.w.note(what, b.label, n, int64(before))
	if b.fell() {
		return false
	}
	if err != nil && !passes(err) {
		b.w.violatedf("%s at %s: %v", what, b.label, err)
	}
	return err == nil
}
