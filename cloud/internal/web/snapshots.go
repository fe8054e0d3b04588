package web

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"urbanhomeschool.org/uhs/cloud/internal/fleet"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/syncproto"
)

// mountSnapshots adds the snapshot of a box's own school: the signed manifest,
// and the parts by hash, with ranges.
func mountSnapshots(a *api.API, f *fleet.Service) {
	a.App.Post(syncproto.SnapshotPath, Signed(f), func(c *fiber.Ctx) error {
		var in syncproto.SnapshotRequest
		if err := readJSON(c, maxSmall, &in); err != nil {
			return err
		}
		out, err := f.Snapshot(c.UserContext(), boxOf(c), in)
		if err != nil {
			return err
		}
		if out.Building {
			c.Status(http.StatusAccepted)
		}
		return c.JSON(out)
	})
	a.App.Post(syncproto.DigestPath, Signed(f), func(c *fiber.Ctx) error {
		var in syncproto.DigestRequest
		if err := readJSON(c, maxDigest, &in); err != nil {
			return err
		}
		out, err := f.Digest(c.UserContext(), boxOf(c), in)
		if err != nil {
			return err
		}
		return c.JSON(out)
	})
	a.App.Get(syncproto.SnapshotPartPath+":sha256", Signed(f), func(c *fiber.Ctx) error {
		path, ok := f.SnapshotPart(boxOf(c), c.Params("sha256"))
		if !ok {
			return fiber.ErrNotFound
		}
		c.Set(fiber.HeaderContentType, fiber.MIMEOctetStream)
		err := api.SendFile(c, path)
		c.Set(fiber.HeaderCacheControl, "private, no-store") // children's records
		return err
	})
}

// maxDigest bounds a comparison.
const maxDigest = 2 << 20
