package line

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
)

var (
	upsertPlan = db.SQL{Both: `INSERT INTO line_plans (school_id, metered, every_minutes, day_bytes, month_bytes, windows, price_minor, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (school_id) DO UPDATE SET metered = excluded.metered, every_minutes = excluded.every_minutes, day_bytes = excluded.day_bytes,
			month_bytes = excluded.month_bytes, windows = excluded.windows, price_minor = excluded.price_minor, at = excluded.at`}
	selectPlan = db.SQL{Both: `SELECT school_id, metered, every_minutes, day_bytes, month_bytes, windows, price_minor, at FROM line_plans WHERE school_id = $1`}
	pagePlans  = db.SQL{Both: `SELECT school_id, metered, every_minutes, day_bytes, month_bytes, windows, price_minor, at FROM line_plans
		WHERE school_id = $1 AND school_id > $2 ORDER BY school_id LIMIT $3`}
)

func putPlan(ctx context.Context, tx db.Tx, p Plan) (bool, error) {
	windows, err := json.Marshal(p.Windows)
	if err != nil {
		return false, fmt.Errorf("store a line's plan: %w", err)
	}
	_, err = tx.Exec(ctx, upsertPlan, p.SchoolID, p.Metered, p.Every, p.DayBytes, p.MonthBytes, string(windows), p.PriceMinor, p.At)
	return err == nil, err
}

func scanPlan(r db.Rows) (p Plan, err error) {
	var windows string
	if err := r.Scan(&p.SchoolID, &p.Metered, &p.Every, &p.DayBytes, &p.MonthBytes, &windows, &p.PriceMinor, &p.At); err != nil {
		return p, err
	}
	return p, json.Unmarshal([]byte(windows), &p.Windows)
}

func plan(ctx context.Context, tx db.Tx, school string) (Plan, error) {
	rows, err := tx.Query(ctx, selectPlan, school)
	p, err := db.One(rows, err, scanPlan)
	if errors.Is(err, db.ErrNoRows) {
		return Plan{SchoolID: school}, nil
	}
	return p, err
}
