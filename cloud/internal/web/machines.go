// Package web has the routes that only the cloud serves: the boxes' own
// addresses, and the admin's schools and fleet.
package web

import (
	"encoding/json"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"urbanhomeschool.org/uhs/cloud/internal/fleet"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/syncer/httpcarrier"
	"urbanhomeschool.org/uhs/syncproto"
)

// boxKey is where a verified request keeps its appliance.
const boxKey = "appliance"

// Signed lets only requests pass that an active appliance has signed.
func Signed(f *fleet.Service) fiber.Handler {
	return func(c *fiber.Ctx) error {
		box, err := f.Authenticate(c.UserContext(), c.Get(httpcarrier.ApplianceHeader), c.Get(httpcarrier.SignatureHeader), c.Method(), c.OriginalURL(), c.BodyRaw())
		if err != nil {
			return err
		}
		c.Locals(boxKey, box)
		return c.Next()
	}
}

// Known lets requests pass that any box of a school has signed, also one that
// lost its place: what it may do is for the use-case to say.
func Known(f *fleet.Service) fiber.Handler {
	return func(c *fiber.Ctx) error {
		box, err := f.Recognise(c.UserContext(), fleet.Signed{Appliance: c.Get(httpcarrier.ApplianceHeader), Signature: c.Get(httpcarrier.SignatureHeader),
			Method: c.Method(), URI: c.OriginalURL(), Body: c.BodyRaw()})
		if err != nil {
			return err
		}
		c.Locals(boxKey, box)
		return c.Next()
	}
}

func boxOf(c *fiber.Ctx) fleet.Appliance {
	box, _ := c.Locals(boxKey).(fleet.Appliance)
	return box
}

// readJSON reads a body as it was sent. c.Body and c.BodyParser would unpack it
// first, whatever it unpacks to, and boxes compress nothing here.
func readJSON(c *fiber.Ctx, limit int, in any) error {
	if body := c.BodyRaw(); len(body) > limit || json.Unmarshal(body, in) != nil {
		return errBody
	}
	return nil
}

// maxSmall bounds a claim or a request for an epoch.
const maxSmall = 16 << 10

var errBody = fault.New(fault.Malformed, "The request could not be read.").WithCode("malformed")

// MountMachines adds what boxes call: claim, a new epoch, and sync messages over
// HTTPS.
func MountMachines(a *api.API, f *fleet.Service) {
	a.App.Post(syncproto.ClaimPath, func(c *fiber.Ctx) error {
		var in syncproto.ClaimRequest
		if err := readJSON(c, maxSmall, &in); err != nil {
			return err
		}
		out, err := f.Claim(c.UserContext(), in)
		if err != nil {
			return err
		}
		return c.JSON(out)
	})
	a.App.Post(syncproto.MovedPath, Known(f), func(c *fiber.Ctx) error {
		var in syncproto.MovedReport
		if err := readJSON(c, maxSmall, &in); err != nil {
			return err
		}
		if err := f.Moved(c.UserContext(), boxOf(c), in); err != nil {
			return err
		}
		return c.JSON(struct{}{})
	})
	a.App.Post(syncproto.EpochPath, Known(f), func(c *fiber.Ctx) error {
		var in syncproto.EpochRequest
		if err := readJSON(c, maxSmall, &in); err != nil {
			return err
		}
		out, err := f.Renew(c.UserContext(), boxOf(c), in)
		if err != nil {
			return err
		}
		return c.JSON(out)
	})
	a.App.Get(syncproto.RecoveryPath, Signed(f), func(c *fiber.Ctx) error {
		out, err := f.Recovery(c.UserContext(), boxOf(c))
		if err != nil {
			return err
		}
		return c.JSON(out)
	})
	a.App.Get(syncproto.RecipientPath, Signed(f), func(c *fiber.Ctx) error { return c.JSON(f.Recipient()) })
	mountSnapshots(a, f)
	a.App.Post(httpcarrier.Path, Known(f), func(c *fiber.Ctx) error {
		epoch, err := strconv.ParseInt(c.Query("epoch"), 10, 64)
		if err != nil {
			return errBody
		}
		in, err := httpcarrier.DecodeBatch(c.BodyRaw())
		if err != nil {
			return errBody
		}
		f.Spare(boxOf(c).School, c.Query(httpcarrier.UrgentQuery) == "1")
		out, err := f.Exchange(c.UserContext(), boxOf(c), epoch, in)
		if err != nil {
			return err
		}
		body, err := httpcarrier.EncodeBatch(out)
		if err != nil {
			return err
		}
		c.Set(fiber.HeaderContentType, httpcarrier.ContentType)
		return c.Send(body)
	})
}
