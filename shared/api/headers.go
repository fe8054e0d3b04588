package api

import (
	"bytes"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"urbanhomeschool.org/uhs/shared/fault"
)

// apiPolicy is the content security policy of everything that is not a page: an
// answer that a browser is tricked into showing can load and run nothing.
const apiPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// permissions of pages: nobody's place, no payment sheet; camera and microphone for
// our own pages only (a photo of a form, a live lesson).
const permissions = "geolocation=(), payment=(), usb=(), serial=(), bluetooth=(), browsing-topics=(), camera=(self), microphone=(self)"

// hstsYear is a year, on all names below ours.
const hstsYear = "max-age=31536000; includeSubDomains"

// headers are on every answer; pages replace the policy with their own.
func (a *API) headers(c *fiber.Ctx) {
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderReferrerPolicy, "same-origin")
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	c.Set(fiber.HeaderContentSecurityPolicy, apiPolicy)
	c.Set(fiber.HeaderPermissionsPolicy, permissions)
	c.Set("Cross-Origin-Opener-Policy", "same-origin")
	c.Set("Cross-Origin-Resource-Policy", "same-origin")
	if strings.HasPrefix(c.Path(), "/api/") {
		// Children's records stay in no cache between us and the page.
		c.Set(fiber.HeaderCacheControl, "no-store")
	}
	if a.opts.HSTS && a.secure(c) {
		c.Set(fiber.HeaderStrictTransportSecurity, hstsYear)
	}
}

var errForeign = fault.New(fault.Forbidden, "Another web site's page may not do this.").WithCode("foreign_origin")

// crossOrigin answers what pages of other web sites ask. Only those of the list
// hear anything, and never with credentials: a token travels in Authorization,
// which the page must have. What would change something is refused to all others,
// though no cookie of ours opens anything (docs/decisions/0021); "null" is what a
// page says that hides where it comes from, and is on no list.
func (a *API) crossOrigin(c *fiber.Ctx) (done bool, err error) {
	origin := c.Get(fiber.HeaderOrigin)
	if origin == "" {
		return false, nil
	}
	c.Vary(fiber.HeaderOrigin)
	known := origin != "null" && slices.Contains(a.opts.Origins, origin)
	if known {
		c.Set(fiber.HeaderAccessControlAllowOrigin, origin)
		c.Set(fiber.HeaderAccessControlExposeHeaders, "X-Request-Id, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After")
		c.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	if c.Method() == fiber.MethodOptions && c.Get(fiber.HeaderAccessControlRequestMethod) != "" {
		if known {
			c.Set(fiber.HeaderAccessControlAllowMethods, "GET, POST, PUT, PATCH, DELETE")
			c.Set(fiber.HeaderAccessControlAllowHeaders, "Authorization, Content-Type")
			c.Set(fiber.HeaderAccessControlMaxAge, strconv.Itoa(int((10 * time.Minute).Seconds())))
		}
		return true, c.SendStatus(fiber.StatusNoContent)
	}
	if !known && changes(c.Method()) && strings.HasPrefix(c.Path(), "/api/") && !ours(origin, c) {
		return false, errForeign
	}
	return false, nil
}

// ours tells whether a page of origin is one that we served: it has the host that
// the request was sent to.
func ours(origin string, c *fiber.Ctx) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, string(c.Request().Host()))
}

// How long a connection may take. Slices of files and frames come over lines of a
// few kilobytes a second; everything else is small.
const (
	headerTime  = 10 * time.Second
	bodyTimes   = 12               // times headerTime for a body
	answerTime  = 10 * time.Minute // an answer of the tutor comes word by word
	fileTime    = 2 * time.Hour
	idleTime    = 3 * time.Minute
	connections = 8192
)

// slow are the addresses where large files come and go.
var slow = []string{"/sync/", "/packs/", "/media/", "/carry", "/api/v1/carry", "/copies", "/assets/", "/apidocs/"}

// bound limits what a connection may cost: a client that sends its headers or its
// body byte by byte, or never reads the answer, is cut off.
func (a *API) bound(s *fasthttp.Server) {
	s.ReadTimeout = headerTime
	if a.opts.HeaderTime > 0 {
		s.ReadTimeout = a.opts.HeaderTime
	}
	s.IdleTimeout = idleTime
	s.WriteTimeout = fileTime
	s.Concurrency = connections
	s.HeaderReceived = func(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
		path := string(h.RequestURI())
		for _, prefix := range slow {
			if strings.HasPrefix(path, prefix) {
				return fasthttp.RequestConfig{ReadTimeout: fileTime, WriteTimeout: fileTime, MaxRequestBodySize: maxRequest}
			}
		}
		return fasthttp.RequestConfig{ReadTimeout: bodyTimes * s.ReadTimeout, WriteTimeout: answerTime, MaxRequestBodySize: maxRequest}
	}
}

// maxDepth is how deep arrays and objects of a body may be nested.
const maxDepth = 40

var errDeep = fault.New(fault.Malformed, "The request could not be read.").WithCode("malformed")

// shallow refuses a JSON body that is nested without end, before it is decoded, and
// text that PostgreSQL cannot keep: the character 0, and bytes that are no UTF-8 in
// an address.
func shallow(c *fiber.Ctx) error {
	if address, err := url.PathUnescape(string(c.Request().URI().FullURI())); err != nil || !utf8.ValidString(address) || strings.ContainsRune(address, 0) {
		return errDeep
	}
	if !changes(c.Method()) || !strings.HasPrefix(c.Path(), "/api/") || strings.HasPrefix(c.Get(fiber.HeaderContentType), "application/octet-stream") {
		return nil
	}
	if body := c.BodyRaw(); depth(body) > maxDepth || bytes.Contains(body, []byte(`\u0000`)) {
		return errDeep
	}
	return nil
}

// depth is the deepest nesting in a JSON text.
func depth(b []byte) (most int) {
	now, quoted, escaped := 0, false, false
	for _, ch := range b {
		switch {
		case escaped:
			escaped = false
		case quoted:
			escaped, quoted = ch == '\\', ch != '"'
		case ch == '"':
			quoted = true
		case ch == '{' || ch == '[':
			now++
			most = max(most, now)
		case ch == '}' || ch == ']':
			now--
		}
	}
	return most
}

// Bare takes away what notes requests and failures, for tests that only look at
// the answers of routes with nothing behind them.
func (a *API) Bare() { a.opts.Audit, a.opts.Mishaps = nil, nil }
