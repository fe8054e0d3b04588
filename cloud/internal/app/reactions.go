package app

import (
	"context"

	"urbanhomeschool.org/uhs/cloud/internal/fleet"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/door"
	"urbanhomeschool.org/uhs/shared/payments"
	"urbanhomeschool.org/uhs/shared/personal"
	"urbanhomeschool.org/uhs/shared/roster"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/tutor"
)

// reactions are what follows when records arrive from a school: they run in the
// applying transaction, for rows that were inserted.
func (k *core) reactions() []syncer.Reaction {
	return append([]syncer.Reaction{
		syncer.On(personal.Erasures, k.domains.Personal.OnErasures),
		syncer.On(roster.Changes, k.domains.Roster.OnChanges),
		syncer.On(payments.Intents, k.money.OnIntents),
		syncer.On(door.Uses, k.tellOfDoor),
		syncer.On(tutor.Questions, k.domains.Tutor.OnQuestions),
	}, k.domains.Personal.Reactions()...)
}

// tellOfDoor makes an incident of each code on paper that opened a school's box. A
// code of the cloud is a day's business and makes none.
func (k *core) tellOfDoor(ctx context.Context, tx db.Tx, uses []door.Use) error {
	for _, u := range uses {
		if u.Kind == door.FromCloud {
			continue
		}
		in := fleet.Incident{School: string(u.School), Kind: "door_" + string(u.Kind),
			Facts: map[string]any{"account_id": string(u.Account), "holder_id": string(u.Holder), "second_id": string(u.Second), "at": u.At.Unix()}}
		if err := fleet.NoteIncident(ctx, tx, k.clock.Now(), in); err != nil {
			return err
		}
	}
	return nil
}
