package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// The states of a held box: an admin decides, the box asks again and is told,
// and what it has arrives.
const (
	heldWaiting    = "waiting"    // for an admin
	heldTakeIn     = "take_in"    // decided; the box has not asked since
	heldActivate   = "activate"   // decided; the box has not asked since
	heldDelivering = "delivering" // it has an epoch beside the school's
	heldRetired    = "retired"    // all it had is applied here
	heldActivated  = "activated"  // it has the school's place
)

// heldBox is a box that asked for an epoch and was told to wait.
type heldBox struct {
	ID, Appliance, Kind, State, Reason, DecidedBy  string
	From, Epoch, Waiting, Told, Delivered          int64
	Oldest, Asked, LastAsked, Decided, DeliveredAt db.Time
}

func scanHeld(r db.Rows) (h heldBox, err error) {
	return h, r.Scan(&h.ID, &h.Appliance, &h.Kind, &h.State, &h.Reason, &h.DecidedBy, &h.From, &h.Epoch, &h.Waiting, &h.Told, &h.Delivered,
		&h.Oldest, &h.Asked, &h.LastAsked, &h.Decided, &h.DeliveredAt)
}

// carryOut writes down what a verdict means.
func (s *Service) carryOut(ctx context.Context, tx db.Tx, q question, v syncer.Verdict, out *syncproto.EpochAnswer) error {
	switch v {
	case syncer.Again:
		out.Epoch, out.Side = q.standing.Given, q.standing.GivenAside
		return nil
	case syncer.Issue:
		return s.promote(ctx, tx, q, out)
	case syncer.Aside:
		return s.setAside(ctx, tx, q, out)
	case syncer.Hold:
		return s.hold(ctx, tx, q)
	}
	return fmt.Errorf("no such verdict: %d", v)
}

// promote gives the box the school's next epoch, and the school's place if it
// was another's.
func (s *Service) promote(ctx context.Context, tx db.Tx, q question, out *syncproto.EpochAnswer) (err error) {
	if q.box.Status != active {
		if _, err := tx.Exec(ctx, quarantineActive, q.box.School); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, setStatus, q.box.ID, active); err != nil {
			return err
		}
		if err := s.o.Claimed(ctx, tx, q.box.School, q.box.Recipient); err != nil {
			return err
		}
	}
	out.Epoch, err = s.issueEpoch(ctx, tx, q.box.School, q.box.ID, because{q.in.Reason, q.in.Nonce, q.in.From})
	if err != nil {
		return err
	}
	kind := q.incident()
	if q.held.State == heldActivate {
		kind = "box_activated"
		if _, err := tx.Exec(ctx, giveHeld, q.held.ID, heldActivated, out.Epoch); err != nil {
			return err
		}
	}
	return NoteIncident(ctx, tx, s.o.Clock.Now(), Incident{School: q.box.School, Kind: kind,
		Facts: map[string]any{"from": q.in.From, "to": out.Epoch, "appliance": q.box.ID}})
}

// incident is the word for what happened to a box that gets a new epoch.
func (q question) incident() string {
	switch {
	case q.in.From > q.standing.Present: // an epoch this database never issued
		return syncproto.RenewedRewound
	case q.in.Kind == syncproto.RenewedRestored, q.in.Kind == syncproto.RenewedRewound:
		return q.in.Kind
	default:
		return syncproto.RenewedForked
	}
}

// setAside gives the box an epoch beside the school's.
func (s *Service) setAside(ctx context.Context, tx db.Tx, q question, out *syncproto.EpochAnswer) (err error) {
	out.Side = true
	if out.Epoch, err = s.nextFree(ctx, tx, q.box.School, max(q.in.From, q.standing.Present)); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, insertEpoch, q.box.School, out.Epoch, q.box.ID, s.o.Clock.Now(), q.in.Reason, q.in.Nonce, true); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, giveHeld, q.held.ID, heldDelivering, out.Epoch)
	return err
}

