package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	safety "urbanhomeschool.org/uhs/edge/internal/copy"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// badCopies are the states of the safety copy of which a school is told.
var badCopies = []string{safety.Missing, safety.Full, safety.ReadOnly, safety.Failing, safety.Unreachable, safety.Refused, safety.NoKey}

func TestTheSafetyCopyInTheStatus(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	said := func(state string, at time.Time) (string, bool) {
		k := known{now: now, running: true, last: pulse{Link: "up"}}
		k.last.Report.CopyState = state
		if !at.IsZero() {
			k.last.Report.CopyAt = at.Unix()
		}
		var out bytes.Buffer
		p := printer{out: &out}
		p.figures(k)
		p.troubles(k)
		return out.String(), p.attention
	}
	t.Run("says how old it is", func(t *testing.T) {
		for _, c := range []struct {
			at   time.Time
			want string
		}{
			{now.Add(-90 * time.Second), "(1m30s ago)"},
			{now.Add(-75 * time.Hour), "(3 days ago)"},
			{now.Add(time.Minute), "(0s ago)"}, // a clock that was set back
		} {
			text, attention := said(safety.OK, c.at)
			if !strings.Contains(text, c.want) || attention {
				t.Errorf("want %s and nothing to see to, got\n%s", c.want, text)
			}
		}
		if text, _ := said("", time.Time{}); !strings.Contains(text, "second medium none, newest copy never;") {
			t.Errorf("got\n%s", text)
		}
	})
	t.Run("says what is wrong in words of its own", func(t *testing.T) {
		seen := map[string]string{}
		for _, state := range badCopies {
			text, attention := said(state, now.Add(-time.Hour))
			_, line, _ := strings.Cut(text, "\n! copy: ")
			words, _, found := strings.Cut(line, "; newest 2026-11-23T07:00:00Z (1h0m0s ago)")
			if !attention || !found || words == "" {
				t.Errorf("%s: got\n%s", state, text)
			}
			if other, twice := seen[words]; twice {
				t.Errorf("%s is said like %s: %s", state, other, words)
			}
			seen[words] = state
		}
	})
}

// TestTheStatusOnlyLooks: while the service holds the database for writing, as at
// the swap of a snapshot, the status waits for nobody, and it leaves the box's
// memory of itself as it is.
func TestTheStatusOnlyLooks(t *testing.T) {
	c := Config{DataDir: t.TempDir(), Environment: "development", LogLevel: "error"}
	ctx := t.Context()
	b, err := openBox(ctx, c, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.db.Close() }()
	witness := filepath.Join(c.DataDir, "box.witness")
	if err := os.WriteFile(witness, []byte(`{"counter":7}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := b.db.Update(ctx, func(tx db.Tx) error {
		return syncer.SetNodeState(ctx, tx, "agent.state", `{"school_id":"01a216fa-51f8-701b-81c7-7257e2b3cffe","school_name":"Kawalase","epoch":3}`)
	}); err != nil {
		t.Fatal(err)
	}
	err = b.db.Update(ctx, func(db.Tx) error { return status(ctx, c, &out) })
	if err != nil && !errors.Is(err, ErrAttention) || !strings.Contains(out.String(), "Kawalase") {
		t.Errorf("got %v\n%s", err, out.String())
	}
	if text, err := os.ReadFile(witness); err != nil || string(text) != `{"counter":7}` {
		t.Errorf("the witness became %s, %v", text, err)
	}
}

func TestEveryStateOfTheSafetyCopyHasItsSentenceAtSchool(t *testing.T) {
	for _, language := range []string{"en", "sw"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "web", "src", "i18n", language+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var says map[string]string
		if err := json.Unmarshal(text, &says); err != nil {
			t.Fatal(err)
		}
		seen := map[string]string{}
		for _, state := range badCopies {
			if got := needs(withCopy(state)); len(got) != 1 || got[0].Code != "copy" {
				t.Errorf("%s: needs %v", state, got)
			}
			words := says["sync.need.copy_"+state]
			if other, twice := seen[words]; words == "" || twice {
				t.Errorf("%s: %s is said %q, like %q", language, state, words, other)
			}
			seen[words] = state
		}
	}
}

func withCopy(copyState string) seen {
	return seen{report: syncproto.Report{CopyState: copyState, CopyAt: 1}}
}
