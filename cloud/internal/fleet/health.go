package fleet

import (
	"context"
	"crypto/ed25519"
	"errors"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/syncproto"
)

// The states of a school's box.
const (
	Online = "online" // heard within 2 minutes
	Late   = "late"   // heard within a day
	Gone   = "offline"
	Never  = "never" // no box, or never heard
)

// Box is one line of the fleet page.
type Box struct {
	SchoolID    string     `json:"school_id"`
	School      string     `json:"school"`
	Code        string     `json:"code"`
	County      string     `json:"county"`
	ApplianceID string     `json:"appliance_id,omitempty"`
	Status      string     `json:"status" enum:"online,late,offline,never"`
	Software    string     `json:"software,omitempty"`
	Carrier     string     `json:"carrier,omitempty" doc:"The road the box was last heard by: mirror or https."`
	Epoch       int64      `json:"epoch,omitempty"`
	ClaimedAt   *time.Time `json:"claimed_at,omitempty"`
	LastSeenAt  *time.Time `json:"last_seen_at,omitempty"`
	// AsOf is until when everything of the school is applied here.
	AsOf *time.Time `json:"as_of,omitempty"`
	// Behind is how many records the box had at its last word that are not applied.
	Behind int64 `json:"behind" doc:"Records the box told of that are not applied here yet."`
	// Unsent is how many records of the cloud the box has not applied.
	Unsent      int64 `json:"unsent" doc:"Records of the cloud that the box has not applied yet."`
	DeadLetters int64 `json:"dead_letters" doc:"Records of the school that could not be stored here."`
	// Waiting are records kept aside until another one comes, Unknown until this
	// software knows them.
	Waiting       int64    `json:"waiting"`
	Unknown       int64    `json:"unknown"`
	ClockOffsetMS int64    `json:"clock_offset_ms"`
	MirroredUp    uint64   `json:"mirrored_up" doc:"Last message of the hub's mirror of the box."`
	Lanes         []Lane   `json:"lanes" nullable:"false"`
	Said          Said     `json:"said" doc:"What the box last said of itself."`
	Troubles      []string `json:"troubles" nullable:"false" doc:"What is wrong, the worst first."`
}

// List is the fleet by school name; admins and staff.
func (s *Service) List(ctx context.Context, who identity.Actor, skip, limit int) (boxes []Box, total int64, err error) {
	return s.Find(ctx, who, Search{Skip: skip, Limit: limit})
}

func status(seen *time.Time, now time.Time, connected bool) string {
	switch {
	case connected:
		return Online
	case seen == nil:
		return Never
	case now.Sub(*seen) < 2*time.Minute:
		return Online
	case now.Sub(*seen) < 24*time.Hour:
		return Late
	default:
		return Gone
	}
}

// foundBox is a Box as the query gives it.
type foundBox struct{ Box }

func scanBox(r db.Rows) (f foundBox, err error) {
	var claimed, seen, caught db.Time
	var head, report []byte
	var heard, applied, downHead, downDone, paused string
	if err := r.Scan(&f.SchoolID, &f.School, &f.Code, &f.County, &f.ApplianceID, &f.Software, &f.Epoch, &claimed, &seen, &caught,
		&f.Carrier, &heard, &f.ClockOffsetMS, &head, &report, &applied, &downHead, &downDone, &paused, &f.DeadLetters, &f.Waiting, &f.Unknown); err != nil {
		return f, err
	}
	if heard != "" {
		f.Software = heard
	}
	f.ClaimedAt, f.LastSeenAt, f.AsOf = moment(claimed), moment(seen), moment(caught)
	var marks syncproto.Marks
	if len(head) > 0 {
		a, err := syncproto.DecodeAck(head)
		if err != nil {
			return f, err
		}
		marks = a.Applied
	}
	said, err := syncproto.DecodeReport(report)
	if err != nil {
		return f, err
	}
	f.Said = saidOf(said)
	if f.Lanes, err = lanesOf(marks, said.Backed, applied, downHead, downDone, paused); err != nil {
		return f, err
	}
	for _, l := range f.Lanes {
		f.Behind += max(0, l.Head-l.Applied)
		f.Unsent += max(0, l.DownHead-l.DownDone)
	}
	return f, nil
}

func moment(t db.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t.Time
}

// AsOf is until when everything of a school is applied here; zero: never. It
// is what parents read beside their child's progress.
func (s *Service) AsOf(ctx context.Context, tx db.Tx, school string) (time.Time, error) {
	rows, err := tx.Query(ctx, caughtUpAt, school)
	t, err := db.One(rows, err, db.Scalar[db.Time])
	if errors.Is(err, db.ErrNoRows) {
		return time.Time{}, nil
	}
	return t.Time, err
}

// Recipients gives the encryption address of every active appliance by school,
// for licences of a newly published course.
func Recipients(ctx context.Context, tx db.Tx) (map[string]string, error) {
	rows, err := tx.Query(ctx, selectRecipients)
	pairs, err := db.Collect(rows, err, func(r db.Rows) (p [2]string, err error) { return p, r.Scan(&p[0], &p[1]) })
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(pairs))
	for _, p := range pairs {
		out[p[0]] = p[1]
	}
	return out, nil
}

// NodeKeys are the public keys of a school's boxes, past ones included: a late
// bundle may hold what a replaced box signed.
func NodeKeys(ctx context.Context, tx db.Tx, school string) ([]ed25519.PublicKey, error) {
	rows, err := tx.Query(ctx, selectNodeKeys, school)
	return db.Collect(rows, err, func(r db.Rows) (ed25519.PublicKey, error) {
		b, err := db.Scalar[[]byte](r)
		return ed25519.PublicKey(b), err
	})
}

// ActiveBox is a school's box, empty when it has none.
func ActiveBox(ctx context.Context, tx db.Tx, school string) (string, error) {
	rows, err := tx.Query(ctx, activeAppliance, school)
	box, err := db.One(rows, err, db.Scalar[string])
	if errors.Is(err, db.ErrNoRows) {
		return "", nil
	}
	return box, err
}
