package identity

import (
	"context"
	"encoding/json"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/syncer"
)

// exists tells whether a count is not zero.
func exists(ctx context.Context, tx db.Tx, q db.SQL, args ...any) (bool, error) {
	n, err := db.First(ctx, tx, q, db.Scalar[int64], args...)
	return n > 0, err
}

// Schools.

var upsertSchool = db.SQL{Both: `
	INSERT INTO schools (id, name, code, county, language, named_adult_id, created_at, updated_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
	ON CONFLICT (id) DO UPDATE SET name = excluded.name, code = excluded.code, county = excluded.county,
		language = excluded.language, named_adult_id = excluded.named_adult_id, updated_at = excluded.updated_at`}

func putSchool(ctx context.Context, tx db.Tx, v School) (bool, error) {
	_, err := tx.Exec(ctx, upsertSchool, v.ID, v.Name, v.Code, v.County, v.Language, v.NamedAdult, v.CreatedAt, v.UpdatedAt)
	return err == nil, err
}

const schoolColumns = `SELECT id, name, code, county, language, named_adult_id, created_at, updated_at FROM schools `

func scanSchool(r db.Rows) (v School, err error) {
	err = r.Scan(&v.ID, &v.Name, &v.Code, &v.County, &v.Language, &v.NamedAdult, &v.CreatedAt, &v.UpdatedAt)
	return v, err
}

var (
	selectSchool    = db.SQL{Both: schoolColumns + `WHERE id = $1`}
	selectSchools   = db.SQL{Both: schoolColumns + `ORDER BY name, id`}
	countSchoolCode = db.SQL{Both: `SELECT count(*) FROM schools WHERE code = $1`}
	selectSchoolIDs = db.SQL{Both: `SELECT id FROM schools ORDER BY id`}
	// Opening a school and recording something for every school take turns.
	lockSchools = db.SQL{
		Postgres: `SELECT pg_advisory_xact_lock(hashtextextended('the list of schools', 0))`,
		SQLite:   `SELECT 1`, // one writer at a time already
	}
)

// Accounts.

var upsertAccount = db.SQL{Both: `
	INSERT INTO accounts (id, role, email, full_name, status, school_id, grade, class_name, admission_number, created_at, updated_at,
		upi, born, merged_into_id)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
	ON CONFLICT (id) DO UPDATE SET role = excluded.role, email = excluded.email, full_name = excluded.full_name,
		status = excluded.status, school_id = excluded.school_id, grade = excluded.grade, class_name = excluded.class_name,
		admission_number = excluded.admission_number, updated_at = excluded.updated_at, upi = excluded.upi, born = excluded.born,
		merged_into_id = excluded.merged_into_id`}

func putAccount(ctx context.Context, tx db.Tx, v Account) (bool, error) {
	_, err := tx.Exec(ctx, upsertAccount, v.ID, v.Role, v.Email, v.FullName, v.Status, v.School, v.Grade, v.ClassName,
		v.AdmissionNumber, v.CreatedAt, v.UpdatedAt, v.UPI, v.Born, v.MergedInto)
	return err == nil, err
}

const accountColumns = `a.id, a.role, a.email, a.full_name, a.status, a.school_id, a.grade, a.class_name, a.admission_number,
	a.created_at, a.updated_at, a.upi, a.born, a.merged_into_id`

func accountTargets(v *Account) []any {
	return []any{
		&v.ID, &v.Role, &v.Email, &v.FullName, &v.Status, &v.School, &v.Grade, &v.ClassName, &v.AdmissionNumber, &v.CreatedAt, &v.UpdatedAt,
		&v.UPI, &v.Born, &v.MergedInto,
	}
}

func scanAccount(r db.Rows) (v Account, err error) {
	err = r.Scan(accountTargets(&v)...)
	return v, err
}

func scanCandidate(r db.Rows) (v candidate, err error) {
	err = r.Scan(append(accountTargets(&v.account), &v.verifier)...)
	return v, err
}

