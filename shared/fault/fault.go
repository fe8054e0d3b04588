// Package fault is the one error type that crosses a boundary: a kind that
// decides the HTTP status and whether a retry can help, a short message a
// person may read, a stable code the web app translates, and a hint for the
// operator that is logged and never shown.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what sort of failure it is. The zero value is Internal, so that an
// unknown error never reveals itself.
type Kind int

// The kinds, with the HTTP status the api package gives them.
const (
	Internal        Kind = iota // 500, logged once with a request id
	Invalid                     // 422, the input breaks a rule
	Malformed                   // 400, the input cannot be read
	Unauthenticated             // 401
	Forbidden                   // 403, the role may never do this
	NotFound                    // 404, also for objects of other people
	Conflict                    // 409, the state has moved on
	Gone                        // 410, used or expired for good
	TooLarge                    // 413
	TooMany                     // 429
	Unavailable                 // 503, try again later
)

// Field is one invalid input: Loc is its path, e.g. ["body", "amount"].
type Field struct {
	Type string
	Loc  []string
	Msg  string
}

// Error is a failure with a kind and a message for the person.
type Error struct {
	Kind    Kind
	Message string
	// Code is stable and translatable, e.g. "wrong_pin". Empty: by kind.
	Code string
	// Hint is for the operator's log.
	HintText string
	Fields   []Field
	Cause    error
	// Wait is how long to wait before it makes sense to ask again; 0: not said.
	Wait time.Duration
}

// New makes an error with a message for the person.
func New(kind Kind, message string) *Error { return &Error{Kind: kind, Message: message} }

// Newf is New with formatting. Never format submitted values into it.
func Newf(kind Kind, format string, args ...any) *Error {
	return New(kind, fmt.Sprintf(format, args...))
}

// WithCode returns e with the translatable code set.
func (e *Error) WithCode(code string) *Error { c := *e; c.Code = code; return &c }

// Hint returns e with a text for the operator.
func (e *Error) Hint(text string) *Error { c := *e; c.HintText = text; return &c }

// Because returns e with its cause, which is logged and never shown.
func (e *Error) Because(err error) *Error { c := *e; c.Cause = err; return &c }

// After returns e with how long to wait; the person's program is told as Retry-After.
func (e *Error) After(d time.Duration) *Error { c := *e; c.Wait = d; return &c }

// At returns e with one more invalid field; loc is its path below the body.
func (e *Error) At(msg string, loc ...string) *Error {
	c := *e
	c.Fields = append(append([]Field{}, e.Fields...), Field{Type: "value_error", Loc: append([]string{"body"}, loc...), Msg: msg})
	return &c
}

// Error implements error; it is for logs and includes cause and hint.
func (e *Error) Error() string {
	s := e.Message
	if e.HintText != "" {
		s += " (" + e.HintText + ")"
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is makes two faults equal when kind and code are, so that package-level
// values such as identity.ErrWrongPIN can be compared after At or Hint.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind && t.Code == e.Code && (t.Code != "" || t.Message == e.Message)
}

// KindOf is the kind of err, Internal when it is not a fault.
func KindOf(err error) Kind {
	if f, ok := errors.AsType[*Error](err); ok {
		return f.Kind
	}
	return Internal
}
