package fleet_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/fleet"
	"urbanhomeschool.org/uhs/cloud/internal/fleet/fleettest"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

func TestAClaimedBoxGetsWhatItNeeds(t *testing.T) {
	c := fleettest.New(t)
	school := c.School("LODWAR-1")
	b := c.Box()
	code := c.Code(school.ID)
	for !strings.ContainsAny(code, "01") {
		code = c.Code(school.ID)
	}
	typed := strings.NewReplacer("-", " ", "0", "O", "1", "l").Replace(strings.ToLower(code)) // as somebody at the depot types it
	if p := b.Claim(typed); p.Status != http.StatusOK {
		t.Fatalf("got %+v", p)
	}
	a := b.Answer
	if a.SchoolID != string(school.ID) || a.SchoolName != school.Name || !id.Valid(a.ApplianceID) || a.Timeline != fleettest.Timeline ||
		!bytes.Equal(a.CloudKey, fleettest.CloudKey) || a.Epoch != c.Clock.Now().Unix() {
		t.Errorf("got %+v", a)
	}
	if a.NATS.UserJWT == "" || a.NATS.CAPEM == "" || !strings.HasPrefix(a.NATS.LeafURL, "tls://") {
		t.Errorf("cannot join the hub with %+v", a.NATS)
	}
	secrets, err := b.Secrets()
	want, _ := fleettest.Pepper(school.ID)
	if err != nil || !bytes.Equal(secrets.Pepper, want) {
		t.Errorf("the sealed pepper: %v", err)
	}
	if !slices.Equal(c.Claimed, []string{b.Age.Recipient().String()}) {
		t.Errorf("licences were made for %v", c.Claimed)
	}
}

func TestACodeThatIsNoGoodIsRefused(t *testing.T) {
	c := fleettest.New(t)
	school := c.School("LODWAR-1")
	refuse := func(code string, status int, name string) {
		t.Helper()
		if p := c.Box().Claim(code); p.Status != status || p.Code != name {
			t.Errorf("got %d %s, want %d %s", p.Status, p.Code, status, name)
		}
	}
	refuse("AAAA-BBBB-CCCC", http.StatusNotFound, "claim_code_unknown")
	refuse("", http.StatusNotFound, "claim_code_unknown")

	used := c.Code(school.ID)
	if p := c.Box().Claim(used); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	refuse(used, http.StatusGone, "claim_code_used")

	old := c.Code(school.ID)
	c.Clock.Advance(14*24*time.Hour + time.Second)
	refuse(old, http.StatusGone, "claim_code_expired")
	if n := c.Count(`SELECT count(*) FROM appliances`); n != 1 {
		t.Errorf("%d appliances, want 1", n)
	}
}

