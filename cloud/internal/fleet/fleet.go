// Package fleet knows the boxes: a school's *claim code* makes a fresh box its
// *appliance*, an *epoch* numbers the lives of its uplink, and a *conversation*
// is the cloud's side of the sync with one school.
//
// The rule that surprises: a school has exactly one active appliance. Claiming
// a second one replaces the first, whose epoch is sealed: what it had already
// sent stays valid, what it sends later by its own keys is refused.
package fleet

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/cloud/internal/hub"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/syncer"
	"urbanhomeschool.org/uhs/syncproto"
)

// Mirrors is the NATS hub.
type Mirrors interface {
	Enrol(ctx context.Context, e hub.Enrolment) (hub.Credentials, error)
	Send(ctx context.Context, school string, epoch int64, msgs []syncproto.Message) error
	PurgeDown(ctx context.Context, school string, epoch int64, applied syncproto.Marks)
	Connected(school string) bool
	Stats(ctx context.Context, school string, epoch int64) (hub.Stats, error)
}

// Options wires the Service.
type Options struct {
	DB      db.DB
	Mirrors Mirrors
	Outbox  *syncer.Outbox
	Applier *syncer.Applier
	Clock   clock.Clock
	Log     *slog.Logger
	// Timeline is the life of this database.
	Timeline string
	// Rewound is set in a life of the database that did not begin with it: boxes may
	// have had things applied that it does not know.
	Rewound  bool
	Software string
	// CloudKey is the public key that signs packs.
	CloudKey []byte
	// Recipient is for what only the cloud may open, signed by the cloud key.
	Recipient syncproto.CloudRecipient
	// Pepper is the key of a school's sign-in verifiers.
	Pepper func(identity.SchoolID) ([]byte, error)
	// RecoveryKey opens the copies of a school's boxes; Sign is the cloud key's
	// signature.
	RecoveryKey func(identity.SchoolID) (*age.X25519Identity, error)
	Sign        func(message []byte) []byte
	// Claimed is called in the claiming transaction, so that the school's licences
	// are made for the new box.
	Claimed func(ctx context.Context, tx db.Tx, school, recipient string) error
	// Snapshots; nil: boxes get none.
	Snapshots *SnapshotOptions
}

// Service is the use-cases of the fleet and runs the conversations.
type Service struct {
	o Options

	mu     sync.Mutex
	talks  map[string]*conversation
	cancel context.CancelFunc
	ctx    context.Context //nolint:containedctx // the life of the conversations, set by Start
	wg     sync.WaitGroup
	snaps  snapshots
	turns  chan struct{} // see handle
}

// New makes a stopped Service.
func New(o Options) *Service {
	return &Service{o: o, talks: map[string]*conversation{}, turns: make(chan struct{}, applying), snaps: snapshots{turn: make(chan struct{}, 1), building: map[string]bool{}}}
}

// Recipient is the cloud's recipient, for boxes that do not know it yet.
func (s *Service) Recipient() syncproto.CloudRecipient { return s.o.Recipient }

// codeLife is how long a claim code can be used.
const codeLife = 14 * 24 * time.Hour

// Errors of claiming and renewing.
var (
	ErrUnknownCode = fault.New(fault.NotFound, "This claim code is not known.").WithCode("claim_code_unknown")
	ErrUsedCode    = fault.New(fault.Gone, "This claim code was used already.").WithCode("claim_code_used")
	ErrExpiredCode = fault.New(fault.Gone, "This claim code has expired.").WithCode("claim_code_expired")
	ErrEpochMoved  = fault.New(fault.Conflict, "Another box of this school already has a newer epoch.").WithCode("epoch_moved")
	ErrOtherSchool = fault.New(fault.Conflict, "This code is for another school. A box keeps its school for life.").WithCode("claim_other_school")
	ErrQuarantined = fault.New(fault.Conflict, "Another box has this school's place. An administrator has to decide.").WithCode("box_quarantined")
	ErrReplaced    = fault.New(fault.Conflict, "This box was replaced by another one.").WithCode("box_replaced")
	ErrNoSchool    = fault.New(fault.NotFound, "There is no such school.").WithCode("no_such_school")
)
