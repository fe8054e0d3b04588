package simpost

import (
	"errors"
	"io"
	"time"

	"github.com/emersion/go-smtp"
	gomail "github.com/wneessen/go-mail"
)

// maxMail bounds a mail; ours are a few KB.
const maxMail = 1 << 20

func (p *Post) newSMTP() *smtp.Server {
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{post: p}, nil }))
	const patience = 30 * time.Second
	s.Domain, s.MaxMessageBytes, s.MaxRecipients = "localhost", maxMail, 10
	s.ReadTimeout, s.WriteTimeout = patience, patience
	return s
}

// session is one conversation of a client.
type session struct {
	post *Post
	from string
	to   []string
}

// Reset implements smtp.Session.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout implements smtp.Session.
func (*session) Logout() error { return nil }

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

// Rcpt implements smtp.Session. The mailboxes full@ and unknown@ of any domain
// play a server that cannot take a mail now, and one that never will.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	switch {
	case len(to) > 5 && to[:5] == "full@":
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "The mailbox is full"}
	case len(to) > 8 && to[:8] == "unknown@":
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such mailbox"}
	}
	s.to = append(s.to, to)
	return nil
}

// Data implements smtp.Session.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m := Mail{From: s.from, To: s.to, At: s.post.opts.Clock.Now()}
	if err := m.read(raw); err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "This is not a mail"}
	}
	s.post.change(func(st *State) { st.Mails = append(st.Mails, m) })
	return nil
}

func (m *Mail) read(raw []byte) error {
	msg, err := gomail.EMLToMsgFromString(string(raw))
	if err != nil {
		return err
	}
	if subject := msg.GetGenHeader(gomail.HeaderSubject); len(subject) == 1 {
		m.Subject = decoded(subject[0])
	}
	for _, part := range msg.GetParts() {
		content, err := part.GetContent()
		if err != nil {
			return err
		}
		switch part.GetContentType() {
		case gomail.TypeTextPlain:
			m.Text = string(content)
		case gomail.TypeTextHTML:
			m.HTML = string(content)
		}
	}
	if m.Text == "" {
		return errors.New("no text")
	}
	return nil
}
