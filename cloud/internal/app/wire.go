package app

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/accounts"
	"urbanhomeschool.org/uhs/cloud/internal/backup"
	"urbanhomeschool.org/uhs/cloud/internal/bundles"
	"urbanhomeschool.org/uhs/cloud/internal/courier"
	"urbanhomeschool.org/uhs/cloud/internal/fleet"
	"urbanhomeschool.org/uhs/cloud/internal/fleet/packs"
	"urbanhomeschool.org/uhs/cloud/internal/hub"
	"urbanhomeschool.org/uhs/cloud/internal/jobs"
	"urbanhomeschool.org/uhs/cloud/internal/llm"
	"urbanhomeschool.org/uhs/cloud/internal/patience"
	money "urbanhomeschool.org/uhs/cloud/internal/payments"
	"urbanhomeschool.org/uhs/cloud/internal/payments/daraja"
	"urbanhomeschool.org/uhs/cloud/internal/permits"
	"urbanhomeschool.org/uhs/cloud/internal/privacy"
	"urbanhomeschool.org/uhs/cloud/internal/secondfactor"
	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/config"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/postgres"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/mishap"
	"urbanhomeschool.org/uhs/shared/payments"
	"urbanhomeschool.org/uhs/shared/personal"
	"urbanhomeschool.org/uhs/shared/registry"
	"urbanhomeschool.org/uhs/shared/roster"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/tutor"
	"urbanhomeschool.org/uhs/shared/wiring"
	"urbanhomeschool.org/uhs/syncproto"
)

// core is the cloud with all its parts.
type core struct {
	config    Config
	log       *slog.Logger
	clock     clock.Clock
	pool      *postgres.DB
	db        db.DB // with the downlink journal
	keys      keys
	outbox    *syncer.Outbox
	domains   wiring.Domains
	factor    *secondfactor.Service
	money     *money.Service
	packs     *packs.Service
	bundles   *bundles.Service
	jobs      *jobs.Queue
	accounts  *accounts.Service
	courier   *courier.Courier
	permits   *permits.Service
	mishaps   *mishap.Log
	smsSecret string
	privacy   *privacy.Service
	store     *pack.Store
	hub       *hub.Hub
	fleet     *fleet.Service
	applier   *syncer.Applier
	timeline  string
	rewound   bool // the present life of the database is not its first
}

