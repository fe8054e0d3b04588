package simgate

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/shared/id"
)

// number is digits as a JSON number.
type number string

// MarshalJSON implements json.Marshaler; words such as SFC_IC0003 stay strings.
func (n number) MarshalJSON() ([]byte, error) {
	if _, err := strconv.ParseInt(string(n), 10, 64); err != nil {
		return json.Marshal(string(n))
	}
	return []byte(n), nil
}

// decimal is an amount as the gateway writes it.
type decimal string

// MarshalJSON implements json.Marshaler.
func (d decimal) MarshalJSON() ([]byte, error) { return []byte(d), nil }

func shillings(minor int64) decimal { return decimal(fmt.Sprintf("%d.%02d", minor/100, minor%100)) }

// stamp is YYYYMMDDHHmmss in East Africa Time.
func stamp(t time.Time) string {
	return t.In(time.FixedZone("EAT", 3*60*60)).Format("20060102150405")
}

func mask(phone string) string {
	if len(phone) < 8 {
		return "*****"
	}
	return phone[:4] + " ***** " + phone[len(phone)-3:]
}

func describe(code string) string {
	switch code {
	case "0":
		return "The service request is processed successfully."
	case "1":
		return "The balance is insufficient for the transaction."
	case "1032":
		return "Request cancelled by user"
	case "1037":
		return "DS timeout user cannot be reached"
	case "2001":
		return "The initiator information is invalid."
	default:
		return "Something else."
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) //nolint:errchkjson // texts and numbers: it fails only when the caller has gone
}

// refuse answers in the gateway's own form of an error.
func refuse(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, map[string]string{"requestId": "sim-" + id.Secret(6), "errorCode": code, "errorMessage": message})
}

func (g *Gate) routes() *http.ServeMux {
	m := http.NewServeMux()
	m.HandleFunc("GET /oauth/v1/generate", g.oauth)
	m.HandleFunc("POST /mpesa/stkpush/v1/processrequest", g.authorised("404.001.03", http.StatusNotFound, g.push))
	m.HandleFunc("POST /mpesa/stkpushquery/v1/query", g.authorised("404.001.03", http.StatusNotFound, g.query))
	m.HandleFunc("POST /mpesa/c2b/v2/registerurl", g.authorised("400.003.01", http.StatusBadRequest, g.register))
	m.HandleFunc("POST /mpesa/c2b/v2/simulate", g.authorised("400.003.01", http.StatusBadRequest, g.simulate))
	m.HandleFunc("POST /pulltransactions/v1/query", g.authorised("400.003.01", http.StatusBadRequest, g.pull))
	g.admin(m)
	return m
}

// oauth gives a token, which ends the one before. expires_in is a string, as
// the real gateway answers.
func (g *Gate) oauth(w http.ResponseWriter, r *http.Request) {
	key, secret, ok := r.BasicAuth()
	if !ok || key != g.opts.Key || secret != g.opts.Secret {
		refuse(w, http.StatusBadRequest, "400.008.01", "Invalid Authentication passed")
		return
	}
	if r.URL.Query().Get("grant_type") != "client_credentials" {
		refuse(w, http.StatusBadRequest, "400.008.02", "Invalid grant type passed")
		return
	}
	g.mu.Lock()
	g.token = id.Secret(16)
	token := g.token
	g.mu.Unlock()
	answer(w, http.StatusOK, map[string]string{"access_token": token, "expires_in": "3599"})
}

func (g *Gate) authorised(code string, status int, next func(http.ResponseWriter, map[string]string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		ok := g.token != "" && r.Header.Get("Authorization") == "Bearer "+g.token
		g.mu.Unlock()
		if !ok {
			refuse(w, status, code, "Invalid Access Token")
			return
		}
		in, err := fields(w, r)
		if err != nil {
			refuse(w, http.StatusBadRequest, "400.002.02", "Bad Request - Invalid JSON")
			return
		}
		next(w, in)
	}
}

