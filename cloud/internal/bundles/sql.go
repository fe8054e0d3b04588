package bundles

import (
	"context"
	"crypto/ed25519"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/syncproto"
)

// Only the cloud runs these: Postgres texts alone.
var (
	selectBox = db.SQL{Postgres: `SELECT a.school_id::text, a.status, a.node_key, e.epoch,
			EXISTS (SELECT 1 FROM epoch_history h WHERE h.school_id = a.school_id AND h.appliance_id = a.id::text AND h.epoch = $2)
		FROM appliances a JOIN school_epochs e ON e.school_id = a.school_id WHERE a.id::text = $1`}
	selectReader = db.SQL{Postgres: `SELECT s.name, a.recipient, e.epoch FROM schools s
		JOIN appliances a ON a.school_id = s.id AND a.status = 'active'
		JOIN school_epochs e ON e.school_id = s.id WHERE s.id::text = $1`}
	selectActive = db.SQL{Postgres: `SELECT id::text FROM appliances WHERE school_id::text = $1 AND status = 'active'`}
	selectName   = db.SQL{Postgres: `SELECT name FROM schools WHERE id::text = $1`}
	selectByCode = db.SQL{Postgres: `SELECT id::text FROM schools WHERE upper(code) = upper($1)`}
)

func findBox(ctx context.Context, tx db.Tx, h syncproto.BundleHeader) (box, error) {
	rows, err := tx.Query(ctx, selectBox, h.From, h.Epoch)
	return db.One(rows, err, func(r db.Rows) (b box, err error) {
		var key []byte
		err = r.Scan(&b.school, &b.status, &key, &b.present, &b.owned)
		b.key = ed25519.PublicKey(key)
		return b, err
	})
}

func findReader(ctx context.Context, tx db.Tx, school string) (name, recipient string, epoch int64, err error) {
	rows, err := tx.Query(ctx, selectReader, school)
	_, err = db.One(rows, err, func(r db.Rows) (struct{}, error) { return struct{}{}, r.Scan(&name, &recipient, &epoch) })
	return name, recipient, epoch, err
}

func schoolName(ctx context.Context, tx db.Tx, school string) (string, error) {
	rows, err := tx.Query(ctx, selectName, school)
	return db.One(rows, err, db.Scalar[string])
}

// SchoolByCode finds a school's id by its code.
func (s *Service) SchoolByCode(ctx context.Context, code string) (school string, err error) {
	err = s.o.DB.View(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, selectByCode, code)
		school, err = db.One(rows, err, db.Scalar[string])
		return err
	})
	return school, err
}
