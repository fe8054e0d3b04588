package llm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/llm"
	"urbanhomeschool.org/uhs/cloud/internal/llm/llmsim"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/tutor"
)

const (
	hi     = `data: {"model":"m-7","choices":[{"index":0,"delta":{"content":"Hi"}}]}` + "\n\n"
	finish = `data: {"choices":[{"index":0,"delta":{"content":" you"},"finish_reason":"stop"}]}` + "\n\n"
	usage  = `data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}` + "\n\n"
	done   = "data: [DONE]\n\n"
)

var prompt = tutor.Prompt{System: tutor.SystemPrompt, Question: "What is a noun?"}

// answers sends body with a status and headers.
func answers(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// thenCut sends body and drops the connection.
func thenCut(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, body)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// thenStall sends body and falls silent.
func thenStall(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, body)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
}

func provider(t *testing.T, h http.Handler, set func(*llm.Endpoint)) *llm.Provider {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Start()
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	e := llm.Endpoint{Name: "test", BaseURL: s.URL + "/v1", Key: "k", Model: "m", FirstToken: 5 * time.Second, Idle: 5 * time.Second}
	if set != nil {
		set(&e)
	}
	return llm.New(e)
}

func TestAnswer(t *testing.T) {
	comments := strings.Repeat(": OPENROUTER PROCESSING\n\n", 310)
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		want    tutor.FailureKind // empty: an answer
		message string            // part of the error
	}{
		{"a finish_reason makes an answer, with the usage that follows", answers(200, hi+finish+usage+done), "", ""},
		{"an answer counts even when the connection drops after the finish_reason", thenCut(hi + finish), "", ""},
		{"310 keep-alive comments do not end the answer", answers(200, comments+hi+finish+done), "", ""},
		{"a stream cut cleanly before the finish_reason is no answer", answers(200, hi), tutor.Cut, ""},
		{"[DONE] without a finish_reason is no answer", answers(200, hi+done), tutor.Cut, ""},
		{"a dropped connection is no answer", thenCut(hi), tutor.Cut, ""},
		{"a log-in page with status 200 is no answer", answers(200, "<html>Please log in</html>", "Content-Type", "text/html"), tutor.Cut, ""},
		{"an error inside the stream is no answer", answers(200, hi+`data: {"error":{"message":"Overloaded","type":"overloaded_error","code":529}}`+"\n\n"), tutor.Busy, "Overloaded"},
		{"429 is busy", answers(429, `{"error":{"message":"Rate limit","type":"requests","code":"rate_limit_exceeded"}}`, "Retry-After", "7"), tutor.Busy, "Rate limit"},
		{"402 is for the operator", answers(402, `{"error":{"code":402,"message":"Insufficient credits"}}`), tutor.Denied, "Insufficient"},
		{"401 is for the operator", answers(401, `{"error":{"message":"bad key"}}`), tutor.Denied, ""},
		{"an error as an array keeps its message", answers(400, `[{"error":{"code":400,"message":"API key not valid","status":"INVALID_ARGUMENT"}}]`), tutor.Rejected, "API key not valid"},
		{"an error as a string keeps status and message", answers(400, `{"error":"bad model"}`), tutor.Rejected, "bad model"},
		{"502 with HTML is unreachable", answers(502, "<html>Bad gateway</html>"), tutor.Unreachable, "502"},
		{"503 is busy", answers(503, `{"error":{"message":"later"}}`), tutor.Busy, ""},
		{"a content filter is moderation", answers(200, hi+`data: {"choices":[{"index":0,"delta":{},"finish_reason":"content_filter"}]}`+"\n\n"+done), tutor.Moderated, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := provider(t, c.handler, nil).Answer(t.Context(), prompt)
			if c.want == "" {
				if err != nil || got.Text != "Hi you" || got.Model != "m-7" {
					t.Errorf("%v, %+v", err, got)
				}
				return
			}
			var f *tutor.Failure
			if !errors.As(err, &f) || f.Kind != c.want || !strings.Contains(f.Error(), c.message) {
				t.Errorf("got %v, %+v", err, got)
			}
		})
	}
	t.Run("tokens are counted from the chunk without choices", func(t *testing.T) {
		if got, err := provider(t, answers(200, hi+finish+usage+done), nil).Answer(t.Context(), prompt); err != nil || got.Tokens != 5 {
			t.Errorf("%v, %+v", err, got)
		}
	})
	t.Run("Retry-After reaches the caller", func(t *testing.T) {
		var f *tutor.Failure
		_, err := provider(t, answers(429, `{"error":{"message":"x"}}`, "Retry-After", "7"), nil).Answer(t.Context(), prompt)
		if !errors.As(err, &f) || f.RetryAfter != 7*time.Second {
			t.Errorf("got %+v", f)
		}
	})
	t.Run("silence before the first token ends the call", func(t *testing.T) {
		timesOut(t, provider(t, thenStall(""), func(e *llm.Endpoint) { e.FirstToken = 30 * time.Millisecond }), t.Context())
	})
	t.Run("silence between tokens ends the call", func(t *testing.T) {
		timesOut(t, provider(t, thenStall(hi), func(e *llm.Endpoint) { e.Idle = 30 * time.Millisecond }), t.Context())
	})
	t.Run("the caller's deadline ends the call", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		timesOut(t, provider(t, thenStall(hi), nil), ctx)
	})
	t.Run("a healthy stream may take longer than the first-token limit", func(t *testing.T) {
		slow := func(w http.ResponseWriter, _ *http.Request) {
			for range 6 {
				_, _ = io.WriteString(w, hi)
				_ = http.NewResponseController(w).Flush()
				time.Sleep(60 * time.Millisecond)
			}
			_, _ = io.WriteString(w, finish)
		}
		if _, err := provider(t, http.HandlerFunc(slow), func(e *llm.Endpoint) { e.FirstToken = 250 * time.Millisecond }).Answer(t.Context(), prompt); err != nil {
			t.Error(err)
		}
	})
	t.Run("a refused connection is unreachable", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		_, err = llm.New(llm.Endpoint{Name: "x", BaseURL: "http://" + l.Addr().String(), Model: "m"}).Answer(t.Context(), prompt)
		var f *tutor.Failure
		if !errors.As(err, &f) || f.Kind != tutor.Unreachable {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the request has the key, the constant part first and no id", func(t *testing.T) {
		var path, auth string
		var body bytes.Buffer
		p := provider(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			path, auth = r.URL.Path, r.Header.Get("Authorization")
			_, _ = io.Copy(&body, r.Body)
			_, _ = io.WriteString(w, hi+finish+done)
		}), func(e *llm.Endpoint) { e.BaseURL += "/" })
		if _, err := p.Answer(t.Context(), prompt); err != nil {
			t.Fatal(err)
		}
		var sent struct {
			Messages []struct{ Role, Content string }
			Stream   bool
			User     string
		}
		if err := json.Unmarshal(body.Bytes(), &sent); err != nil {
			t.Fatal(err)
		}
		if path != "/v1/chat/completions" || auth != "Bearer k" || !sent.Stream || sent.User != "" || sent.Messages[0].Content != tutor.SystemPrompt {
			t.Errorf("path %s, sent %+v", path, sent)
		}
	})
}

