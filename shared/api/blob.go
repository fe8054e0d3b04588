package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Blobs finds files by the hex SHA-256 of their content: *pack.Store.
type Blobs interface {
	// Path is false for anything that is not a hash, or not here.
	Path(sha256 string) (string, bool)
}

// mediaPolicy makes a picture nothing but a picture, also when a browser opens
// it as a page: a drawing (SVG) may not run, load or submit anything.
const mediaPolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

// forever is the cache control of what is named by its content.
const forever = "public, max-age=31536000, immutable"

// MountMedia serves the pictures of courses at /media/<sha256>.<ext>, to anybody:
// an <img> sends no token.
func MountMedia(a *API, blobs Blobs) {
	a.App.Get("/media/:name", func(c *fiber.Ctx) error {
		sha, ext, _ := strings.Cut(c.Params("name"), ".")
		kind, ok := catalogue.MediaType(ext)
		path, found := blobs.Path(sha)
		if !ok || !found {
			return fiber.ErrNotFound
		}
		c.Set(fiber.HeaderContentSecurityPolicy, mediaPolicy)
		c.Set(fiber.HeaderContentType, kind)
		return sendFile(c, path)
	})
}

// MountPacks serves manifests and blobs of course packs by hash, with ranges, to
// whom guard lets pass. What is secret in a pack is encrypted to its licensees.
func MountPacks(a *API, blobs Blobs, guard fiber.Handler) {
	serve := func(c *fiber.Ctx) error {
		path, ok := blobs.Path(c.Params("sha256"))
		if !ok {
			return fiber.ErrNotFound
		}
		c.Set(fiber.HeaderContentType, fiber.MIMEOctetStream)
		return sendFile(c, path)
	}
	a.App.Get("/packs/manifest/:sha256", guard, serve)
	a.App.Get("/packs/blob/:sha256", guard, serve)
}

// slotTime is the longest a transfer holds its slot: one that hangs does not
// keep others out for ever.
const slotTime = 10 * time.Minute

// slotKey is where a request keeps what gives its slot back.
const slotKey = "slot"

// Slots lets n file transfers run at a time; more are told to come again. A slot
// is given back when the file is sent, or the other side is gone.
func Slots(n int) fiber.Handler {
	free := make(chan struct{}, n)
	return func(c *fiber.Ctx) error {
		select {
		case free <- struct{}{}:
		default:
			c.Set(fiber.HeaderRetryAfter, "10")
			return c.SendStatus(http.StatusServiceUnavailable)
		}
		release := sync.OnceFunc(func() { <-free })
		timer := time.AfterFunc(slotTime, release)
		done := func() { timer.Stop(); release() }
		c.Locals(slotKey, done)
		err := c.Next()
		if err != nil || !c.Response().IsBodyStream() {
			done()
		}
		return err
	}
}

// MountDownloads adds the list of licensed courses and how far each is at this
// school's appliance. T is one of them.
func MountDownloads[T any](a *API, list func(ctx context.Context) ([]T, error)) {
	type out struct {
		Body struct {
			Downloads []T `json:"downloads" nullable:"false"`
		}
	}
	Register(a, Op{ID: "list-downloads", Method: http.MethodGet, Path: "/api/v1/downloads", Summary: "Courses on their way to this school",
		Tag: "downloads", Roles: []identity.Role{identity.Instructor, identity.Admin, identity.Staff}},
		func(ctx context.Context, _ identity.Actor, _ *struct{}) (*out, error) {
			all, err := list(ctx)
			o := &out{}
			o.Body.Downloads = all
			return o, err
		})
}

// SendFile answers with the file at path, which the caller trusts, or the one
// range of it asked for.
func SendFile(c *fiber.Ctx, path string) error { return sendFile(c, path) }

// sendFile answers with a file that never changes, or the one range asked for.
func sendFile(c *fiber.Ctx, path string) error {
	f, err := os.Open(path) //nolint:gosec // the store gives only paths of its own blobs
	if err != nil {
		return fmt.Errorf("serve blob: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return fmt.Errorf("serve blob: %w", err)
	}
	c.Set(fiber.HeaderCacheControl, forever)
	c.Set(fiber.HeaderAcceptRanges, "bytes")
	var end io.Closer = f
	if done, ok := c.Locals(slotKey).(func()); ok {
		end = closing{f, done}
	}
	first, last, ok := byteRange(c.Get(fiber.HeaderRange), info.Size())
	if !ok {
		return c.SendStream(part{f, end}, int(info.Size()))
	}
	if first > last {
		_ = f.Close()
		c.Set(fiber.HeaderContentRange, fmt.Sprintf("bytes */%d", info.Size()))
		return c.SendStatus(http.StatusRequestedRangeNotSatisfiable)
	}
	c.Set(fiber.HeaderContentRange, fmt.Sprintf("bytes %d-%d/%d", first, last, info.Size()))
	c.Status(http.StatusPartialContent)
	return c.SendStream(part{io.NewSectionReader(f, first, last-first+1), end}, int(last-first+1))
}

// part is a piece of a file that closes it.
type part struct {
	io.Reader
	io.Closer
}

// closing closes a file and gives its slot back.
type closing struct {
	io.Closer
	done func()
}

// Close implements io.Closer.
func (c closing) Close() error {
	defer c.done()
	return c.Closer.Close()
}

// byteRange reads "bytes=a-", "bytes=a-b" and "bytes=-n" (RFC 9110, 14.1.2);
// anything else, also several ranges, is not ok and gets the whole file. first >
// last says that there is nothing in the range.
func byteRange(header string, size int64) (first, last int64, ok bool) {
	spec, isBytes := strings.CutPrefix(header, "bytes=")
	from, to, hasDash := strings.Cut(spec, "-")
	if !isBytes || !hasDash {
		return 0, 0, false
	}
	n, err := strconv.ParseInt(to, 10, 64)
	if to != "" && (err != nil || n < 0) {
		return 0, 0, false
	}
	if from == "" {
		return max(0, size-n), size - 1, to != ""
	}
	first, err = strconv.ParseInt(from, 10, 64)
	if err != nil || first < 0 || (to != "" && n < first) {
		return 0, 0, false
	}
	if last = size - 1; to != "" {
		last = min(n, last)
	}
	return first, last, true
}
