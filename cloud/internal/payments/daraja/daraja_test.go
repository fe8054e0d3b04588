package daraja_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/payments/daraja"
	"urbanhomeschool.org/uhs/shared/clock"
)

// gateway answers a token, and on every other path what the test says.
type gateway struct {
	tokens  int
	expires string
	calls   []map[string]string
	paths   []string
	answer  func(call int) (int, string)
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/oauth") {
		g.tokens++
		_, _ = fmt.Fprintf(w, `{"access_token":"t%d","expires_in":%s}`, g.tokens, g.expires)
		return
	}
	var in map[string]string
	_ = json.NewDecoder(r.Body).Decode(&in)
	g.calls, g.paths = append(g.calls, in), append(g.paths, r.Header.Get("Authorization")+" "+r.URL.Path)
	status, body := g.answer(len(g.calls))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

func newGateway(t *testing.T, answer func(int) (int, string)) (*gateway, *daraja.Client, *clock.Fake) {
	g := &gateway{expires: `"3599"`, answer: answer}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	c := clock.NewFake(time.Date(2026, 11, 22, 22, 15, 30, 0, time.UTC))
	return g, daraja.New(daraja.Config{BaseURL: server.URL, Key: "k", Secret: "s", ShortCode: "600123", Passkey: "pass"}, c, time.Second), c
}

var push = daraja.Push{AmountMinor: 1500_00, Phone: "254711000001", CallbackURL: "https://pay.example.ke/hk/7f/s", Reference: "YU7K3M9QX2PA", Description: "Course fee"}

const took = `{"MerchantRequestID":"m","CheckoutRequestID":"c","ResponseCode":"0"}`

func TestPush(t *testing.T) {
	g, client, now := newGateway(t, func(int) (int, string) { return 200, took })
	if got, err := client.Push(t.Context(), push); err != nil || got.CheckoutRequest != "c" || got.MerchantRequest != "m" {
		t.Fatalf("%v %+v", err, got)
	}
	in := g.calls[0]
	t.Run("the time is East Africa's and the same inside the password; whole shillings, as text", func(t *testing.T) {
		password, _ := base64.StdEncoding.DecodeString(in["Password"])
		if in["Timestamp"] != "20261123011530" || string(password) != "600123pass20261123011530" || in["Amount"] != "1500" || in["PartyB"] != "600123" {
			t.Errorf("%v %s", in, password)
		}
	})
	t.Run("a token serves until it is about to end, whether its life is text or a number", func(t *testing.T) {
		for _, c := range []struct {
			after time.Duration
			want  int
		}{{time.Minute, 1}, {50 * time.Minute, 2}, {time.Minute, 2}} {
			g.expires = `3599`
			now.Advance(c.after)
			if _, err := client.Push(t.Context(), push); err != nil || g.tokens != c.want {
				t.Errorf("%v, %d tokens, want %d", err, g.tokens, c.want)
			}
		}
	})
}