func TestAClaimWithKeysThatAreNoneUsesNothingUp(t *testing.T) {
	c := fleettest.New(t)
	b := c.Box()
	code := c.Code(c.School("LODWAR-1").ID)
	for name, spoil := range map[string]func(in *syncproto.ClaimRequest){
		"node key":  func(in *syncproto.ClaimRequest) { in.NodeKey = in.NodeKey[:31] },
		"nats user": func(in *syncproto.ClaimRequest) { in.NATSUser = "A" + in.NATSUser[1:] },
		"recipient": func(in *syncproto.ClaimRequest) { in.Recipient = "age1nonsense" },
	} {
		in := b.Request(code)
		spoil(&in)
		if _, err := c.Fleet.Claim(t.Context(), in); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if p := b.Claim(code); p.Status != http.StatusOK {
		t.Errorf("the code is used up: %+v", p)
	}
}

func TestOnlyAnAdminMakesCodesAndOnlyForASchool(t *testing.T) {
	c := fleettest.New(t)
	school := c.School("LODWAR-1")
	for _, role := range []identity.Role{identity.Staff, identity.Instructor, identity.Student, ""} {
		if _, err := c.Fleet.NewClaimCode(t.Context(), identity.Actor{Account: "x", Role: role}, school.ID); err == nil {
			t.Errorf("%q made a code", role)
		}
	}
	if _, err := c.Fleet.NewClaimCode(t.Context(), fleettest.Admin, identity.SchoolID(id.New())); !errors.Is(err, fleet.ErrNoSchool) {
		t.Errorf("got %v", err)
	}
}

func TestAClaimRepeatedAfterALostAnswerGetsTheSameAppliance(t *testing.T) {
	c := fleettest.New(t)
	school := c.School("LODWAR-1")
	code, b := c.Code(school.ID), c.Box()
	if p := b.Claim(code); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	first := b.Answer
	c.Clock.Advance(time.Hour)
	if p := b.Claim(code); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	if b.Answer.ApplianceID != first.ApplianceID || b.Answer.Epoch != first.Epoch {
		t.Errorf("got appliance %s in epoch %d, had %s in %d", b.Answer.ApplianceID, b.Answer.Epoch, first.ApplianceID, first.Epoch)
	}
	if _, err := b.Secrets(); err != nil {
		t.Error(err)
	}
	thief := c.Box()
	thief.User = b.User
	if p := thief.Claim(code); p.Status != http.StatusGone {
		t.Errorf("a box with other keys got %+v", p)
	}
	if n := c.Count(`SELECT count(*) FROM epoch_history`); n != 1 {
		t.Errorf("%d epochs were issued", n)
	}
}

func TestOfTwoBoxesWithOneCodeOneWins(t *testing.T) {
	c := fleettest.New(t)
	school := c.School("LODWAR-1")
	code := c.Code(school.ID)
	race(t, c, []string{code, code, code, code}, func(won, gone, other int) {
		if won != 1 || gone != 3 || other != 0 {
			t.Errorf("%d won, %d were told that it is used, %d something else", won, gone, other)
		}
	})
	if n := c.Count(`SELECT count(*) FROM appliances WHERE status = 'active'`); n != 1 {
		t.Errorf("%d active appliances", n)
	}
}

func TestTwoCodesOfOneSchoolAtTheSameMomentLeaveOneActiveBox(t *testing.T) {
	c := fleettest.New(t)
	school := c.School("LODWAR-1")
	race(t, c, []string{c.Code(school.ID), c.Code(school.ID), c.Code(school.ID), c.Code(school.ID)}, func(won, gone, other int) {
		if won+gone != 4 || won < 1 {
			t.Errorf("%d won, %d were refused, %d met an error", won, gone, other)
		}
	})
	if n := c.Count(`SELECT count(*) FROM appliances WHERE status = 'active'`); n != 1 {
		t.Errorf("%d active appliances", n)
	}
}

// race claims a box with each code, all at once.
func race(t *testing.T, c *fleettest.Cloud, codes []string, judge func(won, gone, other int)) {
	t.Helper()
	var wg sync.WaitGroup
	errs := make([]error, len(codes))
	for i, code := range codes {
		in := c.Box().Request(code)
		wg.Go(func() { _, errs[i] = c.Fleet.Claim(t.Context(), in) })
	}
	wg.Wait()
	var won, gone, other int
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case fault.KindOf(err) == fault.Gone || fault.KindOf(err) == fault.Conflict:
			gone++
		default:
			other++
			t.Log(err)
		}
	}
	judge(won, gone, other)
}

