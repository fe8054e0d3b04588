package accounts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/picture"
)

// Limits of pictures: what a person may send, and what is kept of it.
const (
	MaxPicture = 5 << 20
	avatarSide = 256
	quality    = 85
)

// square is the middle of a picture as side by side pixels, each the average of
// those it stands for. Transparent places become white.
func square(img image.Image, side int) *image.RGBA {
	b := img.Bounds()
	edge := min(b.Dx(), b.Dy())
	left, top := b.Min.X+(b.Dx()-edge)/2, b.Min.Y+(b.Dy()-edge)/2
	out := image.NewRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			x0, x1 := left+x*edge/side, left+max((x+1)*edge/side, x*edge/side+1)
			y0, y1 := top+y*edge/side, top+max((y+1)*edge/side, y*edge/side+1)
			out.SetRGBA(x, y, average(img, image.Rect(x0, y0, x1, y1)))
		}
	}
	return out
}

func average(img image.Image, r image.Rectangle) color.RGBA {
	var red, green, blue, n uint64
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			rr, gg, bb, aa := img.At(x, y).RGBA()
			white := 0xffff - uint64(aa)
			red, green, blue, n = red+uint64(rr)+white, green+uint64(gg)+white, blue+uint64(bb)+white, n+1
		}
	}
	to8 := func(sum uint64) uint8 { return uint8(sum / n >> 8) }
	return color.RGBA{to8(red), to8(green), to8(blue), 0xff}
}

// redraw gives the JPEG of what draw makes of a picture: nothing hidden in the
// file, and no place where it was taken, remains.
func (s *Service) redraw(ctx context.Context, raw []byte, draw func(image.Image) image.Image) ([]byte, error) {
	if len(raw) > MaxPicture {
		return nil, ErrPicture
	}
	var b bytes.Buffer
	err := s.desk.Read(ctx, raw, func(img image.Image) error { return jpeg.Encode(&b, draw(img), &jpeg.Options{Quality: quality}) })
	if errors.Is(err, picture.ErrUnreadable) {
		return nil, ErrPicture
	}
	return b.Bytes(), err
}

// SetAvatar keeps a picture of the actor, cut to a small square, and gives its
// address.
func (s *Service) SetAvatar(ctx context.Context, who identity.Actor, raw []byte) (string, error) {
	if who.Account == "" {
		return "", identity.ErrNobody
	}
	small, err := s.redraw(ctx, raw, func(img image.Image) image.Image { return square(img, avatarSide) })
	if err != nil {
		return "", err
	}
	// A new address each time: the old one is in caches.
	name := id.Secret(16)
	url := "/api/v1/avatars/" + name
	err = s.o.DB.Update(ctx, func(tx db.Tx) error {
		if _, err := tx.Exec(ctx, upsertAvatar, name, who.Account, small, s.now()); err != nil {
			return err
		}
		return s.o.People.SetAvatar(ctx, tx, who.Account, url)
	})
	if err != nil {
		return "", fmt.Errorf("keep a picture: %w", err)
	}
	return url, nil
}

// RemoveAvatar deletes the actor's picture.
func (s *Service) RemoveAvatar(ctx context.Context, who identity.Actor) error {
	if who.Account == "" {
		return identity.ErrNobody
	}
	err := s.o.DB.Update(ctx, func(tx db.Tx) error {
		if _, err := tx.Exec(ctx, deleteAvatar, who.Account); err != nil {
			return err
		}
		return s.o.People.SetAvatar(ctx, tx, who.Account, "")
	})
	if err != nil {
		return fmt.Errorf("remove a picture: %w", err)
	}
	return nil
}

// Avatar is the JPEG at an address, which is random: who knows it may see it.
func (s *Service) Avatar(ctx context.Context, name string) ([]byte, error) {
	var img []byte
	err := s.o.DB.View(ctx, func(tx db.Tx) error {
		var err error
		img, err = db.First(ctx, tx, selectAvatar, db.Scalar[[]byte], name)
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		return nil, ErrNoSuchFile
	}
	return img, err
}
