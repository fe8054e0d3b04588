package fleet

import (
	"context"
	"errors"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// ErrNothingToReplace answers a replacement for a school without a box.
var ErrNothingToReplace = fault.New(fault.Conflict, "This school has no box to replace.").WithCode("no_box_to_replace")

// Replace makes the claim code of a spare that takes the place of the school's
// box, which is dead, lost or stolen. Until the spare is claimed the old box
// keeps its place. Admins only.
func (s *Service) Replace(ctx context.Context, who identity.Actor, school identity.SchoolID, reason string) (ClaimCode, error) {
	c, err := s.NewClaimCode(ctx, who, school)
	if err != nil {
		return c, err
	}
	now := s.o.Clock.Now()
	err = s.o.DB.Update(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, activeAppliance, string(school))
		old, err := db.One(rows, err, db.Scalar[string])
		if errors.Is(err, db.ErrNoRows) {
			return ErrNothingToReplace
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, insertReplacement, id.New(), string(school), reason, string(who.Account), now, hashCode(c.Code), old); err != nil {
			return err
		}
		return NoteIncident(ctx, tx, now, Incident{School: string(school), Kind: "replacement_ordered",
			Facts: map[string]any{"appliance": old, "by": string(who.Account)}})
	})
	if err != nil {
		return ClaimCode{}, err
	}
	return c, nil
}

// replaceActive ends the place of the school's present box, if there is one, and
// keeps what it last said of itself.
func (s *Service) replaceActive(ctx context.Context, tx db.Tx, school, spare string, code []byte) error {
	rows, err := tx.Query(ctx, activeAppliance, school)
	old, err := db.One(rows, err, db.Scalar[string])
	if errors.Is(err, db.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, replaceAppliance, school); err != nil {
		return err
	}
	rows, err = tx.Query(ctx, presentEpoch, school)
	present, err := db.One(rows, err, scanEpoch)
	if err != nil {
		return err
	}
	r := replacement{OldEpoch: present.epoch}
	if err := r.lastWords(ctx, tx, school, old); err != nil {
		return err
	}
	now := s.o.Clock.Now()
	n, err := tx.Exec(ctx, completeReplacement, school, code, now, old, spare, r.OldEpoch, r.head, optional(r.heard), optional(r.oldest))
	if err == nil && n == 0 { // by a plain claim code
		_, err = tx.Exec(ctx, insertReplacement, id.New(), school, "", "", now, code, old)
		if err == nil {
			_, err = tx.Exec(ctx, completeReplacement, school, code, now, old, spare, r.OldEpoch, r.head, optional(r.heard), optional(r.oldest))
		}
	}
	if err != nil {
		return err
	}
	return NoteIncident(ctx, tx, now, Incident{School: school, Kind: "box_replaced", Facts: map[string]any{"from": old, "appliance": spare}})
}

func optional(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// lastWords reads what the box said of itself in its last hello.
func (r *replacement) lastWords(ctx context.Context, tx db.Tx, school, old string) error {
	p, heard, err := syncer.ReadPeer(ctx, tx, school)
	if err != nil || !heard || p.Appliance != old || p.Epoch != r.OldEpoch {
		return err
	}
	m, err := syncproto.EncodeAck(syncproto.Ack{Applied: p.Head})
	r.head, r.heard = m.Data, p.SeenAt
	if p.Report.OldestUnacked > 0 {
		r.oldest = p.SeenAt.Add(-time.Duration(p.Report.OldestUnacked) * time.Second)
	}
	return err
}

// replacement is one row of the table.
type replacement struct {
	ID, Reason, By, Old, New string
	OldEpoch                 int64
	head                     []byte
	created                  db.Time
	claimed                  db.Time
	heard, oldest            time.Time
}

func scanReplacement(r db.Rows) (x replacement, err error) {
	var heard, oldest db.Time
	err = r.Scan(&x.ID, &x.Reason, &x.By, &x.created, &x.claimed, &x.Old, &x.New, &x.OldEpoch, &x.head, &heard, &oldest)
	x.heard, x.oldest = heard.Time, oldest.Time
	return x, err
}

// SchoolBoxes is every box a school has or had.
type SchoolBoxes struct {
	Boxes        []SchoolBox   `json:"boxes" nullable:"false"`
	Held         []HeldBox     `json:"held" nullable:"false" doc:"Boxes that asked for the school's place and wait, or waited, for a decision."`
	Replacements []Replacement `json:"replacements" nullable:"false"`
}

// SchoolBox is one of them.
type SchoolBox struct {
	ApplianceID string     `json:"appliance_id"`
	Status      string     `json:"status" enum:"active,replaced,quarantined"`
	Software    string     `json:"software"`
	ClaimedAt   *time.Time `json:"claimed_at"`
}

// HeldBox is a box without the school's place, and what became of it.
type HeldBox struct {
	ID          string     `json:"id"`
	ApplianceID string     `json:"appliance_id"`
	Kind        string     `json:"kind" enum:"quarantined,replaced"`
	State       string     `json:"state" enum:"waiting,take_in,activate,delivering,retired,activated"`
	FromEpoch   int64      `json:"from_epoch"`
	Epoch       int64      `json:"epoch" doc:"The epoch it was given; 0 before."`
	Waiting     int64      `json:"waiting" doc:"Records that it says only it has."`
	OldestAt    *time.Time `json:"oldest_at"`
	AskedAt     *time.Time `json:"asked_at"`
	LastAskedAt *time.Time `json:"last_asked_at"`
	DecidedAt   *time.Time `json:"decided_at"`
	DecidedBy   string     `json:"decided_by"`
	Told        int64      `json:"told" doc:"Records it brings in its own epoch."`
	Delivered   int64      `json:"delivered" doc:"Of those, applied here."`
	DeliveredAt *time.Time `json:"delivered_at"`
}

// Replacement is a change of the school's box, with what was only on the old one.
type Replacement struct {
	ID           string     `json:"id"`
	Reason       string     `json:"reason"`
	OrderedBy    string     `json:"ordered_by"`
	OrderedAt    *time.Time `json:"ordered_at"`
	ClaimedAt    *time.Time `json:"claimed_at"`
	OldBox       string     `json:"old_box"`
	NewBox       string     `json:"new_box"`
	HeardAt      *time.Time `json:"heard_at" doc:"When the old box was last heard: what was made on it later is not counted."`
	OldestAt     *time.Time `json:"oldest_at" doc:"When the oldest of the missing records was made, if the box said so."`
	Missing      []Missing  `json:"missing" nullable:"false"`
	MissingInAll int64      `json:"missing_in_all"`
}

// Missing is what of one lane was only on the old box and has not arrived since.
type Missing struct {
	Lane  int        `json:"lane"`
	What  string     `json:"what" enum:"control,payments,people,questions,learning"`
	Count int64      `json:"count"`
	Since *time.Time `json:"since" doc:"Nothing of this sort arrived after this moment."`
}

// laneWords are the sorts of records in the lanes, for translation.
var laneWords = [syncproto.Lanes]string{"control", "payments", "people", "questions", "learning"} //nolint:gochecknoglobals // a constant

// BoxesOf lists a school's boxes, those that are held, and the replacements;
// admins and staff.
func (s *Service) BoxesOf(ctx context.Context, who identity.Actor, school identity.SchoolID) (out SchoolBoxes, err error) {
	if err := who.Require(identity.Admin, identity.Staff); err != nil {
		return out, err
	}
	err = s.o.DB.View(ctx, func(tx db.Tx) error {
		if _, err := schoolName(ctx, tx, selectSchoolName, string(school)); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, listAppliances, string(school))
		if out.Boxes, err = db.Collect(rows, err, scanSchoolBox); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, listHeld, string(school))
		held, err := db.Collect(rows, err, scanHeld)
		if err != nil {
			return err
		}
		for _, h := range held {
			out.Held = append(out.Held, h.shown())
		}
		rows, err = tx.Query(ctx, listReplacements, string(school))
		changes, err := db.Collect(rows, err, scanReplacement)
		if err != nil {
			return err
		}
		for _, r := range changes {
			x, err := r.itemise(ctx, tx, string(school), held)
			if err != nil {
				return err
			}
			out.Replacements = append(out.Replacements, x)
		}
		return nil
	})
	return out, err
}

