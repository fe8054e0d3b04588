package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/registry"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/wiring"
	"urbanhomeschool.org/uhs/syncproto"
)

const lettersUsage = `uhs-edge deadletters list [all]
uhs-edge deadletters show ID
uhs-edge deadletters replay ID [FILE.json REASON...]   the file holds the mended record
uhs-edge deadletters replay-type TYPE
uhs-edge deadletters discard ID REASON...
uhs-edge deadletters resume LANE`

// operator is who decides at the command line of a box.
const operator = "operator"

// deadletters is `uhs-edge deadletters`: what the cloud sent and this box could
// not store. It works beside the running service.
func deadletters(ctx context.Context, c Config, args []string, out io.Writer) (err error) {
	if len(args) == 0 {
		return errors.New(lettersUsage)
	}
	b, err := openBox(ctx, c, io.Discard)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.db.Close()) }()
	a, err := b.letterApplier(ctx)
	if err != nil {
		return err
	}
	state, _ := b.agent.State()
	rest := strings.Join(args[min(2, len(args)):], " ")
	switch {
	case args[0] == "list":
		return listLetters(ctx, b.db, len(args) > 1 && args[1] == "all", out)
	case len(args) < 2:
		return errors.New(lettersUsage)
	case args[0] == "show":
		l, body, err := a.Open(ctx, args[1], operator)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s %s %s\n%s\n%s\n", l.Event.Type, l.Event.Entity, l.Kind, l.Reason, body)
		return err
	case args[0] == "replay":
		return replayLetter(ctx, a, args[1:], out)
	case args[0] == "replay-type":
		return told(out, "stored")(a.ReplayType(ctx, args[1]))
	case args[0] == "discard" && rest != "":
		return told(out, "discarded; stored behind it")(a.Discard(ctx, syncer.Decision{Letter: args[1], Who: operator, Because: rest}))
	case args[0] == "resume":
		lane, err := strconv.Atoi(args[1])
		if err != nil || lane < 0 || lane >= int(syncproto.Lanes) {
			return errors.New(lettersUsage)
		}
		was, err := a.Resume(ctx, state.SchoolID, syncproto.Lane(lane), operator)
		if err == nil && !was {
			err = fmt.Errorf("lane %d is not paused", lane)
		}
		return err
	default:
		return errors.New(lettersUsage)
	}
}

// told prints how many records were stored.
func told(out io.Writer, what string) func(int, error) error {
	return func(n int, err error) error {
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s: %d\n", what, n)
		return err
	}
}

func replayLetter(ctx context.Context, a *syncer.Applier, args []string, out io.Writer) error {
	d := syncer.Decision{Letter: args[0], Who: operator, Because: strings.Join(args[min(2, len(args)):], " ")}
	if len(args) > 1 {
		if d.Because == "" {
			return errors.New("say why the record was changed")
		}
		var err error
		if d.Body, err = os.ReadFile(args[1]); err != nil {
			return err
		}
	}
	return told(out, "stored")(a.Replay(ctx, d))
}

func listLetters(ctx context.Context, d db.DB, all bool, out io.Writer) error {
	f := syncer.Filter{State: syncer.StateOpen}
	if all {
		f.State = ""
	}
	return d.View(ctx, func(tx db.Tx) error {
		for skip := 0; ; skip += 100 {
			found, total, err := syncer.ListLetters(ctx, tx, f, skip, 100)
			if err != nil {
				return err
			}
			for _, l := range found {
				if _, err := fmt.Fprintf(out, "%s  %s  lane %d  %-8s %-9s %s %s  %s\n", l.ID, when(l.At.Time), l.Pos.Lane, l.Kind, l.State, l.Event.Type,
					l.Event.Entity, l.Reason); err != nil {
					return err
				}
			}
			if skip+len(found) >= int(total) || len(found) == 0 {
				_, err := fmt.Fprintf(out, "%d records\n", total)
				return err
			}
		}
	})
}

// letterApplier applies as the running service does, with the same reactions
// where they concern the database.
func (b *box) letterApplier(ctx context.Context) (*syncer.Applier, error) {
	reg, err := registry.All()
	if err != nil {
		return nil, err
	}
	hybrid, err := syncer.OpenHybrid(ctx, b.db, b.clock)
	if err != nil {
		return nil, err
	}
	state, claimed := b.agent.State()
	if !claimed {
		return nil, errors.New("this box belongs to no school yet")
	}
	d := syncer.WithJournal(b.db, &syncer.Uplink{Outbox: &syncer.Outbox{Hybrid: hybrid, Clock: b.clock}, Current: b.agent.Log, Wake: func() {}})
	domains, err := wiring.Join(b.differences(d, state))
	if err != nil {
		return nil, err
	}
	s := &school{domains: domains}
	return &syncer.Applier{DB: d, Registry: reg, Hybrid: hybrid, Clock: b.clock, Log: b.log, From: syncproto.CloudOnly, Reactions: s.storedReactions()}, nil
}
