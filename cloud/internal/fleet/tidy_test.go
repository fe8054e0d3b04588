package fleet_test

import (
	"fmt"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/fleet/fleettest"
)

func TestWhatNoBoxCanAskForAnyMoreIsDropped(t *testing.T) {
	c := fleettest.New(t)
	school := c.School("LODWAR-1")
	b := c.Box()
	if p := b.Claim(c.Code(school.ID)); p.Status != 200 {
		t.Fatal(p)
	}
	b.Connect(b.Epoch)
	var dropped int64
	const days = 33
	for day := range days {
		c.Learner(school.ID, fmt.Sprintf("Learner %d", day))
		c.Must(b.Talk(3))
		c.Clock.Advance(24 * time.Hour)
		n, err := c.Fleet.Tidy(t.Context())
		c.Must(err)
		if dropped += n; day < 29 && n > 0 {
			t.Fatalf("%d rows went on day %d", n, day)
		}
	}
	left := c.Count(`SELECT count(*) FROM outbox WHERE epoch = 1`)
	if dropped == 0 || left < days-10 {
		t.Errorf("%d rows went, %d are left", dropped, left)
	}
	c.Learner(school.ID, "Ekal Ewoton")
	c.Must(b.Talk(6))
	if n := b.Count(`SELECT count(*) FROM accounts WHERE full_name = 'Ekal Ewoton'`); n != 1 {
		t.Errorf("what came after the pruned rows is there %d times", n)
	}
}
