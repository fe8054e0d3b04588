package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"urbanhomeschool.org/uhs/shared/identity"
)

// About is the service's own card.
type About struct {
	Name        string `json:"name"`
	Version     string `json:"version"`
	Status      string `json:"status"`
	Environment string `json:"environment"`
	Docs        string `json:"docs"`
	Redoc       string `json:"redoc"`
	API         string `json:"api"`
}

// Health is the answer of /health.
type Health struct {
	Status      string `json:"status"`
	Version     string `json:"version"`
	Environment string `json:"environment"`
	Database    struct {
		Status  string `json:"status"`
		Healthy bool   `json:"healthy"`
	} `json:"database"`
}

type aboutOut struct{ Body About }

type healthOut struct {
	Status int
	Body   Health
}

func (a *API) about() About {
	return About{Name: a.opts.Name, Version: a.opts.Version, Status: "running", Environment: a.opts.Environment, Docs: "/docs", Redoc: "/redoc", API: "/api/v1"}
}

// mountService adds the routes every binary has.
func (a *API) mountService() {
	a.App.Get("/", func(c *fiber.Ctx) error {
		if strings.Contains(c.Get(fiber.HeaderAccept), "text/html") {
			return c.Next()
		}
		return c.JSON(a.about())
	})
	Register(a, Op{ID: "about", Method: http.MethodGet, Path: "/api/v1/", Summary: "What this service is", Tag: "service", Public: true},
		func(context.Context, identity.Actor, *struct{}) (*aboutOut, error) { return &aboutOut{a.about()}, nil })
	Register(a, Op{ID: "health", Method: http.MethodGet, Path: "/health", Summary: "Is it well", Tag: "service", Public: true},
		func(ctx context.Context, _ identity.Actor, _ *struct{}) (*healthOut, error) {
			out := &healthOut{Status: http.StatusOK, Body: Health{Status: "healthy", Version: a.opts.Version, Environment: a.opts.Environment}}
			out.Body.Database.Status, out.Body.Database.Healthy = "connected", true
			if a.opts.Healthy != nil && a.opts.Healthy(ctx) != nil {
				out.Status, out.Body.Status = http.StatusServiceUnavailable, "unhealthy"
				out.Body.Database.Status, out.Body.Database.Healthy = "unreachable", false
			}
			return out, nil
		})
	a.App.Get("/docs", func(c *fiber.Ctx) error { return page(c, swaggerPage) })
	a.App.Get("/redoc", func(c *fiber.Ctx) error { return page(c, redocPage) })
}

// docsPolicy lets Redoc's inline styles and worker run, on these pages only.
const docsPolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; worker-src 'self' blob:; " +
	"object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"

func page(c *fiber.Ctx, html string) error {
	c.Set(fiber.HeaderContentSecurityPolicy, docsPolicy)
	return c.Type("html", "utf-8").SendString(html)
}

const swaggerPage = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Urban Home School API</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="/icon.svg"><link rel="stylesheet" href="/apidocs/swagger-ui.css"></head>
<body><div id="swagger-ui"></div><script src="/apidocs/swagger-ui-bundle.js"></script><script src="/apidocs/swagger-init.js"></script></body></html>`

const redocPage = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Urban Home School API</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="/icon.svg"></head>
<body><redoc spec-url="/openapi.json"></redoc><script src="/apidocs/redoc.standalone.js"></script></body></html>`
