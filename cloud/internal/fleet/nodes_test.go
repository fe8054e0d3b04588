package fleet_test

import (
	"net/http"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/fleet"
	"urbanhomeschool.org/uhs/cloud/internal/fleet/fleettest"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/syncproto"
)

// claimed is a school with a learner and a box that has sent n records.
func claimed(t *testing.T, n int) (c *fleettest.Cloud, b *fleettest.Box, ann identity.Account) {
	t.Helper()
	c = fleettest.New(t)
	school := c.School("LODWAR-1")
	ann = c.Learner(school.ID, "Ann Akai")
	b = c.Box()
	if p := b.Claim(c.Code(school.ID)); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	learn(b, ann, n)
	c.Must(b.Talk(5))
	return c, b, ann
}

func learn(b *fleettest.Box, who identity.Account, n int) {
	for range n {
		b.Learn(who.ID)
	}
}

func activities(c *fleettest.Cloud) int64 { return c.Count(`SELECT count(*) FROM learning_activities`) }

func incidents(c *fleettest.Cloud, kind string) int64 {
	return c.Count(`SELECT count(*) FROM incidents WHERE kind = $1`, kind)
}

// settled talks until the box has nothing to send, and checks that what should
// be at the cloud is.
func settled(t *testing.T, b *fleettest.Box, want int64) {
	t.Helper()
	c := b.Cloud
	c.Must(b.Talk(8))
	if b.Forked != nil {
		t.Errorf("the logs contradict each other: %v", b.Forked)
	}
	if n := activities(c); n != want {
		t.Errorf("%d activities at the cloud, want %d", n, want)
	}
	if n := b.Count(`SELECT coalesce(sum(seq - acked_seq), 0) FROM outbox_heads`); n != 0 {
		t.Errorf("%d records still wait", n)
	}
	if n := c.Count(`SELECT count(*) FROM appliances WHERE status = 'active'`); n > 1 {
		t.Errorf("%d active boxes", n)
	}
	for _, table := range []string{"dead_letters", "conflict_log"} {
		if n := c.Count(`SELECT count(*) FROM ` + table); n != 0 {
			t.Errorf("%d rows in %s", n, table)
		}
	}
}

func ask(t *testing.T, b *fleettest.Box, kind string) syncproto.MovedReport {
	t.Helper()
	r, p := b.Ask(kind)
	if p.Status != http.StatusOK {
		t.Fatalf("got %+v", p)
	}
	return r
}

func heldBoxes(t *testing.T, b *fleettest.Box) []fleet.HeldBox {
	t.Helper()
	out, err := b.Cloud.Fleet.BoxesOf(t.Context(), fleettest.Admin, identity.SchoolID(b.Answer.SchoolID))
	b.Cloud.Must(err)
	return out.Held
}

func decide(t *testing.T, b *fleettest.Box, held, action string) {
	t.Helper()
	b.Cloud.Must(b.Cloud.Fleet.Decide(t.Context(), fleettest.Admin, fleet.HeldID{School: b.Answer.SchoolID, ID: held}, action))
}

