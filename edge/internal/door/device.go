package door

import (
	"context"
	"fmt"
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

// How long pictures work.
const (
	// deviceOpen is a term: on the one device that the teacher held in her hand.
	deviceOpen = 120 * day
	// hourOpen is a school day: on every device of the school's network.
	hourOpen = 8 * time.Hour
	// mostOpen classes are open on one device.
	mostOpen = 12
)

// everywhere is the device of a class that is open on the whole network.
const everywhere = ""

// Reach says where a class's pictures are opened.
type Reach string

// The reaches: this device for a term, the school's network for today.
const (
	ThisDevice Reach = "device"
	TheNetwork Reach = "network"
)

// Open lets the pictures of a class work on the device of ctx, or on the school's
// network; for the instructors of the school. It gives until when.
func (s *Service) Open(ctx context.Context, who identity.Actor, class string, reach Reach) (time.Time, error) {
	if err := s.teaches(who); err != nil {
		return time.Time{}, err
	}
	device, until := everywhere, s.Clock.Now().Add(hourOpen)
	if reach == ThisDevice {
		device, until = deviceOf(ctx), s.Clock.Now().Add(deviceOpen)
		if device == "" {
			return time.Time{}, errNotHere
		}
	}
	err := s.DB.Update(ctx, func(tx db.Tx) error {
		n, err := db.First(ctx, tx, countClass, db.Scalar[int64], s.School, class)
		if err != nil {
			return err
		}
		if n == 0 {
			return errClass
		}
		if _, err := tx.Exec(ctx, upsertDevice, device, class, who.Account, s.now(), db.Time{Time: until}); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, trimDevice, device, mostOpen); err != nil {
			return err
		}
		return s.note(ctx, tx, who, identity.Act{Action: "open_pictures", Facts: map[string]string{"class": class, "reach": string(reach)}})
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("open a class: %w", err)
	}
	return until, nil
}

// Close ends it, on this device and on the network; for the instructors of the
// school.
func (s *Service) Close(ctx context.Context, who identity.Actor, class string) error {
	if err := s.teaches(who); err != nil {
		return err
	}
	err := s.DB.Update(ctx, func(tx db.Tx) error {
		if _, err := tx.Exec(ctx, deleteDevice, deviceOf(ctx), class); err != nil {
			return err
		}
		return s.note(ctx, tx, who, identity.Act{Action: "close_pictures", Facts: map[string]string{"class": class}})
	})
	if err != nil {
		return fmt.Errorf("close a class: %w", err)
	}
	return nil
}

// openFor gives errNotHere unless the class of the learner is open on this device.
func (s *Service) openFor(ctx context.Context, tx db.Tx, learner identity.AccountID) error {
	n, err := db.First(ctx, tx, countOpen, db.Scalar[int64], learner, s.School, deviceOf(ctx), s.now())
	if err == nil && n == 0 {
		err = errNotHere
	}
	return err
}
