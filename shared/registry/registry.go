// Package registry lists every record that travels between a school and the
// cloud, in dependency order, on one screen.
package registry

import (
	"urbanhomeschool.org/uhs/shared/assessment"
	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/consent"
	"urbanhomeschool.org/uhs/shared/door"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/learning"
	"urbanhomeschool.org/uhs/shared/payments"
	"urbanhomeschool.org/uhs/shared/personal"
	"urbanhomeschool.org/uhs/shared/roster"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/shared/syncer/line"
	"urbanhomeschool.org/uhs/shared/tutor"
)

// All builds the registry; an error is a mistake in a declaration.
func All() (*syncer.Registry, error) {
	return syncer.NewRegistry(
		identity.Keys,
		identity.Schools,
		personal.Erasures,
		personal.Receipts,
		personal.Moments,
		identity.Accounts,
		identity.Credentials,
		identity.DutyGrants,
		identity.Guardians,
		identity.Consents,
		consent.Privacy,
		identity.Revocations,
		identity.Barrings,
		door.Sheets,
		door.Uses,
		roster.Classes,
		roster.Terms,
		roster.Changes,
		roster.Verdicts,
		roster.Codes,
		roster.Uses,
		line.Plans,
		catalogue.Licences,
		payments.Intents,
		payments.Outcomes,
		payments.Entitlements,
		learning.Enrolments,
		learning.Activities,
		assessment.Attempts,
		tutor.Questions,
		tutor.Answers,
		tutor.Alerts,
		tutor.Acknowledgements,
		audit.Entries,
	)
}
