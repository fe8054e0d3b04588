package bundles_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/bundles"
	"urbanhomeschool.org/uhs/cloud/internal/fleet/fleettest"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer/bundle"
)

// settle waits until an upload is dealt with.
func (w *world) settle(s *bundles.Service, id string) bundle.Upload {
	w.T.Helper()
	for range 1000 {
		u, err := s.Desk().Find(w.T.Context(), id)
		w.Must(err)
		if u.Stage == bundle.Done || u.Stage == bundle.Failed {
			return u
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.T.Fatal("the upload does not end")
	return bundle.Upload{}
}

// restarted is the service after a restart, on the same folder.
func (w *world) restarted() *bundles.Service {
	return bundles.New(bundles.Options{DB: w.DB, Outbox: w.Outbox, Applier: w.applier, Signer: w.signer, Identity: w.sealed,
		Timeline: fleettest.Timeline, Dir: filepath.Join(w.dir, "cloud"), Clock: w.Clock, Log: logging.Discard()})
}

func TestAPhoneHandsOverInSlicesAndGoesOnAfterARestart(t *testing.T) {
	w := newWorld(t)
	b := w.box("LODWAR-1")
	b.work(3000)
	data := b.export(up{})
	const slice = 30_000
	u, err := w.bundles.Desk().Begin(t.Context(), int64(len(data)), data[:slice])
	w.Must(err)
	if u.Received != slice || u.Stage != bundle.Receiving || u.SchoolName != "School LODWAR-1" {
		t.Fatalf("got %+v", u)
	}
	// The same slice again, and one from beyond: both change nothing and say where to go on.
	for _, offset := range []int64{0, slice + 1} {
		if again, err := w.bundles.Desk().Append(t.Context(), u.ID, offset, data[:slice]); err != nil || again.Received != slice {
			t.Errorf("offset %d: %+v, %v", offset, again, err)
		}
	}
	after := w.restarted()
	// The page was reloaded and begins anew with the same file.
	u, err = after.Desk().Begin(t.Context(), int64(len(data)), data[:slice])
	w.Must(err)
	if u.Received != slice {
		t.Fatalf("after a restart it begins at %d", u.Received)
	}
	for u.Received < int64(len(data)) {
		u, err = after.Desk().Append(t.Context(), u.ID, u.Received, data[u.Received:min(u.Received+slice, int64(len(data)))])
		w.Must(err)
	}
	u = w.settle(after, u.ID)
	if u.Stage != bundle.Done || u.Note == nil || u.Note.Result.New != 3000 || w.activities() != 3000 {
		t.Fatalf("got %+v", u)
	}
	if left, _ := filepath.Glob(filepath.Join(w.dir, "cloud", "part", "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	again, err := w.restarted().Desk().Begin(t.Context(), int64(len(data)), data[:slice])
	w.Must(err)
	if again.Stage != bundle.Done || !again.Again || again.Note.Result.New != 3000 {
		t.Errorf("handed over twice: %+v", again)
	}
}

func TestATornOrSwollenHandOverIsRefusedAndCanBeginAnew(t *testing.T) {
	w := newWorld(t)
	b := w.box("LODWAR-1")
	b.work(50)
	data := b.export(up{})
	bad := bytes.Clone(data)
	bad[len(bad)-1] ^= 1
	desk := w.bundles.Desk()
	u, err := desk.Begin(t.Context(), int64(len(bad)), bad)
	w.Must(err)
	if u = w.settle(w.bundles, u.ID); u.Stage != bundle.Failed || fault.KindOf(u.Err) != fault.Invalid {
		t.Errorf("got %+v", u)
	}
	u, err = desk.Begin(t.Context(), int64(len(data)), data)
	w.Must(err)
	if u = w.settle(w.bundles, u.ID); u.Stage != bundle.Done || w.activities() != 50 {
		t.Errorf("the whole one: %+v, %d records", u, w.activities())
	}
	for name, c := range map[string]struct {
		size  int64
		first []byte
		want  fault.Kind
	}{
		"larger than it says":     {10, data, fault.Invalid},
		"a first slice too small": {1 << 20, data[:100], fault.Invalid},
		"a file of 1 TB":          {1 << 40, data, fault.TooLarge},
	} {
		if _, err := desk.Begin(t.Context(), c.size, c.first); fault.KindOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, id := range []string{"", "../../../etc/passwd", strings.Repeat("0", 32)} {
		if _, err := desk.Append(t.Context(), id, 0, nil); fault.KindOf(err) != fault.NotFound {
			t.Errorf("id %q: %v", id, err)
		}
	}
}

func TestASchoolHasAQuota(t *testing.T) {
	w := newWorld(t)
	b := w.box("LODWAR-1")
	b.work(2)
	for n, want := range []fault.Kind{fault.Internal, fault.Internal, fault.TooMany} { // 2 GB each, 4 GB a day
		data := b.export(up{})
		padded := slices.Concat(data, make([]byte, bundle.FrontSize)) // more after the end is not looked at
		_, err := w.bundles.Desk().Begin(t.Context(), 2<<30, padded)
		if (err == nil) != (want == fault.Internal) || err != nil && fault.KindOf(err) != want {
			t.Errorf("hand-over %d: %v", n, err)
		}
	}
}

func TestTheReceiptIsSignedAndTheWayBackIsForTheBox(t *testing.T) {
	w := newWorld(t)
	b := w.box("LODWAR-1")
	b.work(12)
	data := b.export(up{})
	u, err := w.bundles.Desk().Begin(t.Context(), int64(len(data)), data)
	w.Must(err)
	u = w.settle(w.bundles, u.ID)
	text, err := w.bundles.Receipt(t.Context(), u.Bundle)
	w.Must(err)
	if !strings.Contains(text, "School LODWAR-1") || !strings.Contains(text, "12 pieces of work arrived") {
		t.Errorf("got %s", text)
	}
	body, mark, _ := strings.Cut(text, "Signature of the cloud: ")
	signature, err := base64.StdEncoding.DecodeString(strings.TrimSpace(mark))
	w.Must(err)
	public, _ := w.signer.Public().(ed25519.PublicKey)
	if !ed25519.Verify(public, []byte("uhs-receipt-1\n"+body), signature) || ed25519.Verify(public, []byte("uhs-receipt-1\n"+strings.Replace(body, "12", "13", 1)), signature) {
		t.Error("the signature does not cover the receipt")
	}
	if _, err := w.bundles.Receipt(t.Context(), "01890a5d-ac96-774b-bcce-b302099a8057"); err == nil {
		t.Error("a receipt of what did not arrive")
	}

	back, ok, err := w.bundles.Back(t.Context(), u)
	w.Must(err)
	path, _, err := w.bundles.OpenBack(u.Bundle)
	w.Must(err)
	if !ok || back.Size == 0 || back.Records == 0 || !strings.HasPrefix(back.Name, "back-to-school-lodwar-1-") {
		t.Errorf("got %+v", back)
	}
	n, err := b.desk.Read(t.Context(), path, nil)
	w.Must(err)
	if len(b.got) != 1 || b.got[0].Bundle != u.Bundle || !strings.HasPrefix(text, b.got[0].Text) {
		t.Errorf("the way back brings the receipts %+v", b.got)
	}
	if n.Result.Confirmed != 12 || b.waiting() != 0 {
		t.Errorf("got %+v, %d wait", n, b.waiting())
	}
	for _, id := range []string{"", "..", "../../x"} {
		if _, _, err := w.bundles.OpenBack(id); err == nil {
			t.Errorf("opened %q", id)
		}
	}
}

// claimed before the cloud told its recipient, a box asks for it.
func TestABoxAsksForTheRecipientAndTheCloudKeySignsIt(t *testing.T) {
	w := newWorld(t)
	b := w.box("LODWAR-1")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+"/sync/v1/recipient", nil)
	w.Must(err)
	resp, err := http.DefaultClient.Do(r)
	w.Must(err)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("anybody may ask: %d", resp.StatusCode)
	}
	r, err = http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+"/sync/v1/recipient", nil)
	w.Must(err)
	if p := b.Do(b.Client(), r, nil); p.Status != http.StatusOK {
		t.Errorf("got %+v", p)
	}
}
