package packs

import (
	"context"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/db"
)

// State is how far a course is.
type State string

// The states.
const (
	waiting     State = "waiting"
	downloading State = "downloading"
	installed   State = "installed"
	failed      State = "failed"
)

// CourseStatus is one licensed course and how far it is here.
type CourseStatus struct {
	CourseID catalogue.CourseID `json:"course_id"`
	Title    string             `json:"title"`
	// Edition is the licensed one, InstalledEdition what learners see now; 0 is none.
	Edition          int64 `json:"edition"`
	InstalledEdition int64 `json:"installed_edition"`
	State            State `json:"state" enum:"waiting,downloading,installed,failed"`
	// BytesDone of BytesTotal are on this box, whatever they came from.
	BytesDone  int64 `json:"bytes_done"`
	BytesTotal int64 `json:"bytes_total"`
	// PicturesMissing of the licensed edition are not here: they have not come
	// yet, or made room for something else.
	PicturesMissing int `json:"pictures_missing"`
	// Error is empty or why the last attempt failed: no_connection, damaged,
	// not_trusted, not_licensed, refused, disk_full, disk or failed. It is tried
	// again.
	Error     string  `json:"error,omitempty"`
	UpdatedAt db.Time `json:"updated_at"`
}

// Status lists every licensed course, by title.
func (s *Service) Status(ctx context.Context) ([]CourseStatus, error) {
	w, err := s.wanted(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]CourseStatus, 0, len(w.held))
	for _, l := range w.held {
		out = append(out, s.status(l, w.here[l.CourseID]))
	}
	return out, nil
}

func (s *Service) status(l catalogue.Licence, d download) CourseStatus {
	c := CourseStatus{CourseID: l.CourseID, Title: l.Title, Edition: l.Edition, InstalledEdition: d.installedEdition,
		State: d.state, BytesTotal: l.SizeBytes, Error: d.err, UpdatedAt: d.updatedAt}
	m, known := s.known(l.ManifestSHA256)
	if known {
		left := s.lacking(m)
		c.PicturesMissing, c.BytesDone = left.pictures, max(0, l.SizeBytes-left.bytes)
	}
	switch {
	case d.installedManifest == l.ManifestSHA256:
		c.State = installed
		if c.PicturesMissing == 0 {
			c.Error = ""
		}
	case d.manifest != l.ManifestSHA256: // not yet looked at
		c.State, c.Error = waiting, ""
	}
	return c
}

// gap is what of a pack is not here.
type gap struct {
	count, pictures int
	bytes           int64
}

func (s *Service) lacking(m pack.Manifest) (g gap) {
	for _, b := range m.First() {
		if _, here := s.o.Store.Path(b.SHA256); here {
			continue
		}
		g.count++
		g.bytes += b.Size - min(b.Size, s.o.Store.PartSize(b.SHA256))
		if b.Role == pack.RoleMedia {
			g.pictures++
		}
	}
	return g
}

func (s *Service) note(ctx context.Context, l catalogue.Licence, state State, reason string) error {
	return s.o.DB.Update(ctx, func(tx db.Tx) error { return setState(ctx, tx, l, state, reason, s.o.Clock.Now()) })
}
