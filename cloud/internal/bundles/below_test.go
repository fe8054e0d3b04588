package bundles_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/cloud/internal/bundles"
	"urbanhomeschool.org/uhs/cloud/internal/web"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer/bundle"
)

// A box that lacks records which are no longer kept cannot be brought up to date
// by a file. Its own work still comes in, and both who writes a file at the cloud
// and who hands one over are told what to do.
func TestABoxThatWasAwayForTooLongIsToldToConnectOnce(t *testing.T) {
	w := newWorld(t)
	b := w.box("LODWAR-1")
	b.work(5)
	w.Must(w.DB.Update(t.Context(), func(tx db.Tx) error { // what pruning does when the years go by
		_, err := tx.Exec(t.Context(), db.SQL{Postgres: `DELETE FROM outbox WHERE epoch = 1`})
		return err
	}))
	_, err := w.bundles.ExportFile(t.Context(), b.Answer.SchoolID, bundles.What{}, filepath.Join(w.dir, "back.uhs"))
	if !errors.Is(err, bundle.ErrBelowFloor) || !strings.Contains(err.Error(), "connect to the internet once") {
		t.Errorf("the command line says: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(w.dir, "*.part")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}

	a := api.New(api.Options{Name: "test", Log: logging.Discard()})
	web.MountCarry(a, w.bundles)
	data := b.export(up{})
	u, err := w.bundles.Desk().Begin(t.Context(), int64(len(data)), data)
	w.Must(err)
	w.settle(w.bundles, u.ID)
	for _, again := range []bool{false, true} {
		r := httptest.NewRequest(http.MethodPost, fmt.Sprintf("/api/v1/carry/uploads?size=%d", len(data)), bytes.NewReader(data))
		r.Header.Set("Content-Type", "application/octet-stream")
		resp, err := a.App.Test(r, -1)
		w.Must(err)
		var out api.HandOver
		w.Must(json.NewDecoder(resp.Body).Decode(&out))
		w.Must(resp.Body.Close())
		if out.Stage != "done" || out.Outcome == nil || out.Outcome.State != "below" || out.Return != nil || out.ReceiptURL == "" {
			t.Errorf("again %v: %d %+v", again, resp.StatusCode, out)
		}
	}
	if w.activities() != 5 {
		t.Errorf("%d of 5 records came in", w.activities())
	}
}