// hold keeps the question for an admin. The first time is an incident.
func (s *Service) hold(ctx context.Context, tx db.Tx, q question) error {
	now := s.o.Clock.Now()
	var oldest any
	if q.in.Oldest > 0 {
		oldest = time.Unix(q.in.Oldest, 0)
	}
	if q.held.ID != "" {
		_, err := tx.Exec(ctx, askHeld, q.held.ID, q.in.Waiting, oldest, now)
		return err
	}
	kind, word := quarantined, "box_quarantined"
	if q.box.Status == replaced {
		kind, word = replaced, "replaced_box_back"
	}
	if _, err := tx.Exec(ctx, insertHeld, id.New(), q.box.School, q.box.ID, q.in.Nonce, kind, q.in.From, q.in.Reason, q.in.Waiting, oldest, now); err != nil {
		return err
	}
	return NoteIncident(ctx, tx, now, Incident{School: q.box.School, Kind: word,
		Facts: map[string]any{"from": q.in.From, "appliance": q.box.ID, "waiting": q.in.Waiting}})
}

// Moved adds what a new epoch did to a box's records to the incident of that
// epoch. The box repeats it until it is answered; the second time says the same.
func (s *Service) Moved(ctx context.Context, box Appliance, in syncproto.MovedReport) error {
	if len(in.Gone) > maxEpochs*int(syncproto.Lanes) {
		return fault.New(fault.Invalid, "The report is too long.").WithCode("moved_report").At("too many ranges", "gone")
	}
	return s.o.DB.Update(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, epochOfBox, box.School, in.Epoch, box.ID)
		known, err := db.One(rows, err, db.Scalar[int64])
		if err != nil || known == 0 {
			return err
		}
		facts, err := factsOf(in)
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, addFacts, box.School, in.Epoch, facts)
		if err != nil || n > 0 || len(in.Gone) == 0 {
			return err
		}
		// A claim is no incident by itself; that records are gone is one.
		return NoteIncident(ctx, tx, s.o.Clock.Now(), Incident{School: box.School, Kind: "records_gone",
			Facts: map[string]any{"to": in.Epoch, "resent": in.Resent, "gone": goneCount(in), "ranges": in.Gone}})
	})
}

func goneCount(in syncproto.MovedReport) (n int64) {
	for _, g := range in.Gone {
		n += g.Last - g.First + 1
	}
	return n
}

func factsOf(in syncproto.MovedReport) (string, error) {
	facts := map[string]any{"resent": in.Resent, "missing": in.Missing}
	if len(in.Gone) > 0 {
		facts["gone"], facts["ranges"] = goneCount(in), in.Gone
	}
	b, err := json.Marshal(facts)
	return string(b), err
}

// aside takes what a box delivers in an epoch beside the school's, and says how
// far it is applied. Nothing goes down: the box has left its place.
func (s *Service) aside(ctx context.Context, box Appliance, epoch int64, in []syncproto.Message) ([]syncproto.Message, error) {
	known := int64(0)
	if err := s.o.DB.View(ctx, func(tx db.Tx) (err error) {
		rows, err := tx.Query(ctx, sideEpoch, box.School, epoch, box.ID)
		known, err = db.One(rows, err, db.Scalar[int64])
		return err
	}); err != nil {
		return nil, err
	}
	if known == 0 {
		return nil, box.notActive(ErrOldEpoch)
	}
	if len(in) == 0 {
		return nil, nil
	}
	log := syncer.Log{School: box.School, Epoch: epoch}
	ack := syncproto.Ack{Epoch: epoch}
	var hello *syncproto.Hello
	for _, m := range in {
		switch m.Kind {
		case syncproto.KindHello:
			if h, err := syncproto.DecodeHello(m.Data); err == nil && h.School == box.School && h.Epoch == epoch {
				hello = &h
			}
		case syncproto.KindFrame:
			forked, err := s.applyAside(ctx, log, m.Data)
			if err != nil {
				return nil, err
			}
			ack.Fork = ack.Fork || forked
		case syncproto.KindAck: // nothing was sent
		}
	}
	return s.answerAside(ctx, log, ack, hello)
}

