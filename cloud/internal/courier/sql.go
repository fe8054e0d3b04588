package courier

import (
	"encoding/json"

	"urbanhomeschool.org/uhs/shared/db"
)

// state is how far a letter is.
type state string

const (
	stateQueued    state = "queued"
	stateSending   state = "sending"
	stateSent      state = "sent"
	stateDelivered state = "delivered"
	stateFailed    state = "failed"
	stateUnknown   state = "unknown"
)

// outcome is what became of a letter.
type outcome struct {
	letter                   string
	state                    state
	reference, cost, failure string
}

type letterRow struct {
	Letter

	state state
}

var (
	insertLetter = db.SQL{Postgres: `
		INSERT INTO letters (id, channel, recipient, template, language, data, state, reference, cost, failure, attempts, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, 'queued', '', '', '', 0, $7)`}
	lockLetter  = db.SQL{Postgres: `SELECT channel, recipient, template, language, data, state FROM letters WHERE id = $1 FOR UPDATE`}
	beginLetter = db.SQL{Postgres: `UPDATE letters SET state = 'sending', attempts = attempts + 1 WHERE id = $1`}
	// What stood in the gaps is wiped unless the letter waits for another try.
	settleLetter = db.SQL{Postgres: `UPDATE letters SET state = $2, reference = $3, cost = $4, failure = $5, sent_at = $6,
		data = CASE WHEN $2 = 'queued' THEN data ELSE '{}' END WHERE id = $1 AND state IN ('queued', 'sending')`}
	// Reports come in any order: one that is not final never undoes a final one.
	reportLetter = db.SQL{Postgres: `UPDATE letters SET state = $2, failure = $3, reported_at = $4
		WHERE reference = $1 AND state IN ('sent', 'unknown')`}

	insertIncoming = db.SQL{Postgres: `INSERT INTO sms_inbox (id, sender, recipient, body, handled_by, at) VALUES ($1, $2, $3, $4, '', $5)
		ON CONFLICT (id) DO NOTHING`}
	handledIncoming = db.SQL{Postgres: `UPDATE sms_inbox SET handled_by = $2 WHERE id = $1`}
)

func scanLetter(r db.Rows) (v letterRow, err error) {
	var data string
	if err := r.Scan(&v.Channel, &v.To, &v.Template, &v.Language, &data, &v.state); err != nil {
		return v, err
	}
	return v, json.Unmarshal([]byte(data), &v.Data)
}

func letterArgs(o outcome, sent db.Time) []any {
	return []any{o.letter, o.state, o.reference, o.cost, o.failure, sent}
}
