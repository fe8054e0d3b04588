package syncer

import (
	"context"
	"errors"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// notePeer writes down what the other side said of itself.
func (p *Peer) notePeer(ctx context.Context, h syncproto.Hello) error {
	now := p.o.Clock.Now()
	carrier := ""
	if p.o.Carrier != nil {
		carrier = p.o.Carrier()
	}
	m, err := syncproto.EncodeAck(syncproto.Ack{Applied: h.Out})
	if err != nil {
		return err
	}
	report, err := syncproto.EncodeReport(h.Report)
	if err != nil {
		return err
	}
	return p.o.DB.Update(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, upsertPeer, p.o.Out.School, h.Epoch, h.Appliance, h.Software, carrier, h.Timeline, m.Data, h.Sent.Sub(now).Milliseconds(), now, report)
		return err
	})
}

// noteCaughtUp writes down that everything the other side had when it sent h is
// applied here: the "as of" of every page about the school.
func (p *Peer) noteCaughtUp(ctx context.Context, h syncproto.Hello) error {
	return p.o.DB.Update(ctx, func(tx db.Tx) error {
		in, err := ReadMarks(ctx, tx, p.o.In)
		if err != nil {
			return err
		}
		for l, m := range h.Out {
			if in[l].Seq < m.Seq {
				return nil
			}
		}
		if _, err := tx.Exec(ctx, caughtUpPeer, p.o.Out.School, p.o.Clock.Now()); err != nil {
			return err
		}
		tx.AfterCommit(func() { p.mu.Lock(); p.talk.CaughtUp(); p.mu.Unlock() })
		return nil
	})
}

// PeerState is what is known of the other side of one conversation.
type PeerState struct {
	Epoch                        int64
	Appliance, Software, Carrier string
	Timeline                     string
	// Head is the end of its own log when it was last heard.
	Head        syncproto.Marks
	ClockOffset time.Duration
	SeenAt      time.Time
	// Report is what it said of itself.
	Report syncproto.Report
	// CaughtUpAt is until when everything of it is applied here; zero: never.
	CaughtUpAt time.Time
}

// ReadPeer reads the state; ok is false when the other side was never heard.
func ReadPeer(ctx context.Context, tx db.Tx, school string) (s PeerState, ok bool, err error) {
	rows, err := tx.Query(ctx, selectPeer, school)
	s, err = db.One(rows, err, scanPeer)
	if errors.Is(err, db.ErrNoRows) {
		return s, false, nil
	}
	return s, err == nil, err
}

func scanPeer(r db.Rows) (s PeerState, err error) {
	var head, report []byte
	var offset int64
	var seen, caught db.Time
	if err := r.Scan(&s.Epoch, &s.Appliance, &s.Software, &s.Carrier, &s.Timeline, &head, &offset, &seen, &caught, &report); err != nil {
		return s, err
	}
	if s.Report, err = syncproto.DecodeReport(report); err != nil {
		return s, err
	}
	a, err := syncproto.DecodeAck(head)
	s.Head, s.ClockOffset, s.SeenAt, s.CaughtUpAt = a.Applied, time.Duration(offset)*time.Millisecond, seen.Time, caught.Time
	return s, err
}

// Backlog is what the other side has not applied of a log.
type Backlog struct {
	Waiting int64
	// Oldest is when the oldest of them was made; zero when there is none.
	Oldest time.Time
	// LastApplied is when the other side last confirmed anything; zero: never.
	LastApplied time.Time
	DeadLetters int64
}

// ReadBacklog reads the backlog of log.
func ReadBacklog(ctx context.Context, tx db.Tx, log Log) (b Backlog, err error) {
	rows, err := tx.Query(ctx, countWaiting, log.School, log.Epoch)
	if b.Waiting, err = db.One(rows, err, db.Scalar[int64]); err != nil {
		return b, err
	}
	for _, q := range []struct {
		sql db.SQL
		to  *time.Time
	}{{oldestWaiting, &b.Oldest}, {lastAcked, &b.LastApplied}} {
		rows, err := tx.Query(ctx, q.sql, log.School, log.Epoch)
		t, err := db.One(rows, err, db.Scalar[db.Time])
		if err != nil {
			return b, err
		}
		*q.to = t.Time
	}
	rows, err = tx.Query(ctx, countDead, log.School)
	b.DeadLetters, err = db.One(rows, err, db.Scalar[int64])
	return b, err
}

// History is the ends of applied frames of a log, newest first per lane: what an
// appliance needs to find the last common point after a fork.
func History(ctx context.Context, tx db.Tx, log Log) (h [syncproto.Lanes][]syncproto.Mark, err error) {
	rows, err := tx.Query(ctx, listHistory, log.School, log.Epoch)
	if err != nil {
		return h, err
	}
	defer rows.Close()
	for rows.Next() {
		var lane int64
		var m syncproto.Mark
		var chain []byte
		if err := rows.Scan(&lane, &m.Seq, &chain); err != nil {
			return h, err
		}
		if lane >= 0 && lane < int64(syncproto.Lanes) {
			m.Chain = syncproto.HashOf(chain)
			h[lane] = append(h[lane], m)
		}
	}
	return h, rows.Err()
}

// NodeState reads a small fact about this node; "" when it is not set.
func NodeState(ctx context.Context, tx db.Tx, key string) (string, error) {
	rows, err := tx.Query(ctx, selectState, key)
	s, err := db.One(rows, err, db.Scalar[string])
	if errors.Is(err, db.ErrNoRows) {
		return "", nil
	}
	return s, err
}

// SetNodeState writes a small fact about this node.
func SetNodeState(ctx context.Context, tx db.Tx, key, value string) error {
	_, err := tx.Exec(ctx, upsertState, key, value)
	return err
}