// applyAside applies one frame; what does not fit is logged and asked for again
// by the ack.
func (s *Service) applyAside(ctx context.Context, log syncer.Log, data []byte) (forked bool, err error) {
	f, err := syncproto.DecodeFrame(data)
	if err == nil {
		_, err = s.o.Applier.Apply(ctx, log, f)
	}
	switch {
	case err == nil:
		return false, nil
	case errors.Is(err, syncer.ErrFork):
		forked = true
	case errors.Is(err, syncer.ErrGap), errors.Is(err, syncer.ErrForeign), errors.Is(err, syncproto.ErrMalformed), errors.Is(err, syncproto.ErrTooLarge),
		errors.Is(err, syncproto.ErrChain), errors.Is(err, syncproto.ErrSchema):
	default:
		return false, fmt.Errorf("take in: %w", err)
	}
	s.o.Log.Warn("a frame beside the school's epoch does not fit", logging.School(log.School), slog.Int64("epoch", log.Epoch), logging.Err(err))
	return forked, nil
}

func (s *Service) answerAside(ctx context.Context, log syncer.Log, ack syncproto.Ack, hello *syncproto.Hello) (out []syncproto.Message, err error) {
	err = s.o.DB.Update(ctx, func(tx db.Tx) error {
		if ack.Applied, err = syncer.ReadMarks(ctx, tx, log); err != nil {
			return err
		}
		var told, here int64
		for l, m := range ack.Applied {
			here += m.Seq
			if hello != nil {
				told += hello.Out[l].Seq
			}
		}
		_, err := tx.Exec(ctx, deliverHeld, log.School, log.Epoch, told, here, s.o.Clock.Now())
		return err
	})
	if err != nil {
		return nil, err
	}
	if hello != nil {
		m, err := syncproto.EncodeHello(syncproto.Hello{School: log.School, Epoch: log.Epoch, In: ack.Applied, Timeline: s.o.Timeline,
			Sent: s.o.Clock.Now(), Reply: true, Software: s.o.Software})
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	m, err := syncproto.EncodeAck(ack)
	return append(out, m), err
}

// The actions on a held box.
const (
	TakeIn   = heldTakeIn
	Activate = heldActivate
)

// Errors of deciding.
var (
	ErrNoHeldBox   = fault.New(fault.NotFound, "There is no such box.").WithCode("no_such_box")
	ErrHeldDecided = fault.New(fault.Conflict, "This was decided already, and the box has acted on it.").WithCode("box_decided")
)

// Decide says what becomes of a held box: TakeIn lets it deliver what it has and
// then rest; Activate makes it the school's box, and the present one is held in
// its place. The box is told when it asks again, about once an hour. Until then
// the decision can be changed. Admins only.
func (s *Service) Decide(ctx context.Context, who identity.Actor, held HeldID, action string) error {
	if err := who.Require(identity.Admin); err != nil {
		return err
	}
	return s.o.DB.Update(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, lockHeldByID, held.School, held.ID)
		h, err := db.One(rows, err, scanHeld)
		if errors.Is(err, db.ErrNoRows) {
			return ErrNoHeldBox
		}
		if err != nil {
			return err
		}
		if h.State != heldWaiting && h.State != heldTakeIn && h.State != heldActivate {
			return ErrHeldDecided
		}
		now := s.o.Clock.Now()
		if action == Activate { // one place, one box
			if _, err := tx.Exec(ctx, unactivateOthers, held.School, held.ID); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, decideHeld, held.ID, action, now, string(who.Account)); err != nil {
			return err
		}
		return NoteIncident(ctx, tx, now, Incident{School: held.School, Kind: "box_decided",
			Facts: map[string]any{"action": action, "appliance": h.Appliance, "by": string(who.Account)}})
	})
}

// HeldID names a held box of a school.
type HeldID struct{ School, ID string }
