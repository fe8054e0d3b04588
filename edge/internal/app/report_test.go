package app

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// reported is a box's database with a reporter on it.
type reported struct {
	t      *testing.T
	db     db.DB
	clock  *clock.Fake
	log    syncer.Log
	outbox *syncer.Outbox
	*reporter
	said bytes.Buffer
}

func newReported(t *testing.T) *reported {
	t.Helper()
	b := &reported{t: t, db: dbtest.SQLite(t), clock: clock.NewFake(time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)), log: syncer.Log{School: id.New(), Epoch: 7}}
	hybrid, err := syncer.OpenHybrid(t.Context(), b.db, b.clock)
	if err != nil {
		t.Fatal(err)
	}
	b.outbox = &syncer.Outbox{Hybrid: hybrid, Clock: b.clock}
	b.reporter = newReporter(func() syncer.Log { return b.log }, b.clock, logging.New(&b.said, "warn"), t.TempDir())
	return b
}

func (b *reported) write(body string) {
	b.t.Helper()
	if err := b.db.Update(b.t.Context(), func(tx db.Tx) error {
		_, err := b.outbox.Append(b.t.Context(), tx, b.log, syncer.Change{
			Spec: syncproto.Spec{Name: "test.fact", Version: 1, Lane: syncproto.LaneLearning}, Entity: id.New(), Body: []byte(body)})
		return err
	}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *reported) now() (r syncproto.Report) {
	b.t.Helper()
	if err := b.db.View(b.t.Context(), func(tx db.Tx) (err error) { r, err = b.report(b.t.Context(), tx); return err }); err != nil {
		b.t.Fatal(err)
	}
	return r
}

func TestTheReport(t *testing.T) {
	t.Run("counts the age of what waits from when the link came up", func(t *testing.T) {
		b := newReported(t)
		b.write("four")
		b.clock.Advance(3 * time.Hour)
		if r := b.now(); r.OldestUnacked != 3*3600 || r.OldestSinceUp != 0 || r.PendingBytes != 4 || r.LostIfDead != 1 {
			t.Fatalf("before the link is up: %+v", r)
		}
		b.heard()
		b.clock.Advance(30 * time.Second)
		b.heard() // the next answer is not the link coming up
		b.clock.Advance(30 * time.Second)
		if r := b.now(); r.OldestUnacked != 3*3600+60 || r.OldestSinceUp != 60 {
			t.Fatalf("a minute after the link came up: %+v", r)
		}
		b.clock.Advance(time.Hour) // the cloud is silent
		b.heard()
		b.clock.Advance(10 * time.Second)
		if r := b.now(); r.OldestSinceUp != 10 {
			t.Fatalf("after a silence: %+v", r)
		}
	})
	t.Run("what the second medium has is not lost with the box", func(t *testing.T) {
		b := newReported(t)
		b.write("on the stick")
		b.clock.Advance(time.Minute)
		copied := b.clock.Now()
		b.add("copy", func(_ context.Context, _ db.Tx, r *syncproto.Report) error { r.CopyAt = copied.Unix(); return nil })
		b.clock.Advance(time.Minute)
		b.write("only here")
		if r := b.now(); r.LostIfDead != 1 || r.CopyAt != copied.Unix() {
			t.Fatalf("got %+v", r)
		}
	})
	t.Run("tells the rest when one part fails", func(t *testing.T) {
		b := newReported(t)
		b.write("x")
		b.add("budget", func(context.Context, db.Tx, *syncproto.Report) error { return errors.New("no meter") })
		if r := b.now(); r.PendingBytes != 1 || r.DiskTotal == 0 || r.DiskFree == 0 {
			t.Fatalf("got %+v", r)
		}
		if !strings.Contains(b.said.String(), "budget") {
			t.Fatalf("the failing part is not named: %s", b.said.String())
		}
	})
}
