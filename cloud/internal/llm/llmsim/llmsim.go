// Package llmsim simulates a hosted model for the demo and for tests: it speaks
// /chat/completions as a stream with finish_reason and usage. Its text is built
// from the prompt, is the same every time, and says that it is simulated.
//
// POST .../faults {"fault": "...", "times": n} makes the next n calls fail;
// GET .../requests lists the bodies of the calls so far, so that a test can see
// that no name was sent.
package llmsim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Fault is a way in which a call can fail.
type Fault string

// The faults.
const (
	Limit    Fault = "429"        // too many requests, with Retry-After: 1
	Broken   Fault = "500"        // an error page
	Portal   Fault = "portal"     // 200 with the log-in page of a mobile network
	Cut      Fault = "cut"        // the connection ends in the middle
	NoFinish Fault = "no_finish"  // ends cleanly without finish_reason
	InStream Fault = "in_stream"  // an error event after some text
	Stall    Fault = "stall"      // falls silent
	Filter   Fault = "moderation" // refused for safety
)

// Label opens every answer.
const Label = "[Simulated model]"

// Server is the simulator. The zero value is ready.
type Server struct {
	mu       sync.Mutex
	fault    Fault
	times    int
	requests []json.RawMessage
}

// mostKept is how many requests are kept for GET .../requests.
const mostKept = 1000

// Fail makes the next n calls fail.
func (s *Server) Fail(f Fault, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.times = f, n
}

// Requests are the bodies of the calls so far.
func (s *Server) Requests() []json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]json.RawMessage{}, s.requests...)
}

// ServeHTTP implements http.Handler under any prefix.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/chat/completions"):
		s.chat(w, r)
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/faults"):
		var in struct {
			Fault Fault `json:"fault"`
			Times int   `json:"times"`
		}
		if err := json.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&in); err != nil {
			http.Error(w, "want {fault, times}", http.StatusBadRequest)
			return
		}
		s.Fail(in.Fault, in.Times)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/requests"):
		answerJSON(w, s.Requests())
	case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/models"):
		answerJSON(w, map[string]any{"object": "list", "data": []map[string]string{{"id": "simulated", "object": "model"}}})
	default:
		http.NotFound(w, r)
	}
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) //nolint:errchkjson // texts and numbers: it fails only when the client has gone
}

// call is a chat request, as far as the simulator reads it.
type call struct {
	Model    string `json:"model"`
	Messages []struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	} `json:"messages"`
}

func (s *Server) chat(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	var c call
	if err != nil || json.Unmarshal(body, &c) != nil || len(c.Messages) == 0 {
		w.WriteHeader(http.StatusBadRequest)
		answerJSON(w, map[string]any{"error": map[string]string{"message": "messages are required", "type": "invalid_request_error"}})
		return
	}
	switch fault := s.take(body); fault {
	case Limit:
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		answerJSON(w, map[string]any{"error": map[string]string{"message": "Rate limit", "type": "requests", "code": "rate_limit_exceeded"}})
	case Broken:
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, "<html>Internal error</html>")
	case Portal:
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html><body>Please log in to buy a data bundle</body></html>")
	default:
		stream(w, r, c, fault)
	}
}

// take notes the request and gives the fault it meets.
func (s *Server) take(body []byte) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) < mostKept {
		s.requests = append(s.requests, json.RawMessage(body))
	}
	if s.times <= 0 {
		return ""
	}
	s.times--
	return s.fault
}

// stream sends the answer word by word, up to the fault.
func stream(w http.ResponseWriter, r *http.Request, c call, fault Fault) {
	w.Header().Set("Content-Type", "text/event-stream")
	words := strings.SplitAfter(Text(c.Messages[len(c.Messages)-1].Content), " ")
	send := func(v any) {
		b, err := json.Marshal(v)
		if err != nil {
			return // maps of strings and numbers always encode
		}
		_, _ = fmt.Fprintf(w, "data: %s\n\n", b)
		_ = http.NewResponseController(w).Flush()
	}
	chunk := func(text string, finish any) map[string]any {
		return map[string]any{"id": "sim", "object": "chat.completion.chunk", "model": c.Model,
			"choices": []map[string]any{{"index": 0, "delta": map[string]string{"content": text}, "finish_reason": finish}}}
	}
	for i, word := range words {
		if i == len(words)/2 && fault != "" {
			breakOff(r, fault, send, chunk)
			return
		}
		send(chunk(word, nil))
	}
	send(chunk("", "stop"))
	prompt := 0
	for _, m := range c.Messages {
		prompt += len(strings.Fields(m.Content))
	}
	send(map[string]any{"id": "sim", "model": c.Model, "choices": []any{},
		"usage": map[string]int{"prompt_tokens": prompt, "completion_tokens": len(words), "total_tokens": prompt + len(words)}})
	_, _ = io.WriteString(w, "data: [DONE]\n\n")
}

func breakOff(r *http.Request, fault Fault, send func(any), chunk func(string, any) map[string]any) {
	switch fault {
	case InStream:
		send(map[string]any{"error": map[string]any{"message": "Overloaded", "type": "overloaded_error", "code": 529}})
	case Filter:
		send(chunk("", "content_filter"))
	case Stall:
		select {
		case <-r.Context().Done():
		case <-time.After(time.Minute):
		}
	case Cut:
		panic(http.ErrAbortHandler) // the server's way to drop a connection
	default: // NoFinish: just end
	}
}

// Text is the answer to the last message of a prompt: the same every time.
func Text(message string) string {
	question, extract := message, ""
	if _, after, ok := strings.Cut(message, "Question: "); ok {
		question = after
	}
	if _, after, ok := strings.Cut(message, "Lesson extract 1, from "); ok {
		extract, _, _ = strings.Cut(after, "\n")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s You asked: “%s” ", Label, strings.TrimSpace(question))
	if extract != "" {
		fmt.Fprintf(&b, "Your lesson %s Read that once more and find the words that answer you. ", strings.TrimSpace(extract))
	}
	b.WriteString("Work in small steps: say what you know, draw it or write an example, then check it. What is the first thing you know about it?")
	return b.String()
}
