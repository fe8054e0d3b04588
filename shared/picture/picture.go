// Package picture reads the pictures that people send: PNG and JPEG, of a known
// number of pixels, one at a time.
//
// The rule that surprises: a small file can claim a picture that fills the memory,
// and a photo of a good phone is one. So the size is read before the pixels are
// unpacked, and a second picture waits until the first has been made small.
package picture

import (
	"bytes"
	"context"
	"fmt"
	"image"
	_ "image/jpeg" // phones send these,
	_ "image/png"  // and scanners these

	"urbanhomeschool.org/uhs/shared/fault"
)

// MaxPixels is the largest picture that is unpacked: 64 MB in memory. Pages make
// photos small before they send them.
const MaxPixels = 16_000_000

// Errors of pictures.
var (
	ErrUnreadable = fault.New(fault.Invalid, "This is not a PNG or JPEG picture that can be read.").WithCode("bad_picture")
	ErrTooLarge   = fault.New(fault.Invalid, "The picture has more than 16 million pixels.").WithCode("picture_too_large")
)

// Desk is where pictures are read, one at a time.
type Desk struct{ busy chan struct{} }

// NewDesk makes a Desk.
func NewDesk() *Desk { return &Desk{make(chan struct{}, 1)} }

// Read unpacks raw and hands it to use, which shall not keep it: the next picture
// is unpacked when use is done. ErrUnreadable and ErrTooLarge come before.
func (d *Desk) Read(ctx context.Context, raw []byte, use func(image.Image) error) error {
	size, _, err := image.DecodeConfig(bytes.NewReader(raw))
	if err != nil || size.Width < 1 || size.Height < 1 {
		return ErrUnreadable
	}
	if size.Width > MaxPixels/size.Height {
		return ErrTooLarge
	}
	select {
	case d.busy <- struct{}{}:
		defer func() { <-d.busy }()
	case <-ctx.Done():
		return fmt.Errorf("read a picture: %w", ctx.Err())
	}
	in, _, err := image.Decode(bytes.NewReader(raw))
	if err != nil {
		return ErrUnreadable
	}
	return use(in)
}
