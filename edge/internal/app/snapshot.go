package app

import (
	"context"

	"urbanhomeschool.org/uhs/edge/internal/agent"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/personal"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/tutor"
	"urbanhomeschool.org/uhs/syncproto"
)

// takeSnapshots adds the service that brings the box to the present when the
// log alone does not.
func (b *box) takeSnapshots(s *school, applier *syncer.Applier) {
	d, reg, hybrid := applier.DB, applier.Registry, applier.Hybrid
	s.snapshots = agent.NewSnapshots(agent.SnapshotOptions{
		Agent: b.agent, File: b.db, Registry: reg, Hybrid: hybrid, Dir: b.config.DataDir, Clock: b.clock, Log: b.log,
		Reactions: []syncer.Reaction{
			syncer.On(tutor.Questions, s.domains.Tutor.OnRestored),
			syncer.On(tutor.Answers, s.domains.Tutor.OnAnswers),
		},
		Erased: personal.Erased, Settle: s.domains.Personal.Settle,
		Ask: func() { s.connection.Anew() },
		Swapped: func() {
			s.connection.Anew()
			s.packs.Wake()
			s.comparer.Compare()
		},
	})
	s.comparer = agent.NewComparer(agent.ComparerOptions{Agent: b.agent, DB: d, Registry: reg, Members: identity.MembersOf, Clock: b.clock, Log: b.log,
		Snapshot: s.snapshots.Want})
	s.report.add("digest", s.comparer.Fill)
	s.report.add("snapshot", func(_ context.Context, _ db.Tx, r *syncproto.Report) error {
		s.snapshots.Fill(r)
		return nil
	})
	s.group.Add("snapshots", s.snapshots)
	s.group.Add("comparison", s.comparer)
}
