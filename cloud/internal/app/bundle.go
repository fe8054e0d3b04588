package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/bundles"
	"urbanhomeschool.org/uhs/cloud/internal/fleet"
	"urbanhomeschool.org/uhs/shared/identity"
)

// newBundles makes the carrier that is a file. It needs no hub, so that the
// command line has it too.
func (k *core) newBundles() (err error) {
	signer, err := k.keys.packs()
	if err != nil {
		return err
	}
	sealed, err := k.keys.sealed()
	if err != nil {
		return err
	}
	k.bundles = bundles.New(bundles.Options{
		DB: k.db, Outbox: k.outbox, Applier: k.applier, Packs: k.packs, Signer: signer, Identity: sealed, Timeline: k.timeline, Backed: fleet.Backed, Members: identity.MembersOf,
		Arrived: func(school string) {
			if k.fleet != nil {
				k.fleet.Wake(school)
			}
		},
		Dir: filepath.Join(k.config.DataDir, "bundles"), Clock: k.clock, Log: k.log,
	})
	return nil
}

var errBundleUsage = errors.New("usage: uhs-cloud bundle export --school CODE [--packs] FILE | uhs-cloud bundle import FILE [FILE]")

// bundleCommand writes or reads bundles; the service may run meanwhile.
func bundleCommand(ctx context.Context, c Config, args []string, out io.Writer) error {
	if len(args) < 2 {
		return errBundleUsage
	}
	k, err := open(ctx, c, io.Discard)
	if err != nil {
		return err
	}
	defer k.pool.Close()
	switch rest := args[1:]; args[0] {
	case "export":
		return k.exportBundle(ctx, rest, out)
	case "import":
		return k.importBundles(ctx, rest, out)
	default:
		return errBundleUsage
	}
}

func (k *core) exportBundle(ctx context.Context, args []string, out io.Writer) error {
	var code, file string
	var what bundles.What
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "--packs":
			what.Packs = true
		case a == "--school" && i+1 < len(args):
			i++
			code = args[i]
		case strings.HasPrefix(a, "--school="):
			code = strings.TrimPrefix(a, "--school=")
		case file == "" && !strings.HasPrefix(a, "-"):
			file = a
		default:
			return errBundleUsage
		}
	}
	if code == "" || file == "" {
		return errBundleUsage
	}
	school, err := k.bundles.SchoolByCode(ctx, code)
	if err != nil {
		return fmt.Errorf("find the school %s: %w", code, err)
	}
	say := every(2 * time.Second)
	what.Progress = func(done, of int64) {
		if say() && of > 0 {
			_, _ = fmt.Fprintf(out, "  %d %%\n", done*100/of) // progress; the end says whether it went well
		}
	}
	w, err := k.bundles.ExportFile(ctx, school, what, file)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "wrote %s, %d bytes: acks, %d records the school has not confirmed, %d courses (%d bytes)\n"+
		"only this school's box can read it; import it there with uhs-edge bundle import, or on the box's page /carry\n", file, w.Size, w.Records, w.Packs, w.PackBytes)
	return err
}

func (k *core) importBundles(ctx context.Context, files []string, out io.Writer) error {
	var errs []error
	for _, f := range files {
		say := every(2 * time.Second)
		n, err := k.bundles.Desk().Read(ctx, f, func(read int64) {
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
