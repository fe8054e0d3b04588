// Package fleettest is a cloud for tests: Postgres, the real hub, the fleet and
// its routes on a port, and boxes with a real SQLite file that speak to it by
// signed requests.
package fleettest

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"net"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/fleet"
	"urbanhomeschool.org/uhs/cloud/internal/hub"
	"urbanhomeschool.org/uhs/cloud/internal/web"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/dbtest"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/registry"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// Admin is who opens schools and makes claim codes.
var Admin = identity.Actor{Account: "00000000-0000-7000-8000-0000000000ad", Role: identity.Admin}

// Timeline is the life of the cloud's database.
const Timeline = "00000000-0000-7000-8000-00000000711e"

// CloudKey is the public key of packs.
var CloudKey = []byte("32 bytes that stand for a key...")

// Cloud is a running cloud core, as far as boxes see it.
type Cloud struct {
	T       *testing.T
	DB      db.DB
	Clock   *clock.Fake
	Hub     *hub.Hub
	Fleet   *fleet.Service
	People  *identity.Service
	API     *api.API
	URL     string
	Outbox  *syncer.Outbox
	Claimed []string // the recipients that were licensed, in order

	applier *syncer.Applier
	rewound bool
}

// Setup is what a cloud may find when it starts.
type Setup struct {
	Pool     db.DB
	Clock    *clock.Fake
	Timeline string
	Rewound  bool
}

// New starts a cloud that ends with the test, on a database of its own.
func New(t *testing.T) *Cloud {
	t.Helper()
	return Open(t, Setup{Pool: dbtest.Postgres(t), Clock: clock.NewFake(time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)), Timeline: Timeline})
}

// Open starts a cloud on a database that is there.
func Open(t *testing.T, in Setup) *Cloud {
	t.Helper()
	ctx := t.Context()
	c := &Cloud{T: t, Clock: in.Clock, rewound: in.Rewound}
	pool := in.Pool
	hybrid, err := syncer.OpenHybrid(ctx, pool, c.Clock)
	c.Must(err)
	c.Outbox = &syncer.Outbox{Hybrid: hybrid, Clock: c.Clock}
	journal := &syncer.Downlinks{
		Outbox: c.Outbox,
		Schools: func(ctx context.Context, tx db.Tx, a syncproto.Audience) ([]string, error) {
			return c.People.Schools(ctx, tx, a)
		},
		Wake: func(school string) { c.Fleet.Wake(school) },
	}
	c.DB = syncer.WithJournal(pool, journal)
	reg, err := registry.All()
	c.Must(err)
	c.People = identity.New(identity.Options{DB: c.DB, Clock: c.Clock, Issuer: "cloud", Audience: identity.CloudAudience, Pepper: Pepper,
		Passwords: identity.CloudPasswords{}, AnnounceKey: identity.Keys.Save, BcryptCost: 4,
		Welcome: func(ctx context.Context, tx db.Tx, s identity.SchoolID) error { return reg.Welcome(ctx, tx, string(s)) }})
	c.Must(c.People.EnsureKey(ctx))
	applier := &syncer.Applier{DB: c.DB, Registry: reg, Hybrid: hybrid, Clock: c.Clock, Log: logging.Discard(), From: syncproto.EdgeOnly,
		Admit: c.People.Admits, AdmitAll: c.People.AdmitsAll, Echo: journal}
	c.Hub, err = hub.Open(hub.Options{Dir: t.TempDir(), LeafHost: "127.0.0.1", Secret: []byte("a secret for tests only"), Clock: clock.System{}, Log: logging.Discard()})
	c.Must(err)
	c.applier = applier
	c.Hub.OnMessage(func(ctx context.Context, school string, epoch int64, m syncproto.Message) error {
		return c.Fleet.Mirrored(ctx, school, epoch, m)
	})
	c.Must(c.Hub.Start(ctx))
	t.Cleanup(func() { _ = c.Hub.Stop(context.Background()); _ = c.Fleet.Stop(context.Background()) })
	c.begin(in.Timeline)
	return c
}

