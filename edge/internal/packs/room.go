package packs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"syscall"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/db"
)

// demand is what space is needed for; the zero demand is that nothing more is
// used, only that enough is free.
type demand struct {
	bytes int64
	// part is the blob that is being fetched: what has come of it stays.
	part string
	// picture asks for a picture of a course last used at that time. It takes the
	// place only of pictures that have not been used for long.
	picture bool
	used    time.Time
}

const (
	// unlistedAge is how long a blob that no licence needs is kept, for a licence
	// that is still on its way.
	unlistedAge = 7 * 24 * time.Hour
	// unusedAge is how long nobody must have opened a course for its pictures to
	// make place for another one's: so two courses never push each other out daily.
	unusedAge = 14 * 24 * time.Hour
)

// slack is the room a picture needs above what is kept free: what was just
// evicted does not come back for a byte of space.
func (s *Service) slack(d demand) int64 {
	if d.picture {
		return s.o.KeepFree / 10
	}
	return 0
}

func (s *Service) short(d demand) (bool, error) {
	free, err := s.o.Free()
	if err != nil {
		return false, fmt.Errorf("measure the disk: %w", err)
	}
	return free < s.o.KeepFree+d.bytes+s.slack(d), nil
}

// makeRoom evicts until d fits: what no licence needs, then parts of blobs, then
// pictures of the courses that nobody opened for the longest time. Never texts
// or quizzes, never anything but course packs. errFull when that is not enough.
func (s *Service) makeRoom(ctx context.Context, d demand) (evicted bool, err error) {
	if short, err := s.short(d); err != nil || !short {
		return false, err
	}
	s.room.Lock()
	defer s.room.Unlock()
	w, err := s.wanted(ctx)
	if err != nil {
		return false, err
	}
	list, err := s.expendable(w, d)
	if err != nil {
		return false, err
	}
	if enough, err := s.enough(list, d); err != nil || !enough {
		return false, errors.Join(err, errFull)
	}
	for _, e := range list {
		if short, err := s.short(d); err != nil || !short {
			return evicted, err
		}
		if err := e.remove(e.sha); err != nil {
			return evicted, err
		}
		s.o.Log.Info("made room on the disk", slog.String("what", e.what), slog.String("blob", e.sha), slog.Int64("bytes", e.size))
		evicted = true
	}
	if short, err := s.short(d); err != nil || !short {
		return evicted, err
	}
	return evicted, errFull
}

// enough tells whether it helps to evict: nothing goes for what does not fit
// anyway. What is kept free is won back as far as it can be.
func (s *Service) enough(list []expendable, d demand) (bool, error) {
	if d.bytes == 0 {
		return true, nil
	}
	free, err := s.o.Free()
	for _, e := range list {
		free += e.size
	}
	return free >= s.o.KeepFree+d.bytes+s.slack(d), err
}

// expendable is something to evict.
type expendable struct {
	what, sha string
	size      int64
	remove    func(sha string) error
}

// expendable lists what may go for d, in the order in which it goes.
func (s *Service) expendable(w wants, d demand) ([]expendable, error) {
	var out []expendable
	whole, err := s.o.Store.List()
	if err != nil {
		return nil, err
	}
	needed, pictures, complete := s.needed(w)
	if complete {
		for _, e := range whole {
			if !needed[e.SHA256] {
				out = append(out, expendable{"replaced", e.SHA256, e.Size, s.o.Store.Remove})
			}
		}
	}
	parts, err := s.o.Store.ListParts()
	if err != nil {
		return nil, err
	}
	for _, e := range parts {
		if e.SHA256 != d.part {
			out = append(out, expendable{"part", e.SHA256, e.Size, s.o.Store.RemovePart})
		}
	}
	slices.SortFunc(whole, func(a, b pack.Entry) int { return pictures[a.SHA256].Compare(pictures[b.SHA256]) })
	oldest := s.o.Clock.Now().Add(-unusedAge)
	for _, e := range whole {
		used, is := pictures[e.SHA256]
		if !is || (d.picture && (used.After(oldest) || !used.Before(d.used))) {
			continue
		}
		out = append(out, expendable{"picture", e.SHA256, e.Size, s.o.Store.Remove})
	}
	return out, nil
}

