package app

import (
	"context"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// topic fills the fields of one part of the box (the second medium, the data
// budget, the snapshot) into the report. It reads; it never waits.
type topic func(ctx context.Context, tx db.Tx, r *syncproto.Report) error

// reporter says what the box knows of itself: for the cloud's fleet page, the
// school's one sentence, /metrics and the status command.
type reporter struct {
	log   func() syncer.Log
	clock clock.Clock
	slog  *slog.Logger
	dir   string

	mu       sync.Mutex
	topics   map[string]topic
	heardAt  time.Time // when the cloud last answered
	upSince  time.Time // when it answered first after a silence
	unsent   syncer.Unsent
	measured time.Time // when unsent was read
	next     time.Time // when it is read again
}

func newReporter(log func() syncer.Log, c clock.Clock, l *slog.Logger, dir string) *reporter {
	return &reporter{log: log, clock: c, slog: l, dir: dir, topics: map[string]topic{}}
}

// add makes t part of every report; the name is for the log.
func (p *reporter) add(name string, t topic) { p.mu.Lock(); defer p.mu.Unlock(); p.topics[name] = t }

// silence is how long the cloud says nothing before its next word counts as the
// link coming up: it answers a hello about every 30 s.
const silence = 2 * time.Minute

// heard notes that the cloud has answered.
func (p *reporter) heard() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	if gap := now.Sub(p.heardAt); gap > silence || gap < 0 {
		p.upSince = now
	}
	p.heardAt = now
}

// report builds the report. A topic that fails is left out and logged: the rest
// must still be told.
func (p *reporter) report(ctx context.Context, tx db.Tx) (r syncproto.Report, err error) {
	log, now := p.log(), p.clock.Now()
	heads, err := syncer.ReadHeads(ctx, tx, log)
	if err != nil {
		return r, err
	}
	back, err := syncer.ReadBacklog(ctx, tx, log)
	if err != nil {
		return r, err
	}
	r.Backed, r.DeadLetters = heads.Backed, back.DeadLetters
	r.DiskFree, r.DiskTotal = disk(p.dir)
	p.mu.Lock()
	topics, since := p.topics, p.upSince
	p.mu.Unlock()
	if !back.Oldest.IsZero() {
		r.OldestUnacked = seconds(now.Sub(back.Oldest))
		if !since.IsZero() {
			r.OldestSinceUp = min(r.OldestUnacked, seconds(now.Sub(since)))
		}
	}
	for name, t := range topics {
		if err := t(ctx, tx, &r); err != nil {
			p.slog.Warn("a part of the report is missing", slog.String("topic", name), logging.Err(err))
		}
	}
	unsent, err := p.size(ctx, tx, back.Waiting, time.Unix(r.CopyAt, 0).UTC())
	r.PendingBytes, r.LostIfDead = unsent.Bytes, unsent.Since
	return r, err
}

// size measures what the cloud has not applied. It reads all of it, so with a
// long backlog the last figure serves for a hundred times as long as it took.
func (p *reporter) size(ctx context.Context, tx db.Tx, waiting int64, copied time.Time) (syncer.Unsent, error) {
	if waiting == 0 {
		return syncer.Unsent{}, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	begin := p.clock.Now()
	if begin.Before(p.next) && !begin.Before(p.measured) && p.unsent.Records > 0 {
		return p.unsent, nil
	}
	u, err := syncer.ReadUnsent(ctx, tx, p.log(), copied)
	if err != nil {
		return u, err
	}
	end := p.clock.Now()
	p.unsent, p.measured, p.next = u, begin, end.Add(100*end.Sub(begin))
	return u, nil
}

func seconds(d time.Duration) int64 { return max(0, int64(d/time.Second)) }

// disk is what is free, and all, of the disk under dir; zeros when it cannot be
// told.
func disk(dir string) (free, total int64) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0
	}
	block := s.Bsize
	return int64(s.Bavail) * block, int64(s.Blocks) * block
}