// begin starts the fleet and its routes in a life of the database.
func (c *Cloud) begin(timeline string) {
	c.T.Helper()
	c.Fleet = fleet.New(fleet.Options{
		DB: c.DB, Mirrors: c.Hub, Outbox: c.Outbox, Applier: c.applier, Clock: c.Clock, Log: logging.Discard(), Timeline: timeline, Rewound: c.rewound, Software: "test",
		CloudKey: CloudKey, Pepper: Pepper,
		RecoveryKey: RecoveryKey, Sign: func(message []byte) []byte { return ed25519.Sign(signer, message) },
		Claimed: func(_ context.Context, _ db.Tx, _, recipient string) error {
			c.Claimed = append(c.Claimed, recipient)
			return nil
		},
	})
	c.Must(c.Fleet.Start(c.T.Context()))
	c.serve()
}

// Pepper is a school's key, the same at every call.
func Pepper(school identity.SchoolID) ([]byte, error) {
	sum := sha256.Sum256([]byte(school))
	return sum[:], nil
}

func (c *Cloud) serve() {
	c.T.Helper()
	c.API = api.New(api.Options{Name: "Test", Version: "test", Log: logging.Discard(), Verify: c.People.Verify})
	web.MountSchools(c.API, c.People, c.Fleet)
	web.MountMachines(c.API, c.Fleet)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	c.Must(err)
	done := make(chan error, 1)
	go func() { done <- c.API.App.Listener(l) }()
	c.URL = "http://" + l.Addr().String()
	c.T.Cleanup(func() {
		_ = c.API.App.ShutdownWithTimeout(5 * time.Second)
		_ = l.Close() // for a Listener that had not begun
		if err := <-done; err != nil {
			c.T.Error(err)
		}
	})
}

// Must ends the test on an error.
func (c *Cloud) Must(err error) {
	c.T.Helper()
	if err != nil {
		c.T.Fatal(err)
	}
}

// School opens a school.
func (c *Cloud) School(code string) identity.School {
	c.T.Helper()
	s, err := c.People.CreateSchool(c.T.Context(), Admin, identity.NewSchool{Name: "School " + code, Code: code, County: "Turkana"})
	c.Must(err)
	return s
}

// Learner adds a child to a school.
func (c *Cloud) Learner(school identity.SchoolID, name string) identity.Account {
	c.T.Helper()
	a, err := c.People.AddLearner(c.T.Context(), Admin, school, identity.NewLearner{FullName: name, Grade: "Grade 4"})
	c.Must(err)
	return a
}

// Code makes a claim code.
func (c *Cloud) Code(school identity.SchoolID) string {
	c.T.Helper()
	code, err := c.Fleet.NewClaimCode(c.T.Context(), Admin, school)
	c.Must(err)
	return code.Code
}

// Count asks the cloud's database for a number.
func (c *Cloud) Count(query string, args ...any) int64 {
	c.T.Helper()
	return count(c.T, c.DB, query, args...)
}

func count(t *testing.T, d db.DB, query string, args ...any) (n int64) {
	t.Helper()
	err := d.View(t.Context(), func(tx db.Tx) error {
		rows, err := tx.Query(t.Context(), db.SQL{Both: query}, args...)
		n, err = db.One(rows, err, db.Scalar[int64])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Appliance is the box as an authenticated request knows it.
func (c *Cloud) Appliance(b *Box) (fleet.Appliance, error) {
	return c.Fleet.Authenticate(c.T.Context(), b.Answer.ApplianceID, b.sign("POST", "/x", nil), "POST", "/x", nil)
}

func publicOf(k ed25519.PrivateKey) ed25519.PublicKey {
	public, _ := k.Public().(ed25519.PublicKey)
	return public
}
