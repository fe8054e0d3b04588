package fleet

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"urbanhomeschool.org/uhs/cloud/internal/hub"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/syncer/httpcarrier"
	"urbanhomeschool.org/uhs/syncproto"
)

// because says why an epoch was issued, and to which question. From is the
// highest epoch the box was ever in.
type because struct {
	reason, nonce string
	from          int64
}

// maxEpoch bounds what a box may say: JSON keeps such numbers exact.
const maxEpoch = 1 << 53

// issueEpoch gives the school its next epoch: above every one there was, also
// above one that only the box remembers, and at least the Unix seconds, so that
// a cloud restored from a backup cannot issue one twice.
func (s *Service) issueEpoch(ctx context.Context, tx db.Tx, school, appliance string, why because) (int64, error) {
	now := s.o.Clock.Now()
	floor, err := s.nextFree(ctx, tx, school, why.from)
	if err != nil {
		return 0, err
	}
	rows, err := tx.Query(ctx, nextEpoch, school, max(now.Unix(), floor), appliance, now)
	epoch, err := db.One(rows, err, db.Scalar[int64])
	if err != nil {
		return 0, err
	}
	// A new box knows nothing and a restored one less than it did: what the last
	// one had applied of the downlink counts no more. The first hello says how
	// much is there.
	if _, err := tx.Exec(ctx, forgetAcked, school, int64(syncer.DownEpoch)); err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, insertEpoch, school, epoch, appliance, now, why.reason, why.nonce, false)
	return epoch, err
}

// nextFree is an epoch that the school never had, as far as anybody knows.
func (s *Service) nextFree(ctx context.Context, tx db.Tx, school string, from int64) (int64, error) {
	rows, err := tx.Query(ctx, lastEpoch, school)
	last, err := db.One(rows, err, db.Scalar[int64])
	return max(last, from) + 1, err
}

// Renew answers a box that asks for the epoch after From: its log contradicts
// what was applied, it was restored, or the cloud's database was rewound. The
// school's box gets the next epoch; the compare-and-set on the school's row
// lets one of two clones win. Any other box is told to wait, and what an admin
// decides of it is its answer when it asks again.
func (s *Service) Renew(ctx context.Context, box Appliance, in syncproto.EpochRequest) (syncproto.EpochAnswer, error) {
	out := syncproto.EpochAnswer{Timeline: s.o.Timeline}
	if err := validQuestion(in); err != nil {
		return out, err
	}
	in.Reason = strings.ReplaceAll(in.Reason, "\x00", "\uFFFD") // Postgres takes none
	var verdict syncer.Verdict
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		q, err := s.readQuestion(ctx, tx, box, in)
		if err != nil {
			return err
		}
		verdict = q.standing.Decide(in.From, in.Side)
		if err := s.carryOut(ctx, tx, q, verdict, &out); err != nil || verdict == syncer.Hold {
			return err
		}
		return readApplied(ctx, tx, box.School, in, &out)
	})
	if err != nil {
		return out, err
	}
	s.o.Log.Warn("a box asked for a new epoch", logging.School(box.School), slog.Int64("from", in.From), slog.Int64("to", out.Epoch),
		slog.Int("verdict", int(verdict)), slog.String("reason", in.Reason))
	switch verdict {
	case syncer.Hold:
		return out, box.notActive(ErrQuarantined)
	case syncer.Aside:
		return out, nil
	case syncer.Issue, syncer.Again:
	}
	if out.Side {
		return out, nil
	}
	s.end(box.School)
	out.NATS, err = s.enrol(ctx, box.School, box.ID, out.Epoch, box.NATSUser)
	return out, err
}

func validQuestion(in syncproto.EpochRequest) error {
	bad := fault.New(fault.Invalid, "The request is incomplete.").WithCode("epoch_nonce")
	if len(in.Nonce) < 16 || len(in.Nonce) > 200 || strings.ContainsRune(in.Nonce, 0) {
		return bad.At("want at least 16 characters", "nonce")
	}
	if in.From < 0 || in.From >= maxEpoch {
		return bad.At("no such epoch", "from")
	}
	return nil
}

// question is a box's question with all that decides on it.
type question struct {
	box      Appliance
	in       syncproto.EpochRequest
	standing syncer.Standing
	held     heldBox // zero: it was never held
}