var (
	selectAccount = db.SQL{Both: `SELECT ` + accountColumns + ` FROM accounts a WHERE a.id = $1`}

	// A guardian of a duplicate is one of the learner it was merged into.
	selectChildren = db.SQL{Both: `SELECT ` + accountColumns + ` FROM accounts a
		WHERE a.id IN (SELECT CASE WHEN l.merged_into_id = '' THEN l.id ELSE l.merged_into_id END
			FROM guardians g JOIN accounts l ON l.id = g.learner_id WHERE g.account_id = $1 AND NOT g.ended)
		ORDER BY a.full_name, a.id`}

	selectParents = db.SQL{Both: `SELECT ` + accountColumns + ` FROM accounts a JOIN guardians g ON g.account_id = a.id
		WHERE g.learner_id = $1 AND NOT g.ended ORDER BY g.verified DESC, a.full_name, a.id LIMIT 1`}
	countSessions = db.SQL{Both: `SELECT count(*) FROM sessions WHERE account_id = $1`}

	selectUPI = db.SQL{Both: `SELECT id FROM accounts WHERE upi = $1 AND id <> $2 AND merged_into_id <> $2 ORDER BY id LIMIT 1`}

	// The learner herself and her duplicates.
	selectSelves = db.SQL{Both: `SELECT id FROM accounts WHERE id = $1 OR merged_into_id = $1 ORDER BY id`}

	selectLogin = db.SQL{Both: `SELECT ` + accountColumns + `, l.password_hash
		FROM logins l JOIN accounts a ON a.id = l.account_id WHERE l.email = $1`}

	selectPhoneLogin = db.SQL{Both: `SELECT ` + accountColumns + `, l.password_hash
		FROM logins l JOIN accounts a ON a.id = l.account_id WHERE l.phone = $1`}

	selectLoginOf = db.SQL{Both: `SELECT ` + accountColumns + `, l.password_hash
		FROM logins l JOIN accounts a ON a.id = l.account_id WHERE l.account_id = $1`}

	selectInstructor = db.SQL{Both: `SELECT ` + accountColumns + `, c.verifier
		FROM accounts a JOIN school_credentials c ON c.account_id = a.id AND c.school_id = a.school_id AND c.kind = 'password'
		WHERE a.email = $1 AND a.school_id = $2 AND a.role = 'instructor'`}

	selectLearnerSecret = db.SQL{Both: `SELECT ` + accountColumns + `, c.verifier
		FROM accounts a JOIN school_credentials c ON c.account_id = a.id AND c.school_id = a.school_id AND c.kind = $3
		WHERE a.id = $1 AND a.school_id = $2 AND a.role = 'student' AND a.merged_into_id = ''`}

	selectClasses = db.SQL{Both: `SELECT class_name, count(*) FROM accounts
		WHERE school_id = $1 AND role = 'student' AND status = 'active' AND merged_into_id = '' GROUP BY class_name ORDER BY class_name`}

	selectRoster = db.SQL{Both: `SELECT ` + accountColumns + `,
			(SELECT count(*) FROM school_credentials c WHERE c.account_id = a.id AND c.school_id = a.school_id AND c.kind = 'pin' AND c.verifier <> ''),
			(SELECT count(*) FROM school_credentials c WHERE c.account_id = a.id AND c.school_id = a.school_id AND c.kind = 'pictures' AND c.verifier <> '')
		FROM accounts a WHERE a.school_id = $1 AND a.role = 'student' AND a.status <> 'deleted' AND ($2 = '' OR a.class_name = $2) AND a.merged_into_id = ''
		ORDER BY a.class_name, a.full_name, a.id`}

	selectInstructors = db.SQL{Both: `SELECT ` + accountColumns + `,
			(SELECT count(*) FROM school_credentials c WHERE c.account_id = a.id AND c.school_id = a.school_id AND c.kind = 'password')
		FROM accounts a WHERE a.school_id = $1 AND a.role = 'instructor' ORDER BY a.full_name, a.id`}
)

