package simtest

import (
	"reflect"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// The stores in memory are only as good as they are like the databases. The same
// seed is played on them and on SQLite files with a Postgres server, by the same
// code: every step and all that is stored at the end have to be the same.
func TestTheSameRunOnRealDatabases(t *testing.T) {
	for _, mix := range [][]Fault{
		{Loss, Partition, Crash, Transport, Stick},
		{Loss, Database, Full, Clocks},
		{Loss, Poison, Builds, Crash},
	} {
		o := Options{Seed: uint64(40 + len(mix)), Schools: 3, For: 90 * time.Minute, Writes: 600, Batch: 6, Faults: mix, FaultEvery: 20 * time.Minute, NoBackups: true}
		memory, err := play(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		o.Open = func(d db.Dialect) (db.DB, error) { return realDB(t, d) }
		start := time.Now()
		onDisk, err := play(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%v: %d steps, %d records in %s", mix, onDisk.steps, memory.result.Events, time.Since(start).Round(time.Millisecond))
		if memory.hash != onDisk.hash || memory.steps != onDisk.steps {
			t.Errorf("%v: the runs part: %d steps in memory, %d on real databases", mix, memory.steps, onDisk.steps)
		}
		alike(t, memory, onDisk)
	}
}

func realDB(t *testing.T, d db.Dialect) (db.DB, error) {
	var out db.DB
	if d == db.SQLite {
		out = dbtest.SQLite(t)
	} else {
		out = dbtest.Postgres(t)
	}
	return out, out.Update(t.Context(), func(tx db.Tx) error {
		for _, q := range schema(d) {
			if _, err := tx.Exec(t.Context(), db.SQL{Both: q}); err != nil {
				return err
			}
		}
		return nil
	})
}

// alike compares what every node of two worlds holds, as the product itself looks
// at it: the frames of a snapshot, and the sums of a comparison.
func alike(t *testing.T, a, b *world) {
	t.Helper()
	for i, s := range a.schools {
		x, framesX := export(t, a, a.schools[i])
		y, framesY := export(t, b, b.schools[i])
		if !reflect.DeepEqual(x, y) || !reflect.DeepEqual(framesX, framesY) {
			t.Errorf("%s: a snapshot of the cloud in memory has %d frames and %v, one of Postgres %d and %v", s.name, len(framesX), x.Counts, len(framesY), y.Counts)
		}
		for j, box := range s.boxes {
			if x, y := sums(t, box, box.disk), sums(t, box, b.schools[i].boxes[j].disk); !reflect.DeepEqual(x, y) {
				t.Errorf("%s: the records in memory and in SQLite add up differently", box.label)
			}
		}
	}
}

func export(t *testing.T, w *world, s *school) (syncproto.Snapshot, [][]byte) {
	t.Helper()
	var frames [][]byte
	x := syncer.Exporter{DB: w.cloud.disk, Registry: w.cloud.apply.Registry, Scope: syncer.Scope{School: s.id, Members: members}}
	out, err := x.Export(t.Context(), func(f []byte) error { frames = append(frames, f); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return out, frames
}

func sums(t *testing.T, b *box, d db.DB) (out []syncproto.KindDigest) {
	t.Helper()
	err := d.View(t.Context(), func(tx db.Tx) (err error) {
		out, err = syncer.Digests(t.Context(), tx, b.apply.Registry, b.scope())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
