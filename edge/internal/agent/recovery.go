package agent

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/syncproto"
)

// Recovery is what the box knows of the encrypted copy of its school's database.
type Recovery struct {
	School    string `json:"school"`
	Recipient string `json:"recipient"`
	// Identity and NodeKeys are there on a box that replaces another one: they open
	// the copies of the school's earlier boxes, and tell who must have signed them.
	Identity string   `json:"identity,omitempty"`
	NodeKeys [][]byte `json:"node_keys,omitempty"`
}

func (a *Agent) recoveryPath() string {
	return filepath.Join(filepath.Dir(a.keys.path), "box.recovery")
}

// keepRecovery stores what the cloud told, beside the box's keys.
func (a *Agent) keepRecovery(school string, r syncproto.Recovery) error {
	if r.Recipient == "" { // an older cloud
		return nil
	}
	if _, err := age.ParseX25519Recipient(r.Recipient); err != nil {
		return fmt.Errorf("read the recovery key: %w", err)
	}
	keep := Recovery{School: school, Recipient: r.Recipient}
	if len(r.Sealed) > 0 {
		var s syncproto.RecoverySecrets
		if err := a.unseal(r.Sealed, &s); err != nil {
			return err
		}
		keep.Identity, keep.NodeKeys = s.Identity, s.NodeKeys
	}
	b, err := json.Marshal(keep)
	if err != nil {
		return err
	}
	tmp := a.recoveryPath() + ".new"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // below the data directory
	if err != nil {
		return fmt.Errorf("keep the recovery key: %w", err)
	}
	_, werr := f.Write(b)
	if err := errors.Join(werr, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("keep the recovery key: %w", err)
	}
	return os.Rename(tmp, a.recoveryPath())
}

// KnownRecovery is what the box was told; ok is false when it was claimed by a
// cloud that did not tell.
func (a *Agent) KnownRecovery() (r Recovery, ok bool, err error) {
	s, claimed := a.State()
	b, err := os.ReadFile(a.recoveryPath())
	if errors.Is(err, fs.ErrNotExist) || !claimed {
		return r, false, nil
	}
	if err != nil {
		return r, false, fmt.Errorf("read the recovery key: %w", err)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, false, fmt.Errorf("read the recovery key: %w", err)
	}
	return r, r.School == s.SchoolID && r.Recipient != "", nil
}

// AskRecovery asks the cloud, believes what the key signs that was pinned at the
// claim, and remembers it.
func (a *Agent) AskRecovery(ctx context.Context) (Recovery, error) {
	s, ok := a.State()
	if !ok {
		return Recovery{}, errors.New("ask for the recovery key: the box is not claimed")
	}
	var out syncproto.Recovery
	if err := get(ctx, a.Client(), s.CloudURL+syncproto.RecoveryPath, &out); err != nil {
		return Recovery{}, err
	}
	if len(s.CloudKey) != ed25519.PublicKeySize || !ed25519.Verify(s.CloudKey, syncproto.RecoveryMessage(s.SchoolID, out.Recipient), out.Signature) {
		return Recovery{}, errNotTheCloud
	}
	if err := a.keepRecovery(s.SchoolID, out); err != nil {
		return Recovery{}, err
	}
	r, _, err := a.KnownRecovery()
	return r, err
}

// get reads JSON; the cloud's problems become faults.
func get(ctx context.Context, client *http.Client, url string, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fault.New(fault.Invalid, "This is not a web address.").WithCode("cloud_url")
	}
	resp, err := client.Do(r)
	if err != nil {
		return fault.New(fault.Unavailable, "The cloud cannot be reached.").WithCode("cloud_unreachable").Because(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return fault.New(fault.Unavailable, "The cloud cannot be reached.").WithCode("cloud_unreachable").Because(err)
	}
	if resp.StatusCode != http.StatusOK {
		return refused(resp, answer)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return errNotTheCloud.Because(err)
	}
	return nil
}