func loginByEmail(ctx context.Context, tx db.Tx, email string) (candidate, error) {
	return db.First(ctx, tx, selectLogin, scanCandidate, email)
}

func instructorByEmail(ctx context.Context, tx db.Tx, school SchoolID, email string) (candidate, error) {
	return db.First(ctx, tx, selectInstructor, scanCandidate, email, school)
}

func scanClass(r db.Rows) (v Class, err error) {
	err = r.Scan(&v.Name, &v.Learners)
	return v, err
}

func scanRoster(r db.Rows) (v RosterLine, err error) {
	var pins, pictures int64
	err = r.Scan(append(accountTargets(&v.Account), &pins, &pictures)...)
	v.HasPIN, v.HasPictures = pins > 0, pictures > 0
	return v, err
}

func scanInstructor(r db.Rows) (v InstructorLine, err error) {
	var passwords int64
	err = r.Scan(append(accountTargets(&v.Account), &passwords)...)
	v.HasPassword = passwords > 0
	return v, err
}

// Persons.

const personQuery = `SELECT ` + accountColumns + `, COALESCE(l.email, a.email), l.verified_at, COALESCE(l.phone, ''), COALESCE(l.language, 'en'), COALESCE(p.phone, ''), COALESCE(p.bio, ''),
		COALESCE(p.avatar_url, ''), COALESCE(p.date_of_birth, ''), COALESCE(p.county, ''), COALESCE(p.school_name, ''),
		COALESCE(p.learning_interests, '[]'), (SELECT max(s.created_at) FROM sessions s WHERE s.account_id = a.id)
	FROM accounts a LEFT JOIN logins l ON l.account_id = a.id LEFT JOIN profiles p ON p.account_id = a.id `

// personFilter takes role, status and a search pattern, each ” for any.
const personFilter = `WHERE ($1 = '' OR a.role = $1) AND ($2 = '' OR a.status = $2)
	AND ($3 = '' OR lower(a.full_name) LIKE $3 ESCAPE '\' OR l.email LIKE $3 ESCAPE '\') `

var (
	selectPerson = db.SQL{Both: personQuery + `WHERE a.id = $1`}

	selectPersons = db.SQL{Both: personQuery + personFilter + `
		ORDER BY CASE WHEN $4 = 'created_at asc' THEN a.created_at END,
			CASE WHEN $4 = 'created_at desc' THEN a.created_at END DESC,
			CASE WHEN $4 = 'name asc' THEN a.full_name END, CASE WHEN $4 = 'name desc' THEN a.full_name END DESC,
			CASE WHEN $4 = 'email asc' THEN l.email END, CASE WHEN $4 = 'email desc' THEN l.email END DESC, a.id
		LIMIT $5 OFFSET $6`}

	countPersons = db.SQL{Both: `SELECT count(*) FROM accounts a LEFT JOIN logins l ON l.account_id = a.id ` + personFilter}

	upsertProfile = db.SQL{Both: `
		INSERT INTO profiles (account_id, phone, bio, avatar_url, date_of_birth, county, school_name, learning_interests, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (account_id) DO UPDATE SET phone = excluded.phone, bio = excluded.bio, avatar_url = excluded.avatar_url,
			date_of_birth = excluded.date_of_birth, county = excluded.county, school_name = excluded.school_name,
			learning_interests = excluded.learning_interests, updated_at = excluded.updated_at`}
)

func scanPerson(r db.Rows) (v Person, err error) {
	var verified db.Time
	var interests string
	p := &v.Profile
	err = r.Scan(append(accountTargets(&v.Account), &v.Email, &verified, (*db.Contact)(&v.LoginPhone), &v.Language, (*db.Contact)(&p.Phone), &p.Bio, &p.AvatarURL, &p.DateOfBirth, &p.County,
		&p.SchoolName, &interests, &v.LastLogin)...)
	if err != nil {
		return v, err
	}
	v.Verified = !verified.IsZero()
	return v, json.Unmarshal([]byte(interests), &p.LearningInterests)
}

