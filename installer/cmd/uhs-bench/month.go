package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// rates lets uhs-rates measure the engine alone, on the world's PostgreSQL and
// in a file on the same disk.
func (b *bench) rates(ctx context.Context) error {
	const database = "uhs_rates"
	if err := b.w.Postgres.CreateDatabase(ctx, database); err != nil {
		return err
	}
	dir := filepath.Join(b.dir, "rates")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return b.tool(ctx, "-postgres", b.w.Postgres.URL(database), "-dir", dir)
}

func (b *bench) tool(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(b.bin, "uhs-rates"), args...) // #nosec G204 -- one of our own binaries
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("uhs-rates: %w", err)
	}
	return nil
}

// month puts a large school's month of attempts into the stopped box, and
// measures how they arrive and what the box holds in memory meanwhile.
func (b *bench) month(ctx context.Context, records int) error {
	if err := b.openCourse(ctx); err != nil {
		return err
	}
	if err := b.spend(ctx, b.learners[0], 0); err != nil { // so that the box's log has begun
		return err
	}
	if err := b.settled(ctx); err != nil {
		return err
	}
	before, err := b.count(ctx, "SELECT count(*) FROM attempts")
	if err != nil {
		return err
	}
	b.school.Link.Cut()
	if err := b.school.Edge.Stop(); err != nil {
		return err
	}
	if err := b.tool(ctx, "-fill", b.w.File(b.school), "-records", fmt.Sprint(records)); err != nil {
		return err
	}
	if err := b.school.Edge.Start(ctx); err != nil {
		return err
	}
	cpu, err := b.processor()
	if err != nil {
		return err
	}
	watched, stop := context.WithCancel(ctx)
	var most int64
	var watcher sync.WaitGroup
	watcher.Go(func() { most = peak(watched, b.school.Edge) })
	err = b.arrival(ctx, patience{What: fmt.Sprintf("a month of a large school (%d records)", records), Limit: time.Hour, Aim: "15 s"},
		"SELECT count(*) FROM attempts", before+int64(records))
	stop()
	watcher.Wait()
	if err != nil {
		return err
	}
	tell("appliance: most memory while it catches up (RSS)", fmt.Sprintf("%.1f MB", float64(most)/1e6), "150 MB")
	after, err := b.processor()
	for i, of := range []string{"the appliance", "the cloud", "PostgreSQL"} {
		tell("  processor time of "+of+" for it", seconds(after[i]-cpu[i]), "-")
	}
	return err
}

// processor is the processor time that box, cloud and PostgreSQL have used.
func (b *bench) processor() (used [3]time.Duration, err error) {
	for i, of := range []func() (time.Duration, error){b.school.Edge.CPU, b.w.Cloud.CPU, b.w.Postgres.CPU} {
		if used[i], err = of(); err != nil {
			return used, err
		}
	}
	return used, nil
}

// peak is the most memory a program held until ctx ended.
func peak(ctx context.Context, p *world.Program) (most int64) {
	for ctx.Err() == nil {
		if n, err := p.RSS(); err == nil {
			most = max(most, n)
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	return most
}
