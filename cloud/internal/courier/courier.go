// Package courier brings letters to people. A *letter* is a mail or a text
// message: a template in the person's language and what stands in its gaps. It
// is stored in the transaction that has something to say, and a job sends it
// soon after the commit.
//
// The rule that surprises: what stands in the gaps (a code, a link) is wiped
// from the letter as soon as it has gone, or can never go; and a text message
// whose sending is in doubt is not sent again.
package courier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"urbanhomeschool.org/uhs/cloud/internal/jobs"
	"urbanhomeschool.org/uhs/cloud/internal/mail"
	"urbanhomeschool.org/uhs/cloud/internal/sms"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/logging"
)

// Channel is how a letter travels.
type Channel string

// The channels.
const (
	Email Channel = "email"
	SMS   Channel = "sms"
)

// Letter is what to say to whom.
type Letter struct {
	Channel Channel
	// To is an e-mail address, or a phone as digits with country code.
	To string
	// Template names the text; see templates/.
	Template string
	// Language is en or sw; anything else is en.
	Language string
	// Data fills the gaps of the template.
	Data map[string]string
}

// Mailer hands a mail to a server; *mail.Sender is one.
type Mailer interface {
	Send(ctx context.Context, m mail.Message) error
}

// Texter hands a text message to a gateway; *sms.Client is one.
type Texter interface {
	Send(ctx context.Context, phone, text string) (sms.Receipt, error)
}

// Options wires a Courier.
type Options struct {
	DB    db.DB
	Jobs  *jobs.Queue
	Clock clock.Clock
	Log   *slog.Logger
	// Mail and Text may be nil: then letters of that kind wait until they are
	// configured.
	Mail Mailer
	Text Texter
}

// Courier sends letters and takes what comes back.
type Courier struct {
	opts      Options
	templates templates
	listeners []listener
}

// New makes a Courier and gives its work to the queue, which is opened after.
func New(o Options) (*Courier, error) {
	t, err := parseTemplates()
	if err != nil {
		return nil, err
	}
	c := &Courier{opts: o, templates: t}
	jobs.Work(o.Jobs, c.deliver)
	return c, nil
}

// job asks for the sending of one letter.
type job struct {
	Letter string `json:"letter"`
}

// Kind implements jobs.Args.
func (job) Kind() string { return "letter" }

// Send stores a letter in tx; it goes if and only if tx commits. An unknown
// template, or a gap that Data does not fill, is an error here and not later.
func (c *Courier) Send(ctx context.Context, tx db.Tx, l Letter) error {
	if l.Language != "sw" {
		l.Language = "en"
	}
	if _, err := c.templates.render(l); err != nil {
		return fmt.Errorf("letter: %w", err)
	}
	data, err := json.Marshal(l.Data)
	if err != nil {
		return fmt.Errorf("letter: %w", err)
	}
	letter := id.New()
	if _, err := tx.Exec(ctx, insertLetter, letter, l.Channel, l.To, l.Template, l.Language, string(data), db.Time{Time: c.opts.Clock.Now()}); err != nil {
		return fmt.Errorf("letter: %w", err)
	}
	return c.opts.Jobs.Enqueue(ctx, tx, job{letter})
}

// errNotConfigured keeps letters waiting until the operator names a server.
var errNotConfigured = errors.New("no server is configured for this kind of letter")

// deliver sends one letter. It first notes, in a transaction of its own, that
// it will: whoever comes again after a crash knows that the letter may have gone.
func (c *Courier) deliver(ctx context.Context, j job) error {
	l, before, err := c.take(ctx, j.Letter)
	if err != nil {
		return err
	}
	switch {
	case before != stateQueued && before != stateSending:
		return nil
	case before == stateSending && l.Channel == SMS:
		return c.settle(ctx, outcome{letter: j.Letter, state: stateUnknown, failure: "interrupted"})
	}
	text, err := c.templates.render(l)
	if err != nil {
		return errors.Join(jobs.GiveUp(err), c.settle(ctx, outcome{letter: j.Letter, state: stateFailed, failure: "template"}))
	}
	if l.Channel == SMS {
		return c.text(ctx, j.Letter, l.To, text.text)
	}
	return c.mail(ctx, j.Letter, mail.Message{ID: j.Letter, To: l.To, Subject: text.subject, Text: text.text, HTML: text.html})
}

func (c *Courier) mail(ctx context.Context, letter string, m mail.Message) error {
	err := errNotConfigured
	if c.opts.Mail != nil {
		err = c.opts.Mail.Send(ctx, m)
	}
	if errors.Is(err, mail.ErrRefused) {
		c.opts.Log.Warn("a mail is refused for good", slog.String("letter", letter), logging.Err(err))
		return c.settle(ctx, outcome{letter: letter, state: stateFailed, failure: "refused"})
	}
	if err != nil {
		return errors.Join(err, c.settle(ctx, outcome{letter: letter, state: stateQueued, failure: "not sent yet"}))
	}
	return c.settle(ctx, outcome{letter: letter, state: stateSent})
}

func (c *Courier) text(ctx context.Context, letter, phone, text string) error {
	err := fmt.Errorf("%w: %w", sms.ErrNotTaken, errNotConfigured)
	var receipt sms.Receipt
	if c.opts.Text != nil {
		receipt, err = c.opts.Text.Send(ctx, phone, text)
	}
	switch {
	case err == nil:
		return c.settle(ctx, outcome{letter: letter, state: stateSent, reference: receipt.ID, cost: receipt.Cost})
	case errors.Is(err, sms.ErrNotTaken):
		return errors.Join(err, c.settle(ctx, outcome{letter: letter, state: stateQueued, failure: "not sent yet"}))
	case errors.Is(err, sms.ErrRefused):
		c.opts.Log.Warn("a text message is refused for good", slog.String("letter", letter), logging.Err(err))
		return c.settle(ctx, outcome{letter: letter, state: stateFailed, failure: "refused"})
	default:
		c.opts.Log.Warn("it is not known whether a text message went", slog.String("letter", letter), logging.Err(err))
		return c.settle(ctx, outcome{letter: letter, state: stateUnknown, failure: "no answer"})
	}
}

func (c *Courier) take(ctx context.Context, letter string) (l Letter, before state, err error) {
	err = c.opts.DB.Update(ctx, func(tx db.Tx) error {
		row, err := db.First(ctx, tx, lockLetter, scanLetter, letter)
		if errors.Is(err, db.ErrNoRows) { // erased
			return nil
		}
		if err != nil {
			return err
		}
		l, before = row.Letter, row.state
		if before != stateQueued {
			return nil
		}
		_, err = tx.Exec(ctx, beginLetter, letter)
		return err
	})
	return l, before, err
}

// settle stores what became of a letter. It does so also while the queue is
// being stopped, because by then the letter has gone.
func (c *Courier) settle(ctx context.Context, o outcome) error {
	ctx = context.WithoutCancel(ctx)
	return c.opts.DB.Update(ctx, func(tx db.Tx) error {
		var sent db.Time
		if o.state == stateSent {
			sent = db.Time{Time: c.opts.Clock.Now()}
		}
		_, err := tx.Exec(ctx, settleLetter, letterArgs(o, sent)...)
		return err
	})
}
