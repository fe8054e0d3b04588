package agent_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"urbanhomeschool.org/uhs/edge/internal/agent"
	"urbanhomeschool.org/uhs/syncproto"
)

// A snapshot from before what the box had when it asked is refused, though the
// cloud signed it for this very question; the school keeps what it has.
func TestASnapshotFromBeforeWhatTheBoxHasIsRefused(t *testing.T) {
	c := newCloud(t)
	b, school, _ := claimed(t, c)
	people := func() int64 { return count(t, b.file, `SELECT count(*) FROM accounts`) }
	must(t, b.snaps.Take(t.Context(), "the cloud has one ready now"))
	c.learner(school, "Ben Ekiru")
	eventually(t, "the tail comes", func() bool { return people() == 2 })
	before, err := b.file.Present()
	must(t, err)

	// A cloud that was set back does not know what the box has: the question loses
	// that part, and the ready snapshot is the answer.
	asked := 0
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in syncproto.SnapshotRequest
		body, err := io.ReadAll(r.Body)
		if err == nil && r.URL.Path == syncproto.SnapshotPath {
			asked++
			if err = json.Unmarshal(body, &in); err == nil {
				in.Have = nil
				body, err = json.Marshal(in)
			}
		}
		if err != nil {
			t.Error(err)
		}
		q, err := http.NewRequestWithContext(r.Context(), r.Method, c.url+r.URL.Path, bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		q.Header.Set("Content-Type", "application/json")
		resp, err := b.agent.Client().Do(q)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}))
	defer front.Close()
	b.agent.Override(front.URL, "")
	if err := b.snaps.Take(t.Context(), "a test"); !errors.Is(err, agent.ErrRollback) || asked == 0 {
		t.Errorf("after %d questions: %v", asked, err)
	}
	b.agent.Override(c.url, "")
	if now, err := b.file.Present(); err != nil || now != before || people() != 2 {
		t.Errorf("the file is %s (%v) and has %d people", now, err, people())
	}
	must(t, b.snaps.Take(t.Context(), "the true one"))
	eventually(t, "nobody is missing", func() bool { return people() == 2 })
}
