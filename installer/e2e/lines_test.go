package e2e

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// TestBadLines spoils a school's line in the ways of the field while it works: the
// school notices nothing, and when the line is well again everything is at the
// cloud, once.
func TestBadLines(t *testing.T) {
	w := theWorld(t)
	o := openSchool(t, w, world.SchoolPlan{Key: "moyale", Name: "Moyale Border", Code: "MOYALE-1", County: "Marsabit"})
	s := o.school
	both := func(kind string, toxicity float32, attributes map[string]int) []world.Trouble {
		return []world.Trouble{trouble(kind, "upstream", toxicity, attributes), trouble(kind, "downstream", toxicity, attributes)}
	}
	for _, c := range []struct {
		name     string
		troubles []world.Trouble
		portal   int
		passes   bool // work arrives while the trouble lasts
		blocks   bool // none can
	}{
		{"64 kbit/s", both("bandwidth", 1, map[string]int{"rate": 8}), 0, true, false},
		{"2 s there and back", both("latency", 1, map[string]int{"latency": 1000}), 0, true, false},
		{"30 % of the connections are reset", both("reset_peer", 0.3, map[string]int{"timeout": 300}), 0, false, false},
		{"nothing comes back", []world.Trouble{trouble("timeout", "downstream", 1, map[string]int{"timeout": 0})}, 0, false, false},
		{"nothing goes out", []world.Trouble{trouble("timeout", "upstream", 1, map[string]int{"timeout": 0})}, 0, false, true},
		{"half open: nothing passes and nobody says so", both("timeout", 1, map[string]int{"timeout": 0}), 0, false, true},
		{"a captive portal answers every request with its page", nil, http.StatusOK, false, true},
		{"a captive portal answers every request with a redirect", nil, http.StatusFound, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			settled(t, s)
			back := func() error { s.Link.Heal(t.Context()); return nil }
			if c.portal != 0 {
				p := httptest.NewServer(portal(c.portal))
				defer p.Close()
				restore, err := s.Link.Divert(strings.TrimPrefix(p.URL, "http://"))
				must(t, err)
				back = restore
			} else {
				must(t, s.Link.Spoil(c.troubles...))
			}
			from := o.audit.count()
			for range 10 {
				must(t, o.spend(t.Context(), o.learner)) // the school notices nothing
				pause(t.Context(), 100*time.Millisecond)
			}
			if c.passes {
				await(t, "work arrives on the bad line", func(ctx context.Context) (bool, error) {
					n, err := number(ctx, w, "SELECT count(*) FROM learning_activities WHERE school_id = $1 AND seconds > $2", s.ID, from)
					return n == 10, err
				})
			}
			if n := count(t, w, "SELECT count(*) FROM learning_activities WHERE school_id = $1 AND seconds > $2", s.ID, from); n == 10 && c.blocks {
				t.Error("everything arrived on a line that lets nothing through")
			}
			must(t, back())
			settled(t, s)
			if n := count(t, w, "SELECT count(*) FROM learning_activities WHERE school_id = $1 AND seconds > $2", s.ID, from); n != 10 {
				t.Errorf("%d of 10 are at the cloud", n)
			}
		})
	}
	o.judged(t, s)
}

// portal is a hotel's Wi-Fi that wants to see a face first.
func portal(status int) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		rw.Header().Set("Location", "http://portal.invalid/")
		rw.WriteHeader(status)
		_, _ = rw.Write([]byte("<html><body>Welcome! Please sign in to use our Wi-Fi.</body></html>"))
	})
}

func trouble(kind, stream string, toxicity float32, attributes map[string]int) world.Trouble {
	return world.Trouble{Type: kind, Stream: stream, Toxicity: toxicity, Attributes: attributes}
}
