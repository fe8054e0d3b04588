// Package agent makes a fresh box the appliance of a school and keeps it one:
// it makes the box's keys, *claims* the box with a one-time code, and runs the
// *connection* to the cloud in the present epoch, which it renews when the two
// logs have forked.
//
// The rule that surprises: secrets are not in the database. They lie in one
// file beside it, so that a copied database opens nothing.
package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// State is what a claimed box knows of itself; it is kept in the database,
// since the epoch must move in the same transaction as the outbox.
type State struct {
	CloudURL    string `json:"cloud_url"`
	SchoolID    string `json:"school_id"`
	SchoolName  string `json:"school_name"`
	ApplianceID string `json:"appliance_id"`
	Epoch       int64  `json:"epoch"`
	Timeline    string `json:"timeline"`
	CloudKey    []byte `json:"cloud_key"`
	// CloudRecipient is for what only the cloud may open; empty on a box that was
	// claimed before it was told.
	CloudRecipient string               `json:"cloud_recipient,omitempty"`
	NATS           syncproto.NATSAccess `json:"nats"`
	// Side tells that the epoch is beside the school's: another box has its place,
	// and this one delivers what it has.
	Side bool `json:"side,omitempty"`
}

// Log is the uplink's log in the present epoch.
func (s State) Log() syncer.Log { return syncer.Log{School: s.SchoolID, Epoch: s.Epoch} }

const stateKey = "agent.state"

// Agent holds the box's keys and state.
type Agent struct {
	db       db.DB
	keys     *Keys
	software string
	path     string // of the witness

	mu                sync.Mutex
	state             *State
	witness           witness
	standing          Standing
	cloudURL, leafURL string // overrides
	transport         http.RoundTripper
}

// Open reads the box's keys from dir, making them on the first start, and the
// state from the database.
func Open(ctx context.Context, d db.DB, dir, software string) (*Agent, error) {
	a, err := Look(ctx, d, dir, software)
	if err != nil {
		return nil, err
	}
	return a, a.openWitness(ctx)
}

// Look is Open for who only reads, beside a running service: it compares no witness
// and writes nothing to the database.
func Look(ctx context.Context, d db.DB, dir, software string) (*Agent, error) {
	keys, err := openKeys(dir)
	if err != nil {
		return nil, err
	}
	a := &Agent{db: d, keys: keys, software: software, path: filepath.Join(dir, witnessFile)}
	var text string
	if err := d.View(ctx, func(tx db.Tx) (err error) { text, err = syncer.NodeState(ctx, tx, stateKey); return err }); err != nil {
		return nil, fmt.Errorf("read the box's state: %w", err)
	}
	if text != "" {
		a.state = &State{}
		if err := json.Unmarshal([]byte(text), a.state); err != nil {
			return nil, fmt.Errorf("read the box's state: %w", err)
		}
	}
	return a, a.readStanding(ctx)
}

// State is the box's state; ok is false while it is not claimed.
func (a *Agent) State() (s State, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state == nil {
		return State{}, false
	}
	s = *a.state
	if a.cloudURL != "" {
		s.CloudURL = a.cloudURL
	}
	if a.leafURL != "" {
		s.NATS.LeafURL = a.leafURL
	}
	return s, true
}

// Override replaces the remembered addresses of the cloud and its hub; empty
// ones are kept.
func (a *Agent) Override(cloudURL, leafURL string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cloudURL, a.leafURL = strings.TrimSuffix(cloudURL, "/"), leafURL
}

// Keys are the box's own keys.
func (a *Agent) Keys() *Keys { return a.keys }

// Log is the uplink's log now: what the outbox writes to.
func (a *Agent) Log() syncer.Log { s, _ := a.State(); return s.Log() }

// Client is an HTTP client whose requests are signed as this box.
func (a *Agent) Client() *http.Client {
	a.mu.Lock()
	t := a.transport
	a.mu.Unlock()
	if t == nil {
		t = http.DefaultTransport
	}
	return a.ClientOver(t)
}

// ErrClaimed answers a second claim.
var ErrClaimed = fault.New(fault.Conflict, "This box belongs to a school already.").WithCode("already_claimed")

// Claim makes this box the appliance of the code's school. It needs the cloud.
func (a *Agent) Claim(ctx context.Context, cloudURL, code string) (State, error) {
	if s, ok := a.State(); ok {
		return s, ErrClaimed
	}
	s, _, err := a.askClaim(ctx, strings.TrimSuffix(cloudURL, "/"), syncproto.ClaimRequest{Code: code})
	if err != nil {
		return State{}, err
	}
	if err := a.db.Update(ctx, func(tx db.Tx) error { return writeState(ctx, tx, s) }); err != nil {
		return State{}, err
	}
	a.setState(s)
	return s, a.Witness(ctx)
}

