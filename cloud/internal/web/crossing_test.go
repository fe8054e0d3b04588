package web_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	"urbanhomeschool.org/uhs/cloud/internal/fleet/fleettest"
	"urbanhomeschool.org/uhs/shared/syncer/httpcarrier"
	"urbanhomeschool.org/uhs/syncproto"
)

// A box of one school tries to speak for another by HTTPS, in every way that a
// request has: each is refused or means nothing, and nothing changes.
func TestABoxCannotCrossToAnotherSchool(t *testing.T) {
	c := fleettest.New(t)
	mine, theirs := c.School("LODWAR-1"), c.School("KAKUMA-1")
	b, other := c.Box(), c.Box()
	for _, p := range []fleettest.Problem{b.Claim(c.Code(mine.ID)), other.Claim(c.Code(theirs.ID))} {
		if p.Status != http.StatusOK {
			t.Fatal(p)
		}
	}
	learner := c.Learner(theirs.ID, "Ben Ekiru")
	other.Learn(learner.ID)
	frame := other.Frame(syncproto.LaneLearning)
	hello, err := syncproto.EncodeHello(syncproto.Hello{School: string(theirs.ID), Appliance: other.Answer.ApplianceID, Epoch: other.Epoch})
	c.Must(err)
	ack, err := syncproto.EncodeAck(syncproto.Ack{Epoch: other.Epoch, Applied: syncproto.Marks{syncproto.LaneRoster: {Seq: 1 << 40, Chain: syncproto.Hash{1}}}})
	c.Must(err)

	// As the other appliance, with our key.
	stolen := &http.Client{Transport: httpcarrier.Signer{Appliance: other.Answer.ApplianceID, Key: b.Node, Next: http.DefaultTransport}}
	state := func() string {
		return fmt.Sprint(c.Count(`SELECT count(*) FROM learning_activities`), c.Count(`SELECT coalesce(sum(seq), 0) FROM watermarks WHERE school = $1`, string(theirs.ID)),
			c.Count(`SELECT coalesce(sum(acked_seq), 0) FROM outbox_heads WHERE school = $1`, string(theirs.ID)),
			c.Count(`SELECT max(epoch) FROM epoch_history WHERE school_id = $1`, string(theirs.ID)), c.Count(`SELECT count(*) FROM peer_states WHERE school = $1`, string(theirs.ID)))
	}
	before := state()
	for _, x := range []struct {
		name    string
		client  *http.Client
		epoch   int64
		msgs    []syncproto.Message
		refused bool
	}{
		{"their frame with their name and our key", stolen, other.Epoch, []syncproto.Message{frame}, true},
		{"their frame without a signature", http.DefaultClient, other.Epoch, []syncproto.Message{frame}, true},
		{"their frame in our conversation", b.Client(), b.Epoch, []syncproto.Message{frame}, false},
		{"their hello in our conversation", b.Client(), b.Epoch, []syncproto.Message{hello}, false},
		{"their acknowledgement in our conversation", b.Client(), b.Epoch, []syncproto.Message{ack}, false},
		{"their epoch with our name and key", b.Client(), other.Epoch + 1, []syncproto.Message{frame}, true},
		{"an oversized frame", b.Client(), b.Epoch, []syncproto.Message{{Kind: syncproto.KindFrame, Lane: syncproto.LaneLearning, Data: make([]byte, syncproto.MaxFrame+1)}}, false},
		{"a frame of nonsense", b.Client(), b.Epoch, []syncproto.Message{{Kind: syncproto.KindFrame, Lane: syncproto.LaneLearning, Data: []byte{2, 0x28, 0xb5, 0x2f, 0xfd}}}, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			body, err := httpcarrier.EncodeBatch(x.msgs)
			c.Must(err)
			p := b.Send(x.client, fmt.Sprintf("%s?epoch=%d", httpcarrier.Path, x.epoch), httpcarrier.ContentType, body, nil)
			if x.refused && p.Status < 400 {
				t.Errorf("got %d", p.Status)
			}
			if p.Status >= 500 {
				t.Errorf("the cloud stumbled: %d", p.Status)
			}
			if now := state(); now != before {
				t.Errorf("the other school is at %s, was at %s", now, before)
			}
		})
	}
	t.Run("their next epoch", func(t *testing.T) {
		in := syncproto.EpochRequest{From: other.Epoch, Nonce: "x", Reason: "a test"}
		if p := b.Post(stolen, syncproto.EpochPath, in, nil); p.Status != http.StatusUnauthorized {
			t.Errorf("got %d", p.Status)
		}
		if now := state(); now != before {
			t.Errorf("the other school is at %s, was at %s", now, before)
		}
	})
	t.Run("too large a request", func(t *testing.T) {
		p := b.Send(b.Client(), fmt.Sprintf("%s?epoch=%d", httpcarrier.Path, b.Epoch), httpcarrier.ContentType, bytes.Repeat([]byte{0x80}, 8<<20), nil)
		if p.Status != http.StatusRequestEntityTooLarge && p.Status != http.StatusBadRequest {
			t.Errorf("got %d", p.Status)
		}
	})
}

// A revoked box repeats what was good before: the same request, to the byte, and
// a new one. Neither is heard.
func TestABoxThatWasReplacedRepeatsItselfInVain(t *testing.T) {
	c := fleettest.New(t)
	school := c.School("LODWAR-1")
	learner := c.Learner(school.ID, "Ann Akai")
	old, next := c.Box(), c.Box()
	if p := old.Claim(c.Code(school.ID)); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	old.Learn(learner.ID)
	body, err := httpcarrier.EncodeBatch([]syncproto.Message{old.Frame(syncproto.LaneLearning)})
	c.Must(err)
	if p := next.Claim(c.Code(school.ID)); p.Status != http.StatusOK {
		t.Fatal(p)
	}
	for _, epoch := range []int64{old.Epoch, next.Epoch} {
		for range 2 {
			p := old.Send(old.Client(), fmt.Sprintf("%s?epoch=%d", httpcarrier.Path, epoch), httpcarrier.ContentType, body, nil)
			if p.Status == http.StatusOK && epoch == next.Epoch {
				t.Error("a replaced box speaks in its successor's epoch")
			}
		}
	}
	if n := c.Count(`SELECT coalesce(sum(seq), 0) FROM watermarks WHERE school = $1 AND epoch = $2`, string(school.ID), next.Epoch); n != 0 {
		t.Errorf("its successor's log moved by %d", n)
	}
}
