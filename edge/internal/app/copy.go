package app

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/edge/internal/agent"
	safety "urbanhomeschool.org/uhs/edge/internal/copy"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// databaseName is the database's file in the data directory.
const databaseName = "school.db"

// safetyCopy builds the copy onto the configured media; nil when there are none.
func (b *box) safetyCopy(state agent.State) (*safety.Service, error) {
	if len(b.config.SecondMedium) == 0 {
		return nil, nil //nolint:nilnil // no second medium is a normal set-up
	}
	id, err := hex.DecodeString(strings.ReplaceAll(state.ApplianceID, "-", ""))
	if err != nil || len(id) != 16 {
		return nil, fmt.Errorf("the appliance's id %s is no UUID", state.ApplianceID)
	}
	paper, err := b.paperRecipient()
	if err != nil {
		return nil, err
	}
	var media []safety.Medium
	for _, where := range b.config.SecondMedium {
		media = append(media, b.medium(where))
	}
	known := &knownRecovery{agent: b.agent}
	return safety.New(safety.Options{
		DB: b.db, Path: filepath.Join(b.config.DataDir, databaseName), Dir: filepath.Join(b.config.DataDir, "copy"), Media: media,
		Chain: [16]byte(id), Key: b.agent.Keys().Node, Clock: b.clock, Log: b.log,
		Recipients: func(ctx context.Context) ([]age.Recipient, error) { return known.recipients(ctx, paper) },
	}), nil
}

// medium is the place that where names: a directory, or a neighbour's box.
func (b *box) medium(where string) safety.Medium {
	if strings.HasPrefix(where, "http://") || strings.HasPrefix(where, "https://") {
		return safety.NewNeighbour(where, b.config.CopyToken)
	}
	return safety.NewDir(where, b.config.DataDir)
}

// paperRecipient is the key that somebody printed and put into the safe.
func (b *box) paperRecipient() (*age.X25519Recipient, error) {
	if b.config.CopyRecipient == "" {
		return nil, nil //nolint:nilnil // a printed key is an extra
	}
	r, err := age.ParseX25519Recipient(b.config.CopyRecipient)
	if err != nil {
		return nil, fmt.Errorf("configuration: COPY_RECIPIENT: %w", err)
	}
	return r, nil
}

// knownRecovery remembers the school's recovery recipient. A box that was
// claimed by an older cloud asks for it.
type knownRecovery struct {
	agent *agent.Agent

	mu    sync.Mutex
	found *age.X25519Recipient
}

func (k *knownRecovery) recipients(ctx context.Context, paper *age.X25519Recipient) ([]age.Recipient, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.found == nil {
		r, ok, err := k.agent.KnownRecovery()
		if err == nil && !ok {
			r, err = k.agent.AskRecovery(ctx)
		}
		if err == nil {
			k.found, err = age.ParseX25519Recipient(r.Recipient)
		}
		if err != nil && paper == nil {
			return nil, &safety.Trouble{Code: safety.NoKey, Cause: err}
		}
	}
	var out []age.Recipient
	if k.found != nil {
		out = append(out, k.found)
	}
	if paper != nil {
		out = append(out, paper)
	}
	return out, nil
}

// reportCopy says of the safety copy what the cloud's fleet page shows.
func reportCopy(c *safety.Service) topic {
	return func(_ context.Context, _ db.Tx, r *syncproto.Report) error {
		at, state := c.Sum()
		r.CopyState = state
		if !at.IsZero() {
			r.CopyAt = at.Unix()
		}
		return nil
	}
}

// copyCommand is `uhs-edge copy prepare DIR`: it marks a directory as a second
// medium, even one on the main disk; and `uhs-edge copy key`.
func copyCommand(c Config, args []string, out io.Writer) error {
	switch {
	case len(args) == 2 && args[0] == "prepare":
		if err := safety.NewDir(args[1], c.DataDir).Prepare(); err != nil {
			return err
		}
		_, err := fmt.Fprintf(out, "%s is ready for the safety copy\n", args[1])
		return err
	case len(args) == 1 && args[0] == "key":
		k, err := age.GenerateX25519Identity()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "Print this line, put it into the safe, and keep it nowhere else:\n%s\n\nSet on the box:\nCOPY_RECIPIENT=%s\n", k, k.Recipient())
		return err
	}
	return errors.New("uhs-edge copy prepare DIR | copy key")
}
