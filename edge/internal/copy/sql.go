package copy

import (
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
)

var anyRow = db.SQL{SQLite: `SELECT key FROM node_state LIMIT 1`}

const checkpointNow = `PRAGMA wal_checkpoint(PASSIVE)`

func setAutoCheckpoint(frames int) string {
	return fmt.Sprintf(`PRAGMA wal_autocheckpoint = %d`, frames)
}

const integrityCheck = `PRAGMA integrity_check(1)`