func putProfile(ctx context.Context, tx db.Tx, account AccountID, p Profile, at db.Time) error {
	if p.LearningInterests == nil {
		p.LearningInterests = []string{}
	}
	interests, err := json.Marshal(p.LearningInterests)
	if err != nil {
		return fmt.Errorf("encode interests: %w", err)
	}
	_, err = tx.Exec(ctx, upsertProfile, account, db.Contact(p.Phone), p.Bio, p.AvatarURL, p.DateOfBirth, p.County, p.SchoolName, string(interests), at)
	return err
}

// Sign-in at the cloud.

var (
	// Without an address of either kind the column stays empty; NULLs never meet.
	insertLogin = db.SQL{Both: `INSERT INTO logins (account_id, email, password_hash, verified_at, phone, language)
		VALUES ($1, NULLIF($2, ''), $3, $4, NULLIF($5, ''), $6) ON CONFLICT DO NOTHING`}
	verifyLogin     = db.SQL{Both: `UPDATE logins SET verified_at = $3 WHERE account_id = $1 AND email = $2`}
	countEmail      = db.SQL{Both: `SELECT count(*) FROM logins WHERE email = $1 AND account_id <> $2`}
	updateEmail     = db.SQL{Both: `UPDATE logins SET email = $2, verified_at = $3 WHERE account_id = $1`}
	updateLanguage  = db.SQL{Both: `UPDATE logins SET language = $2 WHERE account_id = $1`}
	countPhone      = db.SQL{Both: `SELECT count(*) FROM logins WHERE phone = $1 AND account_id <> $2`}
	updatePhone     = db.SQL{Both: `UPDATE logins SET phone = $2 WHERE account_id = $1`}
	countAdmins     = db.SQL{Both: `SELECT count(*) FROM accounts WHERE role = 'admin' AND status = 'active' AND id <> $1`}
	updateLoginHash = db.SQL{Both: `UPDATE logins SET password_hash = $2 WHERE account_id = $1`}
)

// Memberships.

var (
	insertMembership = db.SQL{Both: `INSERT INTO memberships (account_id, school_id, since) VALUES ($1, $2, $3)
		ON CONFLICT (account_id, school_id, since) DO NOTHING`}
	endMemberships  = db.SQL{Both: `UPDATE memberships SET until = $2 WHERE account_id = $1 AND until IS NULL`}
	countAccount    = db.SQL{Both: `SELECT count(*) FROM accounts WHERE id = $1`}
	countMembership = db.SQL{Both: `SELECT count(*) FROM memberships WHERE account_id = $1 AND school_id = $2`}
	listMembers     = db.SQL{
		Postgres: `SELECT DISTINCT account_id FROM memberships WHERE school_id = $1 AND account_id IN (SELECT jsonb_array_elements_text($2::jsonb))`,
		SQLite:   `SELECT DISTINCT account_id FROM memberships WHERE school_id = $1 AND account_id IN (SELECT value FROM json_each($2))`,
	}
	presentSchools = db.SQL{Both: `SELECT DISTINCT school_id FROM memberships WHERE account_id = $1 AND until IS NULL ORDER BY school_id`}
)

// Credentials and duties.

var (
	upsertCredential = db.SQL{Both: `
		INSERT INTO school_credentials (id, school_id, account_id, kind, verifier, updated_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET verifier = excluded.verifier, updated_at = excluded.updated_at`}
	selectCredentials = db.SQL{Both: `SELECT id, school_id, account_id, kind, verifier, updated_at FROM school_credentials
		WHERE account_id = $1 AND school_id = $2 ORDER BY id`}

	countCredential = db.SQL{Both: `SELECT count(*) FROM school_credentials WHERE id = $1`}

	upsertDuty = db.SQL{Both: `
		INSERT INTO duties (id, school_id, account_id, duty, active, updated_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET active = excluded.active, updated_at = excluded.updated_at`}
	selectDuties = db.SQL{Both: `SELECT id, school_id, account_id, duty, active, updated_at FROM duties
		WHERE account_id = $1 AND school_id = $2 AND active ORDER BY duty`}
	selectSchoolDuties = db.SQL{Both: `SELECT id, school_id, account_id, duty, active, updated_at FROM duties
		WHERE school_id = $1 AND active ORDER BY account_id, duty`}
)

