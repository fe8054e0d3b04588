package sms

import (
	"errors"
	"net/url"
	"strings"
	"unicode/utf8"
)

// ErrMalformed answers a report that is not as documented.
var ErrMalformed = errors.New("the SMS gateway's report cannot be read")

// Delivery is the gateway's word on a message it took.
type Delivery struct {
	// ID is the message's, as in Receipt.
	ID string
	// Status is the documented word: Sent, Submitted, Buffered, Success, Rejected,
	// Failed, AbsentSubscriber or Expired.
	Status string
	// Failure is the documented reason, e.g. UserInBlacklist.
	Failure string
}

// Delivered tells that the message is on the phone.
func (d Delivery) Delivered() bool { return d.Status == "Success" }

// Failed tells that it will never be.
func (d Delivery) Failed() bool {
	return d.Status == "Rejected" || d.Status == "Failed" || d.Status == "Expired" || d.Status == "AbsentSubscriber"
}

// Incoming is a message from a phone to our short code.
type Incoming struct {
	// ID is the gateway's; the same message reported twice has one id.
	ID string
	// From is the phone as digits with country code.
	From string
	// To is the short code.
	To, Text string
}

// Limits of what a report may hold; real values are much shorter.
const (
	maxWord = 128
	maxText = 2000
)

// ParseDelivery reads a delivery report: a form.
func ParseDelivery(raw []byte) (Delivery, error) {
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		return Delivery{}, ErrMalformed
	}
	d := Delivery{ID: form.Get("id"), Status: form.Get("status"), Failure: form.Get("failureReason")}
	if !word(d.ID) || !word(d.Status) || len(d.Failure) > maxWord || !utf8.ValidString(d.Failure) {
		return Delivery{}, ErrMalformed
	}
	return d, nil
}

// ParseIncoming reads a message to our short code: a form.
func ParseIncoming(raw []byte) (Incoming, error) {
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		return Incoming{}, ErrMalformed
	}
	in := Incoming{ID: form.Get("id"), From: strings.TrimPrefix(form.Get("from"), "+"), To: form.Get("to"), Text: form.Get("text")}
	if !word(in.ID) || !word(in.To) || !digits(in.From) || len(in.Text) > maxText || !utf8.ValidString(in.Text) || strings.ContainsRune(in.Text, 0) {
		return Incoming{}, ErrMalformed
	}
	return in, nil
}

func word(s string) bool {
	return s != "" && len(s) <= maxWord && utf8.ValidString(s) && !strings.ContainsRune(s, 0)
}

func digits(s string) bool {
	return len(s) >= 8 && len(s) <= 15 && strings.Trim(s, "0123456789") == ""
}
