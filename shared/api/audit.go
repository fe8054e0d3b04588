package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/logging"
)

// Auditor keeps the log of who did what (audit.Log).
type Auditor interface {
	Write(ctx context.Context, e audit.Entry) error
}

// watched tells whether everything that a person changes is noted: of admins,
// staff, and those with a duty at their school.
func watched(who identity.Actor) bool {
	return who.Role == identity.Admin || who.Role == identity.Staff || len(who.Duties) > 0
}

// changes tells whether a method is one that changes something.
func changes(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch || method == http.MethodDelete
}

// fromWhom describes the sender for the notes of this request.
func fromWhom(c *fiber.Ctx, request string, who identity.Actor) audit.Request {
	return audit.Request{
		ID: request, IP: AddressOf(c.UserContext()), UserAgent: c.Get(fiber.HeaderUserAgent),
		Actor: string(who.Account), Role: string(who.Role), School: string(who.School),
	}
}

// note writes down a request that changed something, or was refused, unless the
// use-case has noted more exactly what it did. It comes after the use-case's
// transaction: a box that dies in between loses the note, not the work.
func (a *API) note(c *fiber.Ctx, failure error) {
	ctx := c.UserContext()
	who := ActorOf(ctx)
	op, known := a.ops[c.Method()+" "+c.Route().Path]
	if a.opts.Audit == nil || !op.Export && (!changes(c.Method()) || !watched(who)) || who.Account == "" {
		return
	}
	status := c.Response().StatusCode()
	if failure != nil {
		status = statusOf[fault.KindOf(failure)]
		if fe, ok := errors.AsType[*fiber.Error](failure); ok {
			status = fe.Code
		}
	}
	if !known || audit.Noted(ctx) && status < http.StatusBadRequest {
		return
	}
	e := audit.Entry{Action: "request." + op.ID, School: string(who.School), Status: status}
	if names := c.Route().Params; len(names) > 0 {
		e.TargetKind, e.TargetID = names[0], c.Params(names[0])
	}
	if status < http.StatusBadRequest {
		e.After = a.submitted(op, c.Body())
	}
	if err := a.opts.Audit.Write(ctx, e); err != nil {
		a.opts.Log.Error("note a request", logging.Request(RequestID(ctx)), logging.Err(err))
	}
}

// submitted is the part of a request's body that its operation declares. What
// was misspelt stays out: it may be a password.
func (a *API) submitted(op Op, body []byte) any {
	var plain map[string]any
	if json.Unmarshal(body, &plain) != nil {
		return nil
	}
	item := a.Huma.OpenAPI().Paths[op.Path]
	if item == nil {
		return nil
	}
	of := map[string]*huma.Operation{http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete}[op.Method]
	if of == nil || of.RequestBody == nil || of.RequestBody.Content["application/json"] == nil {
		return nil
	}
	return a.declared(of.RequestBody.Content["application/json"].Schema, plain)
}

func (a *API) declared(s *huma.Schema, v any) any {
	for s != nil && s.Ref != "" {
		s = a.Huma.OpenAPI().Components.Schemas.SchemaFromRef(s.Ref)
	}
	switch v := v.(type) {
	case map[string]any:
		if s == nil || len(s.Properties) == 0 {
			return "…"
		}
		out := map[string]any{}
		for name, inner := range v {
			if property := s.Properties[name]; property != nil {
				out[name] = a.declared(property, inner)
			}
		}
		return out
	case []any:
		if s == nil || s.Items == nil {
			return "…"
		}
		for i := range v {
			v[i] = a.declared(s.Items, v[i])
		}
		return v
	default:
		return v
	}
}

// fiberPath turns huma's /users/{id} into Fiber's /users/:id.
func fiberPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}
