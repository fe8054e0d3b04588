package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/installer/e2e/netns"
	"urbanhomeschool.org/uhs/installer/internal/world"
)

// A line of 64 kbit/s that is full in both directions: more attempts to send and a
// larger picture to fetch than it carries during the test, and a cheap modem that
// keeps 20 s of packets before it drops one.
const (
	realRate   = 64
	bigPicture = 2 << 20
	// pictureBegun has come before the payment begins: by then the modem is full.
	pictureBegun = 200 << 10
	modemQueue   = 20 * time.Second
	paymentWant  = 5 * time.Second // and two round trips, which are nothing here
)

// payOverPacks gets a school ready whose line is down, with a month of work that
// waits and a course to come; what it gives plugs the line in and measures how long
// a payment takes that is started when the line is full.
func payOverPacks(t *testing.T, w *world.World, l *netns.Line) func(*testing.T) {
	t.Helper()
	s := schoolOf(t, w, "lodwar")
	settled(t, s)
	payByBursar(t, w, s, "Nakiru", "Lokiru") // the uplink exists from the first record on
	settled(t, s)
	// On a metered line everything goes by HTTPS: what is to be answered waits behind
	// what else comes down.
	admin, err := w.Admin(t.Context())
	must(t, err)
	must(t, admin.Put(t.Context(), "/api/v1/schools/"+s.ID+"/line", map[string]any{"metered": true, "every_minutes": 15, "day_mb": 0, "month_mb": 0,
		"shillings_per_mb": 0, "windows": []any{}}, nil))
	within(t, time.Minute, "the line is used on demand", func(ctx context.Context) (bool, error) {
		st, err := s.Status(ctx)
		return st.Carrier == "https", err
	})
	must(t, l.Down())
	must(t, s.Edge.Stop())
	fillBox(t, w, s, thinBacklog)
	must(t, w.Publish(t.Context(), pictureBook(t)))
	return func(t *testing.T) {
		must(t, l.Shape(realRate, modemQueue))
		must(t, s.Edge.Start(t.Context()))
		must(t, l.Up())
		const arrived = "SELECT count(*) FROM attempts WHERE school_id = $1"
		within(t, 2*time.Minute, "the backlog and the course fill the line", func(ctx context.Context) (bool, error) {
			n, err := number(ctx, w, arrived, s.ID)
			here := pictureHere(t, w, s)
			return n > 1000 && here > pictureBegun, err
		})
		upBefore, downBefore, err := l.Load()
		must(t, err)
		before := time.Now()
		pause(t.Context(), 4*time.Second)

		began := time.Now()
		told := payByBursar(t, w, s, "Akiru", "Arupe") // the sign-in at the box is part of it
		within(t, 2*time.Minute, "the payment is at the cloud", func(ctx context.Context) (bool, error) {
			n, err := number(ctx, w, "SELECT count(*) FROM payment_intents WHERE id = $1", told.ID)
			return n == 1, err
		})
		took := time.Since(began)

		up, down, err := l.Load()
		must(t, err)
		full := time.Since(before).Seconds() * realRate * 1000 / 8
		upShare, downShare := float64(up.Sent-upBefore.Sent)/full, float64(down.Sent-downBefore.Sent)/full
		st, err := s.Status(t.Context())
		must(t, err)
		here := pictureHere(t, w, s)
		t.Logf("a payment was at the cloud after %.1f s (aim %.1f s) on a line of %d kbit/s that was %.0f %% full up and %.0f %% down; %d records and %d kB of the course still wait",
			took.Seconds(), paymentWant.Seconds(), realRate, 100*upShare, 100*downShare, st.Waiting, (bigPicture-here)/1000)
		if took > 3*paymentWant { // the machine's own noise is allowed for
			t.Errorf("the payment took %v, aim %v", took, paymentWant)
		}
		// By HTTPS the way up rests while an answer comes down, and the way down while
		// the payment goes first: neither is quite full.
		if st.Waiting < thinBacklog/4 || here >= bigPicture || upShare < 0.2 || downShare < 0.4 {
			t.Error("the line was not full")
		}
	}
}

// pictureBook is a free course with one lesson and one large picture.
func pictureBook(t *testing.T) string {
	t.Helper()
	from, dir := filepath.Join("testdata", "saving-money"), t.TempDir()
	must(t, os.CopyFS(dir, os.DirFS(from)))
	edit := func(name string, edits ...string) {
		b, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(strings.NewReplacer(edits...).Replace(string(b))), 0o600))
	}
	edit("course.yaml", "saving-money", "saving-money-in-pictures", "price_minor: 30000", "price_minor: 0")
	edit("lessons/a-savings-plan.md", "## Try it", "![A jar of coins](media/jar.jpg)\n\n## Try it")
	must(t, os.Mkdir(filepath.Join(dir, "media"), 0o700))
	picture := make([]byte, bigPicture)
	_, _ = rand.Read(picture)
	must(t, os.WriteFile(filepath.Join(dir, "media", "jar.jpg"), picture, 0o600))
	return dir
}

// pictureHere is how much of the large picture a box has.
func pictureHere(t *testing.T, w *world.World, s *world.School) (n int64) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(filepath.Dir(w.File(s)), "packs"), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil //nolint:nilerr // a file may be renamed meanwhile
		}
		if info, err := e.Info(); err == nil && (filepath.Base(filepath.Dir(path)) == "part" || info.Size() > bigPicture/2) {
			n = max(n, info.Size())
		}
		return nil
	})
	if err != nil {
		t.Log(fmt.Errorf("look for the picture: %w", err))
	}
	return n
}
