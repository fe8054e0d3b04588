package app

import "urbanhomeschool.org/uhs/cloud/internal/privacy"

// addPrivacy builds what the cloud does about people's data, and lets it hear the
// text messages that answer its questions.
func (k *core) addPrivacy() {
	k.privacy = privacy.New(privacy.Options{DB: k.db, Clock: k.clock, Log: k.log, People: k.domains.Identity, Consent: k.domains.Consent, Courier: k.courier})
	k.courier.Listen("consent", k.privacy.OnMessage)
}
