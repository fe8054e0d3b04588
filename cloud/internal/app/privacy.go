package app

import (
	"context"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/privacy"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/service"
)

// addPrivacy builds what the cloud does about people's data, and lets it hear the
// text messages that answer its questions.
func (k *core) addPrivacy() {
	k.privacy = privacy.New(privacy.Options{DB: k.db, Clock: k.clock, Log: k.log, People: k.domains.Identity, Consent: k.domains.Consent, Courier: k.courier})
	k.courier.Listen("consent", k.privacy.OnMessage)
}

// tellOfAlerts looks every minute for children in danger whom nobody has taken up.
func (k *core) tellOfAlerts() service.Service {
	return service.Every(time.Minute, func(ctx context.Context) {
		if _, err := k.privacy.Tell(ctx); err != nil && ctx.Err() == nil {
			k.log.Error("tell of alerts", logging.Err(err))
		}
	})
}
