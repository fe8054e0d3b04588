package syncer

import (
	"context"
	"errors"

	"urbanhomeschool.org/uhs/syncproto"
)

// Handler takes one message that arrived. A transient error (database down)
// makes the carrier deliver it again; a permanent one is logged by the handler
// and swallowed.
type Handler func(ctx context.Context, m syncproto.Message) error

// Carrier moves messages between one appliance and the cloud, seen from the
// appliance. It may lose, repeat and reorder them.
type Carrier interface {
	// Name is for the operator: "mirror", "https".
	Name() string
	// Start begins to deliver what arrives to h. linkUp is called each time the
	// carrier has (re)connected, so that the peer says hello.
	Start(ctx context.Context, h Handler, linkUp func()) error
	// Send hands messages over in order. nil means that the carrier has them, not
	// that they arrived. ErrCarrierFull: later.
	Send(ctx context.Context, msgs []syncproto.Message) error
	// Connected tells whether the other side can be reached now, as far as known.
	Connected() bool
	// Purge tells the carrier that everything it was given so far up to these
	// marks is applied, so that it can free its own copies.
	Purge(ctx context.Context, applied syncproto.Marks)
	Stop(ctx context.Context) error
}

// Rester is a Carrier that keeps a connection between two sends. On a line that is
// not held open it is told when nothing more is to be said for now.
type Rester interface{ Rest() }

// ErrCarrierFull is what Send gives when the carrier's own store is full: the
// rows stay in the outbox and are sent later.
var ErrCarrierFull = errors.New("syncer: the carrier is full")
