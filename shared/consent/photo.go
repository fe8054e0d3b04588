package consent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/picture"
)

// Limits of a photo of a form: what is taken, and what is kept of it.
const (
	MaxPhoto    = 6 << 20
	keptSide    = 1600 // pixels; a page of A4 is still read
	keptQuality = 70
)

// Errors of photos.
var (
	ErrBadPhoto = invalid("bad_photo", "This is not a photo that can be read.", "photo")
	ErrNoPhoto  = fault.New(fault.NotFound, "There is no photo of this form here.").WithCode("no_photo")
)

// AddPhoto keeps the picture of a signed form and gives the name under which a
// consent refers to it; for instructors of the learner's school and admins. The
// picture is made anew from its pixels: place, camera and anything hidden in the
// file are gone. It stays on this node.
func (s *Service) AddPhoto(ctx context.Context, who identity.Actor, learner identity.AccountID, raw []byte) (name string, err error) {
	if err := who.Require(identity.Instructor, identity.Admin); err != nil {
		return "", err
	}
	see := func(tx db.Tx) error { return s.o.People.MaySee(ctx, tx, who, learner) }
	if err := s.o.DB.View(ctx, see); err != nil { // before the work of making it small
		return "", fmt.Errorf("keep the photo of a form: %w", err)
	}
	kept, err := s.reencode(ctx, raw)
	if err != nil {
		return "", err
	}
	name = nameOf(learner, kept)
	err = s.o.DB.Update(ctx, func(tx db.Tx) error {
		if err := see(tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, insertPhoto, name, string(learner), kept, string(who.Account), s.now())
		return err
	})
	if err != nil {
		return "", fmt.Errorf("keep the photo of a form: %w", err)
	}
	return name, nil
}

// nameOf names a picture after the child and the pixels: one form of two children
// is two photos, and no name of one says anything of the other.
func nameOf(learner identity.AccountID, kept []byte) string {
	sum := sha256.Sum256(append([]byte(learner+"\x00"), kept...))
	return hex.EncodeToString(sum[:])
}

// HasForm tells whether name is a photo of a form of this learner, on this node. It
// is asked before a consent refers to it.
func HasForm(ctx context.Context, tx db.Tx, learner identity.AccountID, name string) (bool, error) {
	n, err := db.First(ctx, tx, countPhoto, db.Scalar[int], name, string(learner))
	return n > 0, err
}

// Photo gives the picture of a form as JPEG, to those who may see the learner but
// not to learners. ErrNoPhoto when it is on another node.
func (s *Service) Photo(ctx context.Context, who identity.Actor, learner identity.AccountID, hash string) (out []byte, err error) {
	if err := who.Require(identity.Parent, identity.Instructor, identity.Admin); err != nil {
		return nil, err
	}
	err = s.o.DB.View(ctx, func(tx db.Tx) error {
		if err := s.o.People.MaySee(ctx, tx, who, learner); err != nil {
			return err
		}
		out, err = db.First(ctx, tx, selectPhoto, db.Scalar[[]byte], hash, string(learner))
		if errors.Is(err, db.ErrNoRows) {
			return ErrNoPhoto
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the photo of a form: %w", err)
	}
	return out, nil
}

// reencode makes a small JPEG of any picture that can be read.
func (s *Service) reencode(ctx context.Context, raw []byte) ([]byte, error) {
	if len(raw) == 0 || len(raw) > MaxPhoto {
		return nil, ErrBadPhoto
	}
	var out bytes.Buffer
	err := s.desk.Read(ctx, raw, func(in image.Image) error { return jpeg.Encode(&out, shrink(in), &jpeg.Options{Quality: keptQuality}) })
	if errors.Is(err, picture.ErrUnreadable) {
		return nil, ErrBadPhoto
	}
	return out.Bytes(), err
}

// shrink brings the longer side to keptSide, each new pixel the mean of those it
// stands for. Forms are black on white: grey keeps the writing at a third.
func shrink(in image.Image) image.Image {
	b := in.Bounds()
	factor := max(1, float64(max(b.Dx(), b.Dy()))/keptSide)
	out := image.NewGray(image.Rect(0, 0, max(1, int(float64(b.Dx())/factor)), max(1, int(float64(b.Dy())/factor))))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			x0, x1 := b.Min.X+int(float64(x)*factor), b.Min.X+int(float64(x+1)*factor)
			y0, y1 := b.Min.Y+int(float64(y)*factor), b.Min.Y+int(float64(y+1)*factor)
			out.SetGray(x, y, mean(in, image.Rect(x0, y0, max(x1, x0+1), max(y1, y0+1)).Intersect(b)))
		}
	}
	return out
}

func mean(in image.Image, r image.Rectangle) color.Gray {
	sum, n := 0, 0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			g, ok := color.GrayModel.Convert(in.At(x, y)).(color.Gray)
			if ok {
				sum += int(g.Y)
				n++
			}
		}
	}
	return color.Gray{Y: uint8(sum / max(1, n))}
}
