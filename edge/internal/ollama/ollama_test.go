package ollama_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"urbanhomeschool.org/uhs/edge/internal/ollama"
	"urbanhomeschool.org/uhs/shared/tutor"
)

const (
	hi   = `{"message":{"role":"assistant","content":"Hi"}}` + "\n"
	done = `{"message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":2}` + "\n"
)

var prompt = tutor.Prompt{System: tutor.SystemPrompt, Question: "What is a noun?"}

// server answers /api/chat as told; the rest as Ollama would.
func server(t *testing.T, chat http.HandlerFunc, capabilities string, set func(*ollama.Config)) *ollama.Provider {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "Ollama is running") })
	mux.HandleFunc("/api/show", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"capabilities":[`+capabilities+`]}`)
	})
	mux.HandleFunc("/api/chat", chat)
	s := httptest.NewUnstartedServer(mux)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Start()
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	cfg := ollama.Config{URL: s.URL, Model: "m"}
	if set != nil {
		set(&cfg)
	}
	p, err := ollama.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func thenStall(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, body)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
}

func kindOf(err error) tutor.FailureKind {
	if f, ok := errors.AsType[*tutor.Failure](err); ok {
		return f.Kind
	}
	return ""
}

func TestAnswer(t *testing.T) {
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		want    tutor.FailureKind // empty: an answer
	}{
		{"a Done chunk makes an answer", answers(200, hi+done), ""},
		{"an answer cut at its length limit is complete", answers(200, hi+strings.Replace(done, "stop", "length", 1)), ""},
		{"a stream cut cleanly before Done is no answer", answers(200, hi), tutor.Cut},
		{"a dropped connection is no answer", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, hi)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, tutor.Cut},
		{"an empty 500 is no answer", answers(500, ""), tutor.Cut},
		{"a model that was only unloaded is no answer", answers(200, strings.Replace(done, "stop", "unload", 1)), tutor.Cut},
		{"an error line after some text is no answer", answers(200, hi+`{"error":"llama runner terminated"}`+"\n"), tutor.Cut},
		{"a page instead of a stream is no answer", answers(200, "<html>log in</html>"), tutor.Cut},
		{"404 is rejected", answers(404, `{"error":"model 'm' not found"}`), tutor.Rejected},
		{"401 is for the operator", answers(401, `{"error":"unauthorized"}`), tutor.Denied},
		{"503 is busy", answers(503, `{"error":"server busy, please try again.  maximum pending requests exceeded"}`), tutor.Busy},
		{"502 with HTML is unreachable", answers(502, "<html>bad</html>"), tutor.Unreachable},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := server(t, c.handler, "", nil).Answer(t.Context(), prompt)
			if kindOf(err) != c.want || (c.want == "" && (err != nil || got.Text != "Hi" || got.Tokens != 5)) {
				t.Errorf("got %v, %+v", err, got)
			}
		})
	}
	t.Run("silence before the first token ends the call", func(t *testing.T) {
		p := server(t, thenStall(""), "", func(c *ollama.Config) { c.FirstToken = 30 * time.Millisecond })
		if _, err := p.Answer(t.Context(), prompt); kindOf(err) != tutor.TimedOut {
			t.Errorf("got %v", err)
		}
	})
	t.Run("silence between tokens ends the call", func(t *testing.T) {
		p := server(t, thenStall(hi), "", func(c *ollama.Config) { c.Idle = 30 * time.Millisecond })
		if _, err := p.Answer(t.Context(), prompt); kindOf(err) != tutor.TimedOut {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the caller's deadline ends the call", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := server(t, thenStall(hi), "", nil).Answer(ctx, prompt); kindOf(err) != tutor.TimedOut {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a server that is not there is noticed at once", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		p, err := ollama.New(ollama.Config{URL: "http://" + l.Addr().String(), Model: "m"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Answer(t.Context(), prompt); kindOf(err) != tutor.Unreachable {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a server that accepts and says nothing does not hold the learner up", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		p, err := ollama.New(ollama.Config{URL: "http://" + l.Addr().String(), Model: "m"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := p.Answer(ctx, prompt); kindOf(err) == "" || ctx.Err() != nil {
			t.Errorf("got %v, waited for the caller's deadline: %v", err, ctx.Err() != nil)
		}
	})
}

func TestRequest(t *testing.T) {
	var bodies []string
	record := func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		bodies = append(bodies, string(b))
		_, _ = io.WriteString(w, hi+done)
	}
	t.Run("threads, context, length and keep-alive are sent, the constant part first", func(t *testing.T) {
		p := server(t, record, `"completion"`, func(c *ollama.Config) { c.Threads = 3 })
		for range 2 {
			if _, err := p.Answer(t.Context(), prompt); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range []string{`"num_thread":3`, `"num_ctx":2048`, `"num_predict":300`, `"keep_alive":"30m0s"`} {
			if !strings.Contains(bodies[0], want) {
				t.Errorf("no %s in %s", want, bodies[0])
			}
		}
		first, _, _ := strings.Cut(bodies[0], `"role":"user"`)
		if !strings.HasPrefix(bodies[1], first) || !strings.Contains(first, "The Bird") || strings.Contains(bodies[0], `"think"`) {
			t.Errorf("prefix %s", first)
		}
	})
	t.Run("a model that can think is told not to", func(t *testing.T) {
		bodies = nil
		if _, err := server(t, record, `"completion","thinking"`, nil).Answer(t.Context(), prompt); err != nil || !strings.Contains(bodies[0], `"think":false`) {
			t.Errorf("%v, sent %v", err, bodies)
		}
	})
	t.Run("warming reads the constant part and makes one token", func(t *testing.T) {
		bodies = nil
		if err := server(t, record, "", nil).Warm(t.Context()); err != nil || !strings.Contains(bodies[0], `"num_predict":1`) || !strings.Contains(bodies[0], "The Bird") {
			t.Errorf("%v, sent %v", err, bodies)
		}
	})
}

func TestNew(t *testing.T) {
	for name, cfg := range map[string]ollama.Config{
		"an address that is no URL is refused":                     {URL: "localhost", Model: "m"},
		"a missing model is refused":                               {URL: "http://127.0.0.1:1"},
		"a cloud model is refused: it would leave the school":      {URL: "http://127.0.0.1:1", Model: "gpt-oss:120b-cloud"},
		"a cloud model by its tag is refused: it would leave, too": {URL: "http://127.0.0.1:1", Model: "x:cloud"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ollama.New(cfg); err == nil {
				t.Error("accepted")
			}
		})
	}
}
