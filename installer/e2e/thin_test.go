package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// A line of 64 kbit/s with a round trip of 600 ms, and more attempts than it
// carries during the test.
const (
	thinRate    = 64 / 8 // kB/s
	thinTrip    = 600 * time.Millisecond
	thinBacklog = 30_000
)

// TestAPaymentOvertakesTheBacklogOnAThinLine fills a box with weeks of work,
// gives it a thin line, and starts a payment when the line is full. The payment
// is at the cloud long before the work is.
func TestAPaymentOvertakesTheBacklogOnAThinLine(t *testing.T) {
	w, dir, err := startWorld(t.Context())
	t.Cleanup(func() {
		if err := leave(w, dir, t.Failed()); err != nil {
			t.Error(err)
		}
	})
	must(t, err)
	s := schoolOf(t, w, "lodwar")
	settled(t, s)
	payByBursar(t, w, s, "Nakiru", "Lokiru") // the uplink exists from the first record on
	settled(t, s)
	s.Link.Cut()
	must(t, s.Edge.Stop())
	fillBox(t, w, s, thinBacklog)
	must(t, s.Edge.Start(t.Context()))

	must(t, s.Link.Shape(thinRate, int(thinTrip.Milliseconds())/2))
	must(t, s.Link.Plug())
	const arrived = "SELECT count(*) FROM attempts"
	first := count(t, w, arrived)
	await(t, "the backlog fills the line", func(ctx context.Context) (bool, error) {
		n, err := number(ctx, w, arrived)
		return n > first+1000, err
	})

	began := time.Now()
	told := payByBursar(t, w, s, "Akiru", "Arupe")
	await(t, "the payment is at the cloud", func(ctx context.Context) (bool, error) {
		n, err := number(ctx, w, "SELECT count(*) FROM payment_intents WHERE id = $1", told.ID)
		return n == 1, err
	})
	took := time.Since(began)

	st, err := s.Status(t.Context())
	must(t, err)
	bound := 2*thinTrip + 5*time.Second
	t.Logf("a payment was at the cloud after %.1f s (aim %.1f s) with %d records still waiting on a line of %d kB/s", took.Seconds(), bound.Seconds(), st.Waiting, thinRate)
	// The machine's own noise is allowed for; waiting behind the backlog is not.
	if took > 3*bound {
		t.Errorf("the payment took %v, aim %v", took, bound)
	}
	if st.Waiting < thinBacklog/4 {
		t.Errorf("only %d records wait: the line was not full", st.Waiting)
	}
}

// fillBox puts a backlog into a stopped box.
func fillBox(t *testing.T, w *world.World, s *world.School, records int) {
	t.Helper()
	fill := exec.CommandContext(t.Context(), filepath.Join(binaries(), "uhs-rates"), "-fill", w.File(s), "-records", fmt.Sprint(records))
	if out, err := fill.CombinedOutput(); err != nil {
		t.Fatalf("fill the box: %v\n%s", err, out)
	}
}

// payByBursar starts a payment at the box.
func payByBursar(t *testing.T, w *world.World, s *world.School, learner, payer string) (told payment) {
	t.Helper()
	bursar := world.NewClient(s.Edge.URL)
	must(t, bursar.SignIn(t.Context(), w.People().Teacher("lodwar", "bursar").Email, world.SchoolPassword))
	course, err := findCourse(t.Context(), bursar, platformCourse)
	must(t, err)
	must(t, bursar.Post(t.Context(), "/api/v1/payments/initiate", map[string]any{
		"gateway": "mpesa", "amount": course.Price, "currency": "KES", "phone_number": w.People().Parent(payer).Phone,
		"course_id": course.ID, "learner_id": w.People().Learner(learner).ID,
	}, &told))
	return told
}
