package personal

import (
	"context"
	"time"

	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/payments"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/tutor"
	"urbanhomeschool.org/uhs/syncproto"
)

// Moment is up to when what has had its time was removed. There is one, the
// cloud's, and it travels: in the transaction that stores it each side removes
// what was too old at it by the time of the event. So two sides that have applied
// the same log hold the same records, and their digests are equal. A box whose
// clock runs ahead removes nothing.
type Moment struct {
	ID string  `cbor:"1,keyasint" json:"id"`
	At db.Time `cbor:"2,keyasint" json:"at"`
}

// Moments are written by the cloud for every school.
var Moments = syncer.Entity[Moment]{
	Spec:     syncproto.Spec{Name: "personal.moment", Version: 1, Lane: syncproto.LaneControl, Writer: syncproto.CloudOnly, Merge: syncproto.LastWriter},
	ID:       func(v Moment) string { return v.ID },
	Audience: func(Moment) syncproto.Audience { return syncproto.OfEveryone() },
	Put:      putMoment,
	List:     syncer.ListOf(&pageMoments, scanMoment),
}

func theMoment(at time.Time) Moment {
	return Moment{ID: id.Derived("personal.moment"), At: db.Time{Time: at}}
}

// Reactions remove what has had its time when a moment arrives, and what arrives
// too late: from a box that was away, or from the side that had it still.
func (s *Service) Reactions() []syncer.Reaction {
	return []syncer.Reaction{
		syncer.On(Moments, func(ctx context.Context, tx db.Tx, _ []Moment) error { return s.sweepTogether(ctx, tx, "") }),
		late(s, tutor.Questions, "tutor", func(v tutor.Question) db.Time { return v.AskedAt }),
		late(s, tutor.Answers, "tutor", func(v tutor.Answer) db.Time { return v.At }),
		late(s, tutor.Alerts, "alerts", func(v tutor.Alert) db.Time { return v.At }),
		late(s, tutor.Acknowledgements, "alerts", func(v tutor.Acknowledgement) db.Time { return v.At }),
		late(s, identity.Consents, "consents", func(v identity.Consent) db.Time { return v.At }),
		late(s, audit.Entries, "audit", func(v audit.Record) db.Time { return v.At }),
		late(s, payments.Intents, "money", func(v payments.Intent) db.Time { return v.CreatedAt }),
	}
}

func late[T any](s *Service, e syncer.Entity[T], rule string, at func(T) db.Time) syncer.Reaction {
	return syncer.On(e, func(ctx context.Context, tx db.Tx, arrived []T) error {
		m, err := momentOf(ctx, tx)
		if err != nil || m.IsZero() {
			return err
		}
		cut := ruleNamed(rule).before(m)
		for _, v := range arrived {
			if at(v).Before(cut) {
				return s.sweepTogether(ctx, tx, rule)
			}
		}
		return nil
	})
}

func ruleNamed(name string) Rule {
	for _, r := range Rules() {
		if r.Name == name {
			return r
		}
	}
	panic("no rule " + name)
}

// sweepTogether follows the rules for what both sides hold, or one of them, up to
// the stored moment.
func (s *Service) sweepTogether(ctx context.Context, tx db.Tx, only string) error {
	m, err := momentOf(ctx, tx)
	if err != nil || m.IsZero() {
		return err
	}
	for _, r := range Rules() {
		if !r.Together || only != "" && only != r.Name {
			continue
		}
		if _, err := follow(ctx, tx, r, m); err != nil {
			return err
		}
	}
	return nil
}
