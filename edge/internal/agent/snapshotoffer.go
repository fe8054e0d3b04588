package agent

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// offered is the cloud's answer on disk, with what it answers.
type offered struct {
	Nonce  string                   `json:"nonce"`
	Answer syncproto.SnapshotAnswer `json:"answer"`
}

// manifest is the one whose download was begun, else a new one.
func (s *Snapshots) manifest(ctx context.Context, reason string) (syncproto.Snapshot, error) {
	b, err := os.ReadFile(s.manifestPath())
	if err == nil {
		var o offered
		if err := json.Unmarshal(b, &o); err == nil {
			if m, err := s.verify(o); err == nil {
				return m, nil
			}
		}
		if err := os.Remove(s.manifestPath()); err != nil {
			return syncproto.Snapshot{}, err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return syncproto.Snapshot{}, err
	}
	o, have, err := s.ask(ctx, reason)
	if err != nil {
		return syncproto.Snapshot{}, err
	}
	m, err := s.verify(o)
	if err == nil {
		err = s.notBehind(m, have)
	}
	if err != nil {
		return m, err
	}
	if b, err = json.Marshal(o); err != nil {
		return m, err
	}
	return m, writeWhole(s.manifestPath(), b)
}

// patience is how long the cloud may build.
const patience = 15 * time.Minute

// ask asks for a snapshot until the cloud has built it. It gives what the box
// had when it asked, too.
func (s *Snapshots) ask(ctx context.Context, reason string) (o offered, have syncproto.Marks, err error) {
	state, ok := s.o.Agent.State()
	if !ok {
		return o, have, errNotClaimed
	}
	if have, err = s.cursor(ctx, state); err != nil {
		return o, have, err
	}
	ack, err := syncproto.EncodeAck(syncproto.Ack{Applied: have})
	if err != nil {
		return o, have, err
	}
	s.show("loading", 0, 0)
	for waited := time.Duration(0); waited < patience; waited += s.o.Again {
		o.Nonce = id.Secret(24)
		in := syncproto.SnapshotRequest{Nonce: o.Nonce, Have: ack.Data, Reason: reason}
		o.Answer = syncproto.SnapshotAnswer{}
		if err := post(ctx, acceptedClient(s.o.Agent.Client()), state.CloudURL+syncproto.SnapshotPath, in, &o.Answer); err != nil {
			return o, have, err
		}
		if !o.Answer.Building {
			return o, have, nil
		}
		select {
		case <-ctx.Done():
			return o, have, ctx.Err()
		case <-time.After(s.o.Again):
		}
	}
	return o, have, errBuilding
}

// acceptedClient takes 202 for 200: post knows only one good answer.
func acceptedClient(c *http.Client) *http.Client {
	return &http.Client{Transport: accepted{c.Transport}}
}

type accepted struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (a accepted) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := a.next.RoundTrip(r)
	if err == nil && resp.StatusCode == http.StatusAccepted {
		resp.StatusCode = http.StatusOK
	}
	return resp, err
}

func (s *Snapshots) cursor(ctx context.Context, state State) (m syncproto.Marks, err error) {
	err = s.o.File.View(ctx, func(tx db.Tx) error {
		m, err = syncer.ReadMarks(ctx, tx, syncer.Log{School: state.SchoolID, Epoch: syncer.DownEpoch})
		return err
	})
	return m, err
}

// verify checks that the manifest is the pinned cloud's answer to our own
// question, and of our school.
func (s *Snapshots) verify(o offered) (m syncproto.Snapshot, err error) {
	state, _ := s.o.Agent.State()
	if err := syncproto.VerifySnapshot(ed25519.PublicKey(state.CloudKey), state.ApplianceID, o.Nonce, o.Answer); err != nil {
		return m, err
	}
	if m, err = syncproto.DecodeSnapshot(o.Answer.Manifest); err != nil {
		return m, err
	}
	if m.School != state.SchoolID {
		return m, ErrNotOurs
	}
	return m, nil
}

// notBehind refuses a snapshot from before what this box had when it asked,
// unless the cloud's database began another life. What has come since then comes
// again after the swap: while the cloud builds, and while the parts are fetched,
// the tail goes on.
func (s *Snapshots) notBehind(m syncproto.Snapshot, have syncproto.Marks) error {
	state, _ := s.o.Agent.State()
	for l, h := range have {
		if m.Down[l].Seq < h.Seq && m.Timeline == state.Timeline {
			return fmt.Errorf("%w: lane %d was at %d, the snapshot is at %d", ErrRollback, l, h.Seq, m.Down[l].Seq)
		}
	}
	return nil
}
