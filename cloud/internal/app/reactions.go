package app

import (
	"urbanhomeschool.org/uhs/shared/payments"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/tutor"
)

// reactions are what follows when records arrive from a school: they run in the
// applying transaction, for rows that were inserted.
func (k *core) reactions() []syncer.Reaction {
	return []syncer.Reaction{
		syncer.On(payments.Intents, k.money.OnIntents),
		syncer.On(tutor.Questions, k.domains.Tutor.OnQuestions),
	}
}
