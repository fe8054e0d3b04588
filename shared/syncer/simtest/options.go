package simtest

import (
	"math/rand/v2"
	"time"
)

// mixes are the troubles that come together; a seed takes one of them.
var mixes = [][]Fault{
	{Loss, Partition, Crash, Transport, Database, Full, Stick},
	{Loss, Crash, Clocks, Database},
	{Loss, Crash, Builds, Poison},
	{Loss, Partition, Crash, Wipe},
	{Restore, Clone, Wipe, Rewind},
	{Rewind, Loss, Crash, Partition, Transport},
	{Clocks, Restore, Builds, Poison, Database},
	{Loss, Poison, Transport, Stick, Full},
	{Loss, Partition, Restore, Clone, Stick},
}

// Usual are the options of the runs of `make test` and `make sim`: twenty
// schools, two hours of a morning, one mix of troubles.
func Usual(seed uint64) Options {
	r := rand.New(rand.NewPCG(seed, 0xfa17)) // #nosec G404 -- a simulation that a seed repeats
	return Options{
		Seed: seed, Schools: 20, For: 2 * time.Hour, Writes: 90 + r.IntN(200), Batch: 1 + r.IntN(12),
		Faults: mixes[seed%uint64(len(mixes))], FaultEvery: time.Duration(25+r.IntN(60)) * time.Minute,
	}
}

// Soaked are the options of one slice of `make soak`: weeks in which every
// trouble comes to every school now and then. The schools write a hundred
// records a day, by the hour.
func Soaked(seed uint64, schools, days int) Options {
	return Options{Seed: seed, Schools: schools, For: time.Duration(days) * 24 * time.Hour, Writes: 100, Batch: 40, Faults: AllFaults(), FaultEvery: 10 * 24 * time.Hour, Frame: 16 << 10}
}
