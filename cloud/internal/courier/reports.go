package courier

import (
	"context"
	"fmt"

	"urbanhomeschool.org/uhs/cloud/internal/sms"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
)

// ErrReport answers a report of the gateway that cannot be read.
var ErrReport = fault.New(fault.Malformed, "The report could not be read.").WithCode("malformed")

// Listener does something with a text message to our short code, in the
// transaction that stores it. It says false for a message that is not for it.
type Listener func(ctx context.Context, tx db.Tx, in sms.Incoming) (handled bool, err error)

type listener struct {
	name string
	do   Listener
}

// Listen adds a listener. They are asked in the order they were added until one
// has handled the message. It is called while the cloud is put together.
func (c *Courier) Listen(name string, do Listener) {
	c.listeners = append(c.listeners, listener{name, do})
}

// OnDelivery takes a delivery report. Reports come any number of times and in
// any order; an unknown message is no error, since the gateway would ask again.
func (c *Courier) OnDelivery(ctx context.Context, raw []byte) error {
	d, err := sms.ParseDelivery(raw)
	if err != nil {
		return ErrReport.Because(err)
	}
	next, failure := stateDelivered, ""
	switch {
	case d.Failed():
		next, failure = stateFailed, d.Failure
	case !d.Delivered():
		return nil // on its way
	}
	err = c.opts.DB.Update(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, reportLetter, d.ID, next, failure, db.Time{Time: c.opts.Clock.Now()})
		return err
	})
	if err != nil {
		return fmt.Errorf("delivery report: %w", err)
	}
	return nil
}

// OnIncoming takes a text message to our short code. The same message reported
// again changes nothing.
func (c *Courier) OnIncoming(ctx context.Context, raw []byte) error {
	in, err := sms.ParseIncoming(raw)
	if err != nil {
		return ErrReport.Because(err)
	}
	err = c.opts.DB.Update(ctx, func(tx db.Tx) error {
		n, err := tx.Exec(ctx, insertIncoming, in.ID, in.From, in.To, in.Text, db.Time{Time: c.opts.Clock.Now()})
		if err != nil || n == 0 {
			return err
		}
		for _, l := range c.listeners {
			handled, err := l.do(ctx, tx, in)
			if err != nil {
				return fmt.Errorf("%s: %w", l.name, err)
			}
			if handled {
				_, err = tx.Exec(ctx, handledIncoming, in.ID, l.name)
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("incoming message: %w", err)
	}
	return nil
}
