package copy

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/shared/db/sqlite"
)

// Errors of a restore.
var (
	ErrWrongKey = errors.New("the copy is encrypted to another key than the one given")
	ErrNoCopy   = errors.New("there is no complete copy here")
)

// Restored is what a restore found.
type Restored struct {
	// Chain names the copy; Key is the node key of the box that wrote it.
	Chain string
	Key   ed25519.PublicKey
	// At is until when what was saved is there.
	At time.Time
	// Segments were put together; Unusable are damaged or missing ones, by number,
	// and Later how many came after the last good point.
	Segments int
	Unusable []uint64
	Later    int
}

// point is a segment up to which a copy can be restored.
type point struct {
	chain  string
	base   uint64
	seq    uint64
	meta   meta
	key    ed25519.PublicKey
	hashes map[uint64][sha256.Size]byte
	found  Restored
}

// Restore puts the newest complete copy on the medium together as a database at
// path, which must not exist. It stops at the last good point before a damaged
// or missing segment and says so. trusted, when not empty, are the node keys
// whose copies are taken.
func Restore(ctx context.Context, m Medium, path string, identities []age.Identity, trusted []ed25519.PublicKey) (Restored, error) {
	chains, err := m.Chains(ctx)
	if err != nil {
		return Restored{}, err
	}
	var best *point
	why := ErrNoCopy
	for _, chain := range chains {
		p, err := survey(ctx, m, chain, identities, trusted)
		switch {
		case errors.Is(err, ErrWrongKey) || errors.Is(err, ErrNoCopy):
			if !errors.Is(why, ErrWrongKey) {
				why = err
			}
		case err != nil:
			return Restored{}, err
		case best == nil || p.meta.at.After(best.meta.at):
			best = p
		}
	}
	if best == nil {
		return Restored{}, why
	}
	if err := build(ctx, m, best, path, identities); err != nil {
		return Restored{}, errors.Join(err, os.Remove(path))
	}
	if err := intact(ctx, path); err != nil {
		return Restored{}, err
	}
	return best.found, nil
}

// survey reads a chain and finds its newest point that can be restored.
func survey(ctx context.Context, m Medium, chain string, identities []age.Identity, trusted []ed25519.PublicKey) (*point, error) {
	all, err := m.Segments(ctx, chain)
	if err != nil {
		return nil, err
	}
	var best *point
	var bad []uint64
	hashes := map[uint64][sha256.Size]byte{}
	run := uint64(0) // the first of the unbroken segments that end at the last one read
	next := uint64(0)
	strangers := 0
	for _, seq := range all {
		for ; next != 0 && next < seq; next++ {
			bad = append(bad, next) // missing
		}
		next = seq + 1
		l, mt, hash, err := inspect(ctx, m, chain, seq, identities)
		if errors.Is(err, ErrWrongKey) {
			strangers++
			continue
		}
		if err == nil && len(trusted) > 0 && !slices.ContainsFunc(trusted, func(k ed25519.PublicKey) bool { return k.Equal(l.key) }) {
			err = errDamaged
		}
		if errors.Is(err, errDamaged) {
			bad = append(bad, seq)
			continue
		}
		if err != nil {
			return nil, err
		}
		if before, ok := hashes[seq-1]; !ok || before != l.prev {
			run = seq
		}
		hashes[seq] = hash
		if mt.whole && mt.base >= run && mt.base > 0 {
			best = &point{chain: chain, base: mt.base, seq: seq, meta: mt, key: l.key, hashes: hashes}
		}
	}
	if best == nil {
		if strangers > 0 {
			return nil, ErrWrongKey
		}
		return nil, ErrNoCopy
	}
	best.found = Restored{Chain: chain, Key: best.key, At: best.meta.at, Segments: int(best.seq - best.base + 1), Unusable: bad}
	for _, seq := range all {
		if seq > best.seq {
			best.found.Later++
		}
	}
	return best, nil
}

// inspect reads one segment without its pages.
func inspect(ctx context.Context, m Medium, chain string, seq uint64, identities []age.Identity) (l link, mt meta, hash [sha256.Size]byte, err error) {
	data, err := m.Get(ctx, chain, seq)
	if err != nil {
		return l, mt, hash, err
	}
	if l, err = readLink(data); err != nil {
		return l, mt, hash, err
	}
	if fmt.Sprintf("%x", l.chain) != chain || l.seq != seq {
		return l, mt, hash, errDamaged
	}
	mt, err = openSegment(data, identities, nil)
	return l, mt, sha256.Sum256(data), err
}

// build writes the pages of a point's segments in order.
func build(ctx context.Context, m Medium, p *point, path string, identities []age.Identity) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // below the data directory
	if err != nil {
		return fmt.Errorf("make the restored file: %w", err)
	}
	defer func() { _ = f.Close() }()
	for seq := p.base; seq <= p.seq; seq++ {
		data, err := m.Get(ctx, p.chain, seq)
		if err != nil {
			return err
		}
		if sha256.Sum256(data) != p.hashes[seq] {
			return errDamaged
		}
		_, err = openSegment(data, identities, func(mt meta, g page) error {
			if mt.pageSize != p.meta.pageSize {
				return errDamaged
			}
			_, err := f.WriteAt(g.content, int64(g.number-1)*int64(mt.pageSize))
			return err
		})
		if err != nil {
			return fmt.Errorf("segment %d: %w", seq, err)
		}
	}
	if err := f.Truncate(int64(p.meta.pages) * int64(p.meta.pageSize)); err != nil {
		return fmt.Errorf("write the restored file: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("write the restored file: %w", err)
	}
	return nil
}

// intact lets SQLite look at every page and index.
func intact(ctx context.Context, path string) (err error) {
	d, err := sqlite.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	var verdict string
	if err := d.Writer().QueryRowContext(ctx, integrityCheck).Scan(&verdict); err != nil {
		return fmt.Errorf("check the restored database: %w", err)
	}
	if verdict != "ok" {
		return fmt.Errorf("check the restored database: %s", verdict)
	}
	return nil
}
