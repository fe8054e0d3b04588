package web

import (
	"context"
	"errors"
	"io/fs"

	"github.com/gofiber/fiber/v2"

	"urbanhomeschool.org/uhs/cloud/internal/bundles"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/syncer/bundle"
)

// MountCarry lets anybody hand over what a school's box wrote, and take along
// the receipt and the file for the way back. None of it needs an account: what
// comes is signed by the box, what goes opens for the box alone.
func MountCarry(a *api.API, s *bundles.Service) {
	api.MountHandOver(a, s.Desk(), func(ctx context.Context, u bundle.Upload) (string, *api.CarryFile, error) {
		receipt := "/carry/receipt/" + u.Bundle
		b, ok, err := s.Back(ctx, u)
		if err != nil || !ok {
			return receipt, nil, err
		}
		return receipt, &api.CarryFile{URL: "/carry/back/" + u.Bundle, Name: b.Name, Size: b.Size, Records: b.Records, MadeAt: b.At}, nil
	})
	api.MountDownload(a, "/carry/back/:secret", s.OpenBack)
	a.App.Get("/carry/receipt/:bundle", func(c *fiber.Ctx) error {
		text, err := s.Receipt(c.UserContext(), c.Params("bundle"))
		if errors.Is(err, fs.ErrNotExist) {
			return fiber.ErrNotFound
		}
		if err != nil {
			return err
		}
		c.Set(fiber.HeaderContentType, "text/plain; charset=utf-8")
		c.Set(fiber.HeaderContentDisposition, `attachment; filename="receipt.txt"`)
		return c.SendString(text)
	})
}
