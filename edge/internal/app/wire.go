package app

import (
	"context"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"time"

	"urbanhomeschool.org/uhs/edge/internal/agent"
	"urbanhomeschool.org/uhs/edge/internal/bundles"
	safety "urbanhomeschool.org/uhs/edge/internal/copy"
	"urbanhomeschool.org/uhs/edge/internal/door"
	"urbanhomeschool.org/uhs/edge/internal/meter"
	"urbanhomeschool.org/uhs/edge/internal/ollama"
	"urbanhomeschool.org/uhs/edge/internal/packs"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/db"
	sheets "urbanhomeschool.org/uhs/shared/door"
	"urbanhomeschool.org/uhs/shared/fernet"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/payments"
	"urbanhomeschool.org/uhs/shared/personal"
	"urbanhomeschool.org/uhs/shared/registry"
	"urbanhomeschool.org/uhs/shared/roster"
	"urbanhomeschool.org/uhs/shared/service"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/tutor"
	"urbanhomeschool.org/uhs/shared/wiring"
	"urbanhomeschool.org/uhs/syncproto"
)

// school is the running service of a claimed box.
type school struct {
	api        *api.API
	group      *service.Group
	domains    wiring.Domains
	connection *agent.Connection
	door       *door.Service
	sheets     *sheets.Service
	packs      *packs.Service
	bundles    *bundles.Service
	store      *pack.Store
	line       *schoolLine
	report     *reporter
	copy       *safety.Service // nil without a second medium
	shelf      *safety.Shelf   // nil when no neighbour's copies are kept
	snapshots  *agent.Snapshots
	comparer   *agent.Comparer
}

// softMemory is what the collector aims to stay below, so that the box's other
// programs have room on 1 GB of memory.
const softMemory = 192 << 20

// assemble builds everything a claimed box runs, in the order of dependence.
func (b *box) assemble(ctx context.Context) (*school, error) {
	debug.SetMemoryLimit(softMemory)
	state, _ := b.agent.State()
	reg, err := registry.All()
	if err != nil {
		return nil, err
	}
	if err := b.seal(); err != nil {
		return nil, err
	}
	hybrid, err := syncer.OpenHybrid(ctx, b.db, b.clock)
	if err != nil {
		return nil, err
	}
	s := &school{group: &service.Group{}}
	outbox := &syncer.Outbox{Hybrid: hybrid, Clock: b.clock}
	d := syncer.WithJournal(b.db, &syncer.Uplink{Outbox: outbox, Current: b.agent.Log, Wake: func() { s.connection.Wake() }})

	model, err := b.localModel()
	if err != nil {
		return nil, err
	}
	differences := b.differences(d, state)
	if differences.Identity.Sealer, err = b.sealer(); err != nil {
		return nil, err
	}
	s.door = door.New(door.Options{DB: d, Clock: b.clock, School: identity.SchoolID(state.SchoolID), Pepper: differences.Identity.Pepper, Heard: b.heardOfCloud})
	differences.Identity.Guard = s.door
	differences.Opened = func(course catalogue.CourseID) { s.packs.Opened(course) }
	if model != nil {
		differences.Routes = []tutor.Route{{Provider: model}}
		s.group.Add("local model", model.Warmer())
	}
	if s.domains, err = wiring.Join(differences); err != nil {
		return nil, err
	}
	s.door.Join(s.domains.Identity)
	s.sheets = sheets.New(sheets.Options{DB: d, Clock: b.clock, People: s.domains.Identity, Pepper: differences.Identity.Pepper})
	if err := s.domains.Identity.EnsureKey(ctx); err != nil {
		return nil, err
	}
	if err := s.domains.Roster.Foresee(ctx, identity.SchoolID(state.SchoolID)); err != nil {
		return nil, err
	}
	if s.store, err = pack.OpenStore(filepath.Join(b.config.DataDir, "packs")); err != nil {
		return nil, err
	}
	m, err := meter.Open(ctx, b.db, b.clock, b.log)
	if err != nil {
		return nil, err
	}
	s.group.Add("meter", service.NewLoop(m.Run))
	s.line = &schoolLine{db: b.db, school: state.SchoolID, log: b.agent.Log, clock: b.clock, meter: m}
	b.agent.Over(m.Transport(meter.Sync))
	s.packs = packs.New(packs.Options{
		DB: b.db, Store: s.store, Client: b.agent.ClientOver(m.Gentle(meter.Packs, s.line.urgent)), Allowed: s.line.downloads, BaseURL: state.CloudURL, Signer: ed25519.PublicKey(state.CloudKey),
		Identity: b.agent.Keys().Age, School: identity.SchoolID(state.SchoolID), Clock: b.clock, Log: b.log,
		Neighbours: b.config.Neighbours, KeepFree: b.config.KeepFree,
	})
	applier := &syncer.Applier{DB: d, Registry: reg, Hybrid: hybrid, Clock: b.clock, Log: b.log, From: syncproto.CloudOnly, Reactions: s.reactions(), Erased: personal.Erased}
	s.domains.Personal.Join(personal.Engine{Outbox: outbox, Registry: reg})
	if _, err := applier.ReplayUnknown(ctx); err != nil {
		return nil, err
	}
	s.report = newReporter(b.agent.Log, b.clock, b.log, b.config.DataDir)
	s.report.add("bundle", b.carriedAt)
	b.takeSnapshots(s, applier)
	s.bundles = b.newBundles(d, applier, s)
	s.connection = agent.NewConnection(agent.ConnectionOptions{
		Agent: b.agent, DB: d, Outbox: outbox, Applier: applier, Dir: b.config.DataDir, Clock: b.clock, Log: b.log, MaxFrame: b.config.MaxFrame,
		Heard: func() { s.report.heard(); s.packs.Wake() }, Report: s.report.report, Line: s.line,
		SnapshotNeeded: func() { s.snapshots.Want("the cloud's log does not reach") },
	})
	s.report.add("line", s.line.report)
	b.lookAfterSessions(s)
	if err := b.secondMedium(s, state); err != nil {
		return nil, err
	}
	if err := b.sealAnew(ctx, s); err != nil {
		return nil, err
	}
	s.group.Add("kept aside", service.Every(10*time.Minute, func(ctx context.Context) {
		if _, err := applier.Sweep(ctx); err != nil && ctx.Err() == nil {
			b.log.Warn("try again what waits for other records", logging.Err(err))
		}
	}))
	s.group.Add("erasures", b.eraseWhenDue(s))
	s.group.Add("retention", s.domains.Personal.Nightly())
	s.group.Add("packs", s.packs)
	s.group.Add("bundles", s.bundles)
	s.group.Add("connection", s.connection)
	s.group.Add("pulse", b.beat(s))
	s.api = b.schoolAPI(s) //nolint:contextcheck // a scrape of the metrics brings no context
	return s, nil
}