// fields reads a flat JSON object whose values are strings or numbers.
func fields(w http.ResponseWriter, r *http.Request) (map[string]string, error) {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
	d.UseNumber()
	var raw map[string]any
	if err := d.Decode(&raw); err != nil {
		return nil, err
	}
	out := make(map[string]string, len(raw))
	for k, v := range raw {
		out[k] = fmt.Sprint(v)
	}
	return out, nil
}

// blocked words in addresses, as documented.
func blocked(url string) bool {
	lower := strings.ToLower(url)
	return slices.ContainsFunc([]string{"m-pesa", "mpesa", "safaricom", "exe", "exec", "cmd", "sql", "query"}, func(word string) bool {
		return strings.Contains(lower, word)
	})
}

// wrong names the first field of a push that the gateway would not take.
func (g *Gate) wrong(in map[string]string) string {
	password, _ := base64.StdEncoding.DecodeString(in["Password"])
	amount, err := strconv.ParseInt(in["Amount"], 10, 64)
	_, terr := time.Parse("20060102150405", in["Timestamp"])
	switch {
	case in["BusinessShortCode"] != g.opts.ShortCode || in["PartyB"] != g.opts.ShortCode:
		return "BusinessShortCode"
	case terr != nil:
		return "Timestamp"
	case string(password) != g.opts.ShortCode+g.opts.Passkey+in["Timestamp"]:
		return "Password"
	case in["TransactionType"] != "CustomerPayBillOnline":
		return "TransactionType"
	case err != nil || amount < 1 || amount > 250_000:
		return "Amount"
	case len(in["PhoneNumber"]) != 12 || !strings.HasPrefix(in["PhoneNumber"], "254") || in["PartyA"] != in["PhoneNumber"]:
		return "PhoneNumber"
	case in["AccountReference"] == "" || len(in["AccountReference"]) > 12:
		return "AccountReference"
	case len(in["TransactionDesc"]) > 13:
		return "TransactionDesc"
	case blocked(in["CallBackURL"]) || !strings.HasPrefix(in["CallBackURL"], "http"):
		return "CallBackURL"
	}
	return ""
}

func (g *Gate) push(w http.ResponseWriter, in map[string]string) {
	if field := g.wrong(in); field != "" {
		refuse(w, http.StatusBadRequest, "400.002.02", "Bad Request - Invalid "+field)
		return
	}
	phone := in["PhoneNumber"]
	amount, _ := strconv.ParseInt(in["Amount"], 10, 64) // checked above
	var p Prompt
	busy := false
	g.change(func(s *State) {
		how := s.Knobs.of(phone)
		if g.strike(how, phone) {
			p = Prompt{Scenario: how}
			return
		}
		busy = slices.ContainsFunc(s.Prompts, func(p Prompt) bool { return p.Phone == phone && p.Code == "" })
		if busy {
			return
		}
		n := s.serial()
		p = Prompt{
			Merchant: fmt.Sprintf("31f2-4c1a-%d", n), Checkout: fmt.Sprintf("ws_CO_%s%06d", stamp(g.opts.Clock.Now()), n),
			Phone: phone, AmountMinor: amount * 100, Reference: in["AccountReference"], CallbackURL: in["CallBackURL"],
			Scenario: how, At: g.opts.Clock.Now(),
		}
		s.Prompts = append(s.Prompts, p)
	})
	switch {
	case busy:
		refuse(w, http.StatusInternalServerError, "500.001.1001", "Unable to lock subscriber, a transaction is already in process for the current subscriber")
	case p.Checkout == "" && p.Scenario == TokenDies:
		refuse(w, http.StatusNotFound, "404.001.03", "Invalid Access Token")
	case p.Checkout == "":
		refuse(w, http.StatusInternalServerError, "500.003.02", "Spike arrest violation")
	case p.Scenario == ResponseLost || p.Scenario == ResponseLostQ:
		g.play(p)
		panic(http.ErrAbortHandler) // the line is cut: no answer
	default:
		g.play(p)
		answer(w, http.StatusOK, map[string]string{
			"MerchantRequestID": p.Merchant, "CheckoutRequestID": p.Checkout, "ResponseCode": "0",
			"ResponseDescription": "Success. Request accepted for processing", "CustomerMessage": "Success. Request accepted for processing",
		})
	}
}

