package bundles_test

import (
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/syncer/bundle"
	"urbanhomeschool.org/uhs/syncproto"
)

// A file that meets a lane which takes nothing more ends at the phone with what
// was taken and what waits; nobody has to bring it again.
func TestAFileThatMeetsAPausedLaneIsKeptAndGoesOnWhenSomebodyHasLooked(t *testing.T) {
	w := newWorld(t)
	b, other := w.box("LODWAR-1"), w.box("KAKUMA-1")
	for range 12 {
		b.Learn(other.learner.ID) // not of this school: kept aside
	}
	b.work(2600)
	data := b.export(up{})
	u, err := w.bundles.Desk().Begin(t.Context(), int64(len(data)), data[:min(len(data), bundle.MaxSlice)])
	w.Must(err)
	u = w.settle(w.bundles, u.ID)
	if u.Stage != bundle.Done || u.Note == nil || u.Note.State != bundle.Paused {
		t.Fatalf("the phone's page hears %+v", u)
	}
	taken, l := u.Note.Result.New, u.Note.Result.Lanes[0]
	if taken == 0 || taken >= 2612 || !l.Paused || l.Waits != 2612-taken || u.Note.Result.Aside != 12 {
		t.Fatalf("got %+v", u.Note.Result)
	}
	text, err := w.bundles.Receipt(t.Context(), u.Bundle)
	w.Must(err)
	if !strings.Contains(text, "pieces of work are here and wait: the office has to look") {
		t.Errorf("the receipt does not say what waits:\n%s", text)
	}
	if words := u.Note.Words(); !strings.Contains(words, "until somebody has looked") {
		t.Errorf("got %s", words)
	}

	w.bundles.Desk().Retry(t.Context())
	if got := w.activities(); got != taken-12 {
		t.Errorf("%d records while nobody has looked, want %d", got, taken-12)
	}
	if _, err := w.applier.Resume(t.Context(), string(b.school.ID), syncproto.LaneLearning, "somebody"); err != nil {
		t.Fatal(err)
	}
	w.bundles.Desk().Retry(t.Context())
	if got := w.activities(); got != 2600 {
		t.Errorf("%d of 2600 records after the release", got)
	}
	if w.Count("SELECT count(*) FROM bundles WHERE state = 'applied'") != 1 {
		t.Error("the file is not settled")
	}
	text, err = w.bundles.Receipt(t.Context(), u.Bundle)
	w.Must(err)
	if !strings.Contains(text, "2612 pieces of work arrived (0 of them before)") || strings.Contains(text, "wait") {
		t.Errorf("the receipt does not say what was applied:\n%s", text)
	}
	again, err := w.bundles.Desk().Begin(t.Context(), int64(len(data)), data[:min(len(data), bundle.MaxSlice)])
	w.Must(err)
	if !again.Again || again.Stage != bundle.Done {
		t.Errorf("handed over again: %+v", again)
	}
}