func TestASecondBoxReplacesTheFirst(t *testing.T) {
	c := fleettest.New(t)
	school := c.School("LODWAR-1")
	ann := c.Learner(school.ID, "Ann Akai")
	first, second := c.Box(), c.Box()
	if p := first.Claim(c.Code(school.ID)); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	first.Learn(ann.ID)
	c.Must(first.Talk(6))
	if first.Count(`SELECT count(*) FROM accounts`) != 1 || c.Count(`SELECT count(*) FROM learning_activities`) != 1 {
		t.Fatal("the first box does not sync")
	}

	if p := second.Claim(c.Code(school.ID)); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	if second.Answer.Epoch <= first.Answer.Epoch || second.Answer.ApplianceID == first.Answer.ApplianceID {
		t.Errorf("epoch %d after %d", second.Answer.Epoch, first.Answer.Epoch)
	}
	if _, p := first.Renew(first.Epoch, id.Secret(16)); p.Status != http.StatusConflict || p.Code != "box_replaced" {
		t.Errorf("the first box got %+v", p)
	}
	first.Learn(ann.ID)
	if err := first.Talk(1); err == nil {
		t.Error("the first box still talks")
	}

	boxes, _, err := c.Fleet.List(t.Context(), fleettest.Admin, 0, 1)
	c.Must(err)
	if boxes[0].Unsent == 0 {
		t.Error("the fleet page says that the empty box has everything")
	}

	// The second one is empty: everything that came down before comes down again.
	second.Learn(ann.ID)
	c.Must(second.Talk(8))
	if n := second.Count(`SELECT count(*) FROM accounts`); n != 1 {
		t.Errorf("the second box knows %d learners, want 1", n)
	}
	if n := c.Count(`SELECT count(*) FROM learning_activities`); n != 2 {
		t.Errorf("%d activities at the cloud, want 2", n)
	}
}

func TestEpochsAreGivenByCompareAndSet(t *testing.T) {
	c := fleettest.New(t)
	school := c.School("LODWAR-1")
	b := c.Box()
	if p := b.Claim(c.Code(school.ID)); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	start := b.Epoch
	question := id.Secret(16)

	got, p := b.Renew(start, question)
	if p.Status != http.StatusOK || got.Epoch != start+1 { // the clock shows the same second
		t.Fatalf("%+v, epoch %d", p, got.Epoch)
	}
	if got.NATS.UserJWT == b.Answer.NATS.UserJWT || got.NATS.UserJWT == "" {
		t.Error("the NATS user is not of the new epoch")
	}
	again, p := b.Renew(start, question)
	if p.Status != http.StatusOK || again.Epoch != got.Epoch {
		t.Errorf("the same question again: %+v, epoch %d", p, again.Epoch)
	}
	if _, p := b.Renew(start, id.Secret(16)); p.Status != http.StatusConflict || p.Code != "box_quarantined" {
		t.Errorf("another question from the stale epoch: %+v", p)
	}
	if _, p := b.Renew(-1, id.Secret(16)); p.Status != http.StatusUnprocessableEntity {
		t.Errorf("from no epoch: %+v", p)
	}
	if _, p := b.Renew(1<<60, id.Secret(16)); p.Status != http.StatusUnprocessableEntity {
		t.Errorf("from an epoch beyond all: %+v", p)
	}
	if _, p := b.Renew(got.Epoch, "short"); p.Status != http.StatusUnprocessableEntity {
		t.Errorf("without a nonce: %+v", p)
	}
	c.Clock.Advance(time.Hour)
	later, p := b.Renew(got.Epoch, id.Secret(16))
	if p.Status != http.StatusOK || later.Epoch != c.Clock.Now().Unix() {
		t.Errorf("an hour later: %+v, epoch %d", p, later.Epoch)
	}
	c.Clock.Set(c.Clock.Now().Add(-48 * time.Hour)) // a cloud with a wrong clock
	if back, _ := b.Renew(later.Epoch, id.Secret(16)); back.Epoch != later.Epoch+1 {
		t.Errorf("with the clock set back: %d after %d", back.Epoch, later.Epoch)
	}
}

func TestOfTwoClonesOneGetsTheNextEpoch(t *testing.T) {
	c := fleettest.New(t)
	b := c.Box()
	if p := b.Claim(c.Code(c.School("LODWAR-1").ID)); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	box, err := c.Appliance(b)
	c.Must(err)
	var wg sync.WaitGroup
	answers, errs := make([]syncproto.EpochAnswer, 5), make([]error, 5)
	for i := range 5 {
		wg.Go(func() {
			answers[i], errs[i] = c.Fleet.Renew(t.Context(), box, syncproto.EpochRequest{From: b.Epoch, Nonce: fmt.Sprintf("the nonce of clone %d", i), Reason: "race"})
		})
	}
	wg.Wait()
	won := 0
	for i, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, fleet.ErrQuarantined) {
			t.Errorf("clone %d: %v", i, err)
		}
	}
	if won != 1 {
		t.Errorf("%d clones won", won)
	}
}

