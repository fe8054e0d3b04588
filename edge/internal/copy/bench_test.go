package copy

import (
	"syscall"
	"testing"
	"time"
)

// BenchmarkBusySchool is the copy of a school that saves five records a second:
// what it writes to the medium and what it takes of one core. The records come
// at that pace; one operation is one record.
func BenchmarkBusySchool(b *testing.B) {
	x := newBox(b)
	for range 5000 {
		x.write()
	}
	m := stick(b)
	s := x.service(m)
	s.o.Every, s.o.Look = 10*time.Second, time.Second
	if err := s.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer func() { must(b, s.Stop(b.Context())) }()
	eventually(b, "the first copy", caughtUp(s, time.Time{}))
	before, begin, used := s.Status()[0], time.Now(), processor()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for b.Loop() {
		<-tick.C
		x.write()
	}
	minutes := time.Since(begin).Minutes()
	after := s.Status()[0]
	b.ReportMetric(float64(after.Bytes-before.Bytes)/minutes, "copied-B/min")
	b.ReportMetric(float64(after.Segments-before.Segments)/minutes, "segments/min")
	b.ReportMetric((processor()-used).Seconds()/minutes, "cpu-s/min")
}

// processor is the time this process has used.
func processor() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFirstCopy is a whole database copied once.
func BenchmarkFirstCopy(b *testing.B) {
	x := newBox(b)
	for range 20_000 {
		x.write()
	}
	var bytes int64
	for b.Loop() {
		s := x.service(stick(b))
		must(b, s.Start(b.Context()))
		eventually(b, "the copy", caughtUp(s, time.Time{}))
		bytes = s.Status()[0].Bytes
		must(b, s.Stop(b.Context()))
	}
	b.ReportMetric(float64(bytes), "copied-B")
}
