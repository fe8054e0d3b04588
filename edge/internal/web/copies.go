package web

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	safety "urbanhomeschool.org/uhs/edge/internal/copy"
	"urbanhomeschool.org/uhs/shared/api"
)

// MountCopies keeps the encrypted copies of neighbours' boxes here. Only boxes
// call it, so its errors are bare statuses.
func MountCopies(a *api.API, shelf *safety.Shelf) {
	g := a.App.Group(safety.NeighbourPath, func(c *fiber.Ctx) error {
		token, ok := strings.CutPrefix(c.Get(fiber.HeaderAuthorization), "Bearer ")
		if !ok || !shelf.Admits(token) {
			return c.SendStatus(http.StatusUnauthorized)
		}
		return c.Next()
	})
	g.Get("", func(c *fiber.Ctx) error {
		all, err := shelf.Chains(c.UserContext())
		return answered(c, append([]string{}, all...), err)
	})
	g.Get("/:chain", func(c *fiber.Ctx) error {
		all, err := shelf.Segments(c.UserContext(), c.Params("chain"))
		return answered(c, append([]uint64{}, all...), err)
	})
	g.Delete("/:chain", func(c *fiber.Ctx) error {
		below, err := strconv.ParseUint(c.Query("below"), 10, 64)
		if err != nil {
			return c.SendStatus(http.StatusBadRequest)
		}
		return answered(c, nil, shelf.Drop(c.UserContext(), c.Params("chain"), below))
	})
	g.Get("/:chain/:seq", func(c *fiber.Ctx) error {
		seq, ok := segmentNumber(c)
		if !ok {
			return c.SendStatus(http.StatusBadRequest)
		}
		data, err := shelf.Get(c.UserContext(), c.Params("chain"), seq)
		if err != nil {
			return answered(c, nil, err)
		}
		c.Set(fiber.HeaderContentType, fiber.MIMEOctetStream)
		return c.Send(data)
	})
	g.Put("/:chain/:seq", func(c *fiber.Ctx) error {
		seq, ok := segmentNumber(c)
		if !ok || !safety.ValidChain(c.Params("chain")) {
			return c.SendStatus(http.StatusBadRequest)
		}
		return answered(c, nil, shelf.Put(c.UserContext(), c.Params("chain"), seq, c.BodyRaw()))
	})
}

func segmentNumber(c *fiber.Ctx) (uint64, bool) {
	seq, err := strconv.ParseUint(c.Params("seq"), 10, 64)
	return seq, err == nil && seq > 0 && seq < 1e12
}

func answered(c *fiber.Ctx, body any, err error) error {
	switch {
	case err == nil && body == nil:
		return c.SendStatus(http.StatusNoContent)
	case err == nil:
		return c.JSON(body)
	case errors.Is(err, safety.ErrAbsent):
		return c.SendStatus(http.StatusNotFound)
	case errors.Is(err, safety.ErrThere):
		return c.SendStatus(http.StatusConflict)
	case errors.Is(err, safety.ErrTooLong):
		return c.SendStatus(http.StatusRequestEntityTooLarge)
	case errors.Is(err, safety.ErrNoRoom):
		return c.SendStatus(http.StatusInsufficientStorage)
	case safety.IsDamaged(err):
		return c.SendStatus(http.StatusUnprocessableEntity)
	}
	var t *safety.Trouble
	if errors.As(err, &t) && t.Code == safety.Full {
		return c.SendStatus(http.StatusInsufficientStorage)
	}
	return err
}
