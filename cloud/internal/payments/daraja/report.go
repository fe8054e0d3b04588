package daraja

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// text is a JSON string or number: the gateway's types differ by interface.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(t))
	}
	if string(b) != "null" {
		*t = text(b)
	}
	return nil
}

// Callback is what the gateway says of a push. It is unsigned: a claim.
type Callback struct {
	MerchantRequest, CheckoutRequest string
	// Code is the result: "0" is paid. Receipt and AmountMinor come with it.
	Code, Description string
	Receipt           string
	AmountMinor       int64
}

// ErrMalformed is a report that cannot be read.
var ErrMalformed = errors.New("daraja: malformed report")

// ParseCallback reads the body posted to a push's callback address.
func ParseCallback(body []byte) (Callback, error) {
	var in struct {
		Body struct {
			Callback *struct {
				MerchantRequestID string `json:"MerchantRequestID"`
				CheckoutRequestID string `json:"CheckoutRequestID"`
				ResultCode        text   `json:"ResultCode"`
				ResultDesc        string `json:"ResultDesc"`
				CallbackMetadata  struct {
					Item []struct {
						Name  string `json:"Name"`
						Value text   `json:"Value"`
					} `json:"Item"`
				} `json:"CallbackMetadata"`
			} `json:"stkCallback"`
		} `json:"Body"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return Callback{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	c := in.Body.Callback
	if c == nil || c.CheckoutRequestID == "" || c.ResultCode == "" {
		return Callback{}, fmt.Errorf("%w: no result", ErrMalformed)
	}
	out := Callback{MerchantRequest: c.MerchantRequestID, CheckoutRequest: c.CheckoutRequestID, Code: string(c.ResultCode), Description: c.ResultDesc}
	for _, item := range c.CallbackMetadata.Item { // by name: the order is not promised
		switch item.Name {
		case "Amount":
			minor, err := minor(string(item.Value))
			if err != nil {
				return Callback{}, err
			}
			out.AmountMinor = minor
		case "MpesaReceiptNumber":
			out.Receipt = string(item.Value)
		}
	}
	if out.Code == "0" && (out.Receipt == "" || out.AmountMinor <= 0) {
		return Callback{}, fmt.Errorf("%w: success without receipt and amount", ErrMalformed)
	}
	return out, nil
}

// Confirmation is the gateway's report of money at our PayBill.
type Confirmation struct {
	Receipt     string
	AmountMinor int64
	ShortCode   string
	// Reference is what the payer typed as the account, or the push's.
	Reference string
}

// ParseConfirmation reads the body posted to the C2B confirmation address.
func ParseConfirmation(body []byte) (Confirmation, error) {
	var in struct {
		TransID           text `json:"TransID"`
		BillRefNumber     text `json:"BillRefNumber"`
		TransAmount       text `json:"TransAmount"`
		BusinessShortCode text `json:"BusinessShortCode"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return Confirmation{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	amount, err := minor(string(in.TransAmount))
	if err != nil {
		return Confirmation{}, err
	}
	if in.TransID == "" || amount <= 0 {
		return Confirmation{}, fmt.Errorf("%w: no receipt or amount", ErrMalformed)
	}
	return Confirmation{string(in.TransID), amount, string(in.BusinessShortCode), string(in.BillRefNumber)}, nil
}

// minor reads a decimal amount in shillings as cents, without a float.
func minor(s string) (int64, error) {
	whole, cents, _ := strings.Cut(s, ".")
	cents = strings.TrimRight(cents, "0")
	if len(cents) > 2 || len(whole) > 12 || strings.ContainsAny(s, "+-eE") {
		return 0, fmt.Errorf("%w: amount", ErrMalformed)
	}
	n, err := strconv.ParseInt(whole+(cents + "00")[:2], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: amount", ErrMalformed)
	}
	return n, nil
}

// Meaning of a failed push.
type Meaning string

// The meanings, as stable words for translation.
const (
	InsufficientFunds Meaning = "insufficient_funds"
	AmountLimit       Meaning = "amount_limit"
	DailyLimit        Meaning = "daily_limit"
	ReceiverLimit     Meaning = "receiver_limit"
	Busy              Meaning = "busy" // wait at least two minutes before the next push
	PromptExpired     Meaning = "prompt_expired"
	NotSent           Meaning = "not_sent"
	Cancelled         Meaning = "cancelled"
	PhoneUnreachable  Meaning = "phone_unreachable"
	WrongPIN          Meaning = "wrong_pin"
	Misconfigured     Meaning = "misconfigured"
)

// Failure is what a result code of a push says for certain; false for codes
// nobody documented, which say nothing. Codes of other interfaces differ.
// Source: Safaricom's M-Pesa Express pages, and reports where they are silent.
func Failure(code string) (Meaning, bool) {
	switch code {
	case "1":
		return InsufficientFunds, true
	case "2", "3":
		return AmountLimit, true
	case "4":
		return DailyLimit, true
	case "8":
		return ReceiverLimit, true
	case "17", "26", "1001", "1036":
		return Busy, true
	case "1019":
		return PromptExpired, true
	case "1025", "9999":
		return NotSent, true
	case "1031", "1032":
		return Cancelled, true
	case "1037":
		return PhoneUnreachable, true
	case "2001":
		return WrongPIN, true
	case "2028", "8006", "SFC_IC0003":
		return Misconfigured, true
	}
	return "", false
}
