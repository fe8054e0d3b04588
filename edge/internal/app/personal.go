package app

import (
	"context"
	"time"

	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/service"
)

// eraseWhenDue carries out the erasures that the head asked for when their time
// has come, and confirms those that came from the cloud.
func (b *box) eraseWhenDue(s *school) service.Service {
	return service.Every(time.Minute, func(ctx context.Context) {
		if _, err := s.domains.Personal.Due(ctx); err != nil && ctx.Err() == nil {
			b.log.Error("erase people", logging.Err(err))
		}
		if _, err := s.domains.Personal.Confirm(ctx); err != nil && ctx.Err() == nil {
			b.log.Error("confirm erasures", logging.Err(err))
		}
	})
}
