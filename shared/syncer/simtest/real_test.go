package simtest

import (
	"reflect"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
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

// alike compares what every node of two worlds holds.
func alike(t *testing.T, a, b *world) {
	t.Helper()
	for i, s := range a.schools {
		for j, box := range s.boxes {
			for _, pair := range [][2]db.DB{{box.disk, b.schools[i].boxes[j].disk}, {a.cloud.disk, b.cloud.disk}} {
				x, err1 := scopeOf(t.Context(), pair[0], box.log())
				y, err2 := scopeOf(t.Context(), pair[1], box.log())
				if err1 != nil || err2 != nil {
					t.Fatal(err1, err2)
				}
				if !reflect.DeepEqual(x, y) {
					t.Errorf("%s: in memory %d facts, %d notes, %d intents; on real databases %d, %d, %d: they differ", box.label,
						len(x.facts), len(x.notes), len(x.intents), len(y.facts), len(y.notes), len(y.intents))
				}
			}
		}
	}
}
