package permits

import "urbanhomeschool.org/uhs/shared/db"

var (
	insertDelegation = db.SQL{Postgres: `INSERT INTO delegations (id, account_id, feature, grade, granted_by, reason, granted_at, until)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`}
	liveDelegations = db.SQL{Postgres: `SELECT d.id::text, d.account_id::text, a.full_name, d.feature, d.grade, d.granted_by::text, d.reason, d.granted_at, d.until
		FROM delegations d JOIN accounts a ON a.id = d.account_id::text
		WHERE d.until > $1 AND d.withdrawn_at IS NULL AND a.role = 'staff' ORDER BY a.full_name, d.feature, d.id`}
	withdrawDelegation = db.SQL{Postgres: `UPDATE delegations SET withdrawn_at = $2 WHERE id = $1`}
)

const restrictionColumns = `SELECT id::text, account_id::text, kind, reason, restricted_by::text, starts_at, expires_at, notified, lifted_at, reopens FROM restrictions `

var (
	insertRestriction = db.SQL{Postgres: `INSERT INTO restrictions (id, account_id, kind, reason, restricted_by, starts_at, expires_at, notified, reopens)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`}
	liveRestrictions = db.SQL{Postgres: restrictionColumns + `WHERE lifted_at IS NULL AND (expires_at IS NULL OR expires_at > $1) AND kind <> 'sign_in'`}
	openRestrictions = db.SQL{Postgres: restrictionColumns + `WHERE account_id = $1 AND lifted_at IS NULL ORDER BY starts_at, id`}
	dueRestrictions  = db.SQL{Postgres: restrictionColumns + `WHERE lifted_at IS NULL AND expires_at <= $1 ORDER BY id FOR UPDATE`}
	liftRestriction  = db.SQL{Postgres: `UPDATE restrictions SET lifted_at = $2, lifted_by = NULLIF($3::text, '')::uuid WHERE id = $1 AND lifted_at IS NULL`}
	// Who is shut out, and whether the last end opens the account again.
	selectShut = db.SQL{Postgres: `SELECT count(*), coalesce(bool_or(reopens), false) FROM restrictions WHERE account_id = $1 AND kind = 'sign_in' AND lifted_at IS NULL`}
	keepShut   = db.SQL{Postgres: `UPDATE restrictions SET reopens = false WHERE account_id = $1 AND kind = 'sign_in' AND lifted_at IS NULL`}
)

func scanDelegation(r db.Rows) (d Delegation, err error) {
	return d, r.Scan(&d.ID, &d.Account, &d.Name, &d.Feature, &d.Grade, &d.GrantedBy, &d.Reason, &d.GrantedAt, &d.Until)
}

func scanRestriction(r db.Rows) (v Restriction, err error) {
	return v, r.Scan(&v.ID, &v.Account, &v.Kind, &v.Reason, &v.By, &v.StartsAt, &v.ExpiresAt, &v.Notified, &v.LiftedAt, &v.reopens)
}

// shut is what keeps an account shut beside its status.
type shut struct {
	restrictions int64
	reopens      bool
}

func scanShut(r db.Rows) (v shut, err error) {
	return v, r.Scan(&v.restrictions, &v.reopens)
}
