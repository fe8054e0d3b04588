package simgate_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/simgate"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
)

func open(t *testing.T, file string) (*simgate.Gate, string) {
	g, err := simgate.Open(simgate.Options{File: file, Clock: clock.NewFake(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)), Log: logging.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(g)
	t.Cleanup(func() { g.Close(); s.Close() })
	return g, s.URL
}

func call(t *testing.T, method, url, token string, body any) (int, map[string]string) {
	t.Helper()
	raw, _ := json.Marshal(body)
	req, _ := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(raw))
	req.Header.Set("Content-Type", "application/json")
	if token == "" {
		req.SetBasicAuth(simgate.DefaultKey, simgate.DefaultSecret)
	} else {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	out := map[string]string{}
	text, _ := io.ReadAll(res.Body)
	_ = json.Unmarshal(text, &out)
	return res.StatusCode, out
}

func push() map[string]string {
	const stamp = "20261123120000"
	return map[string]string{
		"BusinessShortCode": "600123", "Password": base64.StdEncoding.EncodeToString([]byte("600123" + simgate.DefaultPasskey + stamp)),
		"Timestamp": stamp, "TransactionType": "CustomerPayBillOnline", "Amount": "1500", "PartyA": "254711000001", "PartyB": "600123",
		"PhoneNumber": "254711000001", "CallBackURL": "http://127.0.0.1:1/hk/x/s", "AccountReference": "YU7K3M9QX2PA", "TransactionDesc": "Course fee",
	}
}

func TestWire(t *testing.T) {
	g, url := open(t, "")
	_, first := call(t, http.MethodGet, url+"/oauth/v1/generate?grant_type=client_credentials", "", nil)
	_, second := call(t, http.MethodGet, url+"/oauth/v1/generate?grant_type=client_credentials", "", nil)
	const path = "/mpesa/stkpush/v1/processrequest"
	t.Run("a new token ends the one before, with the code of the interface", func(t *testing.T) {
		if status, got := call(t, http.MethodPost, url+path, first["access_token"], push()); status != 404 || got["errorCode"] != "404.001.03" {
			t.Errorf("%d %v", status, got)
		}
	})
	for field, value := range map[string]string{
		"Amount": "15.50", "PhoneNumber": "0711000001", "AccountReference": "1234567890123", "TransactionDesc": "12345678901234",
		"CallBackURL": "https://x.ke/webhooks/Mpesa/callback", "Password": "x", "Timestamp": "2026", "BusinessShortCode": "1",
	} {
		t.Run("a wrong "+field+" is refused and asks nobody", func(t *testing.T) {
			in := push()
			in[field] = value
			if status, got := call(t, http.MethodPost, url+path, second["access_token"], in); status != 400 || got["errorCode"] != "400.002.02" {
				t.Errorf("%d %v", status, got)
			}
			if n := len(g.Snapshot().Prompts); n != 0 {
				t.Errorf("%d phones were asked", n)
			}
		})
	}
	t.Run("one prompt at a time on one phone", func(t *testing.T) {
		g.Set(simgate.Knobs{Scenario: simgate.Manual})
		if status, _ := call(t, http.MethodPost, url+path, second["access_token"], push()); status != 200 {
			t.Errorf("first: %d", status)
		}
		if status, got := call(t, http.MethodPost, url+path, second["access_token"], push()); status != 500 || got["errorCode"] != "500.001.1001" {
			t.Errorf("second: %d %v", status, got)
		}
	})
	t.Run("an unanswered prompt is being processed", func(t *testing.T) {
		in := push()
		in["CheckoutRequestID"] = g.Snapshot().Prompts[0].Checkout
		if status, got := call(t, http.MethodPost, url+"/mpesa/stkpushquery/v1/query", second["access_token"], in); status != 500 || !strings.Contains(got["errorMessage"], "being processed") {
			t.Errorf("%d %v", status, got)
		}
	})
	t.Run("an address with the gateway's name cannot be registered", func(t *testing.T) {
		in := map[string]string{"ShortCode": "600123", "ResponseType": "Completed", "ConfirmationURL": "https://x.ke/mpesa/c", "ValidationURL": "https://x.ke/v"}
		if status, _ := call(t, http.MethodPost, url+"/mpesa/c2b/v2/registerurl", second["access_token"], in); status != 400 {
			t.Errorf("%d", status)
		}
	})
	t.Run("the page shows the prompt and its buttons", func(t *testing.T) {
		res, err := http.Get(url + "/")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		if page, _ := io.ReadAll(res.Body); !bytes.Contains(page, []byte("254711000001")) || !bytes.Contains(page, []byte("Enter PIN")) {
			t.Errorf("%s", page)
		}
	})
}

func TestBook(t *testing.T) {
	file := filepath.Join(t.TempDir(), "book.json")
	g, url := open(t, file)
	if status, got := call(t, http.MethodPost, url+"/admin/paybill", "x", map[string]any{"phone": "254711000001", "amount": 20, "reference": "YU7K"}); status != 200 || got["receipt"] == "" {
		t.Errorf("%d %v", status, got)
	}
	t.Run("the book outlives a restart", func(t *testing.T) {
		again, _ := open(t, file)
		if again.Total() != 20_00 || g.Total() != 20_00 {
			t.Errorf("%d, then %d", g.Total(), again.Total())
		}
	})
	t.Run("a payment of nothing is refused", func(t *testing.T) {
		if status, _ := call(t, http.MethodPost, url+"/admin/paybill", "x", map[string]any{"phone": "254711000001", "amount": 0, "reference": "YU7K"}); status != 400 {
			t.Errorf("%d", status)
		}
	})
}
