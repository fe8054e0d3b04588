// Package daraja speaks to Safaricom's M-Pesa gateway on its documented wire:
// *STK push* asks a phone to pay, *query* asks how that went, *C2B* reports
// money that arrived at our PayBill.
//
// The rule that surprises: an accepted push is not a payment, and an error is
// not a refusal. Only a *Refused error says that the phone was not asked; after
// any other error nobody knows.
package daraja

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"urbanhomeschool.org/uhs/shared/clock"
)

// Config is our account at the gateway.
type Config struct {
	// BaseURL is https://api.safaricom.co.ke, its sandbox, or a simulator.
	BaseURL string
	Key     string
	Secret  string
	// ShortCode is the PayBill number, Passkey its secret for pushes.
	ShortCode string
	Passkey   string
}

// Client calls the gateway. Each new token ends the one before it, so a process
// has one Client and processes share an account only if they share tokens.
type Client struct {
	cfg   Config
	clock clock.Clock
	http  *http.Client

	mu      sync.Mutex // held while a token is fetched: one at a time
	token   string
	expires time.Time
}

// New makes a client; each call ends after timeout.
func New(cfg Config, c clock.Clock, timeout time.Duration) *Client {
	cfg.BaseURL = strings.TrimRight(cfg.BaseURL, "/")
	return &Client{cfg: cfg, clock: c, http: &http.Client{Timeout: timeout}}
}

// ShortCode is our PayBill number.
func (c *Client) ShortCode() string { return c.cfg.ShortCode }

// Refused is a definite no: the gateway did not take the request.
type Refused struct {
	Status  int
	Code    string
	Message string
}

// Error implements error.
func (r *Refused) Error() string {
	return fmt.Sprintf("daraja refused: %d %s %s", r.Status, r.Code, r.Message)
}

// Unreachable is the code of a Refused that the gateway never saw: no
// connection could be made, or no token was had.
const Unreachable = "unreachable"

// Push asks a phone to pay.
type Push struct {
	// AmountMinor is in cents and must be whole shillings.
	AmountMinor int64
	// Phone is 254 and nine digits.
	Phone       string
	CallbackURL string
	// Reference is at most 12 characters, Description at most 13.
	Reference   string
	Description string
}

// Accepted names an accepted push. Accepted is not paid.
type Accepted struct {
	MerchantRequest string `json:"MerchantRequestID"`
	CheckoutRequest string `json:"CheckoutRequestID"`
}

// Push sends p. It never repeats a request that may have been taken.
func (c *Client) Push(ctx context.Context, p Push) (Accepted, error) {
	if err := p.valid(); err != nil {
		return Accepted{}, err
	}
	amount := strconv.FormatInt(p.AmountMinor/100, 10)
	password, timestamp := c.password()
	var out struct {
		Accepted

		ResponseCode        text
		ResponseDescription string
	}
	err := c.post(ctx, "/mpesa/stkpush/v1/processrequest", map[string]string{
		"BusinessShortCode": c.cfg.ShortCode, "Password": password, "Timestamp": timestamp, "TransactionType": "CustomerPayBillOnline",
		"Amount": amount, "PartyA": p.Phone, "PartyB": c.cfg.ShortCode, "PhoneNumber": p.Phone,
		"CallBackURL": p.CallbackURL, "AccountReference": p.Reference, "TransactionDesc": p.Description,
	}, &out)
	if err != nil {
		return Accepted{}, err
	}
	if out.ResponseCode != "0" {
		return Accepted{}, &Refused{http.StatusOK, string(out.ResponseCode), out.ResponseDescription}
	}
	if out.CheckoutRequest == "" {
		return Accepted{}, errors.New("daraja: accepted without a CheckoutRequestID")
	}
	return out.Accepted, nil
}

func (p Push) valid() error {
	switch {
	case p.AmountMinor < 100 || p.AmountMinor%100 != 0:
		return &Refused{Code: "amount", Message: "whole shillings only, one at least"}
	case len(p.Reference) > 12 || p.Reference == "":
		return &Refused{Code: "reference", Message: "1 to 12 characters"}
	case len(p.Description) > 13:
		return &Refused{Code: "description", Message: "at most 13 characters"}
	}
	return CheckURL(p.CallbackURL)
}

// CheckURL refuses an address the gateway would refuse: it blocks addresses
// that contain its own names and some other words, in any case.
func CheckURL(u string) error {
	parsed, err := url.Parse(u)
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return &Refused{Code: "url", Message: "not a web address"}
	}
	lower := strings.ToLower(u)
	for _, word := range []string{"m-pesa", "mpesa", "safaricom", "exe", "exec", "cmd", "sql", "query"} {
		if strings.Contains(lower, word) {
			return &Refused{Code: "url", Message: "the gateway refuses addresses with " + word}
		}
	}
	return nil
}

// Result is what a query said about a push: Code is the final result, empty
// while it is being processed.
type Result struct{ Code, Description string }

