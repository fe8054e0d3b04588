package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// head is the end of a chain.
type head struct {
	seq  int64
	hash string
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// sum is the hash of r: SHA-256 of its canonical CBOR without the details
// themselves and without the hash.
func (r Record) sum() (string, error) {
	r.Details, r.Hash = "", ""
	raw, err := syncproto.EncodeBody(r)
	if err != nil {
		return "", err
	}
	return hashOf(raw), nil
}

// Report is what Verify found in one chain.
type Report struct {
	Node    string
	Entries int64
	Last    int64
	// Erased is how many entries lost their details to an erasure.
	Erased int64
	// Forks are entries that two entries follow: the box was restored from an
	// older copy and went on from there. That is not damage.
	Forks []int64
	// Broken is the first entry that does not hold, with the reason; nil when the
	// chain is whole.
	Broken *Broken
}

// Broken names an entry that does not hold.
type Broken struct {
	Seq    int64
	ID     string
	Reason string
}

// Verify walks every chain that this node holds, entry by entry, and reports on
// each. It reads a chain in steps and holds only hashes in memory.
func (l *Log) Verify(ctx context.Context) ([]Report, error) {
	var out []Report
	err := l.o.DB.View(ctx, func(tx db.Tx) error {
		out = nil
		nodes, err := db.All(ctx, tx, listNodes, db.Scalar[string])
		if err != nil {
			return err
		}
		for _, node := range nodes {
			r, err := verify(ctx, tx, node)
			if err != nil {
				return err
			}
			out = append(out, r)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("verify the audit log: %w", err)
	}
	return out, nil
}

// verifyStep is how many entries are read at once.
const verifyStep = 500

func verify(ctx context.Context, tx db.Tx, node string) (Report, error) {
	out := Report{Node: node}
	end, err := endOf(ctx, tx, node)
	if err != nil {
		return out, err
	}
	w := walk{report: &out, before: map[string]bool{"": true}}
	afterSeq, afterID := int64(0), ""
	for {
		page, err := db.All(ctx, tx, pageChain, scanRecord, node, afterSeq, afterID, verifyStep)
		if err != nil {
			return out, err
		}
		for _, r := range page {
			if w.take(r); out.Broken != nil {
				return out, nil
			}
			afterSeq, afterID = r.Seq, r.ID
		}
		if len(page) < verifyStep {
			break
		}
	}
	if end != nil && !w.has(*end) {
		out.Broken = &Broken{Seq: end.seq, Reason: "it is missing: the chain was written further than it goes"}
	}
	return out, nil
}

// endOf is the mark of a chain that this node writes; nil for a copy.
func endOf(ctx context.Context, tx db.Tx, node string) (*head, error) {
	marks, err := db.All(ctx, tx, readHead, scanHead, node)
	if err != nil || len(marks) == 0 {
		return nil, err
	}
	return &marks[0], nil
}

// walk remembers the entries of the last two sequence numbers: before are the
// hashes that the next entries may follow.
type walk struct {
	report       *Report
	seq          int64
	before, here map[string]bool
	followed     map[string]bool
}

func (w *walk) take(r Record) {
	if r.Seq != w.seq {
		if r.Seq != w.seq+1 {
			w.broken(Record{Seq: w.seq + 1}, "it is missing")
			return
		}
		if w.seq > 0 {
			w.before = w.here
		}
		w.seq, w.here, w.followed = r.Seq, map[string]bool{}, map[string]bool{}
	}
	sum, err := r.sum()
	switch {
	case err != nil || sum != r.Hash:
		w.broken(r, "it was changed")
		return
	case r.Details != "" && hashOf([]byte(r.Details)) != r.DetailsHash:
		w.broken(r, "its details were changed")
		return
	case !w.before[r.Prev]:
		w.broken(r, "it does not follow the entry before it")
		return
	}
	if r.Erased() {
		w.report.Erased++
	}
	if w.followed[r.Prev] {
		w.report.Forks = append(w.report.Forks, r.Seq-1)
	}
	w.followed[r.Prev], w.here[r.Hash] = true, true
	w.report.Entries++
	w.report.Last = r.Seq
}

func (w *walk) broken(r Record, why string) {
	w.report.Broken = &Broken{Seq: r.Seq, ID: r.ID, Reason: why}
}

// has tells whether the chain that was walked reaches end. A mark behind the
// last entry is one of a box that was restored.
func (w *walk) has(end head) bool {
	return end.seq < w.seq || end.seq == w.seq && (end.seq == 0 || w.here[end.hash])
}
