package fleettest

import (
	"fmt"
	"net/http"
	"strings"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// Backup copies the cloud's whole database beside itself. The func it gives
// restores it: the cloud starts again from there, in another life.
func (c *Cloud) Backup() (rewind func()) {
	c.T.Helper()
	schema := "backup_" + strings.ReplaceAll(id.New(), "-", "")
	c.exec("CREATE SCHEMA " + schema)
	var tables []string
	c.Must(c.DB.View(c.T.Context(), func(tx db.Tx) (err error) {
		rows, err := tx.Query(c.T.Context(), db.SQL{Postgres: `SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'goose_db_version'`})
		tables, err = db.Collect(rows, err, db.Scalar[string])
		return err
	}))
	columns := map[string]string{} // without the generated ones
	for _, t := range tables {
		c.Must(c.DB.View(c.T.Context(), func(tx db.Tx) error {
			rows, err := tx.Query(c.T.Context(), db.SQL{Both: `SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns
				WHERE table_schema = 'public' AND table_name = $1 AND is_generated = 'NEVER'`}, t)
			columns[t], err = db.One(rows, err, db.Scalar[string])
			return err
		}))
		c.exec(fmt.Sprintf("CREATE TABLE %s.%s AS TABLE public.%s", schema, t, t))
	}
	return func() {
		c.T.Helper()
		c.Must(c.Fleet.Stop(c.T.Context()))
		c.Must(c.DB.Update(c.T.Context(), func(tx db.Tx) error {
			run := func(q string) error { _, err := tx.Exec(c.T.Context(), db.SQL{Both: q}); return err }
			if err := run("SET LOCAL session_replication_role = replica"); err != nil { // no foreign keys meanwhile
				return err
			}
			if err := run("TRUNCATE public." + strings.Join(tables, ", public.")); err != nil {
				return err
			}
			for _, t := range tables {
				if err := run(fmt.Sprintf("INSERT INTO public.%s (%s) SELECT %s FROM %s.%s", t, columns[t], columns[t], schema, t)); err != nil {
					return err
				}
			}
			return nil
		}))
		c.begin(id.New())
	}
}

func (c *Cloud) exec(query string) {
	c.T.Helper()
	c.Must(c.DB.Update(c.T.Context(), func(tx db.Tx) error { _, err := tx.Exec(c.T.Context(), db.SQL{Both: query}); return err }))
}

// Ask asks for the epoch after the box's as its agent does, and moves into it. A
// question that is asked again has the same nonce.
func (b *Box) Ask(kind string) (syncproto.MovedReport, Problem) {
	c := b.Cloud
	c.T.Helper()
	in, out := b.Question(kind), syncproto.EpochAnswer{}
	p := b.Post(b.Client(), syncproto.EpochPath, in, &out)
	if p.Status != http.StatusOK {
		return syncproto.MovedReport{}, p
	}
	return b.Move(in, out), p
}

// Question is what the box asks with.
func (b *Box) Question(kind string) syncproto.EpochRequest {
	c := b.Cloud
	c.T.Helper()
	in := syncproto.EpochRequest{From: max(b.Epoch, b.Highest), Kind: kind, Reason: "a test", Side: b.Side}
	if b.nonces == nil {
		b.nonces = map[int64]string{}
	}
	if b.nonces[in.From] == "" {
		b.nonces[in.From] = id.Secret(16)
	}
	in.Nonce = b.nonces[in.From]
	c.Must(b.DB.View(c.T.Context(), func(tx db.Tx) (err error) {
		if in.Epochs, err = syncer.ListEpochs(c.T.Context(), tx, b.Answer.SchoolID); err != nil {
			return err
		}
		back, err := syncer.ReadBacklog(c.T.Context(), tx, b.Log())
		in.Waiting = back.Waiting
		return err
	}))
	return in
}

// Move goes into the epoch of an answer and tells the cloud what that did.
func (b *Box) Move(in syncproto.EpochRequest, out syncproto.EpochAnswer) (report syncproto.MovedReport) {
	c := b.Cloud
	c.T.Helper()
	trusted := out.Timeline == b.Answer.Timeline
	c.Must(b.DB.Update(c.T.Context(), func(tx db.Tx) (err error) {
		report, err = b.Outbox.Rejoin(c.T.Context(), tx, syncer.Rejoining{To: syncer.Log{School: b.Answer.SchoolID, Epoch: out.Epoch}, From: in.From,
			Trusted: trusted, Applied: out.Applied})
		if err == nil && report.Rewound {
			err = syncer.ForgetDownlink(c.T.Context(), tx, b.Answer.SchoolID)
		}
		return err
	}))
	b.Answer.Timeline, b.Side = out.Timeline, out.Side
	b.Highest = out.Epoch
	b.Connect(out.Epoch)
	if p := b.Post(b.Client(), syncproto.MovedPath, report, &struct{}{}); p.Status != http.StatusOK {
		c.T.Fatal(p)
	}
	return report
}

// Clone is a second box with the same keys and a copy of the disk.
func (b *Box) Clone() *Box {
	b.Cloud.T.Helper()
	twin := &Box{Cloud: b.Cloud, Node: b.Node, Age: b.Age, User: b.User, Answer: b.Answer, Highest: b.Highest}
	twin.Load(b.Backup())
	twin.Connect(b.Epoch)
	return twin
}

// Reclaim claims the box again with its data.
func (b *Box) Reclaim(code string) (syncproto.MovedReport, Problem) {
	c := b.Cloud
	c.T.Helper()
	in := b.Request(code)
	in.School, in.From, in.Epochs = b.Answer.SchoolID, max(b.Epoch, b.Highest), b.Question("").Epochs
	var out syncproto.ClaimAnswer
	p := b.Post(http.DefaultClient, syncproto.ClaimPath, in, &out)
	if p.Status != http.StatusOK || out.Epoch == b.Epoch {
		return syncproto.MovedReport{}, p
	}
	timeline := b.Answer.Timeline
	b.Answer = out
	b.Answer.Timeline = timeline
	return b.Move(syncproto.EpochRequest{From: in.From}, syncproto.EpochAnswer{Epoch: out.Epoch, Timeline: out.Timeline, Applied: out.Applied}), p
}
