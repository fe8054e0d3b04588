package api

import (
	"io/fs"
	"path"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/compress"
)

// sitePolicy is the content security policy of the web app.
const sitePolicy = "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; connect-src 'self'; script-src 'self'; " +
	"object-src 'none'; base-uri 'self'; frame-ancestors 'none'; form-action 'self'"

// Machine addresses never fall back to the web app's page.
var notPages = []string{"/api/", "/sync/", "/packs/", "/hk/", "/media/", "/openapi", "/health", "/metrics", "/.well-known/", "/apidocs/", "/assets/"}

// MountSite serves the web app from files, after every other route: files by
// name, and index.html for every other page a browser asks for, so that deep
// links can be reloaded.
func (a *API) MountSite(files fs.FS) {
	a.App.Use(compress.New(compress.Config{Level: compress.LevelBestSpeed}))
	a.App.Use(func(c *fiber.Ctx) error {
		if c.Method() != fiber.MethodGet && c.Method() != fiber.MethodHead {
			return fiber.ErrNotFound
		}
		name := strings.TrimPrefix(path.Clean(c.Path()), "/")
		if name == "" {
			name = "index.html"
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			if isMachine(c.Path()) || path.Ext(name) != "" {
				return fiber.ErrNotFound
			}
			name = "index.html"
			if body, err = fs.ReadFile(files, name); err != nil {
				return fiber.ErrNotFound
			}
		}
		c.Set(fiber.HeaderContentSecurityPolicy, sitePolicy)
		if strings.HasPrefix(name, "assets/") { // names carry a hash of the content
			c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
		} else {
			c.Set(fiber.HeaderCacheControl, "no-cache")
		}
		c.Type(strings.TrimPrefix(path.Ext(name), "."), "utf-8")
		return c.Send(body)
	})
}

func isMachine(p string) bool {
	for _, prefix := range notPages {
		if strings.HasPrefix(p, prefix) {
			return true
		}
	}
	return false
}