func timesOut(t *testing.T, p *llm.Provider, ctx context.Context) { //nolint:revive // ctx after the thing under test reads better here
	t.Helper()
	_, err := p.Answer(ctx, prompt)
	var f *tutor.Failure
	if !errors.As(err, &f) || f.Kind != tutor.TimedOut {
		t.Errorf("got %v", err)
	}
}

func TestSettings(t *testing.T) {
	full := llm.Settings{Order: []string{"groq", "custom", "openai", "groq"}, CustomURL: "http://127.0.0.1:9/llm/v1/", CustomModel: "m",
		GroqKey: "g", GroqURL: "https://api.groq.com/openai/v1", GroqModel: "l", OpenAIURL: "https://api.openai.com/v1", OpenAIModel: "o"}
	t.Run("only endpoints with a key are asked, in the operator's order", func(t *testing.T) {
		got, err := llm.Routes(full, logging.Discard())
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, r := range got {
			names = append(names, r.Provider.Name())
			if !r.Hosted {
				t.Errorf("%s is not marked as hosted", r.Provider.Name())
			}
		}
		if fmt.Sprint(names) != "[groq custom]" {
			t.Errorf("got %v", names)
		}
	})
	t.Run("a bad URL is refused without repeating it", func(t *testing.T) {
		bad := full
		bad.CustomURL = "ftp://secret@host"
		if _, err := llm.Endpoints(bad); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an unknown name in the order is refused", func(t *testing.T) {
		if _, err := llm.Endpoints(llm.Settings{Order: []string{"hal"}}); err == nil {
			t.Error("accepted")
		}
	})
}