func putCredential(ctx context.Context, tx db.Tx, v Credential) (bool, error) {
	if err := checkCredential(ctx, tx, v); err != nil {
		return false, err
	}
	_, err := tx.Exec(ctx, upsertCredential, v.ID, v.School, v.Account, v.Kind, v.Verifier, v.UpdatedAt)
	return err == nil, err
}

func scanCredential(r db.Rows) (v Credential, err error) {
	err = r.Scan(&v.ID, &v.School, &v.Account, &v.Kind, &v.Verifier, &v.UpdatedAt)
	return v, err
}

func putDuty(ctx context.Context, tx db.Tx, v DutyGrant) (bool, error) {
	_, err := tx.Exec(ctx, upsertDuty, v.ID, v.School, v.Account, v.Duty, v.Active, v.UpdatedAt)
	return err == nil, err
}

func scanDuty(r db.Rows) (v DutyGrant, err error) {
	err = r.Scan(&v.ID, &v.School, &v.Account, &v.Duty, &v.Active, &v.UpdatedAt)
	return v, err
}

// Guardians and consents.

var (
	upsertGuardian = db.SQL{Both: `
		INSERT INTO guardians (id, learner_id, account_id, name, phone, verified, relationship, updated_at, ended)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (id) DO UPDATE SET account_id = excluded.account_id, name = excluded.name, phone = excluded.phone,
			verified = excluded.verified, relationship = excluded.relationship, updated_at = excluded.updated_at, ended = excluded.ended`}
	// Of the learner and her duplicates, those whom the school did not unlink.
	selectGuardians = db.SQL{Both: guardianColumns + `WHERE learner_id IN (SELECT id FROM accounts WHERE id = $1 OR merged_into_id = $1)
		AND NOT ended ORDER BY id`}
	selectGuardian = db.SQL{Both: guardianColumns + `WHERE id = $1`}
	// The links of an adult's account that name a phone.
	reachableGuardian = db.SQL{Both: guardianColumns + `WHERE account_id = $1 AND NOT ended AND phone <> '' ORDER BY id`}
	countGuardian     = db.SQL{Both: `SELECT count(*) FROM guardians WHERE account_id = $1 AND NOT ended
		AND learner_id IN (SELECT id FROM accounts WHERE id = $2 OR merged_into_id = $2)`}
	verifiedPhones = db.SQL{Both: `SELECT DISTINCT phone FROM guardians
		WHERE learner_id IN (SELECT id FROM accounts WHERE id = $1 OR merged_into_id = $1) AND verified AND NOT ended AND phone <> ''
		`}

	insertConsent = db.SQL{Both: `
		INSERT INTO consents (id, learner_id, purpose, given, guardian_id, guardian_name, method, text_version, recorded_by, at, photo)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING`}
	// Of two facts at one instant the withdrawal comes first: false sorts before true.
	selectConsents = db.SQL{Both: consentColumns + `WHERE learner_id IN ` + familySQL + ` ORDER BY at DESC, given, id`}
	latestConsent  = db.SQL{Both: consentColumns + `WHERE learner_id IN ` + familySQL + ` AND purpose = $2 ORDER BY at DESC, given, id LIMIT 1`}
	ownConsents    = db.SQL{Both: consentColumns + `WHERE learner_id = $1 ORDER BY at DESC, given, id`}
	selectConsent  = db.SQL{Both: consentColumns + `WHERE id = $1`}
)

// familySQL is a subquery for what was agreed for a learner: the ids of the one
// whose record $1 is and of all her duplicates. Whichever of them is asked about,
// the same yes or no counts; so it goes up too, as SelvesSQL does not.
const familySQL = `(SELECT id FROM accounts WHERE id = ` + survivorSQL + `
	OR merged_into_id <> '' AND merged_into_id = ` + survivorSQL + ` UNION SELECT $1)`