// secondMedium opens the safety copies: ours elsewhere, and the neighbours' here.
func (b *box) secondMedium(s *school, state agent.State) (err error) {
	if s.copy, err = b.safetyCopy(state); err != nil {
		return err
	}
	if s.copy != nil {
		s.report.add("copy", reportCopy(s.copy))
		s.group.Add("safety copy", s.copy)
	}
	if b.config.ShelfToken != "" {
		s.shelf, err = safety.OpenShelf(filepath.Join(b.config.DataDir, "neighbours"), b.config.ShelfToken, b.config.ShelfQuota, b.config.KeepFree)
	}
	return err
}

// lookAfterSessions sweeps what is over and lets signing keys take turns.
func (b *box) lookAfterSessions(s *school) {
	s.group.Add("sessions", service.Every(time.Hour, func(ctx context.Context) {
		if err := s.domains.Identity.Sweep(ctx); err != nil && ctx.Err() == nil {
			b.log.Warn("sweep old sessions", logging.Err(err))
		}
		if err := s.door.Sweep(ctx); err != nil && ctx.Err() == nil {
			b.log.Warn("sweep old tries at the door", logging.Err(err))
		}
	}))
	s.group.Add("signing key", service.Every(time.Minute, func(ctx context.Context) {
		if err := s.domains.Identity.EnsureKey(ctx); err != nil && ctx.Err() == nil {
			b.log.Error("look after the signing key", logging.Err(err))
		}
	}))
}

