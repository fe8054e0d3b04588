package fleet

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"

	"urbanhomeschool.org/uhs/cloud/internal/hub"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/syncer/httpcarrier"
	"urbanhomeschool.org/uhs/syncproto"
)

// because says why an epoch was issued, and to which question.
type because struct{ reason, nonce string }

// issueEpoch gives the school its next epoch: max(last + 1, Unix seconds), so
// that a cloud restored from a backup cannot issue one twice.
func (s *Service) issueEpoch(ctx context.Context, tx db.Tx, school, appliance string, why because) (int64, error) {
	now := s.o.Clock.Now()
	rows, err := tx.Query(ctx, nextEpoch, school, now.Unix(), appliance, now)
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
	_, err = tx.Exec(ctx, insertEpoch, school, epoch, appliance, now, why.reason, why.nonce)
	return epoch, err
}

// Renew gives the active appliance the epoch after from: its log contradicts
// what was applied (it was restored, cloned or damaged). The compare-and-set on
// the school's row lets one of two clones win.
func (s *Service) Renew(ctx context.Context, box Appliance, in syncproto.EpochRequest) (syncproto.EpochAnswer, error) {
	var out syncproto.EpochAnswer
	if len(in.Nonce) < 16 {
		return out, fault.New(fault.Invalid, "The request is incomplete.").WithCode("epoch_nonce").At("want at least 16 characters", "nonce")
	}
	var history [syncproto.Lanes][]syncproto.Mark
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, lockEpoch, box.School)
		present, err := db.One(rows, err, scanEpoch)
		if err != nil {
			return err
		}
		if history, err = syncer.History(ctx, tx, syncer.Log{School: box.School, Epoch: in.From}); err != nil {
			return err
		}
		if present.epoch == in.From && present.appliance == box.ID {
			out.Epoch, err = s.issueEpoch(ctx, tx, box.School, box.ID, because{in.Reason, in.Nonce})
			return err
		}
		rows, err = tx.Query(ctx, repeatEpoch, box.School, present.epoch, box.ID, in.Nonce)
		again, err := db.One(rows, err, db.Scalar[int64])
		if err == nil && again == 0 {
			err = ErrEpochMoved
		}
		out.Epoch = present.epoch
		return err
	})
	if err != nil {
		return out, err
	}
	for l, marks := range history {
		for _, m := range marks {
			out.History[l] = append(out.History[l], syncproto.HistoryMark{Seq: m.Seq, Chain: m.Chain[:]})
		}
	}
	s.end(box.School)
	s.o.Log.Warn("an appliance got a new epoch", logging.School(box.School),
		slog.Int64("from", in.From), slog.Int64("to", out.Epoch), slog.String("reason", in.Reason))
	out.NATS, err = s.enrol(ctx, box.School, box.ID, out.Epoch, box.NATSUser)
	return out, err
}

// Appliance is one box as the database knows it.
type Appliance struct {
	ID, School, Status, NATSUser, Recipient string
	NodeKey                                 ed25519.PublicKey
	Epoch                                   int64
}

// Authenticate finds the appliance that signed a machine's request.
func (s *Service) Authenticate(ctx context.Context, appliance, signature, method, uri string, body []byte) (Appliance, error) {
	var box Appliance
	err := s.o.DB.View(ctx, func(tx db.Tx) (err error) {
		rows, err := tx.Query(ctx, selectAppliance, appliance)
		box, err = db.One(rows, err, scanAppliance)
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		return box, httpcarrier.ErrSignature
	}
	if err != nil {
		return box, err
	}
	if err := httpcarrier.Verify(box.NodeKey, signature, method, uri, body); err != nil {
		return box, err
	}
	if box.Status != "active" {
		return box, httpcarrier.ErrSignature.Hint("the appliance is " + box.Status)
	}
	return box, nil
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
