package syncer

import (
	"context"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// Digests compares what a school and the cloud hold in common: per kind of
// record 256 buckets, each the sum of its records' digests. It reads page by
// page and keeps two kilobytes per kind. Fleeting records are left out.
func Digests(ctx context.Context, tx db.Tx, r *Registry, s Scope) ([]syncproto.KindDigest, error) {
	var out []syncproto.KindDigest
	for _, k := range r.order {
		if k.lists() && !k.fleeting() {
			spec := k.Declared()
			out = append(out, syncproto.KindDigest{Name: spec.Name, Version: spec.Version, Buckets: make([]uint64, syncproto.Buckets)})
		}
	}
	at := map[string]*syncproto.KindDigest{}
	for i := range out {
		at[out[i].Name] = &out[i]
	}
	err := r.Walk(ctx, tx, s, func(h Held) error {
		d := at[h.Kind.Declared().Name]
		if d == nil {
			return nil
		}
		sum, err := h.Digest()
		if err != nil {
			return err
		}
		d.Count++
		d.Root += sum
		d.Buckets[syncproto.BucketOf(h.ID)] += sum
		return nil
	})
	return out, err
}

// Digest is the record's own.
func (h Held) Digest() (uint64, error) {
	body, err := h.Body()
	if err != nil {
		return 0, err
	}
	return syncproto.RecordDigest(h.ID, h.Kind.Declared().Version, body), nil
}

// Differing lists the buckets in which two digests of a kind differ.
func Differing(a, b syncproto.KindDigest) (out []int) {
	for i := range min(len(a.Buckets), len(b.Buckets)) {
		if a.Buckets[i] != b.Buckets[i] {
			out = append(out, i)
		}
	}
	return out
}

// InBuckets calls fn for the records of one kind that lie in some buckets.
func (r *Registry) InBuckets(ctx context.Context, tx db.Tx, s Scope, in syncproto.DigestItems, fn func(Held, uint64) error) error {
	k, ok := r.kinds[in.Name]
	if !ok || !k.lists() {
		return fmt.Errorf("%w: a kind that cannot be listed", syncproto.ErrMalformed)
	}
	wanted := map[int]bool{}
	for _, b := range in.Buckets {
		wanted[b] = true
	}
	return walkKind(ctx, tx, k, s, func(h Held) error {
		if !wanted[syncproto.BucketOf(h.ID)] {
			return nil
		}
		sum, err := h.Digest()
		if err != nil {
			return err
		}
		return fn(h, sum)
	})
}

// Resend records h again for one school alone.
func (h Held) Resend(ctx context.Context, tx db.Tx, school string) error {
	return h.Kind.resend(ctx, tx, school, h.value)
}

// Again records the stored fact with an id for the other side once more. It does
// nothing, and says so, for a record that this side may not write, that can be
// replaced, or that is not here.
func (r *Registry) Again(ctx context.Context, tx db.Tx, kind, id string, side syncproto.Writer) (bool, error) {
	k, ok := r.kinds[kind]
	if !ok {
		return false, nil
	}
	spec := k.Declared()
	if spec.Merge != syncproto.AppendOnly || spec.Writer != syncproto.EitherSide && spec.Writer != side {
		return false, nil
	}
	return k.again(ctx, tx, id)
}

// OneMoment makes everything that tx reads from here on be of one moment. It
// must come first in the transaction.
func OneMoment(ctx context.Context, tx db.Tx) error {
	_, err := tx.Exec(ctx, oneMoment)
	return err
}