// open connects to the database and builds the parts that every sub-command
// needs; serve adds the hub and the fleet.
func open(ctx context.Context, c Config, logTo io.Writer) (*core, error) {
	pool, err := postgres.Open(ctx, c.DatabaseURL)
	if err != nil {
		return nil, err
	}
	k := &core{config: c, log: logging.New(logTo, c.LogLevel), clock: clock.System{}, pool: pool, keys: keys{secret: []byte(c.SecretKey), seals: c.SealKeys}}
	if err := k.build(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return k, nil
}

func (k *core) build(ctx context.Context) error {
	if err := migrateUp(ctx, k.config.DatabaseURL); err != nil {
		return err
	}
	if err := jobs.Migrate(ctx, k.pool.Pool); err != nil {
		return err
	}
	if err := k.sealFields(); err != nil {
		return err
	}
	hybrid, err := syncer.OpenHybrid(ctx, k.pool, k.clock)
	if err != nil {
		return err
	}
	k.outbox = &syncer.Outbox{Hybrid: hybrid, Clock: k.clock}
	// The journal routes by identity and wakes the fleet; both exist by the time
	// the first record is saved.
	downlinks := &syncer.Downlinks{
		Outbox: k.outbox,
		Schools: func(ctx context.Context, tx db.Tx, a syncproto.Audience) ([]string, error) {
			return k.domains.Identity.Schools(ctx, tx, a)
		},
		Wake: func(school string) {
			if k.fleet != nil {
				k.fleet.Wake(school)
			}
		},
	}
	k.db = syncer.WithJournal(k.pool, downlinks)
	if err := k.readTimeline(ctx); err != nil {
		return err
	}
	var models llm.Settings
	if err := config.Load(&models); err != nil {
		return err
	}
	routes, err := llm.Routes(models, k.log)
	if err != nil {
		return err
	}
	if err := k.newSecondFactor(); err != nil {
		return err
	}
	gateway := &lateGateway{}
	different := k.differences(gateway, routes)
	if different.Identity.Sealer, err = k.keys.sealer(); err != nil {
		return err
	}
	if k.domains, err = wiring.Join(different); err != nil {
		return err
	}
	k.factor.Join(k.domains.Identity)
	k.addOffice()
	if k.money, err = k.newMoney(); err != nil {
		return err
	}
	gateway.Service = k.money
	if err := k.newPost(); err != nil {
		return err
	}
	if err := k.domains.Identity.EnsureKey(ctx); err != nil {
		return err
	}
	if err := k.newPacks(); err != nil {
		return err
	}
	if err := k.newApplier(ctx, hybrid, downlinks); err != nil {
		return err
	}
	return k.newBundles()
}

// lateGateway lets the shared payments and the cloud's, which need each other,
// be built one after the other.
type lateGateway struct{ *money.Service }

func (k *core) differences(g payments.Gateway, routes []tutor.Route) wiring.Differences {
	return wiring.Differences{
		DB: k.db, Clock: k.clock, Log: k.log,
		Identity: identity.Options{
			Issuer: k.config.PublicURL, Audience: identity.CloudAudience, Pepper: k.keys.pepper, Passwords: identity.CloudPasswords{},
			AnnounceKey: identity.Keys.Save, Guard: patience.New(k.clock), BcryptCost: k.config.BcryptCost, SecondFactor: k.factor,
			Device: browser, Welcome: k.welcome,
		},
		Gateway: g, Routes: routes, Freshness: freshness{k}, Audit: audit.Options{Node: audit.Cloud},
		Personal: personal.Options{Box: fleet.ActiveBox, Backups: k.backupsHold, After: k.dropSnapshots},
		Clerk:    roster.Authority{}, History: k.tellPast,
		// The privacy service is built later, before anybody is answered.
		Office: func(ctx context.Context, tx db.Tx) ([]string, error) { return k.privacy.Climbed(ctx, tx) },
	}
}

// browser is what a request's browser calls itself.
func browser(ctx context.Context) string { return audit.RequestOf(ctx).UserAgent }

// newSecondFactor makes the second factor, which admins and staff must have, but
// for the demo's.
func (k *core) newSecondFactor() error {
	ring, err := k.keys.sealer()
	if err != nil {
		return err
	}
	codes, err := k.keys.factorCodes()
	if err != nil {
		return err
	}
	o := secondfactor.Options{DB: k.db, Clock: k.clock, Issuer: "Urban Home School", Ring: ring, CodeKey: codes}
	if !k.config.Demo {
		o.Required = []identity.Role{identity.Admin, identity.Staff}
	}
	k.factor = secondfactor.New(o)
	return nil
}

// tellPast brings a moved learner's past to the box of her new school.
func (k *core) tellPast(ctx context.Context, tx db.Tx, learner identity.AccountID, school identity.SchoolID) error {
	return k.applier.Registry.TellPast(ctx, tx, string(learner), string(school))
}

// welcome tells a new school what every school was told.
func (k *core) welcome(ctx context.Context, tx db.Tx, school identity.SchoolID) error {
	return k.applier.Registry.Welcome(ctx, tx, string(school))
}

// freshness is the fleet's, which is built later.
type freshness struct{ k *core }

func (f freshness) AsOf(ctx context.Context, tx db.Tx, school string) (time.Time, error) {
	return f.k.fleet.AsOf(ctx, tx, school)
}

func (k *core) newMoney() (*money.Service, error) {
	schedule, err := k.config.schedule()
	if err != nil {
		return nil, err
	}
	fresh, err := time.ParseDuration(k.config.PaymentFresh)
	if err != nil {
		return nil, err
	}
	secret := k.config.MpesaC2B
	if secret == "" {
		if secret, err = k.keys.c2b(); err != nil {
			return nil, err
		}
	}
	var hours money.Hours
	if k.config.PaymentAnyHour {
		hours = money.Hours{From: 0, To: 24}
	}
	const gatewayTimeout = 30 * time.Second
	return money.New(k.db, money.Options{
		Clock: k.clock, Log: k.log, Prices: wiring.Prices{}, Guardians: wiring.Guardians{People: k.domains.Identity}, NodeKeys: k.nodeKeys, Lost: lost,
		Daraja: daraja.New(daraja.Config{BaseURL: k.config.MpesaURL, Key: k.config.MpesaKey, Secret: k.config.MpesaSecret,
			ShortCode: k.config.MpesaShortCode, Passkey: k.config.MpesaPasskey}, k.clock, gatewayTimeout),
		PublicURL: k.config.PublicURL, C2BSecret: secret, Hours: hours, Fresh: fresh, Schedule: schedule,
	})
}

func (k *core) newPacks() error {
	signer, err := k.keys.packs()
	if err != nil {
		return err
	}
	if k.store, err = pack.OpenStore(filepath.Join(k.config.DataDir, "packs")); err != nil {
		return err
	}
	k.packs, err = packs.New(packs.Options{
		DB: k.db, Store: k.store, Signer: signer, Secret: k.keys.secret, Clock: k.clock, Log: k.log,
		Instructor: k.instructor, Holders: k.holders, School: k.domains.Identity.School,
	})
	return err
}

// instructor finds the account behind a course's e-mail address.
func (k *core) instructor(ctx context.Context, tx db.Tx, email string) (identity.AccountID, error) {
	return k.domains.Identity.InstructorByEmail(ctx, tx, email)
}

// holders are the schools with a box: they get every course that is published.
func (k *core) holders(ctx context.Context, tx db.Tx) ([]packs.Holder, error) {
	boxes, err := fleet.Recipients(ctx, tx)
	out := make([]packs.Holder, 0, len(boxes))
	for _, school := range slices.Sorted(maps.Keys(boxes)) { // one order of locks for everybody
		out = append(out, packs.Holder{School: identity.SchoolID(school), Recipient: boxes[school]})
	}
	return out, err
}

// nodeKeys are the keys of a school's boxes, past ones included.
func (k *core) nodeKeys(ctx context.Context, tx db.Tx, school identity.SchoolID) ([]ed25519.PublicKey, error) {
	return fleet.NodeKeys(ctx, tx, string(school))
}

func (k *core) newApplier(ctx context.Context, hybrid *syncer.Hybrid, downlinks *syncer.Downlinks) error {
	reg, err := registry.All()
	if err != nil {
		return err
	}
	k.applier = &syncer.Applier{
		DB: k.db, Registry: reg, Hybrid: hybrid, Clock: k.clock, Log: k.log, From: syncproto.EdgeOnly,
		Admit: k.domains.Identity.Admits, AdmitAll: k.domains.Identity.AdmitsAll, Echo: downlinks, Reactions: k.reactions(), Paused: fleet.LanePaused(k.clock.Now),
		Erased: personal.Erased,
	}
	k.domains.Personal.Join(personal.Engine{Outbox: k.outbox, Registry: reg})
	_, err = k.applier.ReplayUnknown(ctx)
	return err
}

// readTimeline reads, or begins, the life of this database.
func (k *core) readTimeline(ctx context.Context) error {
	life, err := backup.ReadLife(ctx, k.pool, k.clock.Now())
	k.timeline = life.Timeline
	return err
}

// addNetwork builds what only serve runs: the hub and the fleet.
func (k *core) addNetwork() error {
	host, port, err := k.config.leaf()
	if err != nil {
		return err
	}
	if k.hub, err = hub.Open(hub.Options{
		Dir: filepath.Join(k.config.DataDir, "nats"), LeafHost: host, LeafPort: port, PublicURL: k.config.LeafURL,
		Secret: k.keys.secret, Clock: k.clock, Log: k.log,
	}); err != nil {
		return err
	}
	signer, err := k.keys.packs()
	if err != nil {
		return err
	}
	public, ok := signer.Public().(ed25519.PublicKey)
	if !ok {
		return errors.New("the pack key has no public half")
	}
	sealed, err := k.keys.sealed()
	if err != nil {
		return err
	}
	recipient := sealed.Recipient().String()
	k.fleet = fleet.New(fleet.Options{
		DB: k.db, Mirrors: k.hub, Outbox: k.outbox, Applier: k.applier, Clock: k.clock, Log: k.log, Timeline: k.timeline, Rewound: k.rewound, Software: Version,
		CloudKey: public, Pepper: k.keys.pepper, RecoveryKey: k.keys.recovery,
		Sign:      func(message []byte) []byte { return ed25519.Sign(signer, message) },
		Snapshots: &fleet.SnapshotOptions{Dir: filepath.Join(k.config.DataDir, "snapshots"), Signer: signer, Members: identity.MembersOf},
		Recipient: syncproto.CloudRecipient{Recipient: recipient, Signature: ed25519.Sign(signer, syncproto.RecipientMessage(recipient))},
		Claimed: func(ctx context.Context, tx db.Tx, school, recipient string) error {
			if err := k.packs.LicenseAll(ctx, tx, packs.Holder{School: identity.SchoolID(school), Recipient: recipient}); err != nil {
				return fmt.Errorf("license the courses: %w", err)
			}
			return nil
		},
	})
	k.hub.OnMessage(k.fleet.Mirrored)
	return nil
}