// needed is what the licensed and the installed editions list, and when each
// picture was last of use, in any of its courses. It is not complete when a
// manifest of an installed course cannot be read: then nobody knows what may go.
func (s *Service) needed(w wants) (needed map[string]bool, pictures map[string]time.Time, complete bool) {
	needed, pictures, complete = map[string]bool{}, map[string]time.Time{}, true
	texts := map[string]bool{}
	add := func(sha string, used time.Time) bool {
		needed[sha] = true
		m, ok := s.known(sha)
		for _, b := range m.Blobs {
			needed[b.SHA256] = true
			if b.Role != pack.RoleMedia {
				texts[b.SHA256] = true
			} else if old, is := pictures[b.SHA256]; !is || used.After(old) {
				pictures[b.SHA256] = used
			}
		}
		return ok
	}
	for _, l := range w.held {
		add(l.ManifestSHA256, w.used(l))
		if old := w.here[l.CourseID].installedManifest; old != "" && !add(old, w.used(l)) {
			complete = false
		}
	}
	for _, d := range w.here { // installed once, the licence is gone
		if d.installedManifest != "" && !needed[d.installedManifest] && !add(d.installedManifest, time.Unix(0, 0)) {
			complete = false
		}
	}
	for sha := range texts { // a picture of one course may be a text of another
		delete(pictures, sha)
	}
	return needed, pictures, complete
}

// dropReplaced removes what a replaced edition listed and nothing needs now, and
// what nothing has needed for long.
func (s *Service) dropReplaced(ctx context.Context, manifest string) error {
	s.room.Lock()
	defer s.room.Unlock()
	w, err := s.wanted(ctx)
	if err != nil {
		return err
	}
	needed, _, complete := s.needed(w)
	if !complete {
		return nil
	}
	replaced := map[string]bool{manifest: true}
	old, _ := s.known(manifest)
	for _, b := range old.Blobs {
		replaced[b.SHA256] = true
	}
	whole, err := s.o.Store.List()
	if err != nil {
		return err
	}
	for _, e := range whole {
		aged := s.o.Clock.Now().Sub(e.At) > unlistedAge
		if needed[e.SHA256] || !replaced[e.SHA256] && !aged {
			continue
		}
		if err := s.o.Store.Remove(e.SHA256); err != nil {
			return err
		}
	}
	s.mu.Lock()
	delete(s.manifests, manifest)
	s.mu.Unlock()
	return nil
}

// known is a manifest that is here and verified.
func (s *Service) known(sha string) (pack.Manifest, bool) {
	s.mu.Lock()
	m, ok := s.manifests[sha]
	s.mu.Unlock()
	if ok {
		return m, true
	}
	signed, err := s.o.Store.Read(sha)
	if err != nil || pack.Hash(signed) != sha {
		return pack.Manifest{}, false
	}
	if m, err = pack.Verify(signed, s.o.Signer); err != nil {
		return pack.Manifest{}, false
	}
	s.mu.Lock()
	s.manifests[sha] = m
	s.mu.Unlock()
	return m, true
}

// Opened says that somebody opened the course just now. It is cheap: the time is
// written once an hour at most.
func (s *Service) Opened(course catalogue.CourseID) {
	now := s.o.Clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened[course] = now
}

func (s *Service) keepOpens(ctx context.Context) error {
	s.mu.Lock()
	fresh := s.opened
	s.opened = map[catalogue.CourseID]time.Time{}
	s.mu.Unlock()
	if len(fresh) == 0 {
		return nil
	}
	w, err := s.wanted(ctx)
	if err != nil {
		return err
	}
	for course, at := range fresh {
		if old := w.opens[course]; at.Sub(old).Abs() < time.Hour {
			delete(fresh, course)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return s.o.DB.Update(ctx, func(tx db.Tx) error {
		for course, at := range fresh {
			if err := setOpened(ctx, tx, course, at); err != nil {
				return err
			}
		}
		return nil
	})
}

// freeBytes is what an ordinary program may still write on the disk of dir.
func freeBytes(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * st.Bsize, nil
}