// Query asks how a push went. It knows neither receipt nor amount.
func (c *Client) Query(ctx context.Context, checkoutRequest string) (Result, error) {
	password, timestamp := c.password()
	var out struct {
		ResponseCode text
		ResultCode   text
		ResultDesc   string
	}
	err := c.post(ctx, "/mpesa/stkpushquery/v1/query", map[string]string{
		"BusinessShortCode": c.cfg.ShortCode, "Password": password, "Timestamp": timestamp, "CheckoutRequestID": checkoutRequest,
	}, &out)
	var refused *Refused
	if errors.As(err, &refused) && refused.Code == "500.001.1001" && strings.Contains(strings.ToLower(refused.Message), "being processed") {
		return Result{Description: refused.Message}, nil
	}
	if err != nil {
		return Result{}, err
	}
	if out.ResultCode == "4999" { // reported by some as "still processing"
		return Result{Description: out.ResultDesc}, nil
	}
	return Result{string(out.ResultCode), out.ResultDesc}, nil
}

// RegisterC2B tells the gateway where to report money at our PayBill. In
// production it works once; later changes go through the portal.
func (c *Client) RegisterC2B(ctx context.Context, confirmation, validation string) error {
	for _, u := range []string{confirmation, validation} {
		if err := CheckURL(u); err != nil {
			return err
		}
	}
	var out struct {
		ResponseCode text
	}
	return c.post(ctx, "/mpesa/c2b/v2/registerurl", map[string]string{
		"ShortCode": c.cfg.ShortCode, "ResponseType": "Completed", "ConfirmationURL": confirmation, "ValidationURL": validation,
	}, &out)
}

// password and timestamp of a push or query; East Africa Time.
func (c *Client) password() (password, timestamp string) {
	timestamp = c.clock.Now().In(time.FixedZone("EAT", 3*60*60)).Format("20060102150405")
	return base64.StdEncoding.EncodeToString([]byte(c.cfg.ShortCode + c.cfg.Passkey + timestamp)), timestamp
}

// post sends body and decodes the answer. A request refused for its token is
// sent once more with a new one: it had not been taken.
func (c *Client) post(ctx context.Context, path string, body, out any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	token, err := c.authorise(ctx, "")
	if err != nil {
		return err
	}
	err = c.send(ctx, path, token, raw, out)
	var refused *Refused
	if !errors.As(err, &refused) || !refused.tokenDied() {
		return err
	}
	if token, err = c.authorise(ctx, token); err != nil {
		return err
	}
	return c.send(ctx, path, token, raw, out)
}

// tokenDied: each of the gateway's interfaces has its own code for it.
func (r *Refused) tokenDied() bool {
	switch r.Code {
	case "404.001.03", "400.003.01", "401.001", "401.003.01":
		return true
	}
	return false
}

func (c *Client) send(ctx context.Context, path, token string, raw []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cfg.BaseURL+path, bytes.NewReader(raw))
	if err != nil {
		return &Refused{Code: Unreachable, Message: err.Error()}
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := c.http.Do(req)
	if err != nil {
		return unsent(err)
	}
	defer func() { _ = res.Body.Close() }()
	return decode(res, out)
}

// unsent makes a Refused of an error that came before anything was sent.
func unsent(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return &Refused{Code: Unreachable, Message: "no connection"}
	}
	return fmt.Errorf("call daraja: %w", err)
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

func decode(res *http.Response, out any) error {
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read daraja's answer: %w", err)
	}
	if res.StatusCode == http.StatusOK {
		if err := json.Unmarshal(body, out); err != nil {
			return fmt.Errorf("decode daraja's answer: %w", err)
		}
		return nil
	}
	var refusal struct {
		Code    text   `json:"errorCode"`
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(body, &refusal) != nil || refusal.Code == "" || refusal.Code == "500.003.1001" {
		// No answer of the gateway's own, or its "internal error": it says nothing
		// about what happened to the request.
		return fmt.Errorf("daraja answered %d", res.StatusCode)
	}
	return &Refused{res.StatusCode, string(refusal.Code), refusal.Message}
}

// authorise gives a token that is not stale, fetching one when there is none.
func (c *Client) authorise(ctx context.Context, stale string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != "" && c.token != stale && c.clock.Now().Before(c.expires) {
		return c.token, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.cfg.BaseURL+"/oauth/v1/generate?grant_type=client_credentials", nil)
	if err != nil {
		return "", &Refused{Code: Unreachable, Message: err.Error()}
	}
	req.SetBasicAuth(c.cfg.Key, c.cfg.Secret)
	res, err := c.http.Do(req)
	if err != nil {
		return "", &Refused{Code: Unreachable, Message: "no token: " + err.Error()}
	}
	defer func() { _ = res.Body.Close() }()
	var out struct {
		Token   string `json:"access_token"`
		Seconds text   `json:"expires_in"` // a number in the portal, a string from the real gateway
	}
	if err := decode(res, &out); err != nil {
		return "", &Refused{Code: Unreachable, Message: "no token: " + err.Error()}
	}
	seconds, err := strconv.Atoi(string(out.Seconds))
	if err != nil || out.Token == "" {
		return "", &Refused{Code: Unreachable, Message: "no token in the answer"}
	}
	// Ten minutes early, so that no call starts on a token about to end.
	c.token, c.expires = out.Token, c.clock.Now().Add(time.Duration(max(seconds-600, seconds/2))*time.Second)
	return c.token, nil
}
