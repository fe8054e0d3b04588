package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// classAtEight is how many children sign in at the same moment.
const classAtEight = 60

// signIns measures the school's door at eight o'clock: all press the button
// together, each waits for her own answer. Then what it costs a request that
// somebody is signed in: the same small answer with a token and without.
func (b *bench) signIns(ctx context.Context) error {
	people := b.w.People().Learners
	if len(people) < classAtEight {
		return fmt.Errorf("only %d learners", len(people))
	}
	people = people[:classAtEight]
	times, failed := make([]time.Duration, len(people)), make([]error, len(people))
	clients := make([]*world.Client, len(people))
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i, p := range people {
		clients[i] = world.NewClient(b.school.Edge.URL)
		wg.Go(func() {
			<-start
			began := time.Now()
			failed[i] = clients[i].SignInPIN(ctx, p.ID, p.PIN)
			times[i] = time.Since(began)
		})
	}
	began := time.Now()
	close(start)
	wg.Wait()
	took := time.Since(began)
	if err := errors.Join(failed...); err != nil {
		return err
	}
	slices.Sort(times)
	tell(fmt.Sprintf("%d sign-ins at once at the school, the 57th's answer (p95)", classAtEight), seconds(times[len(times)*95/100]), "-")
	tell("sign-ins in a second meanwhile", fmt.Sprintf("%.1f", float64(len(people))/took.Seconds()), "-")

	bare, err := each(ctx, world.NewClient(b.school.Edge.URL))
	if err != nil {
		return err
	}
	signed, err := each(ctx, clients[0])
	if err != nil {
		return err
	}
	tell("a small answer without a token, one after the other", micro(bare), "-")
	tell("the same with a token, verified with its session", micro(signed), "-")
	tell("so being signed in costs a request", micro(signed-bare), "-")
	tell("  ratio", fmt.Sprintf("%.2f", float64(signed)/float64(bare)), "-")
	return b.verify(ctx)
}

// verify lets uhs-rates measure the verification of a token alone, on both databases.
func (b *bench) verify(ctx context.Context) error {
	const database = "uhs_tokens"
	if err := b.w.Postgres.CreateDatabase(ctx, database); err != nil {
		return err
	}
	dir := filepath.Join(b.dir, "tokens")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return b.tool(ctx, "-tokens", "-postgres", b.w.Postgres.URL(database), "-dir", dir)
}

// each is what a request of c takes in the middle of many.
func each(ctx context.Context, c *world.Client) (time.Duration, error) {
	const many = 2000
	var times []time.Duration
	for range many {
		began := time.Now()
		if err := c.Get(ctx, "/api/v1/", nil); err != nil {
			return 0, err
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

func micro(d time.Duration) string { return fmt.Sprintf("%d µs", d.Microseconds()) }
