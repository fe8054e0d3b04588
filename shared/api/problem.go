package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/logging"
)

// Problem is every error answer: RFC 9457 with the members of UHS v1
// (status_code, path, errors) and a code the web app translates.
type Problem struct {
	Title      string         `json:"title" doc:"Short name of the status."`
	Status     int            `json:"status"`
	Detail     string         `json:"detail" doc:"What happened, for a person."`
	StatusCode int            `json:"status_code"`
	Path       string         `json:"path,omitempty"`
	Code       string         `json:"code,omitempty" doc:"Stable name of this error, for translation."`
	RequestID  string         `json:"request_id,omitempty"`
	Errors     []ProblemField `json:"errors,omitempty"`

	wait time.Duration // becomes Retry-After
}

// ProblemField is one invalid input; it never carries the submitted value.
type ProblemField struct {
	Type string   `json:"type"`
	Loc  []string `json:"loc"`
	Msg  string   `json:"msg"`
}

// Error implements error; it holds nothing that was submitted.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header {
	if p.wait <= 0 {
		return nil
	}
	return http.Header{"Retry-After": {retryAfter(p.wait)}}
}

// ContentType implements huma's content type filter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// newProblem replaces huma.NewError. Message and location of a detail stay, so
// that a form can mark the right field; the value goes.
func newProblem(status int, msg string, errs ...error) huma.StatusError {
	for _, err := range errs {
		if p, ok := errors.AsType[*Problem](err); ok {
			return p
		}
	}
	p := &Problem{Title: http.StatusText(status), Status: status, StatusCode: status, Detail: msg}
	switch status {
	case http.StatusUnprocessableEntity:
		p.Code, p.Detail = "invalid", "Some of the input is not valid."
	case http.StatusBadRequest:
		p.Code, p.Detail = "malformed", "The request could not be read."
	case http.StatusRequestEntityTooLarge:
		p.Code, p.Detail = "too_large", "The request is too large."
	case http.StatusUnsupportedMediaType:
		p.Code, p.Detail = "malformed", "The request could not be read."
	case http.StatusInternalServerError:
		p.Detail = "Internal error."
		return p
	}
	for _, err := range errs {
		var d huma.ErrorDetailer
		if errors.As(err, &d) {
			detail := d.ErrorDetail()
			p.Errors = append(p.Errors, ProblemField{Type: "value_error", Loc: locate(detail.Location), Msg: plain(detail.Message)})
		}
	}
	return p
}

// plain cuts off what a parser adds to "expected string to be ...": it may quote the
// input.
func plain(message string) string {
	if strings.HasPrefix(message, "expected string to be") {
		message, _, _ = strings.Cut(message, ":")
	}
	return message
}

// locate cuts huma's "body.items[3].tags" into its parts.
func locate(location string) []string {
	parts := strings.FieldsFunc(location, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
	for i, part := range parts {
		if !ownName.MatchString(part) { // a key of a map, which the sender chose
			parts[i] = "*"
		}
	}
	return parts
}

// ownName is a name as our documents have them, or a place in a list.
var ownName = regexp.MustCompile(`^(?:[a-z][a-z0-9_]{0,39}|\d{1,6})$`)

var statusOf = map[fault.Kind]int{
	fault.Internal: http.StatusInternalServerError, fault.Invalid: http.StatusUnprocessableEntity, fault.Malformed: http.StatusBadRequest,
	fault.Unauthenticated: http.StatusUnauthorized, fault.Forbidden: http.StatusForbidden, fault.NotFound: http.StatusNotFound,
	fault.Conflict: http.StatusConflict, fault.Gone: http.StatusGone, fault.TooLarge: http.StatusRequestEntityTooLarge,
	fault.TooMany: http.StatusTooManyRequests, fault.Unavailable: http.StatusServiceUnavailable,
}

// problem turns any error into an answer. An unknown error reaches the person
// as "Internal error." with the request id, and the log once.
func (a *API) problem(ctx context.Context, path string, err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	request := RequestID(ctx)
	var d huma.ErrorDetailer
	if errors.As(err, &d) { // it holds the submitted value, and so does its text
		detail := d.ErrorDetail()
		err = fault.New(fault.Invalid, "Some of the input is not valid.").WithCode("invalid").At(plain(detail.Message), locate(detail.Location)...)
	}
	var f *fault.Error
	if !errors.As(err, &f) {
		f = fault.New(fault.Internal, "Internal error.").Because(err)
	}
	status := statusOf[f.Kind]
	if f.Kind == fault.Internal {
		catch(ctx, err)
		a.opts.Log.Error("request failed", logging.Request(request), slog.String("path", path), logging.Err(err))
		f = fault.New(fault.Internal, "Internal error.")
	} else if f.Cause != nil || f.HintText != "" {
		a.opts.Log.Info("request refused", logging.Request(request), slog.String("path", path), logging.Err(fmt.Errorf("%w", err)))
	}
	p := &Problem{Title: http.StatusText(status), Status: status, StatusCode: status, Detail: f.Message, Code: f.Code, RequestID: request, wait: f.Wait}
	p.Path, _ = ctx.Value(pathKey{}).(string)
	for _, field := range f.Fields {
		p.Errors = append(p.Errors, ProblemField{Type: field.Type, Loc: field.Loc, Msg: field.Msg})
	}
	return p
}
