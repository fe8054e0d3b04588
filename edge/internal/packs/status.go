package packs

import (
	"context"

	"urbanhomeschool.org/uhs/shared/catalogue"
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
	BytesDone        int64 `json:"bytes_done"`
	BytesTotal       int64 `json:"bytes_total"`
	// Error is empty or why the last attempt failed: no_connection, damaged,
	// not_trusted, not_licensed, refused, disk or failed. It is tried again.
	Error     string  `json:"error,omitempty"`
	UpdatedAt db.Time `json:"updated_at"`
}

// Status lists every licensed course, by title.
func (s *Service) Status(ctx context.Context) ([]CourseStatus, error) {
	out := []CourseStatus{}
	err := s.o.DB.View(ctx, func(tx db.Tx) error {
		held, err := catalogue.LicencesOf(ctx, tx, s.o.School)
		if err != nil {
			return err
		}
		here, err := downloads(ctx, tx)
		for _, l := range held {
			out = append(out, s.status(l, here[l.CourseID]))
		}
		return err
	})
	return out, err
}

func (s *Service) status(l catalogue.Licence, d download) CourseStatus {
	c := CourseStatus{CourseID: l.CourseID, Title: l.Title, Edition: l.Edition, InstalledEdition: d.installedEdition,
		State: d.state, BytesTotal: l.SizeBytes, Error: d.err, UpdatedAt: d.updatedAt}
	switch {
	case d.installedManifest == l.ManifestSHA256:
		c.State, c.Error, c.BytesDone = installed, "", l.SizeBytes
	case d.manifest != l.ManifestSHA256: // not yet looked at
		c.State, c.Error = waiting, ""
	default:
		s.mu.Lock()
		c.BytesDone = min(s.done[l.CourseID], l.SizeBytes)
		s.mu.Unlock()
	}
	return c
}

func (s *Service) count(course catalogue.CourseID, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done[course] = bytes
}

func (s *Service) note(ctx context.Context, l catalogue.Licence, state State, reason string) error {
	return s.o.DB.Update(ctx, func(tx db.Tx) error { return setState(ctx, tx, l, state, reason, s.o.Clock.Now()) })
}