func TestSimulator(t *testing.T) {
	sim := &llmsim.Server{}
	p := provider(t, sim, func(e *llm.Endpoint) { e.Idle = 50 * time.Millisecond })
	asked := tutor.Prompt{System: tutor.SystemPrompt, Question: "What is photosynthesis?",
		Passages: []tutor.Passage{{LessonTitle: "How plants feed", Quote: "Plants make food from light."}}}
	t.Run("it answers the same each time, from the lesson, and says that it is simulated", func(t *testing.T) {
		first, err := p.Answer(t.Context(), asked)
		if err != nil {
			t.Fatal(err)
		}
		second, err := p.Answer(t.Context(), asked)
		if err != nil || first.Text != second.Text || first.Tokens == 0 {
			t.Errorf("%v, %+v, %+v", err, first, second)
		}
		for _, want := range []string{llmsim.Label, "What is photosynthesis?", "Plants make food from light."} {
			if !strings.Contains(first.Text, want) {
				t.Errorf("no %q in %q", want, first.Text)
			}
		}
		if len(sim.Requests()) != 2 {
			t.Errorf("%d requests", len(sim.Requests()))
		}
	})
	for fault, want := range map[llmsim.Fault]tutor.FailureKind{
		llmsim.Limit: tutor.Busy, llmsim.Broken: tutor.Unreachable, llmsim.Portal: tutor.Cut, llmsim.Cut: tutor.Cut,
		llmsim.NoFinish: tutor.Cut, llmsim.InStream: tutor.Busy, llmsim.Stall: tutor.TimedOut, llmsim.Filter: tutor.Moderated,
	} {
		t.Run("it fails as told: "+string(fault), func(t *testing.T) {
			sim.Fail(fault, 1)
			var f *tutor.Failure
			if _, err := p.Answer(t.Context(), asked); !errors.As(err, &f) || f.Kind != want {
				t.Errorf("got %v", err)
			}
			if _, err := p.Answer(t.Context(), asked); err != nil {
				t.Errorf("after the fault: %v", err)
			}
		})
	}
	t.Run("faults and requests are reached over HTTP", func(t *testing.T) {
		s := httptest.NewServer(http.StripPrefix("/llm", sim))
		defer s.Close()
		resp, err := http.Post(s.URL+"/llm/v1/faults", "application/json", strings.NewReader(`{"fault":"500","times":1}`))
		if err != nil || resp.StatusCode != http.StatusNoContent {
			t.Fatalf("%v, %v", err, resp)
		}
		_ = resp.Body.Close()
		resp, err = http.Get(s.URL + "/llm/v1/requests")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		var got []json.RawMessage
		if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || len(got) == 0 {
			t.Errorf("%v, %d requests", err, len(got))
		}
		if _, err := p.Answer(t.Context(), asked); err == nil {
			t.Error("the fault was not set")
		}
	})
}
