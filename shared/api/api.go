// Package api is the HTTP face of the shared domain: huma on Fiber v2, OpenAPI
// 3.1 made from the handlers, RFC 9457 problems, access tokens. One file per
// domain mounts that domain's routes; which domains are mounted is the
// binary's choice.
//
// The rule that surprises: an error never repeats what was submitted, because
// a misspelt field of a login would send the password back and into logs.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"
	recovery "github.com/gofiber/fiber/v2/middleware/recover"

	"urbanhomeschool.org/uhs/shared/access"
	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/limit"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/mishap"
)

// Options are what a binary gives the API.
type Options struct {
	Name, Version, Environment string
	// Verify turns an access token into an actor.
	Verify func(ctx context.Context, token string) (identity.Actor, error)
	// Healthy reports on the database for /health.
	Healthy func(ctx context.Context) error
	// Audit keeps what those with power change; optional.
	Audit Auditor
	// Powers are what a person may do beside the table of permissions; optional.
	Powers func(ctx context.Context, who identity.Actor) (access.Powers, error)
	// Mishaps keeps failures of ours; optional.
	Mishaps Mishaps
	Log     *slog.Logger
	// Limits of requests in a minute.
	Limits Limits
	// Proxies in front of this service, whose word about the sender is believed.
	Proxies []netip.Prefix
	// Origins are the other web sites whose pages may call the API; usually none.
	Origins []string
	// HSTS tells browsers to stay with https. Never at a school: its certificate runs
	// out when the internet is away for long, and then http is all there is.
	HSTS bool
	// HeaderTime is how long a request's headers may take; 10 s when it is 0. A body
	// may take twelve times as long.
	HeaderTime time.Duration
}

// API is the application with its routes.
type API struct {
	App  *fiber.App
	Huma huma.API

	opts    Options
	routes  []Route
	ops     map[string]Op // by method and Fiber's path
	limiter *limit.Limiter
}

// Route is one registered operation, for the golden list of routes.
type Route struct {
	Method, Path string
	Public       bool
	Roles        []identity.Role
	// ID is the operation's; Need what opens it, without a feature when nobody has
	// said so (access.Operations).
	ID   string
	Need access.Need
}

// Op describes an operation. Path is the full path. Public needs no token;
// otherwise Need, or what access.Operations has for the ID, says who may call,
// and Roles narrows that to the roles for which it makes sense. Status defaults
// to 200, MaxBody (bytes) to 1 MiB.
type Op struct {
	ID, Method, Path, Summary, Tag string
	Need                           access.Need
	Roles                          []identity.Role
	Public                         bool
	// Limited is open to those too who must set up a second factor first.
	Limited bool
	// Secret is closed to a child who showed pictures and no secret: what is more than
	// learning, such as settings and exports.
	Secret bool
	// Export gives out data of people as a file: it is noted whoever asks.
	Export bool
	// Files are the content types of an answer that is a file.
	Files   []string
	Status  int
	MaxBody int64
}

// maxRequest is the largest body any route may take; bulk routes of machines
// (sync) need the most.
const maxRequest = 8 << 20

// New makes an application without domain routes.
func New(opts Options) *API {
	scrubErrors()
	a := &API{opts: opts, ops: map[string]Op{}}
	a.App = fiber.New(fiber.Config{
		AppName: opts.Name, Immutable: true, DisableStartupMessage: true, BodyLimit: maxRequest, StreamRequestBody: false,
		ErrorHandler: a.fiberError, ServerHeader: "", ProxyHeader: "",
	})
	a.limiter = a.newLimiter()
	a.bound(a.App.Server())
	a.App.Use(a.prepare)
	a.App.Use(recovery.New(recovery.Config{EnableStackTrace: true, StackTraceHandler: a.panicked}))

	cfg := huma.DefaultConfig(opts.Name, opts.Version)
	cfg.DocsPath, cfg.SchemasPath, cfg.CreateHooks = "", "", nil
	cfg.OpenAPIPath = "/openapi"
	cfg.AllowAdditionalPropertiesByDefault = true
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT"}}
	a.Huma = humafiber.NewV2(a.App, cfg)
	a.mountService()
	return a
}

// Routes lists what was registered.
func (a *API) Routes() []Route { return a.routes }

type actorKey struct{}

type requestKey struct{}

type pathKey struct{}

