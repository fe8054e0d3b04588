package fleet

import (
	"context"
	"log/slog"
	"maps"
	"slices"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// The kinds of incident of a comparison.
const (
	// IncidentRepaired: records of a school and the cloud differed and are sent
	// again.
	IncidentRepaired = "digest_repaired"
	// IncidentSnapshot: sending again did not help; the box takes a snapshot.
	IncidentSnapshot = "digest_snapshot"
)

// maxRepair is how many records one comparison sends again; the next one goes on.
const maxRepair = 5_000

var errDigest = fault.New(fault.Malformed, "The request could not be read.").WithCode("malformed")

// Digest compares the records of the box with the cloud's. What the box lacks or
// has differently is recorded for it again; what it has beyond is told, and the
// box decides.
func (s *Service) Digest(ctx context.Context, box Appliance, in syncproto.DigestRequest) (out syncproto.DigestAnswer, err error) {
	if s.o.Snapshots == nil {
		return out, ErrNoSnapshots
	}
	down, err := decodeMarks(in.Down)
	if err != nil {
		return out, errDigest
	}
	up, err := decodeMarks(in.Up)
	if err != nil {
		return out, errDigest
	}
	select { // one at a time: it reads everything of the school
	case s.snaps.turn <- struct{}{}:
		defer func() { <-s.snaps.turn }()
	case <-ctx.Done():
		return out, ctx.Err()
	}
	var again []syncer.Held
	err = s.o.DB.View(ctx, func(tx db.Tx) error {
		if err := syncer.OneMoment(ctx, tx); err != nil {
			return err
		}
		same, err := s.sameMoment(ctx, tx, box, [2]syncproto.Marks{down, up}, in.Epoch)
		if err != nil || !same {
			out.Moved = true
			return err
		}
		if len(in.Items) == 0 {
			out.Differ, err = s.compare(ctx, tx, box.School, in.Kinds)
			return err
		}
		out.Extra = map[string][]string{}
		for _, items := range in.Items {
			more, err := s.missing(ctx, tx, box.School, items, out.Extra)
			if err != nil {
				return err
			}
			again = append(again, more...)
		}
		return nil
	})
	if err != nil || out.Moved || len(in.Items) == 0 {
		return out, err
	}
	out.Sent = len(again)
	return out, s.repair(ctx, box.School, in.Items, again, out)
}

// sameMoment tells whether both sides have applied exactly each other's logs.
func (s *Service) sameMoment(ctx context.Context, tx db.Tx, box Appliance, at [2]syncproto.Marks, epoch int64) (bool, error) {
	heads, err := syncer.ReadHeads(ctx, tx, syncer.Log{School: box.School, Epoch: syncer.DownEpoch})
	if err != nil || heads.Out != at[0] {
		return false, err
	}
	in, err := syncer.ReadMarks(ctx, tx, syncer.Log{School: box.School, Epoch: epoch})
	return in == at[1], err
}

func (s *Service) scope(school string) syncer.Scope {
	return syncer.Scope{School: school, Members: s.o.Snapshots.Members}
}

func (s *Service) compare(ctx context.Context, tx db.Tx, school string, theirs []syncproto.KindDigest) (differ []syncproto.KindDigest, err error) {
	ours, err := syncer.Digests(ctx, tx, s.o.Applier.Registry, s.scope(school))
	if err != nil {
		return nil, err
	}
	for _, o := range ours {
		i := slices.IndexFunc(theirs, func(t syncproto.KindDigest) bool { return t.Name == o.Name })
		if i < 0 || theirs[i].Version != o.Version {
			continue // another release: its bytes cannot be compared
		}
		if theirs[i].Root != o.Root || theirs[i].Count != o.Count {
			differ = append(differ, o)
		}
	}
	return differ, nil
}

// missing are our records in the buckets that the box does not have as they are;
// what it has beyond ours goes into extra.
func (s *Service) missing(ctx context.Context, tx db.Tx, school string, items syncproto.DigestItems, extra map[string][]string) (again []syncer.Held, err error) {
	theirs := maps.Clone(items.Records)
	err = s.o.Applier.Registry.InBuckets(ctx, tx, s.scope(school), items, func(h syncer.Held, sum uint64) error {
		was, ok := theirs[h.ID]
		delete(theirs, h.ID)
		if (!ok || was != sum) && len(again) < maxRepair {
			again = append(again, h)
		}
		return nil
	})
	if len(theirs) > 0 {
		extra[items.Name] = slices.Sorted(maps.Keys(theirs))
	}
	return again, err
}

// repair records again what differs, for this school alone, and tells the admin.
func (s *Service) repair(ctx context.Context, school string, items []syncproto.DigestItems, again []syncer.Held, out syncproto.DigestAnswer) error {
	kinds, buckets, extra := []string{}, 0, 0
	for _, i := range items {
		kinds = append(kinds, i.Name)
		buckets += len(i.Buckets)
		extra += len(out.Extra[i.Name])
	}
	if len(again) == 0 && extra == 0 {
		return nil
	}
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		for _, h := range again {
			if err := h.Resend(ctx, tx, school); err != nil {
				return err
			}
		}
		return NoteIncident(ctx, tx, s.o.Clock.Now(), Incident{School: school, Kind: IncidentRepaired,
			Facts: map[string]any{"kinds": kinds, "buckets": buckets, "records": len(again), "extra": extra}})
	})
	if err == nil {
		s.o.Log.Warn("records of a school differed and are sent again", logging.School(school), slog.Any("kinds", kinds),
			slog.Int("records", len(again)), slog.Int("extra", extra))
	}
	return err
}

// noteDigestSnapshot tells the admin that a box takes a snapshot because sending
// again did not help.
func (s *Service) noteDigestSnapshot(ctx context.Context, school string) error {
	return s.o.DB.Update(ctx, func(tx db.Tx) error {
		return NoteIncident(ctx, tx, s.o.Clock.Now(), Incident{School: school, Kind: IncidentSnapshot})
	})
}
