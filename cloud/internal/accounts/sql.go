package accounts

import (
	"context"
	"encoding/json"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
)

// Links.

var (
	insertLink = db.SQL{Postgres: `INSERT INTO account_links (hash, account_id, purpose, email, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`}
	takeLink   = db.SQL{Postgres: `UPDATE account_links SET used_at = $3 WHERE hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3
		RETURNING account_id, email`}
	// A new password ends every link that would set another or move the account to
	// another address, and so does such a move.
	endLinks   = db.SQL{Postgres: `UPDATE account_links SET used_at = $2 WHERE account_id = $1 AND used_at IS NULL AND purpose IN ('reset_password', 'set_password', 'change_email')`}
	countLinks = db.SQL{Postgres: `SELECT count(*) FILTER (WHERE created_at > $3), count(*) FROM account_links
		WHERE account_id = $1 AND purpose = $2 AND created_at > $4`}
)

func scanLink(r db.Rows) (v link, err error) {
	err = r.Scan(&v.account, &v.email)
	return v, err
}

// counts are how many went within the last minute and the last day.
type counts struct{ lately, today int }

func scanCounts(r db.Rows) (v counts, err error) {
	err = r.Scan(&v.lately, &v.today)
	return v, err
}

// Codes.

var (
	lockPhone  = db.SQL{Postgres: `SELECT pg_advisory_xact_lock(hashtextextended('code ' || $1, 0))`}
	countCodes = db.SQL{Postgres: `SELECT count(*) FILTER (WHERE created_at > $2), count(*) FROM phone_codes WHERE phone = $1 AND created_at > $3`}

	countAllCodes = db.SQL{Postgres: `SELECT count(*) FROM phone_codes WHERE created_at > $1`}

	insertCode = db.SQL{Postgres: `INSERT INTO phone_codes (id, phone, purpose, code_hash, attempts, created_at, expires_at) VALUES ($1, $2, $3, $4, 0, $5, $6)`}
	endCodes   = db.SQL{Postgres: `UPDATE phone_codes SET used_at = $3 WHERE phone = $1 AND purpose = $2 AND used_at IS NULL`}
	lockCode   = db.SQL{Postgres: `SELECT id, code_hash, attempts FROM phone_codes
		WHERE phone = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3 ORDER BY created_at DESC LIMIT 1 FOR UPDATE`}
	guessCode = db.SQL{Postgres: `UPDATE phone_codes SET attempts = attempts + 1 WHERE id = $1`}
	useCode   = db.SQL{Postgres: `UPDATE phone_codes SET used_at = $2 WHERE id = $1 AND used_at IS NULL`}

	sweepCodes = db.SQL{Postgres: `DELETE FROM phone_codes WHERE created_at < $1`}
	sweepLinks = db.SQL{Postgres: `DELETE FROM account_links WHERE expires_at < $1`}
)

func scanCode(r db.Rows) (v codeRow, err error) {
	err = r.Scan(&v.id, &v.hash, &v.attempts)
	return v, err
}

// Closures and pictures.

var (
	insertClosure = db.SQL{Postgres: `INSERT INTO account_closures (account_id, status_before, closed_by, reason, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (account_id) DO UPDATE SET closed_by = excluded.closed_by, reason = excluded.reason, at = excluded.at`}
	takeClosure = db.SQL{Postgres: `DELETE FROM account_closures WHERE account_id = $1 RETURNING status_before`}

	upsertAvatar = db.SQL{Postgres: `INSERT INTO avatars (id, account_id, media_type, image, at) VALUES ($1, $2, 'image/jpeg', $3, $4)
		ON CONFLICT (account_id) DO UPDATE SET id = excluded.id, image = excluded.image, at = excluded.at`}
	deleteAvatar = db.SQL{Postgres: `DELETE FROM avatars WHERE account_id = $1`}
	selectAvatar = db.SQL{Postgres: `SELECT image FROM avatars WHERE id = $1`}
)

// Applications.