func TestALateFrameOfASealedEpochStillCounts(t *testing.T) {
	c := fleettest.New(t)
	school, other := c.School("LODWAR-1"), c.School("KAKUMA-1")
	ann := c.Learner(school.ID, "Ann Akai")
	b := c.Box()
	if p := b.Claim(c.Code(school.ID)); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	b.Learn(ann.ID)
	late := b.Frame(syncproto.LaneLearning)
	old := b.Epoch
	if _, p := b.Renew(old, id.Secret(16)); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	activities := func() int64 { return c.Count(`SELECT count(*) FROM learning_activities`) }

	for name, deliver := range map[string]func() error{
		"of an epoch that never was": func() error { return c.Fleet.Mirrored(t.Context(), string(school.ID), old-7, late) },
		"as another epoch's":         func() error { return c.Fleet.Mirrored(t.Context(), string(school.ID), old+1, late) },
		"of a school without a box":  func() error { return c.Fleet.Mirrored(t.Context(), string(other.ID), old, late) },
		"of a school that is none":   func() error { return c.Fleet.Mirrored(t.Context(), id.New(), old, late) },
		"cut short": func() error {
			return c.Fleet.Mirrored(t.Context(), string(school.ID), old, syncproto.Message{Kind: syncproto.KindFrame, Data: late.Data[:9]})
		},
	} {
		if err := deliver(); err != nil {
			t.Errorf("%s: it would be delivered for ever: %v", name, err)
		}
		if n := activities(); n != 0 {
			t.Fatalf("%s: it was applied", name)
		}
	}
	for range 2 { // the second time changes nothing
		c.Must(c.Fleet.Mirrored(t.Context(), string(school.ID), old, late))
		if n := activities(); n != 1 {
			t.Errorf("%d activities, want 1", n)
		}
	}
}

func TestASchoolCannotSpeakForAnother(t *testing.T) {
	c := fleettest.New(t)
	mine, theirs := c.School("LODWAR-1"), c.School("KAKUMA-1")
	ann, ben := c.Learner(mine.ID, "Ann Akai"), c.Learner(theirs.ID, "Ben Ekiru")
	b, neighbour := c.Box(), c.Box()
	for _, x := range []struct {
		box    *fleettest.Box
		school identity.SchoolID
	}{{b, mine.ID}, {neighbour, theirs.ID}} {
		if p := x.box.Claim(c.Code(x.school)); p.Status != http.StatusOK {
			t.Fatal(p)
		}
	}
	neighbour.Learn(ben.ID)
	foreign := neighbour.Frame(syncproto.LaneLearning)
	c.Must(c.Fleet.Mirrored(t.Context(), string(mine.ID), b.Epoch, foreign)) // in our account: swallowed
	box, err := c.Appliance(b)
	c.Must(err)
	if _, err := c.Fleet.Exchange(t.Context(), box, b.Epoch, []syncproto.Message{foreign}); err != nil {
		t.Errorf("got %v", err)
	}
	if n := c.Count(`SELECT count(*) FROM learning_activities`); n != 0 {
		t.Errorf("%d activities of another school's frame were applied", n)
	}

	// A good frame with a record about another school's learner: that record is
	// kept aside, the rest counts.
	b.Learn(ann.ID)
	b.Learn(ben.ID)
	b.Learn(ann.ID)
	c.Must(b.Talk(5))
	if n := c.Count(`SELECT count(*) FROM learning_activities WHERE learner_id = $1`, string(ann.ID)); n != 2 {
		t.Errorf("%d activities of the own learner, want 2", n)
	}
	if n := c.Count(`SELECT count(*) FROM learning_activities WHERE learner_id = $1`, string(ben.ID)); n != 0 {
		t.Error("a school wrote about another school's learner")
	}
	if n := c.Count(`SELECT count(*) FROM dead_letters WHERE school = $1`, string(mine.ID)); n != 1 {
		t.Errorf("%d dead letters, want 1", n)
	}
}