// ActorOf is who sent the request of ctx; the zero Actor is nobody.
func ActorOf(ctx context.Context) identity.Actor {
	who, _ := ctx.Value(actorKey{}).(identity.Actor)
	return who
}

// RequestID names the request of ctx in logs and problems.
func RequestID(ctx context.Context) string {
	s, _ := ctx.Value(requestKey{}).(string)
	return s
}

// prepare gives every request an id and, when it brings a valid token, an actor.
func (a *API) prepare(c *fiber.Ctx) error {
	request := id.New()
	c.Set("X-Request-Id", request)
	ctx := context.WithValue(c.UserContext(), requestKey{}, request)
	ctx = context.WithValue(ctx, pathKey{}, c.Path())
	at := a.addressOf(c)
	ctx = context.WithValue(ctx, addressKey{}, at.String())
	ctx = context.WithValue(ctx, neighbourhoodKey{}, neighbourhood(at))
	c.SetUserContext(ctx)
	a.headers(c)
	if done, err := a.crossOrigin(c); done || err != nil {
		return err
	}
	// The framework would unpack a body to whatever size it unpacks to, before
	// anybody has looked at it. Nothing that speaks to us compresses requests.
	if packing := c.Get(fiber.HeaderContentEncoding); packing != "" && packing != "identity" {
		return errPacked
	}
	if token, ok := strings.CutPrefix(c.Get(fiber.HeaderAuthorization), "Bearer "); ok && a.opts.Verify != nil {
		who, err := a.opts.Verify(ctx, token)
		if err == nil {
			ctx, err = a.empower(ctx, who)
		}
		if err == nil {
		} else {
			ctx = context.WithValue(ctx, tokenErrorKey{}, err)
		}
	}
	got := &caught{}
	ctx = context.WithValue(ctx, caughtKey{}, got)
	ctx = audit.WithRequest(ctx, fromWhom(c, request, ActorOf(ctx)))
	c.SetUserContext(ctx)
	if err := a.limits(c, at); err != nil {
		return err
	}
	if err := shallow(c); err != nil {
		return err
	}
	err := c.Next()
	a.note(c, err)
	a.tell(c, got, err)
	return err
}

// panicked logs a mistake of ours; the person gets "Internal error.".
func (a *API) panicked(c *fiber.Ctx, e any) {
	if got, ok := c.UserContext().Value(caughtKey{}).(*caught); ok {
		got.kind, got.message, got.place = mishap.Panic, fmt.Sprint(e), placeOf()
	}
	a.opts.Log.Error("a handler panicked", logging.Request(RequestID(c.UserContext())), slog.String("path", c.Path()),
		slog.Any("panic", e), slog.String("stack", string(debug.Stack())))
}

// errPacked answers a compressed request.
var errPacked = fault.New(fault.Malformed, "Compressed requests are not taken.").WithCode("compressed_request")

type tokenErrorKey struct{}

// Register adds an operation. h gets the verified actor; the faults it returns
// become problems.
func Register[I, O any](a *API, op Op, h func(ctx context.Context, who identity.Actor, in *I) (*O, error)) {
	if need, ok := access.NeedOf(op.ID); ok && op.Need.Feature == "" {
		op.Need = need
	}
	a.ops[op.Method+" "+fiberPath(op.Path)] = op
	a.routes = append(a.routes, Route{Method: op.Method, Path: op.Path, Public: op.Public, Roles: op.Roles, ID: op.ID, Need: op.Need})
	hop := huma.Operation{OperationID: op.ID, Method: op.Method, Path: op.Path, Summary: op.Summary, DefaultStatus: op.Status, MaxBodyBytes: op.MaxBody,
		Responses: files(op.Files)}
	if op.Tag != "" {
		hop.Tags = []string{op.Tag}
	}
	if !op.Public {
		hop.Security = []map[string][]string{{"bearer": {}}}
		hop.Errors = append(hop.Errors, http.StatusUnauthorized, http.StatusForbidden)
		// Before the input is read: who may not ask learns nothing about the input.
		hop.Middlewares = huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
			if err := a.admit(ctx.Context(), op); err != nil {
				a.writeProblem(ctx, err)
				return
			}
			next(ctx)
		}}
	}
	huma.Register(a.Huma, hop, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, ActorOf(ctx), in)
		if err != nil {
			return nil, a.problem(ctx, op.Path, err)
		}
		return out, nil
	})
	if listed, ok := hop.Responses[strconv.Itoa(http.StatusUnauthorized)]; ok {
		hop.Responses["default"] = &huma.Response{Description: "Any other refusal", Content: listed.Content}
	}
}