func TestDeadToken(t *testing.T) {
	for _, code := range []string{"404.001.03", "400.003.01", "401.001", "401.003.01"} {
		t.Run(code+" fetches one new token and sends once more", func(t *testing.T) {
			g, client, _ := newGateway(t, func(call int) (int, string) {
				if call == 1 {
					return 404, `{"errorCode":"` + code + `","errorMessage":"Invalid Access Token"}`
				}
				return 200, took
			})
			if _, err := client.Push(t.Context(), push); err != nil || len(g.calls) != 2 || g.tokens != 2 || !strings.HasPrefix(g.paths[1], "Bearer t2") {
				t.Errorf("%v, %d calls, %d tokens, %v", err, len(g.calls), g.tokens, g.paths)
			}
		})
	}
	t.Run("and not for ever", func(t *testing.T) {
		g, client, _ := newGateway(t, func(int) (int, string) { return 404, `{"errorCode":"404.001.03"}` })
		var refused *daraja.Refused
		if _, err := client.Push(t.Context(), push); !errors.As(err, &refused) || len(g.calls) != 2 {
			t.Errorf("%v, %d calls", err, len(g.calls))
		}
	})
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		status  int
		body    string
		refused bool
	}{
		"an error of the gateway's own is a no":      {400, `{"errorCode":"400.002.02","errorMessage":"Bad Request"}`, true},
		"another response code is a no":              {200, `{"ResponseCode":"1"}`, true},
		"a page of a proxy says nothing":             {502, `<html>`, false},
		"the gateway's internal error says nothing":  {500, `{"errorCode":"500.003.1001","errorMessage":"Internal"}`, false},
		"an answer that cannot be read says nothing": {200, `{`, false},
		"an acceptance without an id says nothing":   {200, `{"ResponseCode":"0"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			g, client, _ := newGateway(t, func(int) (int, string) { return c.status, c.body })
			var refused *daraja.Refused
			if _, err := client.Push(t.Context(), push); err == nil || errors.As(err, &refused) != c.refused || len(g.calls) != 1 {
				t.Errorf("%v, %d calls", err, len(g.calls))
			}
		})
	}
	t.Run("what the gateway would not take is not sent", func(t *testing.T) {
		g, client, _ := newGateway(t, func(int) (int, string) { return 200, took })
		for _, edit := range []func(*daraja.Push){
			func(p *daraja.Push) { p.AmountMinor = 1500_01 }, func(p *daraja.Push) { p.AmountMinor = 0 },
			func(p *daraja.Push) { p.Reference = "1234567890123" }, func(p *daraja.Push) { p.Description = "12345678901234" },
			func(p *daraja.Push) { p.CallbackURL = "https://x.ke/MPesa/callback" }, func(p *daraja.Push) { p.CallbackURL = "https://x.ke/Query" },
			func(p *daraja.Push) { p.CallbackURL = "nowhere" },
		} {
			p := push
			edit(&p)
			if _, err := client.Push(t.Context(), p); err == nil {
				t.Errorf("sent %+v", p)
			}
		}
		if len(g.calls) != 0 {
			t.Errorf("%d calls", len(g.calls))
		}
	})
}

func TestQuery(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		code   string
		fails  bool
	}{
		"paid, as text":                               {200, `{"ResponseCode":"0","ResultCode":"0"}`, "0", false},
		"cancelled, as a number":                      {200, `{"ResponseCode":"0","ResultCode":1032}`, "1032", false},
		"being processed is no answer":                {500, `{"errorCode":"500.001.1001","errorMessage":"The transaction is being processed"}`, "", false},
		"4999 is no answer":                           {200, `{"ResponseCode":"0","ResultCode":"4999"}`, "", false},
		"the same code with another text is an error": {500, `{"errorCode":"500.001.1001","errorMessage":"Wrong credentials"}`, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			_, client, _ := newGateway(t, func(int) (int, string) { return c.status, c.body })
			got, err := client.Query(t.Context(), "c")
			if got.Code != c.code || (err != nil) != c.fails {
				t.Errorf("%v %+v", err, got)
			}
		})
	}
}

func TestReports(t *testing.T) {
	t.Run("a callback's items come in any order, Balance without a value, amounts as decimals", func(t *testing.T) {
		got, err := daraja.ParseCallback([]byte(`{"Body":{"stkCallback":{"MerchantRequestID":"m","CheckoutRequestID":"c","ResultCode":0,"ResultDesc":"ok",
			"CallbackMetadata":{"Item":[{"Name":"PhoneNumber","Value":254711000001},{"Name":"Balance"},{"Name":"Amount","Value":1500.00},
			{"Name":"TransactionDate","Value":20261123051544},{"Name":"MpesaReceiptNumber","Value":"UKN4A1B2C3"}]}}}}`))
		want := daraja.Callback{MerchantRequest: "m", CheckoutRequest: "c", Code: "0", Description: "ok", Receipt: "UKN4A1B2C3", AmountMinor: 1500_00}
		if err != nil || got != want {
			t.Errorf("%v %+v", err, got)
		}
	})
	t.Run("a code may be a word", func(t *testing.T) {
		got, err := daraja.ParseCallback([]byte(`{"Body":{"stkCallback":{"CheckoutRequestID":"c","ResultCode":"SFC_IC0003"}}}`))
		if meaning, ok := daraja.Failure(got.Code); err != nil || !ok || meaning != daraja.Misconfigured {
			t.Errorf("%v %+v", err, got)
		}
	})
	t.Run("a confirmation's amount is text", func(t *testing.T) {
		got, err := daraja.ParseConfirmation([]byte(`{"TransID":"UKN4A1B2C3","TransAmount":"5.5","BusinessShortCode":"600123","BillRefNumber":"YU7K"}`))
		if err != nil || got != (daraja.Confirmation{Receipt: "UKN4A1B2C3", AmountMinor: 5_50, ShortCode: "600123", Reference: "YU7K"}) {
			t.Errorf("%v %+v", err, got)
		}
	})
}

func FuzzReports(f *testing.F) {
	f.Add([]byte(`{"Body":{"stkCallback":{"CheckoutRequestID":"c","ResultCode":1032}}}`))
	f.Add([]byte(`{"TransID":"U","TransAmount":"1.00"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if c, err := daraja.ParseCallback(body); err == nil && c.Code == "0" && c.AmountMinor <= 0 {
			t.Errorf("success without money: %+v", c)
		}
		if c, err := daraja.ParseConfirmation(body); err == nil && (c.AmountMinor <= 0 || c.Receipt == "") {
			t.Errorf("money without amount or receipt: %+v", c)
		}
	})
}