const applicationColumns = `SELECT i.id, i.account_id, i.full_name, i.email, i.phone, i.qualifications, i.experience_years, i.subjects, i.bio, i.cv_url,
	i.id_front_url, i.id_back_url, i.status, i.reviewed_by, i.reviewed_at, i.review_notes, i.created_at, i.updated_at,
	EXISTS (SELECT FROM application_documents d WHERE d.account_id = i.account_id AND d.kind = 'cv'),
	EXISTS (SELECT FROM application_documents d WHERE d.account_id = i.account_id AND d.kind = 'id_front'),
	EXISTS (SELECT FROM application_documents d WHERE d.account_id = i.account_id AND d.kind = 'id_back')
	FROM instructor_applications i `

var (
	insertApplication = db.SQL{Postgres: `INSERT INTO instructor_applications (id, account_id, full_name, email, phone, qualifications, experience_years, subjects,
			bio, cv_url, id_front_url, id_back_url, status, reviewed_by, review_notes, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, '', '', $14, $14)
		ON CONFLICT (account_id) WHERE status = 'pending' DO NOTHING`}
	selectApplication  = db.SQL{Postgres: applicationColumns + `WHERE i.id = $1`}
	selectApplications = db.SQL{Postgres: applicationColumns + `WHERE ($1 = '' OR i.account_id = $1) AND ($2 = '' OR i.status = $2)
		ORDER BY i.created_at, i.id LIMIT $3 OFFSET $4`}
	countApplications = db.SQL{Postgres: `SELECT count(*), count(*) FILTER (WHERE status = 'pending'), count(*) FILTER (WHERE status = 'approved'),
		count(*) FILTER (WHERE status = 'rejected') FROM instructor_applications WHERE ($1 = '' OR account_id = $1)`}
	decideApplication = db.SQL{Postgres: `UPDATE instructor_applications SET status = $2, reviewed_by = $3, reviewed_at = $4, review_notes = $5, updated_at = $4
		WHERE id = $1 AND status = 'pending'`}

	upsertDocument = db.SQL{Postgres: `INSERT INTO application_documents (id, account_id, kind, media_type, content, at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (account_id, kind) DO UPDATE SET media_type = excluded.media_type, content = excluded.content, at = excluded.at`}
	selectDocument = db.SQL{Postgres: `SELECT media_type, content FROM application_documents WHERE account_id = $1 AND kind = $2`}
)

func putApplication(ctx context.Context, tx db.Tx, a Application) (int64, error) {
	subjects, err := json.Marshal(a.Subjects)
	if err != nil {
		return 0, fmt.Errorf("encode subjects: %w", err)
	}
	return tx.Exec(ctx, insertApplication, a.ID, a.Account, a.FullName, a.Email, a.Phone, a.Qualifications, a.ExperienceYears, string(subjects), a.Bio,
		a.CVURL, a.IDFrontURL, a.IDBackURL, a.Status, a.CreatedAt)
}

func scanApplication(r db.Rows) (a Application, err error) {
	var subjects string
	if err := r.Scan(&a.ID, &a.Account, &a.FullName, &a.Email, &a.Phone, &a.Qualifications, &a.ExperienceYears, &subjects, &a.Bio, &a.CVURL,
		&a.IDFrontURL, &a.IDBackURL, &a.Status, &a.ReviewedBy, &a.ReviewedAt, &a.ReviewNotes, &a.CreatedAt, &a.UpdatedAt,
		&a.HasCV, &a.HasIDFront, &a.HasIDBack); err != nil {
		return a, err
	}
	return a, json.Unmarshal([]byte(subjects), &a.Subjects)
}

func scanReview(r db.Rows) (v Review, err error) {
	err = r.Scan(&v.Total, &v.Pending, &v.Approved, &v.Rejected)
	return v, err
}

func scanDocument(r db.Rows) (v Document, err error) {
	err = r.Scan(&v.MediaType, &v.Content)
	return v, err
}
