package main

import (
	"context"
	"database/sql"
	"fmt"

	_ "github.com/jackc/pgx/v5/stdlib" // goose migrates through database/sql
	"github.com/pressly/goose/v3"

	"urbanhomeschool.org/uhs/migrations"
	"urbanhomeschool.org/uhs/shared/assessment"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/db/migrate"
	"urbanhomeschool.org/uhs/shared/db/postgres"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/registry"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// server is the cloud's database with one school and what applies its frames.
type server struct {
	pool    *postgres.DB
	applier *syncer.Applier
	class   *class
	log     syncer.Log
	mark    syncproto.Mark
}

// pupils is how many learners the measured school has.
const pupils = 100

func openServer(ctx context.Context, url string) (*server, error) {
	raw, err := sql.Open("pgx", url)
	if err != nil {
		return nil, err
	}
	err = migrate.Up(ctx, raw, goose.DialectPostgres, migrations.Postgres())
	_ = raw.Close()
	if err != nil {
		return nil, err
	}
	pool, err := postgres.Open(ctx, url)
	if err != nil {
		return nil, err
	}
	hybrid, err := syncer.OpenHybrid(ctx, pool, clock.System{})
	if err != nil {
		return nil, err
	}
	var people *identity.Service
	journal := &syncer.Downlinks{Outbox: &syncer.Outbox{Hybrid: hybrid, Clock: clock.System{}}, Wake: func(string) {},
		Schools: func(ctx context.Context, tx db.Tx, a syncproto.Audience) ([]string, error) {
			return people.Schools(ctx, tx, a)
		}}
	bound := syncer.WithJournal(pool, journal)
	people = identity.New(identity.Options{DB: bound, Clock: clock.System{}, Issuer: "cloud", Audience: identity.CloudAudience,
		Pepper: func(identity.SchoolID) ([]byte, error) { return make([]byte, 32), nil }, Passwords: identity.CloudPasswords{}, AnnounceKey: identity.Keys.Save, BcryptCost: 4})
	reg, err := registry.All()
	if err != nil {
		return nil, err
	}
	s := &server{pool: pool, applier: &syncer.Applier{DB: bound, Registry: reg, Hybrid: hybrid, Clock: clock.System{}, Log: logging.Discard(), From: syncproto.EdgeOnly,
		Admit: people.Admits, AdmitAll: people.AdmitsAll, Echo: journal}}
	admin := identity.Actor{Account: identity.AccountID(id.New()), Role: identity.Admin}
	school, err := people.CreateSchool(ctx, admin, identity.NewSchool{Name: "Measured", Code: "MEASURED-1", County: "Turkana"})
	if err != nil {
		return nil, err
	}
	s.class, s.log = &class{school: school.ID}, syncer.Log{School: string(school.ID), Epoch: 1}
	for i := range pupils {
		a, err := people.AddLearner(ctx, admin, school.ID, identity.NewLearner{FullName: fmt.Sprintf("Learner %d", i), Grade: "Grade 4"})
		if err != nil {
			return nil, err
		}
		s.class.learners = append(s.class.learners, a.ID)
	}
	return s, nil
}

// applied compares the applier, from the bytes of a frame to the commit, with
// COPY of as many rows of the same sort into the same table, one transaction a
// batch. The two take turns.
func applied(ctx context.Context, url string, records int) error {
	s, err := openServer(ctx, url)
	if err != nil {
		return err
	}
	defer s.pool.Close()
	for _, size := range []int{1000, 100} {
		var bare, ours watch
		n := max(2, records/size)
		for i := range n + 1 {
			if i == 1 { // the first of each is to get warm
				bare, ours = watch{}, watch{}
			}
			if err := s.turn(ctx, size, &bare, &ours); err != nil {
				return err
			}
		}
		tell(fmt.Sprintf("rows/s by bare COPY, batches of %d", size), fmt.Sprintf("%.0f", bare.rate(n*size)), "-")
		tell(fmt.Sprintf("rows/s applied from frames of %d", size), fmt.Sprintf("%.0f", ours.rate(n*size)), "-")
		aim := "-"
		if size == 1000 {
			aim = "0.6"
		}
		tell("  ratio", fmt.Sprintf("%.2f", ours.rate(1)/bare.rate(1)), aim)
	}
	return nil
}

func (s *server) turn(ctx context.Context, size int, bare, ours *watch) error {
	bulk := assessment.Attempts.Bulk
	in := s.class.attempts(size)
	rows := make([][]any, size)
	for i, a := range in {
		rows[i] = bulk.Row(a)
	}
	err := bare.run(func() error {
		return s.pool.Update(ctx, func(tx db.Tx) error { return tx.BulkInsert(ctx, bulk.Table, bulk.Columns, rows) })
	})
	if err != nil {
		return err
	}
	data, err := s.class.frame(s.log.Epoch, s.mark, s.class.attempts(size))
	if err != nil {
		return err
	}
	return ours.run(func() error {
		f, err := syncproto.DecodeFrame(data)
		if err != nil {
			return err
		}
		mark, err := s.applier.Apply(ctx, s.log, f)
		if err == nil && mark.Seq != s.mark.Seq+int64(size) {
			err = fmt.Errorf("the frame was not applied: at %d", mark.Seq)
		}
		s.mark = mark
		return err
	})
}