const survivorSQL = `(SELECT CASE WHEN merged_into_id = '' THEN id ELSE merged_into_id END FROM accounts WHERE id = $1)`

const guardianColumns = `SELECT id, learner_id, account_id, name, phone, verified, relationship, updated_at, ended FROM guardians `

const consentColumns = `SELECT id, learner_id, purpose, given, guardian_id, guardian_name, method, text_version, recorded_by, at, photo FROM consents `

func putGuardian(ctx context.Context, tx db.Tx, v Guardian) (bool, error) {
	_, err := tx.Exec(ctx, upsertGuardian, v.ID, v.Learner, v.Account, db.Secret(v.Name), db.Contact(v.Phone), v.Verified, v.Relationship, v.UpdatedAt, v.Ended)
	return err == nil, err
}

func scanGuardian(r db.Rows) (v Guardian, err error) {
	err = r.Scan(&v.ID, &v.Learner, &v.Account, (*db.Secret)(&v.Name), (*db.Contact)(&v.Phone), &v.Verified, &v.Relationship, &v.UpdatedAt, &v.Ended)
	return v, err
}

func consentRow(v Consent) []any {
	return []any{
		v.ID, string(v.Learner), string(v.Purpose), v.Given, string(v.Guardian), db.Secret(v.GuardianName), string(v.Method), v.TextVersion,
		string(v.RecordedBy), v.At, v.Photo,
	}
}

func putConsent(ctx context.Context, tx db.Tx, v Consent) (bool, error) {
	n, err := tx.Exec(ctx, insertConsent, consentRow(v)...)
	return n > 0, err
}

func scanConsent(r db.Rows) (v Consent, err error) {
	err = r.Scan(&v.ID, &v.Learner, &v.Purpose, &v.Given, &v.Guardian, (*db.Secret)(&v.GuardianName), &v.Method, &v.TextVersion, &v.RecordedBy, &v.At, &v.Photo)
	return v, err
}

func consentByID(ctx context.Context, tx db.Tx, id string) (Consent, error) {
	return db.First(ctx, tx, selectConsent, scanConsent, id)
}

// Keys, sessions, refresh tokens.