// strike tells whether this push is refused before it is looked at: a spike
// arrest always, a dead token once for a phone. The caller holds g.mu.
func (g *Gate) strike(how Scenario, phone string) bool {
	switch how {
	case SpikeArrest:
		return true
	case TokenDies:
		first := !g.struck[phone]
		g.struck[phone] = true
		if first {
			g.token = ""
		}
		return first
	default:
		return false
	}
}

func (g *Gate) query(w http.ResponseWriter, in map[string]string) {
	for _, p := range g.Snapshot().Prompts {
		if p.Checkout != in["CheckoutRequestID"] {
			continue
		}
		if p.Code == "" {
			answer(w, http.StatusInternalServerError, map[string]string{
				"requestId": p.Checkout, "errorCode": "500.001.1001", "errorMessage": "The transaction is being processed",
			})
			return
		}
		answer(w, http.StatusOK, map[string]string{
			"ResponseCode": "0", "ResponseDescription": "The service request has been accepted successfully",
			"MerchantRequestID": p.Merchant, "CheckoutRequestID": p.Checkout, "ResultCode": p.QueryCode, "ResultDesc": describe(p.QueryCode),
		})
		return
	}
	refuse(w, http.StatusBadRequest, "400.002.02", "Bad Request - Invalid CheckoutRequestID")
}

func (g *Gate) register(w http.ResponseWriter, in map[string]string) {
	confirmation, validation := in["ConfirmationURL"], in["ValidationURL"]
	if in["ShortCode"] != g.opts.ShortCode || in["ResponseType"] != "Completed" && in["ResponseType"] != "Cancelled" ||
		!strings.HasPrefix(confirmation, "http") || blocked(confirmation) || blocked(validation) {
		refuse(w, http.StatusBadRequest, "400.003.02", "Bad Request - Invalid ConfirmationURL")
		return
	}
	g.change(func(s *State) { s.ConfirmationURL, s.ValidationURL = confirmation, validation })
	answer(w, http.StatusOK, map[string]string{
		"OriginatorCoversationID": "sim-" + id.Secret(6), "ResponseCode": "0", "ResponseDescription": "success", // spelt as documented
	})
}

// simulate is the sandbox's way to pay at the PayBill.
func (g *Gate) simulate(w http.ResponseWriter, in map[string]string) {
	amount, err := strconv.ParseInt(in["Amount"], 10, 64)
	if err != nil || amount < 1 || len(in["BillRefNumber"]) > 20 {
		refuse(w, http.StatusBadRequest, "400.002.02", "Bad Request - Invalid Amount")
		return
	}
	g.PayBill(in["Msisdn"], amount*100, in["BillRefNumber"])
	answer(w, http.StatusOK, map[string]string{"OriginatorCoversationID": "sim-" + id.Secret(6), "ResponseCode": "0", "ResponseDescription": "Accept the service request successfully."})
}

// PayBill is a person paying at the PayBill with a typed reference. It gives the
// receipt; the confirmation is on its way.
func (g *Gate) PayBill(phone string, amountMinor int64, reference string) string {
	var receipt string
	g.change(func(s *State) { receipt = s.charge(g, phone, amountMinor, reference, "c2b") })
	g.later(0, func() { g.confirm(receipt) })
	return receipt
}

// Confirm reports a charge on the C2B channel once more.
func (g *Gate) Confirm(receipt string) { g.confirm(receipt) }
