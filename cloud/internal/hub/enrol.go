package hub

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nkeys"
	"golang.org/x/sync/errgroup"
)

// Enrolment says which appliance speaks for a school.
type Enrolment struct {
	School, Appliance string
	Epoch             int64
	// UserKey is the public nkey ("U...") of the appliance; it made the key
	// itself and the seed never leaves it.
	UserKey string
}

func (e Enrolment) check() error {
	if !token.MatchString(e.School) || !token.MatchString(e.Appliance) {
		return fmt.Errorf("hub: school %q, appliance %q: not a token", e.School, e.Appliance)
	}
	if e.Epoch < 1 || !nkeys.IsValidPublicUserKey(e.UserKey) {
		return fmt.Errorf("hub: epoch %d, user key %q: not valid", e.Epoch, e.UserKey)
	}
	return nil
}

// Credentials are what an appliance needs to connect, beside its own key. None
// of them is secret.
type Credentials struct {
	AccountKey string // of the school
	UserJWT    string // good for one epoch
	LeafURL    string
	CAPEM      string // the only authority to trust for LeafURL
	Domain     string // JetStream domain of the hub
	EdgeDomain string // JetStream domain the appliance must take
}

// Enrol lets one appliance in for one epoch and gives it what it needs. It may
// be repeated. The user of an older epoch is put out at once and its streams
// are deleted. ErrStaleEpoch when the school is further.
func (h *Hub) Enrol(ctx context.Context, e Enrolment) (Credentials, error) {
	if err := h.admit(ctx, e); err != nil {
		return Credentials{}, err
	}
	token, err := h.applianceJWT(e)
	if err != nil {
		return Credentials{}, err
	}
	account, err := publicKey(h.keys.account(e.School))
	if err != nil {
		return Credentials{}, err
	}
	ca, err := h.keys.authorityPEM()
	if err != nil {
		return Credentials{}, err
	}
	return Credentials{AccountKey: account, UserJWT: token, LeafURL: h.LeafURL(), CAPEM: ca,
		Domain: h.opts.Domain, EdgeDomain: edgeDomain(e.Appliance)}, nil
}

// Restore brings back what the database says is enrolled, after Start. Of a
// school with several enrolments the one with the highest epoch counts. One that
// fails does not keep the others out.
func (h *Hub) Restore(ctx context.Context, enrolments []Enrolment) error {
	latest := map[string]Enrolment{}
	for _, e := range enrolments {
		if have, ok := latest[e.School]; !ok || have.Epoch < e.Epoch {
			latest[e.School] = e
		}
	}
	var mu sync.Mutex
	var errs []error
	var group errgroup.Group
	group.SetLimit(8) // the work is waiting for small writes
	for _, e := range latest {
		group.Go(func() error {
			if err := h.admit(ctx, e); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
			return nil
		})
	}
	return errors.Join(append(errs, group.Wait())...)
}

// Revoke puts an appliance out at once; it does not come back before it is
// enrolled again. What it had sent is still delivered. A key that is not
// enrolled is out already.
func (h *Hub) Revoke(ctx context.Context, school, userKey string) error {
	s := h.find(school)
	if s == nil {
		return nil
	}
	s.change.Lock()
	defer s.change.Unlock()
	if s.current.UserKey != userKey {
		return nil
	}
	if err := h.publishAccount(school, nil); err != nil {
		return err
	}
	s.current.UserKey = ""
	return nil
}

// admit makes everything an enrolment needs, whatever of it exists.
func (h *Hub) admit(ctx context.Context, e Enrolment) error {
	if err := e.check(); err != nil {
		return err
	}
	s, err := h.findOrAdd(e.School)
	if err != nil {
		return err
	}
	s.change.Lock()
	defer s.change.Unlock()
	if s.closed {
		return errStopped
	}
	if e.Epoch < s.current.Epoch {
		return fmt.Errorf("%w: %s is at %d, not %d", ErrStaleEpoch, e.School, s.current.Epoch, e.Epoch)
	}
	if e == s.current && s.reading() {
		return nil
	}

	// The account first: it puts the old user out before its streams go.
	if err := h.publishAccount(e.School, &e); err != nil {
		return err
	}
	if err := s.open(ctx, e); err != nil {
		return fmt.Errorf("hub: open school %s: %w", e.School, err)
	}
	return nil
}

// publishAccount makes the server take the school's account as it should be
// now; users it no longer lists are disconnected.
func (h *Hub) publishAccount(school string, e *Enrolment) error {
	claims, err := h.schoolClaims(school, e)
	if err != nil {
		return err
	}
	token, decoded, err := h.keys.signAccount(claims)
	if err != nil {
		return err
	}
	h.mu.Lock()
	srv, resolver := h.server, h.resolver
	h.mu.Unlock()
	if srv == nil {
		return errStopped
	}
	if err := resolver.Store(claims.Subject, token); err != nil {
		return fmt.Errorf("hub: store account %s: %w", school, err)
	}
	acc, err := srv.LookupAccount(claims.Subject)
	if err != nil {
		return fmt.Errorf("hub: load account %s: %w", school, err)
	}
	srv.UpdateAccountClaims(acc, decoded)
	return nil
}

var errStopped = errors.New("hub: not running")

func (h *Hub) find(name string) *school {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.schools[name]
}

func (h *Hub) findOrAdd(name string) (*school, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.server == nil {
		return nil, errStopped
	}
	s := h.schools[name]
	if s == nil {
		s = newSchool(h, name)
		h.schools[name] = s
	}
	return s, nil
}