func TestSyncGoesBothWaysByHTTPS(t *testing.T) {
	c := fleettest.New(t)
	school := c.School("LODWAR-1")
	ann := c.Learner(school.ID, "Ann Akai")
	b := c.Box()
	if p := b.Claim(c.Code(school.ID)); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	for range 25 {
		b.Learn(ann.ID)
	}
	c.Must(b.Talk(6))
	if n := c.Count(`SELECT count(*) FROM learning_activities`); n != 25 {
		t.Errorf("%d activities at the cloud, want 25", n)
	}
	if b.Count(`SELECT count(*) FROM schools`) != 1 || b.Count(`SELECT count(*) FROM accounts`) != 1 {
		t.Error("the roster is not at the school")
	}
	c.Learner(school.ID, "Ben Ekiru")
	c.Must(b.Talk(3))
	if n := b.Count(`SELECT count(*) FROM accounts`); n != 2 {
		t.Errorf("%d learners at the school, want 2", n)
	}
	c.Must(b.Talk(3))

	boxes, total, err := c.Fleet.List(t.Context(), fleettest.Admin, 0, 10)
	c.Must(err)
	if total != 1 || boxes[0].Status != fleet.Online || boxes[0].Carrier != "https" || boxes[0].Behind != 0 || boxes[0].Unsent != 0 || boxes[0].AsOf == nil {
		t.Errorf("the fleet page shows %+v", boxes[0])
	}
	c.Clock.Advance(time.Hour)
	if boxes, _, _ = c.Fleet.List(t.Context(), fleettest.Admin, 0, 10); boxes[0].Status != fleet.Late {
		t.Errorf("an hour later it is %s", boxes[0].Status)
	}
	c.Clock.Advance(48 * time.Hour)
	if boxes, _, _ = c.Fleet.List(t.Context(), fleettest.Admin, 0, 10); boxes[0].Status != fleet.Gone {
		t.Errorf("two days later it is %s", boxes[0].Status)
	}
}

func TestAProbeDoesNotTakeTheConversationFromTheMirror(t *testing.T) {
	c := fleettest.New(t)
	school := c.School("LODWAR-1")
	b := c.Box()
	if p := b.Claim(c.Code(school.ID)); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	box, err := c.Appliance(b)
	c.Must(err)
	hello, err := b.Peer.HelloNow(t.Context())
	c.Must(err)
	c.Must(c.Fleet.Mirrored(t.Context(), string(school.ID), b.Epoch, hello))
	if out, err := c.Fleet.Exchange(t.Context(), box, b.Epoch, nil); err != nil || len(out) != 0 {
		t.Errorf("a probe got %d messages, %v", len(out), err)
	}
	if out, err := c.Fleet.Exchange(t.Context(), box, b.Epoch, []syncproto.Message{hello}); err != nil || len(out) < 2 {
		t.Errorf("a hello by https got %d messages, %v: want the answer and the roster", len(out), err)
	}
	if _, err := c.Fleet.Exchange(t.Context(), box, b.Epoch-1, []syncproto.Message{hello}); !errors.Is(err, fleet.ErrOldEpoch) {
		t.Errorf("a box in an epoch that is over got %v", err)
	}
}

func TestALargeDownlinkFitsItsAnswers(t *testing.T) {
	c := fleettest.New(t)
	school := c.School("LODWAR-1")
	b := c.Box()
	if p := b.Claim(c.Code(school.ID)); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	c.Must(b.Talk(4))
	// 9 MB of urgent records, which do not compress: more than one answer holds.
	c.Must(c.DB.Update(t.Context(), func(tx db.Tx) error {
		for range 150 {
			change := syncer.Change{Spec: syncproto.Spec{Name: "test.later", Version: 1, Lane: syncproto.LaneControl}, Entity: id.New(), Body: []byte(id.Secret(45_000))}
			if _, err := c.Outbox.Append(t.Context(), tx, syncer.Log{School: string(school.ID), Epoch: syncer.DownEpoch}, change); err != nil {
				return err
			}
		}
		return nil
	}))
	c.Must(b.Talk(8))
	if n := b.Count(`SELECT count(*) FROM dead_letters WHERE kind = 'unknown'`); n != 150 {
		t.Errorf("%d of 150 records came down (as a type this build does not know)", n)
	}
}

