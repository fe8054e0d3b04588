package packs

import (
	"context"
	"errors"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
)

const editionColumns = `course_id, edition, title, manifest_sha256, content_sha256, size_bytes, sealed_identity, published_at`

// The packs table exists at the cloud only.
var (
	addEdition = db.SQL{Both: `INSERT INTO packs (` + editionColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (course_id, edition) DO NOTHING`}
	selectLast    = db.SQL{Both: `SELECT ` + editionColumns + ` FROM packs WHERE course_id = $1 ORDER BY edition DESC LIMIT 1`}
	selectCurrent = db.SQL{Both: `SELECT ` + editionColumns + ` FROM packs p
		WHERE edition = (SELECT max(edition) FROM packs q WHERE q.course_id = p.course_id) ORDER BY title, course_id`}
)

func scanEdition(r db.Rows) (e Edition, err error) {
	return e, r.Scan(&e.CourseID, &e.Edition, &e.Title, &e.ManifestSHA256, &e.content, &e.SizeBytes, &e.sealed, &e.PublishedAt)
}

func insertEdition(ctx context.Context, tx db.Tx, e Edition) (bool, error) {
	n, err := tx.Exec(ctx, addEdition, e.CourseID, e.Edition, e.Title, e.ManifestSHA256, e.content, e.SizeBytes, e.sealed, e.PublishedAt)
	return n == 1, err
}

func lastEdition(ctx context.Context, tx db.Tx, course catalogue.CourseID) (Edition, error) {
	rows, err := tx.Query(ctx, selectLast, course)
	e, err := db.One(rows, err, scanEdition)
	if errors.Is(err, db.ErrNoRows) {
		return Edition{}, ErrNotPublished
	}
	return e, err
}

func currentEditions(ctx context.Context, tx db.Tx) ([]Edition, error) {
	rows, err := tx.Query(ctx, selectCurrent)
	return db.Collect(rows, err, scanEdition)
}
