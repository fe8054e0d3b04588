package hub

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/nats-io/nkeys"

	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
)

func userKey(t *testing.T) string {
	t.Helper()
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	pub, err := user.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return pub
}

func TestEnrolmentIsTheSameWhenRepeatedAndAfterALostDirectory(t *testing.T) {
	e := Enrolment{School: "school-a", Appliance: "box", Epoch: 7, UserKey: userKey(t)}
	h, _ := startHub(t)
	first, err := h.Enrol(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	second, err := h.Enrol(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := startHub(t) // the same secret, another directory
	third, err := other.Enrol(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []Credentials{second, third} {
		if c.AccountKey != first.AccountKey || c.CAPEM != first.CAPEM || c.EdgeDomain != first.EdgeDomain || c.Domain != first.Domain {
			t.Errorf("other credentials: %+v", c)
		}
	}
}

func TestEnrolmentIsRefused(t *testing.T) {
	h, _ := startHub(t)
	key := userKey(t)
	if _, err := h.Enrol(t.Context(), Enrolment{"school-a", "box", 8, key}); err != nil {
		t.Fatal(err)
	}
	for what, e := range map[string]Enrolment{
		"a wildcard as school":   {"*", "box", 9, key},
		"a subject as appliance": {"school-a", "a.b", 9, key},
		"no epoch":               {"school-a", "box", 0, key},
		"an account's key":       {"school-a", "box", 9, "A" + key[1:]},
		"an older epoch":         {"school-a", "box", 7, key},
	} {
		if _, err := h.Enrol(t.Context(), e); err == nil {
			t.Errorf("%s was enrolled", what)
		}
	}
	if _, err := h.Enrol(t.Context(), Enrolment{"school-a", "box", 7, key}); !errors.Is(err, ErrStaleEpoch) {
		t.Errorf("an older epoch: %v", err)
	}
	if err := h.Send(t.Context(), "nobody", 1, nil); !errors.Is(err, ErrNotEnrolled) {
		t.Errorf("send to nobody: %v", err)
	}
}

func TestRestoreTakesTheLatestEpochOfASchool(t *testing.T) {
	h, _ := startHub(t)
	old, current := userKey(t), userKey(t)
	err := h.Restore(t.Context(), []Enrolment{
		{"school-a", "box", 8, current}, {"school-a", "box", 7, old}, {"school-b", "box-b", 3, old}, {"not a token", "x", 1, old},
	})
	if err == nil {
		t.Error("the bad enrolment was not reported")
	}
	for school, epoch := range map[string]int64{"school-a": 8, "school-b": 3} {
		if _, err := h.Stats(t.Context(), school, epoch); err != nil {
			t.Error(err)
		}
	}
	if _, err := h.Stats(t.Context(), "school-a", 7); !errors.Is(err, ErrNotEnrolled) {
		t.Errorf("the older epoch: %v", err)
	}
}

func TestTheStreamsOfAKilledRunAreMadeAnew(t *testing.T) {
	h, _ := startHub(t)
	c, err := h.Enrol(t.Context(), Enrolment{School: "school-a", Appliance: "box", Epoch: 7, UserKey: userKey(t)})
	if err != nil {
		t.Fatal(err)
	}
	mark := filepath.Join(h.opts.Dir, "jetstream", c.AccountKey, "mark")
	there := func() bool { _, err := os.Stat(mark); return err == nil }
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(h.Stop(t.Context()), h.Start(t.Context())); err != nil || !there() {
		t.Errorf("after a stop the store is another: %v", err)
	}
	if err := errors.Join(h.Stop(t.Context()), os.Remove(filepath.Join(h.opts.Dir, "ended-well")), h.Start(t.Context())); err != nil || there() {
		t.Errorf("after a kill the store is the old one: %v", err)
	}
}

func TestStopLeavesNothingRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	h, err := Open(Options{Dir: t.TempDir(), LeafHost: "127.0.0.1", Secret: []byte("a secret for tests only"), Clock: clock.System{}, Log: logging.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{}
	h.OnMessage(r.take)
	if err := h.Stop(t.Context()); err != nil {
		t.Errorf("stop without a start: %v", err)
	}
	for range 3 {
		if err := h.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		url := h.LeafURL()
		if err := h.Restore(t.Context(), []Enrolment{{"school-a", "a", 7, userKey(t)}, {"school-b", "b", 7, userKey(t)}}); err != nil {
			t.Fatal(err)
		}
		if err := h.Send(t.Context(), "school-a", 7, opaque("x")); err != nil {
			t.Fatal(err)
		}
		if err := h.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		if h.LeafURL() != url {
			t.Errorf("the address moved from %s to %s", url, h.LeafURL())
		}
	}
	eventually(t, "no goroutine is left over", func() bool { return runtime.NumGoroutine() <= before+2 })
	if _, err := h.Enrol(t.Context(), Enrolment{"school-a", "a", 7, userKey(t)}); err == nil {
		t.Error("a stopped hub enrolled")
	}
}

func TestShortSecretIsRefused(t *testing.T) {
	if _, err := Open(Options{Dir: t.TempDir(), Secret: []byte("short"), Clock: clock.System{}, Log: logging.Discard()}); err == nil {
		t.Error("taken")
	}
}

// Frozen: appliances in the field have these names, and permissions are made of them.
func TestPermissionListsAreTheMeasuredOnes(t *testing.T) {
	const account = "AADDFHIMPBCUWRWBU2YRXVYQONCPG7UVP3KWKHJC2GPJYRBEZNZXKU5S"
	p := permissions(Enrolment{School: "s", Appliance: "001", Epoch: 7}, "hub", account)
	wantPub := []string{"d.up.UP_7", "$JSC.R.edge-001.>", "$JS.hub.API.CONSUMER.RESET.DOWN_7.EDGE", "$JS.FC.hub.MfKC34Kx.DOWN_7.EDGE.*"}
	wantSub := []string{"$JS.edge-001.API.CONSUMER.RESET.UP_7.HUB", "$JS.FC.edge-001.*.UP_7.HUB.*", "d.down.DOWN_7", "$JSC.R.hub.*.DOWN_7.EDGE.*"}
	for i := range wantPub {
		if p.Pub.Allow[i] != wantPub[i] || p.Sub.Allow[i] != wantSub[i] {
			t.Errorf("%s, %s; want %s, %s", p.Pub.Allow[i], p.Sub.Allow[i], wantPub[i], wantSub[i])
		}
	}
	if len(p.Pub.Allow) != 4 || len(p.Sub.Allow) != 4 || len(p.Pub.Deny)+len(p.Sub.Deny) != 0 || p.Resp != nil {
		t.Errorf("more than that: %+v", p)
	}
}
