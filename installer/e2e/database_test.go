package e2e

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"urbanhomeschool.org/uhs/installer/internal/world"
)

// number reads one number from the cloud's database.
func number(ctx context.Context, w *world.World, query string, args ...any) (n int64, err error) {
	conn, err := pgx.Connect(ctx, w.DatabaseURL())
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close(ctx) }()
	return n, conn.QueryRow(ctx, query, args...).Scan(&n)
}

func count(t *testing.T, w *world.World, query string, args ...any) int64 {
	t.Helper()
	n, err := number(t.Context(), w, query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// strings reads one column from the cloud's database.
func column(t *testing.T, w *world.World, query string, args ...any) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), w.DatabaseURL())
	must(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(t.Context(), query, args...)
	must(t, err)
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	return out
}