func TestAHeldBoxIsToldTheSameUntilAnAdminDecides(t *testing.T) {
	c, b, ann := claimed(t, 2)
	twin := b.Clone()
	ask(t, b, syncproto.RenewedForked)
	learn(twin, ann, 3)
	for range 3 {
		if _, p := twin.Ask(syncproto.RenewedForked); p.Status != http.StatusConflict || p.Code != "box_quarantined" {
			t.Fatalf("got %+v", p)
		}
	}
	held := heldBoxes(t, b)
	if len(held) != 1 || held[0].State != "waiting" || held[0].Waiting != 3 || incidents(c, "box_quarantined") != 1 {
		t.Fatalf("got %+v, %d incidents", held, incidents(c, "box_quarantined"))
	}
	if err := twin.Talk(1); err == nil {
		t.Error("it talks in an epoch that is over")
	}
	for _, role := range []identity.Role{identity.Staff, identity.Instructor, ""} {
		if err := c.Fleet.Decide(t.Context(), identity.Actor{Account: "x", Role: role}, fleet.HeldID{School: b.Answer.SchoolID, ID: held[0].ID}, fleet.TakeIn); err == nil {
			t.Errorf("%q decided", role)
		}
	}
	if err := c.Fleet.Decide(t.Context(), fleettest.Admin, fleet.HeldID{School: b.Answer.ApplianceID, ID: held[0].ID}, fleet.TakeIn); fault.KindOf(err) != fault.NotFound {
		t.Errorf("of another school: %v", err)
	}

	decide(t, b, held[0].ID, fleet.Activate) // a slip of the hand
	decide(t, b, held[0].ID, fleet.TakeIn)
	first, again := syncproto.EpochAnswer{}, syncproto.EpochAnswer{}
	q := twin.Question(syncproto.RenewedForked)
	for _, out := range []*syncproto.EpochAnswer{&first, &again} { // the first answer is lost
		if p := twin.Post(twin.Client(), syncproto.EpochPath, q, out); p.Status != http.StatusOK {
			t.Fatal(p)
		}
	}
	if !first.Side || !again.Side || first.Epoch != again.Epoch || first.NATS.UserJWT != "" || first.Epoch <= b.Epoch {
		t.Errorf("got epoch %d (beside: %v), then %d", first.Epoch, first.Side, again.Epoch)
	}
	if err := c.Fleet.Decide(t.Context(), fleettest.Admin, fleet.HeldID{School: b.Answer.SchoolID, ID: held[0].ID}, fleet.Activate); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a decision that was acted on was changed: %v", err)
	}
	if r := twin.Move(q, again); r.Resent != 3 {
		t.Errorf("got %+v", r)
	}
	settled(t, twin, 5)
	h := heldBoxes(t, b)[0]
	if h.State != "retired" || h.Told != 3 || h.Delivered != 3 || h.DeliveredAt == nil || h.DecidedBy != string(fleettest.Admin.Account) {
		t.Errorf("the admin sees %+v", h)
	}
	learn(b, ann, 1)
	settled(t, b, 6)
	if n := b.Count(`SELECT count(*) FROM accounts`); n != 1 {
		t.Errorf("%d learners on the school's box", n)
	}
	if next := ask(t, b, syncproto.RenewedForked); next.Epoch <= first.Epoch {
		t.Errorf("epoch %d was given twice", next.Epoch)
	}
}

func TestABoxRestoredToBeforeItsRenewalIsNoClone(t *testing.T) {
	c, b, ann := claimed(t, 2)
	copied, old := b.Backup(), b.Epoch
	ask(t, b, syncproto.RenewedForked)
	learn(b, ann, 3)
	settled(t, b, 5)
	for i := range 2 { // restored twice, from the same copy
		highest := b.Highest
		b.Load(copied)
		b.Load(b.Backup()) // the copy itself stays as it is
		b.Epoch, b.Highest = old, highest
		learn(b, ann, 1)
		if r := ask(t, b, syncproto.RenewedRestored); r.Resent != 1 || r.Missing != int64(3-2*i) {
			t.Errorf("restore %d: %+v", i, r)
		}
		settled(t, b, int64(6+i))
	}
	if incidents(c, "box_restored") != 2 || incidents(c, "box_quarantined") != 0 {
		t.Errorf("%d restores were told", incidents(c, "box_restored"))
	}
}

func TestARewoundCloudGetsEverythingAgain(t *testing.T) {
	for name, between := range map[string]func(t *testing.T, b *fleettest.Box){
		"in the same epoch":  func(*testing.T, *fleettest.Box) {},
		"behind one renewal": func(t *testing.T, b *fleettest.Box) { ask(t, b, syncproto.RenewedForked) },
		"behind two renewals": func(t *testing.T, b *fleettest.Box) {
			ask(t, b, syncproto.RenewedForked)
			ask(t, b, syncproto.RenewedForked)
		},
		"with the box restored": restoreNow,
	} {
		t.Run(name, func(t *testing.T) {
			c, b, ann := claimed(t, 2)
			rewind := c.Backup()
			learn(b, ann, 3)
			settled(t, b, 5)
			between(t, b)
			learn(b, ann, 2)
			settled(t, b, 7)
			before := b.Epoch
			rewind()
			if n := activities(c); n != 2 {
				t.Fatalf("%d activities after the restore", n)
			}
			learn(b, ann, 1)
			c.Clock.Advance(time.Hour)
			answer, p := b.Ask(syncproto.RenewedRewound)
			if p.Status != http.StatusOK || answer.Epoch <= before {
				t.Fatalf("%+v, epoch %d after %d", p, answer.Epoch, before)
			}
			if answer.Resent != 6 || len(answer.Gone) != 0 {
				t.Errorf("got %+v, want the 6 records that the cloud lacks", answer)
			}
			settled(t, b, 8)
			if n := incidents(c, "cloud_rewound"); n != 1 {
				t.Errorf("%d incidents", n)
			}
			c.Learner(identity.SchoolID(b.Answer.SchoolID), "Ben Ekiru")
			c.Must(b.Talk(4))
			if n := b.Count(`SELECT count(*) FROM accounts`); n != 2 {
				t.Errorf("%d learners at the school: the downlink does not go on", n)
			}
		})
	}
}

