package tutor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Provider is a model that answers. Answer returns an error unless the model
// said that its text is complete; a partial text is never an answer. Errors
// carry a *Failure where the cause is known.
type Provider interface {
	// Name is for the operator and for the answer's source, e.g. "groq".
	Name() string
	Answer(ctx context.Context, p Prompt) (Reply, error)
}

// Turn is an earlier question or answer of the conversation.
type Turn struct {
	// Role is "user" or "assistant".
	Role, Text string
}

// Prompt is what a provider gets: words only, no id of a person.
type Prompt struct {
	// System is the same bytes every time, so that a local model can keep it
	// computed; everything that varies comes after it.
	System   string
	Turns    []Turn
	Passages []Passage
	Question string
}

// Message is one entry of a chat request.
type Message struct {
	Role, Content string
}

// Messages is the prompt as chat messages: the constant part first, what varies
// last.
func (p Prompt) Messages() []Message {
	out := make([]Message, 0, len(p.Turns)+2)
	out = append(out, Message{"system", p.System})
	for _, t := range p.Turns {
		out = append(out, Message{t.Role, t.Text})
	}
	var b strings.Builder
	for i, s := range p.Passages {
		fmt.Fprintf(&b, "Lesson extract %d, from %q: %s\n", i+1, s.LessonTitle, s.Quote)
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	b.WriteString("Question: " + p.Question)
	return append(out, Message{"user", b.String()})
}

// SystemPrompt opens every prompt. It is short because a school box reads about
// 40 tokens in a second, and constant because a prefix that was read once is
// free the next time.
const SystemPrompt = `You are The Bird, a patient tutor for school children in Kenya (CBC, PP1 to Grade 12).
Answer in the language of the question, English or Kiswahili, in short plain sentences a child can read.
Use the lesson extracts when they fit and say so. If you do not know, say so; never invent facts.
Help the learner think: give a hint or a worked example, then one short question back. Do not simply do homework.
Never ask for names, places, photos or contacts. Refuse anything unsafe for a child and suggest asking a teacher.`

// Reply is a complete answer of a model.
type Reply struct {
	Text  string
	Model string
	// Tokens is prompt and answer together; 0 when the provider did not say.
	Tokens int
}

// FailureKind decides what happens after a failed call.
type FailureKind string

// The kinds of failure.
const (
	Unreachable FailureKind = "unreachable" // no connection, 5xx
	Busy        FailureKind = "busy"        // 429, 503: later
	TimedOut    FailureKind = "timeout"
	Cut         FailureKind = "cut"       // ended without saying that it is complete
	Denied      FailureKind = "denied"    // key, credit or permission: the operator's
	Rejected    FailureKind = "rejected"  // the request was refused, e.g. unknown model
	Moderated   FailureKind = "moderated" // the provider's own safety rule
	QueueFull   FailureKind = "queue_full"
	Resting     FailureKind = "resting" // failed repeatedly, not tried for a while
)

// Failure is a failed call.
type Failure struct {
	Kind FailureKind
	// RetryAfter is what the provider asked for; 0 when it did not.
	RetryAfter time.Duration
	Err        error
}

// Error implements error.
func (f *Failure) Error() string {
	if f.Err == nil {
		return string(f.Kind)
	}
	return string(f.Kind) + ": " + f.Err.Error()
}

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

// failureOf classifies any error of a provider.
func failureOf(err error) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &Failure{Kind: TimedOut, Err: err}
	}
	return &Failure{Kind: Unreachable, Err: err}
}