var (
	upsertKey = db.SQL{Both: `INSERT INTO signing_keys (id, issuer, public_key, created_at, until, revoked) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET issuer = excluded.issuer, public_key = excluded.public_key, until = excluded.until, revoked = excluded.revoked`}
	selectKey  = db.SQL{Both: keyColumns + `WHERE id = $1`}
	selectKeys = db.SQL{Both: keyColumns + `ORDER BY created_at, id`}

	insertSecret = db.SQL{Both: `INSERT INTO signing_secrets (id, seed, created_at, starts_at) VALUES ($1, $2, $3, $4)`}
	updateSecret = db.SQL{Both: `UPDATE signing_secrets SET seed = $2 WHERE id = $1`}
	selectSecret = db.SQL{Both: `SELECT id, seed, created_at, starts_at FROM signing_secrets WHERE id = $1`}
	// The one that signs from the latest moment on comes first.
	selectSecrets = db.SQL{Both: `SELECT id, seed, created_at, starts_at FROM signing_secrets ORDER BY starts_at DESC, id DESC`}
	deleteSecret  = db.SQL{Both: `DELETE FROM signing_secrets WHERE id = $1`}

	insertRevocation = db.SQL{Both: `INSERT INTO revocations (id, session_id, school_id, expires_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (id) DO NOTHING`}
	selectRevocation = db.SQL{Both: `SELECT id, session_id, school_id, expires_at FROM revocations WHERE id = $1`}
	countRevocation  = db.SQL{Both: `SELECT count(*) FROM revocations WHERE id = $1`}

	insertSession = db.SQL{Both: `INSERT INTO sessions (id, account_id, school_id, created_at, expires_at, guardian_id, means, device, used_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $4)`}
	selectSession = db.SQL{Both: `SELECT id, account_id, school_id, created_at, expires_at, guardian_id, means FROM sessions WHERE id = $1`}
	liveSessions  = db.SQL{Both: `SELECT id, account_id, school_id, created_at, expires_at, guardian_id, means FROM sessions WHERE account_id = $1 AND expires_at > $2 ORDER BY id`}
	extendSession = db.SQL{Both: `UPDATE sessions SET expires_at = $2, used_at = $3 WHERE id = $1`}
	listSessions  = db.SQL{Both: `SELECT id, device, created_at, used_at, school_id FROM sessions WHERE account_id = $1 AND expires_at > $2
		AND NOT EXISTS (SELECT 1 FROM revocations r WHERE r.session_id = sessions.id) ORDER BY used_at DESC, id`}

	insertRefresh = db.SQL{Both: `INSERT INTO refresh_tokens (hash, session_id, expires_at, salt) VALUES ($1, $2, $3, '')
		ON CONFLICT (hash) DO NOTHING`}
	selectRefresh = db.SQL{Both: `SELECT session_id, expires_at, used_at, salt FROM refresh_tokens WHERE hash = $1`}
	// The compare-and-set that lets exactly one caller mint the successor.
	useRefresh = db.SQL{Both: `UPDATE refresh_tokens SET used_at = $2, salt = $3 WHERE hash = $1 AND used_at IS NULL`}

	sweepRefresh     = db.SQL{Both: `DELETE FROM refresh_tokens WHERE expires_at < $1`}
	sweepSessions    = db.SQL{Both: `DELETE FROM sessions WHERE expires_at < $1`}
	sweepRevocations = db.SQL{Both: `DELETE FROM revocations WHERE expires_at < $1`}
)

const keyColumns = `SELECT id, issuer, public_key, created_at, until, revoked FROM signing_keys `

func putKey(ctx context.Context, tx db.Tx, v Key) (bool, error) {
	_, err := tx.Exec(ctx, upsertKey, v.ID, v.Issuer, v.Public, v.CreatedAt, v.Until, v.Revoked)
	return err == nil, err
}

func scanKey(r db.Rows) (v Key, err error) {
	err = r.Scan(&v.ID, &v.Issuer, &v.Public, &v.CreatedAt, &v.Until, &v.Revoked)
	return v, err
}

func scanSecret(r db.Rows) (v secretKey, err error) {
	err = r.Scan(&v.id, &v.seed, &v.createdAt, &v.startsAt)
	return v, err
}

func revocationRow(v Revocation) []any {
	return []any{v.ID, v.Session, string(v.School), v.ExpiresAt}
}

func putRevocation(ctx context.Context, tx db.Tx, v Revocation) (bool, error) {
	n, err := tx.Exec(ctx, insertRevocation, revocationRow(v)...)
	return n > 0, err
}

func revocationByID(ctx context.Context, tx db.Tx, id string) (Revocation, error) {
	return db.First(ctx, tx, selectRevocation, scanRevocation, id)
}

func scanRevocation(r db.Rows) (v Revocation, err error) {
	err = r.Scan(&v.ID, &v.Session, &v.School, &v.ExpiresAt)
	return v, err
}

func scanSession(r db.Rows) (v session, err error) {
	err = r.Scan(&v.id, &v.account, &v.school, &v.createdAt, &v.expiresAt, &v.guardian, &v.means)
	return v, err
}

func scanOpenSession(r db.Rows) (v OpenSession, err error) {
	err = r.Scan(&v.ID, &v.Device, &v.Since, &v.UsedAt, &v.school)
	return v, err
}

func scanRefresh(r db.Rows) (v refreshToken, err error) {
	err = r.Scan(&v.session, &v.expiresAt, &v.usedAt, &v.salt)
	return v, err
}

// Barrings.

