package identity

import (
	"context"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
)

// ErrNoPhotos answers a learner whose guardian has not allowed pictures of her.
var ErrNoPhotos = fault.New(fault.Forbidden, "A guardian of this learner has not consented to photos.").WithCode("photos_not_allowed")

// mayShow refuses the address of a picture of a learner who is a minor, or may be
// one, without a guardian's consent to photos. No picture is always allowed.
func (s *Service) mayShow(ctx context.Context, tx db.Tx, a Account, url string) error {
	if url == "" || a.Role != Student || !a.Minor(s.clock.Now()) {
		return nil
	}
	given, err := s.HasConsent(ctx, tx, a.ID, Photos)
	if err == nil && !given {
		err = ErrNoPhotos
	}
	return err
}
