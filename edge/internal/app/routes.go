package app

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"urbanhomeschool.org/uhs/edge/internal/agent"
	"urbanhomeschool.org/uhs/edge/internal/web"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/mishap"
	"urbanhomeschool.org/uhs/shared/syncer"
	site "urbanhomeschool.org/uhs/shared/web"
)

// classroom is how many people one access point may show as one address: a full
// class.
const classroom = 60

func (b *box) newAPI(verify func(context.Context, string) (identity.Actor, error), log *audit.Log) *api.API {
	return api.New(api.Options{
		Name: "Urban Home School", Version: Version, Environment: b.config.Environment, Verify: verify, Log: b.log, Audit: log,
		Mishaps: mishap.New(b.db, b.clock, Version),
		Limits:  api.Limits{Clock: b.clock, Factor: b.config.LimitFactor, Crowd: classroom, Device: web.DeviceCookie},
		Healthy: func(ctx context.Context) error {
			return b.db.View(ctx, func(tx db.Tx) error { _, err := syncer.NodeState(ctx, tx, "health"); return err })
		},
	})
}

// setupAPI serves a box that belongs to no school.
func (b *box) setupAPI(claimed func()) *api.API {
	a := b.newAPI(nil, nil)
	web.MountClaim(a, b.agent, b.config.CloudURL, claimed)
	api.MountSync(a, func(context.Context) (api.SyncStatus, error) {
		return api.SyncStatus{Side: "school", Link: "none", Version: Version, Now: b.clock.Now()}, nil
	})
	a.MountSite(site.FS)
	return a
}

// schoolAPI serves a school. Learning is mounted before the catalogue: its
// /courses/my-enrollments must win over /courses/{course_id}.
func (b *box) schoolAPI(s *school) *api.API {
	a := b.newAPI(s.domains.Identity.Verify, s.domains.Audit)
	web.KnowDevices(a)
	api.MountSync(a, func(ctx context.Context) (api.SyncStatus, error) { return b.syncStatus(ctx, s) })
	api.MountIdentity(a, s.domains.Identity)
	api.MountRoster(a, s.domains.Roster)
	api.MountSchoolSignIn(a, s.domains.Identity)
	api.MountCards(a, s.domains.Identity, s.sheets)
	web.MountDoor(a, s.domains.Identity, s.door)
	api.MountPowers(a)
	api.MountSchoolAudit(a, s.domains.Audit, s.domains.Identity.NamesOf)
	api.MountConsent(a, s.domains.Consent)
	api.MountPersonal(a, s.domains.Personal, s.domains.Identity)
	api.MountLearning(a, s.domains.Learning)
	api.MountAssessment(a, s.domains.Assessment)
	api.MountCatalogue(a, s.domains.Catalogue, b.clock.Now)
	api.MountMedia(a, s.store)
	api.MountTutor(a, s.domains.Tutor)
	api.MountPayments(a, s.domains.Payments)
	web.MountCarry(a, s.bundles, func() string { st, _ := b.agent.State(); return st.CloudURL + "/carry" })
	api.MountDownloads(a, s.packs.Status)
	web.MountClaimAgain(a, func(ctx context.Context, who identity.Actor, code string) (agent.State, error) {
		return s.connection.Reclaim(ctx, who, code)
	})
	// A neighbour's box may fetch packs here, unasked who it is: what is secret in
	// them is encrypted. Two at a time leave the line to the school.
	api.MountPacks(a, s.store, api.Slots(2))
	reg := prometheus.NewRegistry()
	b.measure(reg, s)
	b.measureCopy(reg, s)
	if s.shelf != nil {
		web.MountCopies(a, s.shelf)
	}
	api.MountMetrics(a, reg)
	a.MountSite(site.FS)
	return a
}

func (b *box) syncStatus(ctx context.Context, s *school) (api.SyncStatus, error) {
	state, _ := b.agent.State()
	out := api.SyncStatus{Side: "school", Claimed: true, School: &api.SyncedSchool{ID: state.SchoolID, Name: state.SchoolName}, Link: "down",
		Version: Version, Now: b.clock.Now()}
	up, carrier := s.connection.Up()
	if up {
		out.Link, out.Carrier = "up", carrier
	}
	err := b.db.View(ctx, func(tx db.Tx) error {
		back, err := syncer.ReadBacklog(ctx, tx, state.Log())
		if err != nil {
			return err
		}
		out.Waiting = back.Waiting
		out.OldestWaitingAt, out.LastSyncedAt = moment(back.Oldest), moment(back.LastApplied)
		peer, heard, err := syncer.ReadPeer(ctx, tx, state.SchoolID)
		if err != nil {
			return err
		}
		if heard && out.LastSyncedAt == nil {
			out.LastSyncedAt = moment(peer.SeenAt)
		}
		heads, err := syncer.ReadHeads(ctx, tx, state.Log())
		if err != nil {
			return err
		}
		r, err := s.report.report(ctx, tx)
		out.CopyState = r.CopyState
		if r.CopyAt > 0 {
			out.CopyAt = moment(time.Unix(r.CopyAt, 0).UTC())
		}
		ends, endsErr := s.door.Ends(ctx, tx)
		if endsErr != nil {
			return endsErr
		}
		adult, adultErr := s.domains.Identity.NamedAdult(ctx, tx, identity.SchoolID(state.SchoolID))
		if adultErr != nil && !errors.Is(adultErr, identity.ErrNoSuchSchool) {
			return adultErr
		}
		out.Needs = needs(seen{doorEnds: ends, unnamed: adult == "", standing: b.agent.Standing(), now: out.Now, up: up, back: back, heads: heads, peer: peer, report: r})
		return err
	})
	return out, err
}

// measureCopy adds the age of the safety copy to /metrics.
func (b *box) measureCopy(reg *prometheus.Registry, s *school) {
	if s.copy == nil {
		return
	}
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "uhs_copy_age_seconds",
		Help: "Age of the newest copy on the second medium; -1 while there is none."}, func() float64 {
		at, _ := s.copy.Sum()
		if at.IsZero() {
			return -1
		}
		return b.clock.Now().Sub(at).Seconds()
	}))
}
