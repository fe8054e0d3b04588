package identity

import (
	"context"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// Schools are written by the cloud for the school itself.
var Schools = syncer.Entity[School]{
	Spec:     roster("identity.school"),
	ID:       func(v School) string { return string(v.ID) },
	Audience: func(v School) syncproto.Audience { return syncproto.OfSchool(string(v.ID)) },
	Put:      putSchool,
	List:     syncer.ListOf(&pageSchools, scanSchool),
}

// Accounts are written by the cloud; only members of a school are recorded, for
// that school (see saveAccount).
var Accounts = syncer.Entity[Account]{
	Spec:     roster("identity.account"),
	ID:       func(v Account) string { return string(v.ID) },
	Audience: func(v Account) syncproto.Audience { return syncproto.OfSchool(string(v.School)) },
	Put:      putAccount,
	Forget:   syncer.Names(func(v Account) []string { return []string{string(v.ID)} }),
	List:     syncer.ListOf(&pageAccounts, scanAccount),
}

// Credentials are made on either side under the school's pepper: a teacher gives
// a child a new PIN while the line is down. The later one counts. A school may
// write only those of its own present members (see putCredential).
var Credentials = syncer.Entity[Credential]{
	Spec: syncproto.Spec{
		Name: "identity.credential", Version: 1,
		Lane: syncproto.LaneRoster, Writer: syncproto.EitherSide, Merge: syncproto.LastWriter,
	},
	ID:       func(v Credential) string { return v.ID },
	Audience: func(v Credential) syncproto.Audience { return syncproto.OfSchool(string(v.School)) },
	School:   func(v Credential) string { return string(v.School) },
	Put:      putCredential,
	Forget:   syncer.Names(func(v Credential) []string { return []string{string(v.Account)} }),
	List:     syncer.ListOf(&pageCredentials, scanCredential),
}

// DutyGrants are written by the cloud for the school.
var DutyGrants = syncer.Entity[DutyGrant]{
	Spec:     roster("identity.duty"),
	ID:       func(v DutyGrant) string { return v.ID },
	Audience: func(v DutyGrant) syncproto.Audience { return syncproto.OfSchool(string(v.School)) },
	Put:      putDuty,
	Forget:   syncer.Names(func(v DutyGrant) []string { return []string{string(v.Account)} }),
	List:     syncer.ListOf(&pageDuties, scanDuty),
}

// Guardians are written by the cloud for the learner's schools.
var Guardians = syncer.Entity[Guardian]{
	Spec:     roster("identity.guardian"),
	ID:       func(v Guardian) string { return v.ID },
	Audience: func(v Guardian) syncproto.Audience { return syncproto.OfLearner(string(v.Learner)) },
	Put:      putGuardian,
	Forget:   syncer.Names(func(v Guardian) []string { return []string{string(v.Account)} }),
	List:     syncer.ListOf(&pageGuardians, scanGuardian),
}

// Consents are facts of either side: on paper at the school, on the web at the
// cloud.
var Consents = syncer.Entity[Consent]{
	Spec: syncproto.Spec{
		Name: "identity.consent", Version: 1,
		Lane: syncproto.LaneControl, Writer: syncproto.EitherSide, Merge: syncproto.AppendOnly,
	},
	ID:       func(v Consent) string { return v.ID },
	Audience: func(v Consent) syncproto.Audience { return syncproto.OfLearner(string(v.Learner)) },
	Put:      putConsent,
	Forget:   forgetGuardian,
	Get:      consentByID,
	List:     syncer.ListOf(&pageConsents, scanConsent),
	Bulk: &syncer.Bulk[Consent]{
		Table: "consents",
		Columns: []string{
			"id", "learner_id", "purpose", "given", "guardian_id", "guardian_name", "method", "text_version", "recorded_by", "at", "photo",
		},
		Row: consentRow,
	},
}

// Keys are the cloud's public keys, for all schools.
var Keys = syncer.Entity[Key]{
	Spec: syncproto.Spec{
		Name: "identity.key", Version: 1,
		Lane: syncproto.LaneControl, Writer: syncproto.CloudOnly, Merge: syncproto.LastWriter,
	},
	ID:       func(v Key) string { return v.ID },
	Audience: func(Key) syncproto.Audience { return syncproto.OfEveryone() },
	Put:      putKey,
	List:     syncer.ListOf(&pageKeys, scanKey),
}

// Revocations are facts of either side: a cloud token is used at both.
var Revocations = syncer.Entity[Revocation]{
	Spec: syncproto.Spec{
		Name: "identity.revocation", Version: 1,
		Lane: syncproto.LaneControl, Writer: syncproto.EitherSide, Merge: syncproto.AppendOnly,
	},
	ID:       func(v Revocation) string { return v.ID },
	Audience: func(v Revocation) syncproto.Audience { return syncproto.OfSchool(string(v.School)) },
	Put:      putRevocation,
	Get:      revocationByID,
	List:     syncer.ListOf(&pageRevocations, scanRevocation),
	Fleeting: true, // each side sweeps those that have expired
	Bulk: &syncer.Bulk[Revocation]{
		Table:   "revocations",
		Columns: []string{"id", "session_id", "school_id", "expires_at"},
		Row:     revocationRow,
	},
}

// forgetGuardian keeps what an erased guardian said for the child, without her
// name.
func forgetGuardian(v Consent, person string) (Consent, syncer.Trace) {
	if v.GuardianName == "" || string(v.Guardian) != person {
		return v, syncer.Untouched
	}
	v.GuardianName = ""
	return v, syncer.Changed
}

func roster(name string) syncproto.Spec {
	return syncproto.Spec{Name: name, Version: 1, Lane: syncproto.LaneRoster, Writer: syncproto.CloudOnly, Merge: syncproto.LastWriter}
}

// recordFor queues v, which is stored already, for one school alone.
func recordFor[T any](ctx context.Context, tx db.Tx, e syncer.Entity[T], school SchoolID, v T) error {
	e.Audience = func(T) syncproto.Audience { return syncproto.OfSchool(string(school)) }
	return e.Record(ctx, tx, v)
}

// Barrings are written by the cloud ahead of the account itself, whose lane may be
// slow.
var Barrings = syncer.Entity[Barring]{
	Spec: syncproto.Spec{
		Name: "identity.barring", Version: 1,
		Lane: syncproto.LaneControl, Writer: syncproto.CloudOnly, Merge: syncproto.AppendOnly,
	},
	ID:       func(v Barring) string { return v.ID },
	Audience: func(v Barring) syncproto.Audience { return syncproto.OfSchool(string(v.School)) },
	Put:      putBarring,
	Get:      barringByID,
	List:     syncer.ListOf(&pageBarrings, scanBarring),
	Bulk:     &syncer.Bulk[Barring]{Table: "barrings", Columns: []string{"id", "school_id", "account_id", "at"}, Row: barringRow},
}

// saveAccount stores a and, when a is a member of a school, records it there.
// Nobody else travels.
func saveAccount(ctx context.Context, tx db.Tx, a Account) error {
	if a.School == "" || (a.Role != Student && a.Role != Instructor) {
		_, err := Accounts.Put(ctx, tx, a)
		return err
	}
	if a.Status != Active {
		if err := bar(ctx, tx, a, a.School); err != nil {
			return err
		}
	}
	_, err := Accounts.Save(ctx, tx, a)
	return err
}

func credentialID(school SchoolID, account AccountID, kind CredentialKind) string {
	return id.Derived("identity.credential", string(school), string(account), string(kind))
}

func dutyID(school SchoolID, account AccountID, duty Duty) string {
	return id.Derived("identity.duty", string(school), string(account), string(duty))
}

func revocationID(school SchoolID, session string) string {
	return id.Derived("identity.revocation", string(school), session)
}
