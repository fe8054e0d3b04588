package sms_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/simpost"
	"urbanhomeschool.org/uhs/cloud/internal/sms"
	"urbanhomeschool.org/uhs/shared/clock"
	"urbanhomeschool.org/uhs/shared/logging"
)

// gateway is the simulator, which speaks the documented wire.
func gateway(t *testing.T) (*simpost.Post, string) {
	t.Helper()
	p, err := simpost.Open(simpost.Options{Clock: clock.NewFake(time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)), Log: logging.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(p)
	t.Cleanup(func() { p.Close(); s.Close() })
	return p, s.URL
}

func client(url string, edit func(*sms.Config)) *sms.Client {
	c := sms.Config{BaseURL: url, Username: simpost.DefaultUsername, Key: simpost.DefaultKey, From: simpost.DefaultShortCode}
	if edit != nil {
		edit(&c)
	}
	return sms.New(c)
}

func TestSend(t *testing.T) {
	post, url := gateway(t)
	t.Run("a message that is taken has the gateway's id and cost", func(t *testing.T) {
		r, err := client(url, nil).Send(t.Context(), "254711000001", "Hujambo")
		if err != nil || r.Cost != "KES 0.8000" || r.ID == "" {
			t.Fatalf("%+v, %v", r, err)
		}
		if m := post.Snapshot().Messages; len(m) != 1 || m[0].ID != r.ID || m[0].Text != "Hujambo" || m[0].From != simpost.DefaultShortCode {
			t.Errorf("%+v", m)
		}
	})
	for _, c := range []struct {
		name, phone string
		edit        func(*sms.Config)
		want        error
	}{
		{"a wrong key sends nothing", "254711000001", func(c *sms.Config) { c.Key = "wrong" }, sms.ErrNotTaken},
		{"a wrong user name sends nothing", "254711000001", func(c *sms.Config) { c.Username = "wrong" }, sms.ErrNotTaken},
		{"a foreign sender id is final", "254711000001", func(c *sms.Config) { c.From = "BANK" }, sms.ErrRefused},
		{"a number that is none is final", "123", nil, sms.ErrRefused},
		{"risk hold is final", "254711000401", nil, sms.ErrRefused},
		{"a landline is final", "254711000404", nil, sms.ErrRefused},
		{"an empty balance waits", "254711000405", nil, sms.ErrNotTaken},
		{"who opted out is final", "254711000406", nil, sms.ErrRefused},
		{"no route is final", "254711000407", nil, sms.ErrRefused},
		{"trouble inside the gateway is unknown", "254711000500", nil, sms.ErrUnknown},
		{"a lost answer is unknown", "254711009000", nil, sms.ErrUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := client(url, c.edit).Send(t.Context(), c.phone, "Hujambo")
			if !errors.Is(err, c.want) {
				t.Errorf("error = %v; want %v", err, c.want)
			}
			if err != nil && (strings.Contains(err.Error(), c.phone) || strings.Contains(err.Error(), simpost.DefaultKey)) {
				t.Errorf("the error repeats the number or the key: %v", err)
			}
		})
	}
	t.Run("a gateway nobody answers at has taken nothing", func(t *testing.T) {
		if _, err := client("http://127.0.0.1:1", nil).Send(t.Context(), "254711000001", "x"); !errors.Is(err, sms.ErrNotTaken) {
			t.Errorf("error = %v", err)
		}
	})
	for name, answer := range map[string]struct {
		status int
		body   string
		want   error
	}{
		"a page instead of the answer is unknown":        {200, "<html>", sms.ErrUnknown},
		"a server error is unknown":                      {502, "", sms.ErrUnknown},
		"too many requests is not taken":                 {429, "", sms.ErrNotTaken},
		"a redirect is not followed with the key":        {302, "", sms.ErrRefused},
		"a code that is not documented yet is unknown":   {201, `{"SMSMessageData":{"Message":"","Recipients":[{"statusCode":999,"messageId":"x"}]}}`, sms.ErrUnknown},
		"an answer without recipients has sent nothing":  {201, `{"SMSMessageData":{"Message":"InvalidSenderId","Recipients":[]}}`, sms.ErrRefused},
		"an answer without the documented field is none": {201, `{"ok":true}`, sms.ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/version1/messaging" {
					t.Errorf("asked %s", r.URL.Path)
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(answer.status)
				_, _ = w.Write([]byte(answer.body))
			}))
			defer s.Close()
			if _, err := client(s.URL, nil).Send(t.Context(), "254711000001", "x"); !errors.Is(err, answer.want) {
				t.Errorf("error = %v; want %v", err, answer.want)
			}
		})
	}
}

func TestLength(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "{x}": 5, "é@£": 3, strings.Repeat("a", 161): 161} {
		if n, ok := sms.Length(text); !ok || n != want {
			t.Errorf("%q: %d, %v; want %d", text, n, ok, want)
		}
	}
	for _, text := range []string{"habari “njema”", "ŵ", "✓", "…"} {
		if _, ok := sms.Length(text); ok {
			t.Errorf("%q is in the alphabet", text)
		}
	}
}

func FuzzReports(f *testing.F) {
	f.Add("id=1&status=Success&phoneNumber=%2B254711000001")
	f.Add("id=1&from=%2B254711000001&to=22384&text=YES")
	f.Add("%zz;=&&")
	f.Fuzz(func(t *testing.T, raw string) {
		if d, err := sms.ParseDelivery([]byte(raw)); err == nil && (d.ID == "" || d.Delivered() && d.Failed()) {
			t.Errorf("%q gave %+v", raw, d)
		}
		if in, err := sms.ParseIncoming([]byte(raw)); err == nil && (in.ID == "" || in.From == "" || strings.ContainsRune(in.Text, 0)) {
			t.Errorf("%q gave %+v", raw, in)
		}
	})
}
