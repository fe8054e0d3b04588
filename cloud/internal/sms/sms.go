// Package sms sends text messages through Africa's Talking's bulk SMS interface
// (https://developers.africastalking.com/docs/sms/sending/bulk) and reads what the gateway reports:
// *delivery reports* and *incoming* messages to our short code.
//
// The rule that surprises: a message is tried again only when the gateway
// certainly has not taken it. After a lost answer nobody knows, and a second
// message costs money and confuses: that is ErrUnknown.
package sms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Config is the account at the gateway.
type Config struct {
	// BaseURL is https://api.africastalking.com, its sandbox or a simulator.
	BaseURL string
	// Username and Key are the application's.
	Username, Key string
	// From is the short code or sender id; empty: the gateway's own.
	From string
}

// Receipt is what the gateway says of a message it took.
type Receipt struct {
	// ID is the gateway's name of the message, which its reports repeat.
	ID string
	// Cost is as the gateway writes it, e.g. "KES 0.8000".
	Cost string
}

// Kinds of failure; every error of Send wraps one.
var (
	// ErrNotTaken: the gateway certainly did not take it; try again later.
	ErrNotTaken = errors.New("the SMS gateway has not taken the message")
	// ErrRefused: the gateway will never take it for this number.
	ErrRefused = errors.New("the SMS gateway refuses the message")
	// ErrUnknown: it may have been sent. Never send it again.
	ErrUnknown = errors.New("it is not known whether the SMS gateway took the message")
)

// Client talks to the gateway.
type Client struct {
	config Config
	http   *http.Client
}

// New makes a Client; it does not connect.
func New(c Config) *Client {
	const timeout = 30 * time.Second
	// A redirect would hand the key to another host.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{config: c, http: &http.Client{Timeout: timeout, CheckRedirect: stay}}
}

// response is the documented answer.
type response struct {
	SMSMessageData struct {
		Message    string `json:"Message"`
		Recipients []struct {
			StatusCode int    `json:"statusCode"`
			Number     string `json:"number"`
			Status     string `json:"status"`
			Cost       string `json:"cost"`
			MessageID  string `json:"messageId"`
		} `json:"Recipients"`
	} `json:"SMSMessageData"`
}

// maxAnswer bounds an answer; real ones are some hundred bytes.
const maxAnswer = 64 << 10

// Send sends text to one phone: digits with country code.
func (c *Client) Send(ctx context.Context, phone, text string) (Receipt, error) {
	form := url.Values{"username": {c.config.Username}, "to": {"+" + phone}, "message": {text}, "bulkSMSMode": {"1"}}
	if c.config.From != "" {
		form.Set("from", c.config.From)
	}
	var written atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { written.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(c.config.BaseURL, "/")+"/version1/messaging", strings.NewReader(form.Encode()))
	if err != nil {
		return Receipt{}, fmt.Errorf("%w: %w", ErrNotTaken, err)
	}
	req.Header.Set("Apikey", c.config.Key) // apiKey in the gateway's pages; names of headers have no case
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")

	res, err := c.http.Do(req)
	if err != nil {
		if written.Load() {
			return Receipt{}, fmt.Errorf("%w: %w", ErrUnknown, err)
		}
		return Receipt{}, fmt.Errorf("%w: %w", ErrNotTaken, err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return Receipt{}, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return read(res.StatusCode, raw)
}

// read judges an answer. It never repeats the body: that may hold the number.
func read(status int, raw []byte) (Receipt, error) {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusTooManyRequests, status == http.StatusNotFound:
		return Receipt{}, fmt.Errorf("%w: status %d", ErrNotTaken, status)
	case status >= http.StatusInternalServerError:
		return Receipt{}, fmt.Errorf("%w: status %d", ErrUnknown, status)
	case status >= http.StatusMultipleChoices:
		return Receipt{}, fmt.Errorf("%w: status %d", ErrRefused, status)
	}
	var r response
	if err := json.Unmarshal(raw, &r); err != nil {
		return Receipt{}, fmt.Errorf("%w: the answer is not the documented one", ErrUnknown)
	}
	// Nobody listed means that nothing was sent: the Message says why, e.g.
	// InvalidSenderId.
	if len(r.SMSMessageData.Recipients) == 0 {
		return Receipt{}, fmt.Errorf("%w: no recipient was taken", ErrRefused)
	}
	to := r.SMSMessageData.Recipients[0]
	if err := judge(to.StatusCode); err != nil {
		return Receipt{}, fmt.Errorf("%w: code %d", err, to.StatusCode)
	}
	return Receipt{ID: to.MessageID, Cost: to.Cost}, nil
}

// judge reads the documented code of a recipient.
func judge(code int) error {
	switch code {
	case 100, 101, 102: // processed, sent, queued
		return nil
	case 405: // our balance is too low
		return ErrNotTaken
	case 401, 402, 403, 404, 406, 407, 409: // risk hold, sender id, number, kind of number, opted out, no route, do not disturb
		return ErrRefused
	default: // 500 internal error, 501 gateway error, 502 rejected by gateway, and what may come
		return ErrUnknown
	}
}
