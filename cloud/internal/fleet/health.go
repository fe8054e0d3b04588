package fleet

import (
	"context"
	"crypto/ed25519"
	"errors"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer"
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
	Unsent        int64  `json:"unsent" doc:"Records of the cloud that the box has not applied yet."`
	DeadLetters   int64  `json:"dead_letters"`
	ClockOffsetMS int64  `json:"clock_offset_ms"`
	MirroredUp    uint64 `json:"mirrored_up" doc:"Last message of the hub's mirror of the box."`
}

// List is the fleet by school name; admins and staff.
func (s *Service) List(ctx context.Context, who identity.Actor, skip, limit int) (boxes []Box, total int64, err error) {
	if err := who.Require(identity.Admin, identity.Staff); err != nil {
		return nil, 0, err
	}
	now := s.o.Clock.Now()
	err = s.o.DB.View(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, countSchools)
		if total, err = db.One(rows, err, db.Scalar[int64]); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, listFleet, limit, skip)
		found, err := db.Collect(rows, err, scanBox)
		if err != nil {
			return err
		}
		for _, f := range found {
			if err := s.measure(ctx, tx, &f, now); err != nil {
				return err
			}
			boxes = append(boxes, f.Box)
		}
		return nil
	})
	for i, b := range boxes {
		if b.Epoch > 0 && err == nil {
			if st, serr := s.o.Mirrors.Stats(ctx, b.SchoolID, b.Epoch); serr == nil {
				boxes[i].MirroredUp = st.UpMirrored
			}
		}
	}
	return boxes, total, err
}

// measure compares what the box told with what is applied.
func (s *Service) measure(ctx context.Context, tx db.Tx, f *foundBox, now time.Time) error {
	in, err := syncer.ReadMarks(ctx, tx, syncer.Log{School: f.SchoolID, Epoch: f.Epoch})
	if err != nil {
		return err
	}
	for l, m := range f.head {
		f.Behind += max(0, m.Seq-in[l].Seq)
	}
	b, err := syncer.ReadBacklog(ctx, tx, syncer.Log{School: f.SchoolID, Epoch: syncer.DownEpoch})
	if err != nil {
		return err
	}
	f.Unsent, f.DeadLetters = b.Waiting, b.DeadLetters
	f.Status = status(f.LastSeenAt, now, s.o.Mirrors.Connected(f.SchoolID))
	return nil
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

// foundBox is a Box with what it last said of its own log.
type foundBox struct {
	Box
	head syncproto.Marks
}

func scanBox(r db.Rows) (f foundBox, err error) {
	var claimed, seen, caught db.Time
	var head []byte
	var heard string
	if err := r.Scan(&f.SchoolID, &f.School, &f.Code, &f.County, &f.ApplianceID, &f.Software, &f.Epoch, &claimed, &seen, &caught,
		&f.Carrier, &heard, &f.ClockOffsetMS, &head); err != nil {
		return f, err
	}
	if heard != "" {
		f.Software = heard
	}
	f.ClaimedAt, f.LastSeenAt, f.AsOf = moment(claimed), moment(seen), moment(caught)
	if len(head) > 0 {
		a, err := syncproto.DecodeAck(head)
		if err != nil {
			return f, err
		}
		f.head = a.Applied
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

// Totals are figures over the whole fleet, for /metrics: "waiting",
// "dead_letters" and "schools".
func (s *Service) Totals(ctx context.Context) (map[string]int64, error) {
	out := map[string]int64{}
	err := s.o.DB.View(ctx, func(tx db.Tx) error {
		for name, q := range map[string]db.SQL{"waiting": sumWaiting, "dead_letters": sumDead, "schools": sumSchools} {
			rows, err := tx.Query(ctx, q)
			n, err := db.One(rows, err, db.Scalar[int64])
			if err != nil {
				return err
			}
			out[name] = n
		}
		return nil
	})
	return out, err
}
