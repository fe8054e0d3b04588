package bundles

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer/bundle"
	"urbanhomeschool.org/uhs/syncproto"
)

// outDir is where bundles lie that a phone may fetch.
func (s *Service) outDir() string { return filepath.Join(s.o.Dir, "out") }

// outKept is how long a bundle can be fetched again: a download over a weak
// Wi-Fi may take several tries.
const outKept = 2 * 24 * time.Hour

// errNoRoom: the box's own disk is full.
var errNoRoom = fault.New(fault.Unavailable, "The school's box has no room to write the file.").WithCode("bundle_no_room")

// Carried is a bundle that a phone may fetch under its secret.
type Carried struct {
	Written
	Secret string
}

// Carry writes a bundle for a phone; teachers of this school only.
func (s *Service) Carry(ctx context.Context, who identity.Actor) (Carried, error) {
	if err := who.Require(identity.Instructor); err != nil {
		return Carried{}, err
	}
	if string(who.School) != s.o.Box().School {
		return Carried{}, identity.ErrForbidden
	}
	if err := os.MkdirAll(s.outDir(), 0o700); err != nil {
		return Carried{}, err
	}
	secret := id.Secret(18)
	w, _, err := s.ExportFile(ctx, filepath.Join(s.outDir(), secret), nil)
	if errors.Is(err, syscall.ENOSPC) {
		err = errNoRoom.Because(err)
	}
	return Carried{Written: w, Secret: secret}, err
}

// historyShown is how many files the page lists.
const historyShown = 20

// History are the files that were taken along, newest first, with the cloud's
// receipts as far as they came back; for teachers of this school.
func (s *Service) History(ctx context.Context, who identity.Actor) (notes []bundle.Note, err error) {
	if err := who.Require(identity.Instructor); err != nil {
		return nil, err
	}
	school := s.o.Box().School
	if string(who.School) != school {
		return nil, identity.ErrForbidden
	}
	err = s.o.DB.View(ctx, func(tx db.Tx) error {
		notes, err = bundle.List(ctx, tx, bundle.Out, school, historyShown)
		return err
	})
	return notes, err
}

var secretForm = regexp.MustCompile(`^[A-Za-z0-9_-]{24}$`)

// OpenCarried finds a bundle by its secret; fs.ErrNotExist when it is not there.
func (s *Service) OpenCarried(secret string) (path, name string, err error) {
	if !secretForm.MatchString(secret) {
		return "", "", os.ErrNotExist
	}
	path = filepath.Join(s.outDir(), secret)
	info, err := os.Stat(path)
	if err != nil {
		return "", "", err
	}
	return path, Name(syncproto.BundleHeader{SchoolName: s.o.Box().SchoolName, Created: info.ModTime().UTC()}), nil
}

// sweepOut removes bundles that nobody fetches any more.
func (s *Service) sweepOut() {
	names, err := filepath.Glob(filepath.Join(s.outDir(), "*"))
	if err != nil {
		return
	}
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && s.o.Clock.Now().Sub(info.ModTime()) > outKept {
			_ = os.Remove(name) // tried again in an hour
		}
	}
}
