package packs

import (
	"context"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/db"
)

// The tables exist at the appliance only.
var (
	selectDownloads = db.SQL{SQLite: `SELECT course_id, manifest_sha256, state, error, installed_edition, installed_manifest, updated_at
		FROM pack_downloads`}
	upsertState = db.SQL{SQLite: `INSERT INTO pack_downloads
			(course_id, manifest_sha256, edition, title, state, error, bytes_total, installed_edition, installed_manifest, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0, '', $8)
		ON CONFLICT (course_id) DO UPDATE SET manifest_sha256 = excluded.manifest_sha256, edition = excluded.edition,
			title = excluded.title, state = excluded.state, error = excluded.error, bytes_total = excluded.bytes_total,
			updated_at = excluded.updated_at`}
	selectOpens = db.SQL{SQLite: `SELECT course_id, opened_at FROM course_opens`}
	upsertOpen  = db.SQL{SQLite: `INSERT INTO course_opens (course_id, opened_at) VALUES ($1, $2)
		ON CONFLICT (course_id) DO UPDATE SET opened_at = excluded.opened_at`}
	markInstalled = db.SQL{SQLite: `UPDATE pack_downloads SET installed_edition = $2, installed_manifest = $3 WHERE course_id = $1`}
)

type download struct {
	course            catalogue.CourseID
	manifest          string
	state             State
	err               string
	installedEdition  int64
	installedManifest string
	updatedAt         db.Time
}

func scanDownload(r db.Rows) (d download, err error) {
	return d, r.Scan(&d.course, &d.manifest, &d.state, &d.err, &d.installedEdition, &d.installedManifest, &d.updatedAt)
}

// downloads reads what is here, by course.
func downloads(ctx context.Context, tx db.Tx) (map[catalogue.CourseID]download, error) {
	rows, err := tx.Query(ctx, selectDownloads)
	all, err := db.Collect(rows, err, scanDownload)
	out := make(map[catalogue.CourseID]download, len(all))
	for _, d := range all {
		out[d.course] = d
	}
	return out, err
}

func setState(ctx context.Context, tx db.Tx, l catalogue.Licence, state State, reason string, at time.Time) error {
	_, err := tx.Exec(ctx, upsertState, l.CourseID, l.ManifestSHA256, l.Edition, l.Title, state, reason, l.SizeBytes, at)
	return err
}

func setInstalled(ctx context.Context, tx db.Tx, l catalogue.Licence, at time.Time) error {
	if err := setState(ctx, tx, l, installed, "", at); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, markInstalled, l.CourseID, l.Edition, l.ManifestSHA256)
	return err
}

type opening struct {
	course catalogue.CourseID
	at     db.Time
}

// opens reads when each course was last opened here.
func opens(ctx context.Context, tx db.Tx) (map[catalogue.CourseID]time.Time, error) {
	rows, err := tx.Query(ctx, selectOpens)
	all, err := db.Collect(rows, err, func(r db.Rows) (o opening, err error) { return o, r.Scan(&o.course, &o.at) })
	out := make(map[catalogue.CourseID]time.Time, len(all))
	for _, o := range all {
		out[o.course] = o.at.Time
	}
	return out, err
}

func setOpened(ctx context.Context, tx db.Tx, course catalogue.CourseID, at time.Time) error {
	_, err := tx.Exec(ctx, upsertOpen, course, at)
	return err
}