// files documents an answer that is a file of one of these types.
func files(kinds []string) map[string]*huma.Response {
	if len(kinds) == 0 {
		return map[string]*huma.Response{}
	}
	content := map[string]*huma.MediaType{}
	for _, kind := range kinds {
		schema := &huma.Schema{Type: huma.TypeString, Format: "binary"}
		if kind == "application/json" {
			schema = &huma.Schema{Type: huma.TypeObject}
		}
		content[kind] = &huma.MediaType{Schema: schema}
	}
	return map[string]*huma.Response{strconv.Itoa(http.StatusOK): {Description: http.StatusText(http.StatusOK), Content: content}}
}

func (a *API) admit(ctx context.Context, op Op) error {
	if err, ok := ctx.Value(tokenErrorKey{}).(error); ok {
		return err
	}
	who := ActorOf(ctx)
	if who.Limited && !op.Limited {
		return identity.ErrFactorFirst
	}
	if who.OnlyPictures && op.Secret {
		return identity.ErrOnlyPictures
	}
	if who.Account == "" {
		return identity.ErrNobody
	}
	if who.Guardian != "" && !atHome(op) {
		return identity.ErrAtHome
	}
	if len(op.Roles) > 0 {
		if err := who.Require(op.Roles...); err != nil {
			return err
		}
	}
	if op.Need.Feature == "" { // refused by the walk of the routes
		return nil
	}
	powers, _ := ctx.Value(powersKey{}).(access.Powers)
	return access.Admit(who, op.Need, powers)
}

func (a *API) writeProblem(ctx huma.Context, err error) {
	p := a.problem(ctx.Context(), ctx.URL().Path, err)
	if p.wait > 0 {
		ctx.SetHeader("Retry-After", retryAfter(p.wait))
	}
	if werr := huma.WriteErr(a.Huma, ctx, p.Status, p.Detail, p); werr != nil {
		a.opts.Log.Warn("answer a problem", logging.Err(werr))
	}
}

// fiberError answers what Fiber itself refuses: unknown routes, oversized bodies.
func (a *API) fiberError(c *fiber.Ctx, err error) error {
	ctx := c.UserContext()
	if fe, ok := errors.AsType[*fiber.Error](err); ok {
		err = fromStatus(fe.Code)
	}
	p := a.problem(ctx, c.Path(), err)
	p.Path = c.Path()
	if p.wait > 0 {
		c.Set(fiber.HeaderRetryAfter, retryAfter(p.wait))
	}
	return c.Status(p.Status).JSON(p, "application/problem+json")
}

func fromStatus(code int) *fault.Error {
	switch code {
	case http.StatusNotFound:
		return fault.New(fault.NotFound, "There is nothing at this address.").WithCode("no_such_route")
	case http.StatusMethodNotAllowed:
		return fault.New(fault.NotFound, "This address does not take that method.").WithCode("no_such_method")
	case http.StatusRequestEntityTooLarge:
		return fault.New(fault.TooLarge, "The request is too large.").WithCode("too_large")
	default:
		if code >= http.StatusInternalServerError {
			return fault.New(fault.Internal, "Internal error.")
		}
		return fault.New(fault.Malformed, "The request could not be read.").WithCode("malformed")
	}
}

// once guards the one process-wide hook huma has for errors.
var once sync.Once //nolint:gochecknoglobals // huma.NewError is global; it must be replaced exactly once

func scrubErrors() {
	once.Do(func() {
		huma.NewError = newProblem
		huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
			err := newProblem(status, msg, errs...)
			var p *Problem
			if errors.As(err, &p) && p.RequestID == "" {
				p.RequestID = RequestID(ctx.Context())
				p.Path, _ = ctx.Context().Value(pathKey{}).(string)
			}
			return err
		}
	})
}

// mayBeNull says in a document that properties, which are objects, can be null:
// huma has a tag for that on scalars and arrays only.
func mayBeNull(s *huma.Schema, properties ...string) *huma.Schema {
	for _, name := range properties {
		of := *s.Properties[name]
		s.Properties[name] = &huma.Schema{Description: of.Description, OneOf: []*huma.Schema{{Ref: of.Ref}, {Type: "null"}}}
	}
	return s
}
