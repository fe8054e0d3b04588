package app

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"urbanhomeschool.org/uhs/edge/internal/bundles"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// newBundles makes the carrier that is a file.
func (b *box) newBundles(d db.DB, applier *syncer.Applier, s *school) *bundles.Service {
	return bundles.New(bundles.Options{
		DB: d, Box: b.bundleBox, Applier: applier, Outbox: &syncer.Outbox{Hybrid: applier.Hybrid, Clock: b.clock}, Packs: s.packs, Report: s.report.report,
		Anew: s.snapshots, Client: b.agent.Client, Arrived: func() { s.packs.Wake(); s.connection.Wake(); s.snapshots.Resume() }, Dir: filepath.Join(b.config.DataDir, "bundles"),
		Clock: b.clock, Log: b.log,
	})
}

func (b *box) bundleBox() bundles.Box {
	s, _ := b.agent.State()
	k := b.agent.Keys()
	return bundles.Box{School: s.SchoolID, SchoolName: s.SchoolName, Appliance: s.ApplianceID, Epoch: s.Epoch, Timeline: s.Timeline, Software: Version,
		CloudURL: s.CloudURL, CloudKey: ed25519.PublicKey(s.CloudKey), CloudRecipient: s.CloudRecipient, Node: k.Node, Age: k.Age}
}

// carriedAt fills in when work was last carried out by hand.
func (b *box) carriedAt(ctx context.Context, tx db.Tx, r *syncproto.Report) error {
	s, _ := b.agent.State()
	at, err := bundles.Last(ctx, tx, s.SchoolID)
	if !at.IsZero() {
		r.BundleAt = at.Unix()
	}
	return err
}

var errBundleUsage = errors.New("usage: uhs-edge bundle export FILE|FOLDER | uhs-edge bundle import FILE [FILE]")

// bundleCommand writes or reads bundles. The service may run meanwhile: both
// work on the database in transactions, and the service looks for what came.
func bundleCommand(ctx context.Context, c Config, args []string, out io.Writer) (err error) {
	if len(args) < 2 {
		return errBundleUsage
	}
	b, err := openBox(ctx, c, io.Discard)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.db.Close()) }()
	if _, claimed := b.agent.State(); !claimed {
		return errors.New("this box belongs to no school yet")
	}
	s, err := b.assemble(ctx)
	if err != nil {
		return err
	}
	switch rest := args[1:]; args[0] {
	case "export":
		return exportBundle(ctx, s.bundles, rest, out)
	case "import":
		return importBundles(ctx, s.bundles, rest, out)
	default:
		return errBundleUsage
	}
}

func exportBundle(ctx context.Context, s *bundles.Service, args []string, out io.Writer) error {
	args = slices.DeleteFunc(args, func(a string) bool { return a == "--" })
	if len(args) != 1 {
		return errBundleUsage
	}
	say := every(2 * time.Second)
	w, at, err := s.ExportFile(ctx, args[0], func(done, of int64) {
		if say() {
			_, _ = fmt.Fprintf(out, "  %d of %d records\n", done, of) // progress; the end says whether it went well
		}
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "wrote %s, %d bytes: %d records that the cloud has not confirmed\n"+
		"only the cloud can read it; hand it over at the cloud's page /carry, or with uhs-cloud bundle import\n", at, w.Size, w.Records)
	return err
}

func importBundles(ctx context.Context, s *bundles.Service, files []string, out io.Writer) error {
	var errs []error
	for _, f := range files {
		say := every(2 * time.Second)
		n, err := s.Desk().Read(ctx, f, func(read int64) {
			if say() {
				_, _ = fmt.Fprintf(out, "  %d bytes read\n", read) // progress; the end says whether it went well
			}
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f, err))
			continue
		}
		if _, err := fmt.Fprintf(out, "%s: %s\n  %s\n", f, n.State, n.Words()); err != nil {
			return err
		}
	}
	return errors.Join(errs...)
}

// every gives a function that is true at most once per d.
func every(d time.Duration) func() bool {
	tick := time.NewTicker(d)
	return func() bool {
		select {
		case <-tick.C:
			return true
		default:
			return false
		}
	}
}
