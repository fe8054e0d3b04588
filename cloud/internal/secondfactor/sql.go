package secondfactor

import "urbanhomeschool.org/uhs/shared/db"

var (
	selectFactor = db.SQL{Postgres: factorColumns + `WHERE account_id = $1`}
	// Two wrong codes at one moment are two misses.
	lockFactor = db.SQL{Postgres: factorColumns + `WHERE account_id = $1 FOR UPDATE`}
	// A set-up that was begun and not confirmed gives way to a new one.
	putFactor = db.SQL{Postgres: `INSERT INTO second_factors (account_id, secret, made_at) VALUES ($1, $2, $3)
		ON CONFLICT (account_id) DO UPDATE SET secret = excluded.secret, made_at = excluded.made_at, last_step = 0
		WHERE second_factors.confirmed_at IS NULL`}
	confirmFactor = db.SQL{Postgres: `UPDATE second_factors SET confirmed_at = $2 WHERE account_id = $1`}
	takeStep      = db.SQL{Postgres: `UPDATE second_factors SET last_step = $2, misses = 0, waits_until = NULL WHERE account_id = $1 AND last_step < $2`}
	noteMiss      = db.SQL{Postgres: `UPDATE second_factors SET misses = misses + 1, waits_until = $2 WHERE account_id = $1`}
	forgetMisses  = db.SQL{Postgres: `UPDATE second_factors SET misses = 0, waits_until = NULL WHERE account_id = $1`}
	dropFactor    = db.SQL{Postgres: `DELETE FROM second_factors WHERE account_id = $1`}

	listSealed = db.SQL{Postgres: `SELECT account_id, secret FROM second_factors ORDER BY account_id FOR UPDATE`}
	sealAgain  = db.SQL{Postgres: `UPDATE second_factors SET secret = $2 WHERE account_id = $1`}

	insertCode = db.SQL{Postgres: `INSERT INTO recovery_codes (account_id, hash) VALUES ($1, $2)`}
	takeCode   = db.SQL{Postgres: `UPDATE recovery_codes SET used_at = $3 WHERE account_id = $1 AND hash = $2 AND used_at IS NULL`}
	countCodes = db.SQL{Postgres: `SELECT count(*) FROM recovery_codes WHERE account_id = $1 AND used_at IS NULL`}
	dropCodes  = db.SQL{Postgres: `DELETE FROM recovery_codes WHERE account_id = $1`}
)

const factorColumns = `SELECT secret, made_at, confirmed_at, waits_until, last_step, misses FROM second_factors `

func scanFactor(r db.Rows) (f factor, err error) {
	err = r.Scan(&f.sealed, &f.madeAt, &f.confirmedAt, &f.waitsUntil, &f.lastStep, &f.misses)
	return f, err
}
