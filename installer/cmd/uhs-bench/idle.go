package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// checkIns are counted on a metered line. A month at the usual quarter of an hour
// is computed from them.
const (
	checkIns   = 5
	quiet      = 5 * time.Second // between two, nothing passes for so long
	monthDays  = 30
	perDay     = 24 * 4
	comparison = "/sync/v1/digest"
)

// burst is what passed the line between two silences.
type burst struct {
	bytes    int64
	compared bool // it had the nightly comparison of all records in it
}

// idleMonth counts what a box without work sends and hears on a line that is used
// on demand: every byte of both roads, TLS as in production included. The box has
// a plan to check in every minute, so that the count takes minutes and not hours.
func (b *bench) idleMonth(ctx context.Context) (err error) {
	front, err := openFront(b.w.Cloud.URL, b.dir)
	if err != nil {
		return err
	}
	defer front.close()
	web, err := count(front.address())
	if err != nil {
		return err
	}
	defer web.close()
	leaf, err := count(fmt.Sprintf("127.0.0.1:%d", b.w.LeafPort()))
	if err != nil {
		return err
	}
	defer leaf.close()
	was := b.school.Edge.Settings()
	back := func() error {
		b.school.Edge.Restore(was)
		return b.plan(ctx, linePlan{Windows: []any{}})
	}
	if err := b.restartWith(ctx, map[string]string{"CLOUD_URL": "https://" + web.address(), "LEAF_URL": "tls://" + leaf.address(),
		"SSL_CERT_FILE": filepath.Join(b.dir, authorityFile)}); err != nil {
		return err
	}
	if err := b.plan(ctx, linePlan{Metered: true, Every: 1, Windows: []any{}}); err != nil {
		return err
	}
	bursts, err := b.listen(ctx, front, web, leaf)
	if err != nil {
		return err
	}
	var plain, compared []int64
	for _, x := range bursts {
		if x.compared {
			compared = append(compared, x.bytes)
		} else {
			plain = append(plain, x.bytes)
		}
	}
	tellMonth(plain, compared)
	if err := back(); err != nil {
		return err
	}
	return b.restartWith(ctx, nil)
}

// tellMonth prints one check-in, the comparison and the month.
func tellMonth(plain, compared []int64) {
	slices.Sort(plain)
	checkIn := plain[len(plain)/2]
	var night int64
	for _, n := range compared {
		night = max(night, n) // a check-in may have fallen together with it
	}
	tell(fmt.Sprintf("metered line: one idle check-in, both roads (median of %d)", len(plain)), fmt.Sprintf("%d B", checkIn), "-")
	tell("metered line: the nightly comparison of all records", fmt.Sprintf("%d B", night), "-")
	month := monthDays * (perDay*checkIn + night)
	tell(fmt.Sprintf("metered line: an idle month, %d check-ins a day", perDay), fmt.Sprintf("%.1f MB", float64(month)/1e6), "20 MB")
}

// listen waits until the line is used on demand and gives what passes it, check-in
// by check-in, until the comparison was among it too.
func (b *bench) listen(ctx context.Context, front *front, roads ...*counter) (out []burst, err error) {
	sum := func() (n int64) {
		for _, r := range roads {
			n += r.bytes.Load()
		}
		return n
	}
	begin, compared := sum(), front.asked(comparison)
	last, since, first := begin, time.Now(), true
	limit := time.Now().Add(15 * time.Minute)
	for len(out) < checkIns || !slices.ContainsFunc(out, func(x burst) bool { return x.compared }) {
		if time.Now().After(limit) {
			return out, fmt.Errorf("only %d check-ins came in time", len(out))
		}
		select {
		case <-ctx.Done():
			return out, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		if now := sum(); now != last {
			last, since = now, time.Now()
			continue
		}
		if last == begin || time.Since(since) < quiet {
			continue
		}
		if n := front.asked(comparison); !first { // the first has the way there in it
			out = append(out, burst{last - begin, n > compared})
			compared = n
		}
		first, begin = false, last
	}
	return out, nil
}

type linePlan struct {
	Metered bool  `json:"metered"`
	Every   int64 `json:"every_minutes"`
	DayMB   int64 `json:"day_mb"`
	MonthMB int64 `json:"month_mb"`
	PerMB   int64 `json:"shillings_per_mb"`
	Windows []any `json:"windows"`
}

// plan sets how the school's line may be used.
func (b *bench) plan(ctx context.Context, p linePlan) error {
	admin, err := b.w.Admin(ctx)
	if err != nil {
		return err
	}
	return admin.Put(ctx, "/api/v1/schools/"+b.school.ID+"/line", p, nil)
}

// restartWith starts the box again with other settings.
func (b *bench) restartWith(ctx context.Context, settings map[string]string) error {
	if err := b.school.Edge.Stop(); err != nil {
		return err
	}
	for name, value := range settings {
		b.school.Edge.Set(name, value)
	}
	if err := b.school.Edge.Start(ctx); err != nil {
		return err
	}
	return world.Await(ctx, time.Minute, "the box is on line", func(ctx context.Context) (bool, error) {
		st, err := b.school.Status(ctx)
		return st.Link == "up", err
	})
}