// restoreNow loses nothing but the box's memory of what was confirmed.
func restoreNow(t *testing.T, b *fleettest.Box) {
	copied := b.Backup()
	b.Load(copied)
	ask(t, b, syncproto.RenewedRestored)
}

func TestABoxClaimedAfterTheBackupIsClaimedAgain(t *testing.T) {
	c := fleettest.New(t)
	school := c.School("LODWAR-1")
	ann := c.Learner(school.ID, "Ann Akai")
	rewind := c.Backup()
	b := c.Box()
	if p := b.Claim(c.Code(school.ID)); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	learn(b, ann, 4)
	settled(t, b, 4)
	rewind()
	b.Connect(b.Epoch)
	if err := b.Talk(1); err == nil {
		t.Error("the cloud talks with a box it does not know")
	}
	if _, p := b.Ask(syncproto.RenewedRewound); p.Status != http.StatusUnauthorized || p.Code != "appliance_signature" {
		t.Errorf("got %+v", p)
	}
	other := c.School("KAKUMA-1")
	wrong := c.Code(other.ID)
	if _, p := b.Reclaim(wrong); p.Status != http.StatusConflict || p.Code != "claim_other_school" {
		t.Errorf("with a code of another school: %+v", p)
	}
	before, code := b.Epoch, c.Code(school.ID)
	r, p := b.Reclaim(code)
	if p.Status != http.StatusOK || r.Resent != 4 || b.Epoch <= before {
		t.Fatalf("%+v, %+v, epoch %d after %d", p, r, b.Epoch, before)
	}
	learn(b, ann, 1)
	settled(t, b, 5)
	if p := c.Box().Claim(wrong); p.Status != http.StatusOK {
		t.Errorf("the other school's code was used up: %+v", p)
	}
}

func TestOfTwoClonesAtARewoundCloudNothingIsLost(t *testing.T) {
	c, b, ann := claimed(t, 2)
	twin := b.Clone()
	rewind := c.Backup()
	ask(t, b, syncproto.RenewedForked) // b has the place
	learn(b, ann, 2)
	settled(t, b, 4)
	learn(twin, ann, 3)
	if _, p := twin.Ask(syncproto.RenewedForked); p.Code != "box_quarantined" {
		t.Fatal(p)
	}
	rewind() // the cloud has forgotten the renewal, and who is quarantined
	if r := ask(t, twin, syncproto.RenewedRewound); r.Resent != 3 {
		t.Errorf("got %+v", r)
	}
	settled(t, twin, 5)
	b.Connect(b.Epoch)
	if err := b.Talk(1); err == nil {
		t.Error("both talk")
	}
	if _, p := b.Ask(syncproto.RenewedRewound); p.Code != "box_quarantined" { // the twin was faster
		t.Fatalf("got %+v", p)
	}
	decide(t, b, heldBoxes(t, b)[0].ID, fleet.Activate)
	ask(t, b, syncproto.RenewedRewound)
	settled(t, b, 7)
	if err := twin.Talk(1); err == nil {
		t.Error("both talk")
	}
	if _, p := twin.Ask(syncproto.RenewedForked); p.Code != "box_quarantined" {
		t.Errorf("got %+v", p)
	}
}

func TestASideEpochForgottenByARewoundCloudIsAskedForAgain(t *testing.T) {
	c, b, ann := claimed(t, 2)
	twin := b.Clone()
	ask(t, b, syncproto.RenewedForked)
	learn(twin, ann, 2)
	_, _ = twin.Ask(syncproto.RenewedForked)
	rewind := c.Backup()
	decide(t, b, heldBoxes(t, b)[0].ID, fleet.TakeIn)
	ask(t, twin, syncproto.RenewedForked)
	settled(t, twin, 4)
	rewind()
	learn(twin, ann, 1)
	if _, p := twin.Ask(syncproto.RenewedForked); p.Code != "box_quarantined" {
		t.Fatalf("a box beside the school's got %+v", p)
	}
	for _, h := range heldBoxes(t, b) {
		decide(t, b, h.ID, fleet.TakeIn)
	}
	ask(t, twin, syncproto.RenewedForked)
	settled(t, twin, 5)
	ask(t, b, syncproto.RenewedRewound)
	settled(t, b, 5)
}

