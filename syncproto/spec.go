// Package syncproto is the wire contract between the cloud and an appliance:
// events, frames, the hash chain, lanes, hello and ack. It does no I/O and
// holds no state; its bytes are frozen in testdata/v1.
//
// The surprising rule: nothing here says who sent a message. The school of a
// frame is known from the road it came by (NATS account, request signature);
// the school written in the header must agree with it and proves nothing.
package syncproto

import "fmt"

// Lane is a priority class. Sequence numbers and chains are per lane.
type Lane uint8

// The lanes, most urgent first.
const (
	LaneControl  Lane = iota // revocations, commands, consents
	LaneMoney                // payments and entitlements
	LaneRoster               // people, credentials, catalogue editions
	LaneTutor                // questions and answers
	LaneLearning             // enrolments, progress, attempts
	Lanes                    // how many there are
)

// Urgent lanes are sent at once and alone; the others share the rest fairly.
func (l Lane) Urgent() bool { return l <= LaneMoney }

// String names the lane for logs and the operator's pages.
func (l Lane) String() string {
	names := [...]string{"control", "money", "roster", "tutor", "learning"}
	if int(l) < len(names) {
		return names[l]
	}
	return fmt.Sprintf("lane %d", uint8(l))
}

// Writer says which side may write an entity: the first conflict rule.
type Writer uint8

// The writers.
const (
	CloudOnly Writer = iota + 1
	EdgeOnly
	EitherSide
)

// Merge says how two writes of one entity id become one.
type Merge uint8

const (
	// AppendOnly facts never change: the first one stays, a different one with
	// the same id is put into conflict_log.
	AppendOnly Merge = iota + 1
	// LastWriter records are replaced whole by the later hybrid clock.
	LastWriter
)

// Spec declares one kind of record that crosses the wire.
type Spec struct {
	// Name is "<domain>.<noun>", e.g. "assessment.attempt". It never changes.
	Name string
	// Version of the body; a change needs an upcaster on the receiving side.
	Version uint32
	Lane    Lane
	Writer  Writer
	Merge   Merge
}

// AudienceKind is whom a record is about.
type AudienceKind uint8

// The audiences.
const (
	audienceSchool AudienceKind = iota + 1
	audienceLearner
	audienceEveryone
)

// Audience says whom a record is about. The cloud routes downlink records by it
// and accepts an uplink record only if the school may write about it.
type Audience struct {
	Kind AudienceKind
	ID   string
}

// OfSchool is everybody at one school.
func OfSchool(id string) Audience { return Audience{audienceSchool, id} }

// OfLearner is the present and past schools of one person.
func OfLearner(id string) Audience { return Audience{audienceLearner, id} }

// OfEveryone is all schools; only the cloud may write such records.
func OfEveryone() Audience { return Audience{Kind: audienceEveryone} }

// School is the school id and true when the audience is one school.
func (a Audience) School() (string, bool) { return a.ID, a.Kind == audienceSchool }

// Learner is the account id and true when the audience is one person.
func (a Audience) Learner() (string, bool) { return a.ID, a.Kind == audienceLearner }

// Everyone tells whether the audience is all schools.
func (a Audience) Everyone() bool { return a.Kind == audienceEveryone }
