package simtest

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var (
	mutantsFlag = flag.String("mutants", "", "which deliberate faults to try: all, or a part of a name; empty: three of them")
	withinFlag  = flag.Int("within", 120, "how many seeds may be needed to find a deliberate fault")
)

// edit replaces a text that occurs once in a file of package syncer or below.
type edit struct{ file, old, now string }

// mutant is a deliberate fault in the engine.
type mutant struct {
	name  string
	edits []edit
}

// mutants are faults that an engine of this kind might have; each has to be
// found by the simulated schools.
var mutants = []mutant{
	{"what was announced is acknowledged before it is applied", []edit{{"peersay.go", "Applied: in, Fork:", "Applied: p.talk.Other().Out, Fork:"}}},
	{"a gap before a frame is accepted", []edit{
		{"talk/decide.go", "if f.First > w.Seq+1 {", "if false {"},
		{"talk/decide.go", "if f.First+int64(i) == w.Seq+1 {", "if f.First+int64(i) >= w.Seq+1 {"},
		{"talk/decide.go", "\t\t\tif chain != w.Chain {", "\t\t\tif false {"},
	}},
	{"a frame's chain is not compared with what was applied", []edit{{"talk/decide.go", "\t\t\tif chain != w.Chain {", "\t\t\tif false {"}}},
	{"a run of records is tried without a savepoint", []edit{{"store.go", "err := tx.Savepoint(ctx, func(tx db.Tx) error { return a.storeWhole(ctx, tx, b, b.events[from:to]) })", "err := a.storeWhole(ctx, tx, b, b.events[from:to])"}}},
	{"the facts that a box has lost do not come back", []edit{{"read.go", "if s.Writer == syncproto.EdgeOnly && s.Merge == syncproto.AppendOnly && a.From == syncproto.CloudOnly {", "if a.From == 99 {"}}},
	{"what is applied is pruned before it is backed up", []edit{{"talk/decide.go", "return max(min(old, l.Acked), min(l.Backed, l.Acked))", "return l.Acked"}}},
	{"what is applied counts as backed up", []edit{{"talk/decide.go", "return max(l.Backed, min(b, applied))", "return max(l.Backed, applied)"}}},
	{"a position beyond our own end is believed", []edit{{"talk/decide.go", "case m.Seq > l.Head.Seq:", "case false:"}}},
	{"an ack's chain is not compared with ours", []edit{{"talk/decide.go", "if m.Seq > 0 && own != m.Chain {", "if false {"}}},
	{"pruning believes a clock that jumped", []edit{{"outbox.go", "int64(appliedDays))", "int64(0))"}}},
	{"a single record is tried without a savepoint", []edit{{"deadletter.go", "err := tx.Savepoint(ctx, func(tx db.Tx) error { return a.applyOne(ctx, tx, b.log.School, e) })", "err := a.applyOne(ctx, tx, b.log.School, e)"}}},
	{"later records do not wait behind a dead letter", []edit{
		{"deadletter.go", "behind := b.aside[key]", "behind := false"},
		{"read.go", "if len(b.aside) > 0 && b.aside[", "if b.many && b.aside["},
	}},
	{"trouble that passes makes a dead letter", []edit{{"apply.go", "return a.DB.Permanent(err) ||", "return err != nil ||"}}},
	{"poison stops its lane", []edit{{"apply.go", "\tdefault:\n\t\treturn true", "\tdefault:\n\t\treturn false"}}},
	{"what an old build did not know is not tried again", []edit{{"deadletter.go", "[]string{deadUnknown, deadParked}", "[]string{deadParked}"}}},
	{"a school may write about anybody", []edit{{"apply.go", "if err := a.Admit(ctx, tx, school, about); err != nil {", "if err := error(nil); err != nil {"}}},
	{"the watermark moves one too far", []edit{{"apply.go", "mark = syncproto.Mark{Seq: f.End(), Chain: f.Last}", "mark = syncproto.Mark{Seq: f.End() + 1, Chain: f.Last}"}}},
	{"a clock that is ahead is not clamped", []edit{{"apply.go", "clockValue = clockValue.Clamp(a.Clock.Now())", "_ = a.Clock"}}},
	{"the clamp turns the order of two edits round", []edit{{"apply.go", "if clockValue <= old.hlc && r.event.HLC > old.hlc {", "if false {"}}},
	{"the losing edit is dropped", []edit{{"apply.go", "\t\tif shared && string(old.body) != string(r.event.Body) {", "\t\tif false {"}}},
	{"the winner is not sent back", []edit{{"apply.go", "if a.Echo == nil || r.kind.Declared().Writer != syncproto.EitherSide {", "if a.Echo == nil || winner.hlc > 0 {"}}},
	{"the move into a new epoch leaves out the first record", []edit{{"outbox.go", "for after := max(common, first-1); ; {", "for after := max(common, first-1) + 1; ; {"}}},
	{"the acks of a cloud that was put back are trusted", []edit{{"rejoin.go", "k.Resend(agreed, r.Trusted && !rewound)", "k.Resend(agreed, k.Acked > 0 || rewound)"}}},
	{"a lower mark in a hello is not believed", []edit{{"talk/talk.go", "\t\tif m.Seq < t.acked[l].Seq {", "\t\tif m.Seq < 0 {"}}},
	{"nothing is sent again", []edit{{"talk/talk.go", "if len(fl) == 0 || Since(now, fl[0].at) <= wait", "if wait > 0 || Since(now, fl[0].at) <= wait"}}},
	{"after a clock was put back nothing is sent again", []edit{{"talk/talk.go", "if d := now.Sub(then); d >= 0 {", "if d := now.Sub(then); d != 0 {"}}},
	{"the hybrid clock begins anew with each start", []edit{{"hlc.go", "h.last = syncproto.HLC(floor)", "h.last = syncproto.HLC(0 * floor)"}}},
}