// A box restored from an older copy of its file finds out, gets a new epoch by
// itself, sends what the cloud lacks and gets what it has forgotten.
func TestARestoredBoxLosesNothing(t *testing.T) {
	c := fleettest.New(t)
	school := c.School("LODWAR-1")
	ann := c.Learner(school.ID, "Ann Akai")
	b := c.Box()
	if p := b.Claim(c.Code(school.ID)); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	b.Learn(ann.ID)
	c.Must(b.Talk(5))
	backup := b.Backup()
	b.Learn(ann.ID) // sent, then lost with the disk
	c.Learner(school.ID, "Ben Ekiru")
	c.Must(b.Talk(5))

	b.Load(backup)
	b.Connect(b.Epoch)
	b.Learn(ann.ID) // after the restore, before the link is back
	c.Must(b.Talk(4))
	if !errors.Is(b.Forked, syncer.ErrFork) {
		t.Fatalf("the box did not notice: %v", b.Forked)
	}
	answer, p := b.Renew(b.Epoch, id.Secret(16))
	if p.Status != http.StatusOK {
		t.Fatal(p)
	}
	to := syncer.Log{School: b.Answer.SchoolID, Epoch: answer.Epoch}
	c.Must(b.DB.Update(t.Context(), func(tx db.Tx) error {
		_, err := b.Outbox.Rejoin(t.Context(), tx, syncer.Rejoining{To: to, From: b.Epoch, Trusted: true, Applied: answer.Applied})
		return err
	}))
	b.Connect(answer.Epoch)
	c.Must(b.Talk(8))
	if n := c.Count(`SELECT count(*) FROM learning_activities`); n != 3 {
		t.Errorf("%d activities at the cloud, want 3", n)
	}
	if n := b.Count(`SELECT count(*) FROM accounts`); n != 2 {
		t.Errorf("%d learners at the school, want both: what came down after the copy was made is missing", n)
	}
}

func TestTheHubLearnsEveryActiveBoxAtStart(t *testing.T) {
	c := fleettest.New(t)
	one, two := c.School("LODWAR-1"), c.School("KAKUMA-1")
	first, b, other := c.Box(), c.Box(), c.Box()
	for _, x := range []struct {
		box    *fleettest.Box
		school identity.SchoolID
	}{{first, one.ID}, {b, one.ID}, {other, two.ID}} {
		if p := x.box.Claim(c.Code(x.school)); p.Status != http.StatusOK {
			t.Fatal(p)
		}
	}
	all, err := c.Fleet.Enrolments(t.Context())
	c.Must(err)
	got := map[string]string{}
	for _, e := range all {
		got[e.School] = e.UserKey
	}
	if len(all) != 2 || got[string(one.ID)] != b.User || got[string(two.ID)] != other.User {
		t.Errorf("got %+v", all)
	}
	boxes, err := c.Fleet.Overview(t.Context())
	if err != nil || len(boxes) != 2 || boxes[0].ApplianceID == "" || boxes[1].ApplianceID == "" {
		t.Errorf("%v, %v", boxes, err)
	}
	var keys, recipients int
	c.Must(c.DB.View(t.Context(), func(tx db.Tx) error {
		k, err := fleet.NodeKeys(t.Context(), tx, string(one.ID))
		if err != nil {
			return err
		}
		r, err := fleet.Recipients(t.Context(), tx)
		keys, recipients = len(k), len(r)
		return err
	}))
	if keys != 2 || recipients != 2 {
		t.Errorf("%d node keys of the school (want 2, with the replaced box's), %d recipients (want 2)", keys, recipients)
	}
}
