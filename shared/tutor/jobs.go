package tutor

import (
	"time"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

// JobState is how far the hosted answer to a question is, on this node.
type JobState string

// The states of a job.
const (
	JobForwarded JobState = "forwarded" // on its way to the node with hosted models
	JobPending   JobState = "pending"   // to be answered by this node
	JobDone      JobState = "done"
	JobRefused   JobState = "refused" // may not be answered by a hosted model
	JobFailed    JobState = "failed"  // given up
)

// origin says where a job's question was asked.
type origin string

const (
	askedHere origin = "here"
	arrived   origin = "arrived"
)

// job is a question that waits for a hosted model.
type job struct {
	question  QuestionID
	learner   identity.AccountID
	origin    origin
	state     JobState
	reason    string
	attempts  int64
	createdAt db.Time
	nextAt    db.Time
}

// The answerer's rhythm.
const (
	claimFor    = 3 * time.Minute // longer than the chain's deadline
	claimAtOnce = 4
	retryFirst  = 15 * time.Second
	retryMost   = 15 * time.Minute
	giveUpAfter = 7 * 24 * time.Hour
	pollEvery   = 10 * time.Second
)

// backoff is the wait after the n-th failed attempt, doubled each time, and at
// least what the provider asked for.
func backoff(attempts int64, asked time.Duration) time.Duration {
	wait := retryFirst << min(attempts, 10)
	return max(min(wait, retryMost), asked)
}