func scanSchoolBox(r db.Rows) (b SchoolBox, err error) {
	var claimed db.Time
	err = r.Scan(&b.ApplianceID, &b.Status, &b.Software, &claimed)
	b.ClaimedAt = moment(claimed)
	return b, err
}

func (h heldBox) shown() HeldBox {
	return HeldBox{ID: h.ID, ApplianceID: h.Appliance, Kind: h.Kind, State: h.State, FromEpoch: h.From, Epoch: h.Epoch, Waiting: h.Waiting,
		OldestAt: moment(h.Oldest), AskedAt: moment(h.Asked), LastAskedAt: moment(h.LastAsked), DecidedAt: moment(h.Decided), DecidedBy: h.DecidedBy,
		Told: h.Told, Delivered: h.Delivered, DeliveredAt: moment(h.DeliveredAt)}
}

// itemise counts what the old box said it had against what is applied now: of
// its own epoch, and of the epochs it was given since to deliver in, which begin
// with the same records.
func (r *replacement) itemise(ctx context.Context, tx db.Tx, school string, held []heldBox) (Replacement, error) {
	out := Replacement{ID: r.ID, Reason: r.Reason, OrderedBy: r.By, OrderedAt: moment(r.created), ClaimedAt: moment(r.claimed), OldBox: r.Old, NewBox: r.New,
		HeardAt: moment(db.Time{Time: r.heard}), OldestAt: moment(db.Time{Time: r.oldest}), Missing: []Missing{}}
	if len(r.head) == 0 {
		return out, nil
	}
	told, err := syncproto.DecodeAck(r.head)
	if err != nil {
		return out, err
	}
	here, err := syncer.ReadMarks(ctx, tx, syncer.Log{School: school, Epoch: r.OldEpoch})
	if err != nil {
		return out, err
	}
	var later [syncproto.Lanes]int64
	for _, h := range held {
		if h.Appliance != r.Old || h.Epoch == 0 {
			continue
		}
		m, err := syncer.ReadMarks(ctx, tx, syncer.Log{School: school, Epoch: h.Epoch})
		if err != nil {
			return out, err
		}
		for l := range m {
			later[l] += m[l].Seq
		}
	}
	for l, m := range told.Applied {
		n := m.Seq - here[l].Seq - later[l]
		if n <= 0 {
			continue
		}
		rows, err := tx.Query(ctx, laneAppliedAt, school, r.OldEpoch, l)
		at, err := db.One(rows, err, db.Scalar[db.Time])
		if err != nil && !errors.Is(err, db.ErrNoRows) {
			return out, err
		}
		out.Missing = append(out.Missing, Missing{Lane: l, What: laneWords[l], Count: n, Since: moment(at)})
		out.MissingInAll += n
	}
	if out.MissingInAll == 0 {
		out.OldestAt = nil
	}
	return out, nil
}
