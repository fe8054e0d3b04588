// Package mail hands messages to an SMTP server. It knows no templates and no
// people: a message is a recipient, a subject and the same text twice, plain
// and as simple HTML.
package mail

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Config is the server and who we are to it.
type Config struct {
	// Addr is host:port of the server.
	Addr string
	// User and Password sign in at the server; empty: no sign-in.
	User, Password string
	// From is the sender, e.g. "Urban Home School <no-reply@uhs.example>".
	From string
	// Plain allows a server without TLS: the sink of the demo and of tests.
	Plain bool
}

// Message is one mail to one person.
type Message struct {
	// ID becomes the Message-ID, so that a mail sent twice is recognised.
	ID, To, Subject, Text, HTML string
}

// ErrRefused is wrapped by errors no further try can mend: the server will never
// take this message.
var ErrRefused = errors.New("the mail server refuses this message")

// Sender sends messages. It opens a connection for each.
type Sender struct {
	client *gomail.Client
	from   string
	host   string
}

// timeout bounds the conversation about one message.
const timeout = 30 * time.Second

// New makes a Sender; it does not connect.
func New(c Config) (*Sender, error) {
	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return nil, fmt.Errorf("mail server: %w", err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, errors.New("mail server: want host:port")
	}
	options := []gomail.Option{gomail.WithPort(number), gomail.WithTimeout(timeout), gomail.WithTLSPolicy(gomail.TLSMandatory)}
	const implicitTLS = 465
	switch {
	case c.Plain:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	case number == implicitTLS:
		options = append(options, gomail.WithSSL())
	}
	if c.User != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(c.User), gomail.WithPassword(c.Password))
	}
	client, err := gomail.NewClient(host, options...)
	if err != nil {
		return nil, fmt.Errorf("mail server: %w", err)
	}
	if err := gomail.NewMsg().From(c.From); err != nil {
		return nil, fmt.Errorf("mail sender: %w", err)
	}
	return &Sender{client: client, from: c.From, host: host}, nil
}

// Send hands m to the server. An error that wraps ErrRefused is final.
func (s *Sender) Send(ctx context.Context, m Message) error {
	msg := gomail.NewMsg()
	if err := msg.From(s.from); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	if err := msg.To(m.To); err != nil {
		return fmt.Errorf("%w: the recipient is no address", ErrRefused) // err would repeat the address
	}
	msg.Subject(m.Subject)
	msg.SetMessageIDWithValue(m.ID + "@" + s.host)
	msg.SetDate()
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)

	err := s.client.DialAndSendWithContext(ctx, msg)
	var refused *gomail.SendError
	if errors.As(err, &refused) && !refused.IsTemp() && final(refused.ErrorCode()) {
		return fmt.Errorf("%w: code %d", ErrRefused, refused.ErrorCode())
	}
	if err != nil {
		return fmt.Errorf("send a mail: %w", err)
	}
	return nil
}

// final tells whether an SMTP code is about this message and permanent
// (RFC 5321, section 4.2.1), not about our sign-in or the connection.
func final(code int) bool {
	return code == 550 || code == 551 || code == 552 || code == 553 || code == 554
}