func TestWhatWasOnlyOnTheDeadBoxIsItemised(t *testing.T) {
	c, b, ann := claimed(t, 2)
	school := identity.SchoolID(b.Answer.SchoolID)
	late := func() []fleet.Replacement {
		out, err := c.Fleet.BoxesOf(t.Context(), fleettest.Admin, school)
		c.Must(err)
		return out.Replacements
	}
	if _, err := c.Fleet.Replace(t.Context(), fleettest.Admin, c.School("KAKUMA-1").ID, "none"); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a school without a box: %v", err)
	}
	// Its hello arrives, its frames do not.
	learn(b, ann, 5)
	hello, err := b.Peer.HelloNow(t.Context())
	c.Must(err)
	c.Must(b.Carrier.Send(t.Context(), []syncproto.Message{hello}))
	learn(b, ann, 1) // nobody knows of this one

	code, err := c.Fleet.Replace(t.Context(), fleettest.Admin, school, "water")
	c.Must(err)
	if r := late(); len(r) != 1 || r[0].ClaimedAt != nil || r[0].Reason != "water" || r[0].OrderedBy != string(fleettest.Admin.Account) {
		t.Errorf("before the claim: %+v", r)
	}
	spare := c.Box()
	if p := spare.Claim(code.Code); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	r := late()[0]
	if r.MissingInAll != 5 || len(r.Missing) != 1 || r.Missing[0].What != "learning" || r.Missing[0].Since == nil || r.HeardAt == nil || r.NewBox != spare.Answer.ApplianceID {
		t.Errorf("got %+v", r)
	}
	c.Must(spare.Talk(6))
	if n := spare.Count(`SELECT count(*) FROM accounts`); n != 1 {
		t.Errorf("%d learners on the spare", n)
	}
	if _, p := b.Ask(syncproto.RenewedForked); p.Code != "box_replaced" {
		t.Errorf("the dead box came back and got %+v", p)
	}
	decide(t, b, heldBoxes(t, b)[0].ID, fleet.TakeIn)
	ask(t, b, syncproto.RenewedForked)
	settled(t, b, 8)
	if r := late()[0]; r.MissingInAll != 0 || len(r.Missing) != 0 {
		t.Errorf("after all of it arrived: %+v", r)
	}
}

func TestALateStickShortensTheListOfWhatIsMissing(t *testing.T) {
	c, b, ann := claimed(t, 2)
	school := identity.SchoolID(b.Answer.SchoolID)
	learn(b, ann, 3)
	hello, err := b.Peer.HelloNow(t.Context())
	c.Must(err)
	c.Must(b.Carrier.Send(t.Context(), []syncproto.Message{hello}))
	stick := b.Frame(syncproto.LaneLearning)
	if p := c.Box().Claim(c.Code(school)); p.Status != http.StatusOK { // a plain code replaces too
		t.Fatal(p)
	}
	missing := func() int64 {
		out, err := c.Fleet.BoxesOf(t.Context(), fleettest.Admin, school)
		c.Must(err)
		return out.Replacements[0].MissingInAll
	}
	if n := missing(); n != 3 {
		t.Errorf("%d missing, want 3", n)
	}
	c.Must(c.Fleet.Mirrored(t.Context(), string(school), b.Epoch, stick))
	if n := missing(); n != 0 || activities(c) != 5 {
		t.Errorf("%d missing after the stick, %d activities", n, activities(c))
	}
}

// All within one second: the clock does not keep the numbers apart.
func TestAnEpochBesideTheSchoolsIsNeverGivenAgain(t *testing.T) {
	_, b, _ := claimed(t, 1)
	twin := b.Clone()
	ask(t, b, syncproto.RenewedForked)
	_, _ = twin.Ask(syncproto.RenewedForked)
	decide(t, b, heldBoxes(t, b)[0].ID, fleet.TakeIn)
	ask(t, twin, syncproto.RenewedForked)
	if next := ask(t, b, syncproto.RenewedForked); next.Epoch <= twin.Epoch {
		t.Errorf("the school got epoch %d, the box beside it had %d", next.Epoch, twin.Epoch)
	}
}