var (
	insertBarring  = db.SQL{Both: `INSERT INTO barrings (id, school_id, account_id, at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING`}
	selectBarring  = db.SQL{Both: `SELECT id, school_id, account_id, at FROM barrings WHERE id = $1`}
	countBarrings  = db.SQL{Both: `SELECT count(*) FROM barrings WHERE account_id = $1 AND school_id = $2 AND at > $3`}
	pageBarrings   = db.SQL{Both: `SELECT id, school_id, account_id, at FROM barrings WHERE school_id = $1 AND id > $2 ORDER BY id LIMIT $3`}
	membershipRole = db.SQL{Both: `SELECT role FROM accounts WHERE id = $1 AND school_id = $2`}
)

func barringRow(v Barring) []any { return []any{v.ID, string(v.School), string(v.Account), v.At} }

func putBarring(ctx context.Context, tx db.Tx, v Barring) (bool, error) {
	n, err := tx.Exec(ctx, insertBarring, barringRow(v)...)
	return n > 0, err
}

func barringByID(ctx context.Context, tx db.Tx, id string) (Barring, error) {
	return db.First(ctx, tx, selectBarring, scanBarring, id)
}

func scanBarring(r db.Rows) (v Barring, err error) {
	err = r.Scan(&v.ID, &v.School, &v.Account, &v.At)
	return v, err
}

// The names around a learner: the learner, her guardians, and everybody at her
// school.
var namesAround = db.SQL{Both: `SELECT full_name FROM accounts WHERE id = $1
	UNION SELECT g.name FROM guardians g WHERE g.learner_id = $1 AND g.name <> ''
	UNION SELECT m.full_name FROM accounts a JOIN accounts m ON m.school_id = a.school_id WHERE a.id = $1 AND a.school_id <> ''`}

// What a school and the cloud hold in common, a page at a time.
var (
	membersOf = db.SQL{Both: `SELECT id FROM accounts WHERE school_id = $1 AND role IN ('student', 'instructor') AND id > $2 ORDER BY id LIMIT $3`}

	pageKeys     = db.SQL{Both: keyColumns + `WHERE $1 = '' AND id > $2 ORDER BY id LIMIT $3`}
	pageSchools  = db.SQL{Both: schoolColumns + `WHERE id = $1 AND id > $2 ORDER BY id LIMIT $3`}
	pageAccounts = db.SQL{Both: `SELECT ` + accountColumns + ` FROM accounts a
		WHERE a.school_id = $1 AND a.role IN ('student', 'instructor') AND a.id > $2 ORDER BY a.id LIMIT $3`}
	pageCredentials = db.SQL{Both: `SELECT id, school_id, account_id, kind, verifier, updated_at FROM school_credentials
		WHERE school_id = $1 AND id > $2 AND account_id IN (SELECT id FROM accounts WHERE school_id = $1) ORDER BY id LIMIT $3`}
	pageDuties = db.SQL{Both: `SELECT id, school_id, account_id, duty, active, updated_at FROM duties
		WHERE school_id = $1 AND id > $2 ORDER BY id LIMIT $3`}
	pageGuardians = db.SQL{Both: guardianColumns + `
		WHERE learner_id = $1 AND id > $2 ORDER BY id LIMIT $3`}
	pageConsents = db.SQL{Both: consentColumns + `WHERE learner_id = $1 AND id > $2 ORDER BY id LIMIT $3`}
	// A school's own sessions end there alone; those of the cloud's tokens travel.
	pageRevocations = db.SQL{
		Postgres: `SELECT id, session_id, school_id, expires_at FROM revocations WHERE school_id = $1 AND id > $2 ORDER BY id LIMIT $3`,
		SQLite: `SELECT id, session_id, school_id, expires_at FROM revocations WHERE school_id = $1 AND id > $2
			AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = session_id) ORDER BY id LIMIT $3`,
	}
)

// MembersOf enumerates the people of a school as both sides know them.
func MembersOf(ctx context.Context, tx db.Tx, school string, p syncer.Page) ([]string, error) {
	return db.All(ctx, tx, membersOf, db.Scalar[string], school, p.After, p.Limit)
}
