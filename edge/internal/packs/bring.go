package packs

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/logging"
)

// wants is what the school may hold and what is here of it.
type wants struct {
	held  []catalogue.Licence
	here  map[catalogue.CourseID]download
	opens map[catalogue.CourseID]time.Time
}

func (s *Service) wanted(ctx context.Context) (w wants, err error) {
	err = s.o.DB.View(ctx, func(tx db.Tx) error {
		if w.held, err = catalogue.LicencesOf(ctx, tx, s.o.School); err != nil {
			return err
		}
		if w.here, err = downloads(ctx, tx); err != nil {
			return err
		}
		w.opens, err = opens(ctx, tx)
		return err
	})
	return w, err
}

// used is when the course was last opened, or given to the school.
func (w wants) used(l catalogue.Licence) time.Time {
	if at := w.opens[l.CourseID]; at.After(l.GrantedAt.Time) {
		return at
	}
	return l.GrantedAt.Time
}

// byUse orders the licences: those opened last first.
func (w wants) byUse() []catalogue.Licence {
	out := slices.Clone(w.held)
	slices.SortStableFunc(out, func(a, b catalogue.Licence) int { return w.used(b).Compare(w.used(a)) })
	return out
}

// fresh is an edition whose texts are all here and that is not installed yet.
type fresh struct {
	licence  catalogue.Licence
	key      string
	manifest pack.Manifest
}

// texts fetches all of l but its pictures.
func (s *Service) texts(ctx context.Context, l catalogue.Licence) (*fresh, error) {
	// The key first: without it every byte would be fetched for nothing.
	key, err := pack.Unwrap(l.WrappedKey, s.o.Identity)
	if err != nil {
		return nil, err
	}
	if err := s.note(ctx, l, downloading, ""); err != nil {
		return nil, err
	}
	m, err := s.manifest(ctx, l)
	if err != nil {
		return nil, err
	}
	s.o.Step("manifest")
	for _, b := range m.First() {
		if b.Role == pack.RoleMedia {
			continue
		}
		if err := s.have(ctx, b, demand{}); err != nil {
			return nil, err
		}
	}
	return &fresh{licence: l, key: key, manifest: m}, nil
}

// update installs an edition over another one once its pictures are here too:
// learners do not lose pictures they had. Only when there is no room for them
// does the new text come alone.
func (s *Service) update(ctx context.Context, f *fresh) error {
	err := s.media(ctx, f.licence, f.manifest)
	if err != nil && !errors.Is(err, errFull) {
		return err
	}
	return s.install(ctx, f)
}

// pictures fetches what an installed course lacks.
func (s *Service) pictures(ctx context.Context, l catalogue.Licence) error {
	m, err := s.manifest(ctx, l)
	if err != nil {
		return err
	}
	if s.lacking(m).count == 0 {
		return nil
	}
	if err := s.media(ctx, l, m); err != nil {
		return err
	}
	return s.note(ctx, l, installed, "")
}

func (s *Service) media(ctx context.Context, l catalogue.Licence, m pack.Manifest) error {
	w, err := s.wanted(ctx)
	if err != nil {
		return err
	}
	for _, b := range m.First() {
		if b.Role != pack.RoleMedia {
			continue
		}
		if err := s.have(ctx, b, demand{picture: true, used: w.used(l)}); err != nil {
			return err
		}
	}
	return nil
}

// have makes sure that b is here.
func (s *Service) have(ctx context.Context, b pack.Blob, d demand) error {
	if _, ok := s.o.Store.Path(b.SHA256); ok {
		return nil
	}
	d.part, d.bytes = b.SHA256, b.Size-min(b.Size, s.o.Store.PartSize(b.SHA256))
	if _, err := s.makeRoom(ctx, d); err != nil {
		return err
	}
	if err := s.blob(ctx, b); err != nil {
		return err
	}
	s.o.Step("blob")
	return nil
}

// textGrowth is how much the database grows at most for a byte of a course's
// texts: rows, search index and write-ahead log.
const textGrowth = 4

// install decrypts the texts and swaps the course.
func (s *Service) install(ctx context.Context, f *fresh) error {
	m := f.manifest
	var texts int64
	for _, b := range m.First() {
		if b.Role != pack.RoleMedia {
			texts += b.Size
			continue
		}
		if _, here := s.o.Store.Path(b.SHA256); !here {
			continue
		}
		if err := s.forget(s.o.Store.Check(b)); err != nil {
			return err
		}
	}
	if _, err := s.makeRoom(ctx, demand{bytes: textGrowth * texts}); err != nil {
		return err
	}
	content, err := pack.Decode(m, f.key, s.o.Store.Read)
	if err := s.forget(err); err != nil {
		return err
	}
	s.o.Step("install")
	old, err := s.swap(ctx, f.licence, content)
	if err != nil {
		return err
	}
	s.o.Log.Info("course installed", slog.String("course", m.Slug), slog.Int64("edition", m.Edition))
	s.o.Step("installed")
	if err := s.dropReplaced(ctx, old); err != nil {
		s.o.Log.Warn("remove a replaced course pack", logging.Err(err))
	}
	s.o.Step("evicted")
	return nil
}

// forget removes a blob that the disk has damaged, so that it is fetched again.
func (s *Service) forget(err error) error {
	if at, ok := errors.AsType[*pack.BlobError](err); ok && !errors.Is(err, pack.ErrUnlicensed) {
		return errors.Join(err, s.o.Store.Remove(at.Blob.SHA256))
	}
	return err
}

// swap installs the course and gives the manifest that was installed before.
func (s *Service) swap(ctx context.Context, l catalogue.Licence, c catalogue.Content) (old string, err error) {
	err = s.o.DB.Update(ctx, func(tx db.Tx) error {
		here, err := downloads(ctx, tx)
		if err != nil {
			return err
		}
		old = here[l.CourseID].installedManifest
		if err := catalogue.Install(ctx, tx, c); err != nil {
			return err
		}
		return setInstalled(ctx, tx, l, s.o.Clock.Now())
	})
	return old, err
}