// askClaim sends the claim with this box's keys and reads the answer.
func (a *Agent) askClaim(ctx context.Context, cloudURL string, in syncproto.ClaimRequest) (s State, out syncproto.ClaimAnswer, err error) {
	in.NodeKey, in.NATSUser, in.Recipient, in.Software = a.keys.NodePublic(), a.keys.NATSUser(), a.keys.Recipient(), a.software
	in.From = a.highest()
	if err := post(ctx, http.DefaultClient, cloudURL+syncproto.ClaimPath, in, &out); err != nil {
		return s, out, err
	}
	if out.SchoolID == "" || out.ApplianceID == "" || out.Epoch == 0 || in.School != "" && out.SchoolID != in.School { // JSON, but not the cloud's
		return s, out, errNotTheCloud
	}
	var secrets syncproto.SealedSecrets
	if err := a.unseal(out.Sealed, &secrets); err != nil {
		return s, out, err
	}
	if err := a.keys.setPepper(secrets.Pepper); err != nil {
		return s, out, err
	}
	if err := a.keepRecovery(out.SchoolID, out.Recovery); err != nil {
		return s, out, err
	}
	return State{CloudURL: cloudURL, SchoolID: out.SchoolID, SchoolName: out.SchoolName, ApplianceID: out.ApplianceID, Epoch: out.Epoch,
		Timeline: out.Timeline, CloudKey: out.CloudKey, CloudRecipient: out.CloudRecipient, NATS: out.NATS}, out, nil
}

// reload makes what the database says the state, and gives it with the
// overrides. A commit that was reported as failed may be there: only the
// database knows in which epoch the box is.
func (a *Agent) reload(ctx context.Context) (State, error) {
	var text string
	if err := a.db.View(ctx, func(tx db.Tx) (err error) { text, err = syncer.NodeState(ctx, tx, stateKey); return err }); err != nil {
		return State{}, fmt.Errorf("read the box's state: %w", err)
	}
	if text == "" {
		return State{}, errNotClaimed
	}
	var s State
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return State{}, fmt.Errorf("read the box's state: %w", err)
	}
	a.setState(s)
	s, _ = a.State()
	return s, nil
}

func (a *Agent) setState(s State) { a.mu.Lock(); defer a.mu.Unlock(); a.state = &s }

func writeState(ctx context.Context, tx db.Tx, s State) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return syncer.SetNodeState(ctx, tx, stateKey, string(b))
}

func (a *Agent) unseal(sealed []byte, out any) error {
	r, err := age.Decrypt(bytes.NewReader(sealed), a.keys.Age)
	if err != nil {
		return fmt.Errorf("open the cloud's secrets: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, 1<<16))
	if err != nil {
		return fmt.Errorf("open the cloud's secrets: %w", err)
	}
	return json.Unmarshal(plain, out)
}

// post sends JSON and reads JSON; the cloud's problems become faults.
func post(ctx context.Context, client *http.Client, url string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fault.New(fault.Invalid, "This is not a web address.").WithCode("cloud_url")
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(r)
	if err != nil {
		return fault.New(fault.Unavailable, "The cloud cannot be reached.").WithCode("cloud_unreachable").Because(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return fault.New(fault.Unavailable, "The cloud cannot be reached.").WithCode("cloud_unreachable").Because(err)
	}
	if resp.StatusCode != http.StatusOK {
		return refused(resp, answer)
	}
	if err := json.Unmarshal(answer, out); err != nil { // the page of a captive portal
		return errNotTheCloud.Because(err)
	}
	return nil
}

// errNotTheCloud is for answers that somebody else gave, mostly a captive portal.
var errNotTheCloud = fault.New(fault.Unavailable, "The answer is not the cloud's.").WithCode("cloud_unreachable")

var kindOf = map[int]fault.Kind{
	http.StatusBadRequest: fault.Malformed, http.StatusUnauthorized: fault.Unauthenticated, http.StatusForbidden: fault.Forbidden,
	http.StatusNotFound: fault.NotFound, http.StatusConflict: fault.Conflict, http.StatusGone: fault.Gone,
	http.StatusUnprocessableEntity: fault.Invalid, http.StatusTooManyRequests: fault.TooMany,
}

func refused(resp *http.Response, answer []byte) error {
	var p struct {
		Detail string `json:"detail"`
		Code   string `json:"code"`
	}
	kind, ok := kindOf[resp.StatusCode]
	if !ok || json.Unmarshal(answer, &p) != nil || p.Detail == "" {
		return fault.New(fault.Unavailable, "The cloud cannot be reached.").WithCode("cloud_unreachable").Hint(fmt.Sprintf("status %d", resp.StatusCode))
	}
	return fault.New(kind, p.Detail).WithCode(p.Code)
}
