package syncer

import "urbanhomeschool.org/uhs/shared/db"

// Sealed are the columns that lie sealed: the newest body of every last-writer record
// is a second copy of what its own table seals.
func Sealed() []db.SealedColumn {
	return []db.SealedColumn{{Table: "entity_versions", Column: "body", Bytes: true}}
}