// readQuestion locks the school's epoch and reads what is known of the box.
func (s *Service) readQuestion(ctx context.Context, tx db.Tx, box Appliance, in syncproto.EpochRequest) (question, error) {
	q := question{box: box, in: in}
	rows, err := tx.Query(ctx, lockEpoch, box.School)
	present, err := db.One(rows, err, scanEpoch)
	if err != nil {
		return q, err
	}
	// The status was read before the lock: another box may have taken the place.
	rows, err = tx.Query(ctx, selectAppliance, box.ID)
	if q.box, err = db.One(rows, err, scanAppliance); err != nil {
		return q, err
	}
	q.standing = syncer.Standing{Active: q.box.Status == active && present.appliance == box.ID, Present: present.epoch}
	rows, err = tx.Query(ctx, givenEpoch, box.School, box.ID, in.Nonce)
	given, err := db.One(rows, err, func(r db.Rows) (g givenRow, err error) { return g, r.Scan(&g.epoch, &g.side) })
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return q, err
	}
	q.standing.Given, q.standing.GivenAside = given.epoch, given.side
	rows, err = tx.Query(ctx, lockHeld, box.School, box.ID, in.Nonce)
	q.held, err = db.One(rows, err, scanHeld)
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return q, err
	}
	if q.held.State == heldTakeIn || q.held.State == heldActivate {
		q.standing.Decided = q.held.State
	}
	return q, nil
}

type givenRow struct {
	epoch int64
	side  bool
}

// readApplied adds what the cloud has of the epochs the box asks about.
func readApplied(ctx context.Context, tx db.Tx, school string, in syncproto.EpochRequest, out *syncproto.EpochAnswer) error {
	whole, err := syncer.History(ctx, tx, syncer.Log{School: school, Epoch: in.From})
	if err != nil {
		return err
	}
	out.History = syncproto.HistoryOf(whole)
	out.Applied, err = appliedOf(ctx, tx, school, in.Epochs)
	if out.Applied != nil && err == nil {
		out.Applied[in.From] = out.History
	}
	return err
}

// Bounds of an answer: a box that has more epochs is sent the newest ones, and of
// an older epoch the newest marks; rows that nothing is known of are sent again.
const (
	maxEpochs  = 64
	marksAbout = 64
)

// appliedOf is what the cloud has of some epochs of a school.
func appliedOf(ctx context.Context, tx db.Tx, school string, epochs []int64) (syncproto.History, error) {
	epochs = slices.Clone(epochs)
	slices.Sort(epochs)
	out := syncproto.History{}
	for _, epoch := range epochs[max(0, len(epochs)-maxEpochs):] {
		marks, err := syncer.Recent(ctx, tx, syncer.Log{School: school, Epoch: epoch}, marksAbout)
		if err != nil {
			return nil, err
		}
		out[epoch] = syncproto.HistoryOf(marks)
	}
	return out, nil
}

// Appliance is one box as the database knows it.
type Appliance struct {
	ID, School, Status, NATSUser, Recipient string
	NodeKey                                 ed25519.PublicKey
	Epoch                                   int64
}

// The statuses of an appliance.
const (
	active      = "active"
	replaced    = "replaced"
	quarantined = "quarantined"
)

// notActive is what a box is told that does not have its school's place; other
// is for a box whose keys have it.
func (a Appliance) notActive(other error) error {
	switch a.Status {
	case replaced:
		return ErrReplaced
	case quarantined:
		return ErrQuarantined
	default:
		return other
	}
}

// Authenticate finds the active appliance that signed a machine's request.
func (s *Service) Authenticate(ctx context.Context, appliance, signature, method, uri string, body []byte) (Appliance, error) {
	box, err := s.Recognise(ctx, Signed{appliance, signature, method, uri, body})
	if err == nil && box.Status != active {
		err = box.notActive(ErrQuarantined)
	}
	return box, err
}

// Signed is a request of a machine as it was signed.
type Signed struct {
	Appliance, Signature, Method, URI string
	Body                              []byte
}

// Recognise finds the appliance that signed a request, whether or not it has its
// school's place: a replaced box may still deliver what an admin takes in.
func (s *Service) Recognise(ctx context.Context, r Signed) (Appliance, error) {
	var box Appliance
	err := s.o.DB.View(ctx, func(tx db.Tx) (err error) {
		rows, err := tx.Query(ctx, selectAppliance, r.Appliance)
		box, err = db.One(rows, err, scanAppliance)
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		return box, httpcarrier.ErrSignature
	}
	if err != nil {
		return box, err
	}
	return box, httpcarrier.Verify(box.NodeKey, r.Signature, r.Method, r.URI, r.Body)
}

// Enrolments lists what the hub must know at start.
func (s *Service) Enrolments(ctx context.Context) ([]hub.Enrolment, error) {
	var out []hub.Enrolment
	err := s.o.DB.View(ctx, func(tx db.Tx) (err error) {
		rows, err := tx.Query(ctx, listEnrolments)
		out, err = db.Collect(rows, err, func(r db.Rows) (e hub.Enrolment, err error) {
			return e, r.Scan(&e.School, &e.Appliance, &e.Epoch, &e.UserKey)
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list enrolments: %w", err)
	}
	return out, nil
}