// differences are what makes this side a school.
func (b *box) differences(d db.DB, state agent.State) wiring.Differences {
	home := identity.SchoolID(state.SchoolID)
	pepper := func(identity.SchoolID) ([]byte, error) {
		if p := b.agent.Keys().Pepper(); len(p) > 0 {
			return p, nil
		}
		return nil, errors.New("the box has no pepper: it was not claimed")
	}
	return wiring.Differences{
		DB: d, Clock: b.clock, Log: b.log,
		Identity: identity.Options{
			Issuer: "uhs-edge/" + state.ApplianceID, Audience: state.ApplianceID, School: home, Pepper: pepper,
			Passwords: identity.SchoolPasswords{School: home, Pepper: pepper}, BcryptCost: b.config.BcryptCost,
		},
		Gateway: payments.Waiting{},
		Sign:    func(message []byte) []byte { return ed25519.Sign(b.agent.Keys().Node, message) },
		Forward: true, Freshness: present{b.clock.Now},
		Audit:    audit.Options{Node: audit.BoxNode(state.SchoolID, state.ApplianceID), School: state.SchoolID, Travel: audit.Entries.Record},
		Clerk:    roster.Provisional{},
		Personal: personal.Options{School: state.SchoolID, Node: state.ApplianceID},
	}
}

// sealer seals the box's private keys, and what is secret of people, in its
// database. Its key is made of the school's pepper, which lies in the key file beside
// the database and comes with the claim: a copy of the database alone signs and says
// nothing, and a spare box opens what its predecessor sealed. Who has the whole box
// has both. A pepper that was replaced still opens.
func (b *box) sealer() (fernet.Ring, error) {
	var ring fernet.Ring
	for _, pepper := range b.agent.Keys().Peppers() {
		key, err := hkdf.Key(sha256.New, pepper, nil, "uhs sealed fields of a school", len(fernet.Key{}))
		if err != nil {
			return nil, fmt.Errorf("derive the key that seals fields: %w", err)
		}
		ring = append(ring, fernet.Key(key))
	}
	return ring, nil
}

// seal has the database seal what is secret of people from now on.
func (b *box) seal() error {
	ring, err := b.sealer()
	if err == nil {
		b.db.Seal(fernet.Fields{Ring: ring, Now: b.clock.Now})
	}
	return err
}

// sealAnew seals what lies bare or under an older key: what is looked for at once,
// before anybody looks, the rest beside the running service.
func (b *box) sealAnew(ctx context.Context, s *school) error {
	soon, later := wiring.Sealed()
	for _, c := range soon {
		if _, err := db.SealAnew(ctx, b.db, c); err != nil {
			return err
		}
	}
	s.group.Add("sealing", service.NewLoop(func(ctx context.Context) {
		for _, c := range later {
			if _, err := db.SealAnew(ctx, b.db, c); err != nil && ctx.Err() == nil {
				b.log.Error("seal what lies bare", logging.Err(err))
			}
		}
	}))
	return nil
}

// localModel is the model on this box; nil when none is configured, and then the
// lessons answer alone.
func (b *box) localModel() (*ollama.Provider, error) {
	if b.config.OllamaURL == "" || b.config.OllamaModel == "" {
		return nil, nil //nolint:nilnil // no model is a normal set-up
	}
	return ollama.New(ollama.Config{URL: b.config.OllamaURL, Model: b.config.OllamaModel, Threads: b.config.Threads})
}

// present is the freshness of the school's own box: what it shows is as of now.
type present struct{ now func() time.Time }

func (p present) AsOf(context.Context, db.Tx, string) (time.Time, error) { return p.now(), nil }

// reactions follow what comes down from the cloud.
func (s *school) reactions() []syncer.Reaction {
	return append(s.storedReactions(), syncer.On(catalogue.Licences, func(_ context.Context, tx db.Tx, _ []catalogue.Licence) error {
		tx.AfterCommit(s.packs.Wake)
		return nil
	}))
}

// storedReactions are those that change the database; the others only wake
// parts of the running service.
func (s *school) storedReactions() []syncer.Reaction {
	return append([]syncer.Reaction{
		syncer.On(personal.Erasures, s.domains.Personal.OnErasures),
		syncer.On(tutor.Answers, s.domains.Tutor.OnAnswers),
		syncer.On(identity.Barrings, s.domains.Identity.OnBarrings),
		syncer.On(identity.Credentials, s.domains.Identity.OnCredentials),
		syncer.On(identity.Accounts, s.domains.Roster.OnAccounts),
		syncer.On(roster.Verdicts, s.domains.Roster.OnVerdicts),
	}, s.domains.Personal.Reactions()...)
}
