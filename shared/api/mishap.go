package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/gofiber/fiber/v2"

	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/mishap"
)

// Mishaps keeps the log of errors (mishap.Log).
type Mishaps interface {
	Note(ctx context.Context, m mishap.Mishap) error
}

// caught is a failure of ours on its way to the log of errors.
type caught struct {
	kind    mishap.Kind
	message string
	place   string
}

type caughtKey struct{}

// catch remembers an unknown error of the request of ctx.
func catch(ctx context.Context, err error) {
	if c, ok := ctx.Value(caughtKey{}).(*caught); ok && c.kind == "" {
		c.kind, c.message = mishap.Error, err.Error()
	}
}

// tell writes what was caught in this request, without what was submitted.
func (a *API) tell(c *fiber.Ctx, got *caught, failure error) {
	ctx := c.UserContext()
	if got.kind == "" && failure != nil {
		if fe, ok := errors.AsType[*fiber.Error](failure); !ok && fault.KindOf(failure) == fault.Internal || ok && fe.Code >= fiber.StatusInternalServerError {
			catch(ctx, failure)
		}
	}
	if got.kind == "" || a.opts.Mishaps == nil {
		return
	}
	m := mishap.Mishap{
		Kind: got.kind, Method: c.Method(), Route: c.Route().Path, Message: got.message, Place: got.place, RequestID: RequestID(ctx), Submitted: values(c),
	}
	if op, ok := a.ops[c.Method()+" "+c.Route().Path]; ok {
		m.Route = op.Path
	}
	if err := a.opts.Mishaps.Note(ctx, m); err != nil {
		a.opts.Log.Warn("note a failure", logging.Request(RequestID(ctx)), logging.Err(err))
	}
}

// values are all texts and numbers that a request brought.
func values(c *fiber.Ctx) []string {
	var out []string
	for _, v := range c.AllParams() {
		out = append(out, v)
	}
	for _, v := range c.Queries() {
		out = append(out, v)
	}
	var body any
	if json.Unmarshal(c.Body(), &body) == nil {
		out = leaves(body, out)
	} else {
		out = append(out, string(c.Body()))
	}
	return out
}

func leaves(v any, out []string) []string {
	switch v := v.(type) {
	case map[string]any:
		for _, inner := range v {
			out = leaves(inner, out)
		}
	case []any:
		for _, inner := range v {
			out = leaves(inner, out)
		}
	case string:
		out = append(out, v)
	case float64:
		out = append(out, fmt.Sprint(v))
	}
	return out
}

// house begins the names of our own functions.
const house = "urbanhomeschool.org/uhs/"

// placeOf finds our function that panicked in the stack of now: the first of
// ours below the call of panic.
func placeOf() string {
	below := false
	for line := range strings.Lines(string(debug.Stack())) {
		if strings.HasPrefix(line, "panic(") {
			below = true
			continue
		}
		if name, ok := strings.CutPrefix(line, house); ok && below {
			if i := strings.LastIndexByte(name, '('); i > 0 {
				return name[:i]
			}
		}
	}
	return ""
}
