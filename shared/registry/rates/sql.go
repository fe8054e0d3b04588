package main

import "urbanhomeschool.org/uhs/shared/db"

// What the measured code does, as somebody would write it by hand for SQLite.
const (
	bareAttempt = `INSERT INTO attempts (id, learner_id, school_id, course_id, quiz_id, edition, pass_percent,
		score_points, max_points, passed, responses, started_at, submitted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	bareOutbox = `INSERT INTO outbox (school, epoch, lane, seq, type, version, entity, hlc, deps, body, hash, chain, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
)

var (
	newestLog    = db.SQL{Both: `SELECT school, epoch FROM outbox_heads ORDER BY epoch DESC LIMIT 1`}
	listLearners = db.SQL{Both: `SELECT id FROM accounts WHERE role = 'student'`}
)