// mutated gives a changed file's text.
func mutated(t *testing.T, m mutant) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, e := range m.edits {
		path, err := filepath.Abs(filepath.Join("..", e.file))
		if err != nil {
			t.Fatal(err)
		}
		text, ok := out[path]
		if !ok {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		if n := strings.Count(text, e.old); n != 1 {
			t.Errorf("%s: %q occurs %d times in %s", m.name, e.old, n, e.file)
		}
		out[path] = strings.Replace(text, e.old, e.now, 1)
	}
	return out
}

func TestTheDeliberateFaultsFitTheCode(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range mutants {
		if seen[m.name] {
			t.Errorf("%s: twice", m.name)
		}
		seen[m.name] = true
		mutated(t, m)
	}
	if len(mutants) < 15 {
		t.Errorf("only %d deliberate faults", len(mutants))
	}
}

// chosenMutants are the faults to try now.
func chosenMutants() (out []mutant) {
	for i, m := range mutants {
		switch {
		case *mutantsFlag == "all", *mutantsFlag != "" && strings.Contains(m.name, *mutantsFlag):
			out = append(out, m)
		case *mutantsFlag == "" && i < 3:
			out = append(out, m)
		}
	}
	return out
}

var foundBy = regexp.MustCompile(`seed (\d+): ([^\n]*)`)

func TestDeliberateFaultsAreFound(t *testing.T) {
	for _, m := range chosenMutants() {
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			start := time.Now()
			binary := buildMutant(t, m)
			run := exec.CommandContext(t.Context(), binary, "-test.run", "^TestSchoolsAndCloudAgree", "-seeds", fmt.Sprint(*withinFlag))
			out, err := run.CombinedOutput()
			found := foundBy.FindStringSubmatch(string(out))
			if err == nil || found == nil {
				t.Fatalf("not found within %d seeds (%s): %s", *withinFlag, time.Since(start).Round(time.Second), tail(string(out)))
			}
			t.Logf("found by seed %s: %s", found[1], found[2])
		})
	}
}

func tail(s string) string { return s[max(0, len(s)-600):] }

// buildMutant compiles this package's tests with the fault laid over the code;
// the files themselves are not touched.
func buildMutant(t *testing.T, m mutant) (binary string) {
	t.Helper()
	dir := t.TempDir()
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for path, text := range mutated(t, m) {
		to := filepath.Join(dir, fmt.Sprintf("%d.go", len(overlay.Replace)))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[path] = to
	}
	b, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, b, 0o600); err != nil {
		t.Fatal(err)
	}
	binary = filepath.Join(dir, "mutant.test")
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-ldflags=-s -w", "-overlay", list, "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}
