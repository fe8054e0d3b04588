package picture_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/png"
	"testing"

	"urbanhomeschool.org/uhs/shared/picture"
)

// claims is the beginning of a PNG of w times h pixels, and nothing more.
func claims(w, h uint32) []byte {
	head := append([]byte("IHDR"), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)...)
	head = append(head, 8, 0, 0, 0, 0)
	out := binary.BigEndian.AppendUint32([]byte("\x89PNG\r\n\x1a\n"), 13)
	return binary.BigEndian.AppendUint32(append(out, head...), crc32.ChecksumIEEE(head))
}

func TestTheSizeIsReadBeforeThePixels(t *testing.T) {
	never := func(image.Image) error { t.Error("it was unpacked"); return nil }
	for name, x := range map[string]struct {
		raw  []byte
		want error
	}{
		"no picture":            {[]byte("hello"), picture.ErrUnreadable},
		"nothing":               {nil, picture.ErrUnreadable},
		"too many pixels":       {claims(4001, 4000), picture.ErrTooLarge},
		"very many":             {claims(1<<20, 1<<20), picture.ErrTooLarge},
		"as many as are taken":  {claims(4000, 4000), picture.ErrUnreadable}, // the pixels are missing
		"one long line of them": {claims(16_000_001, 1), picture.ErrTooLarge},
	} {
		if err := picture.NewDesk().Read(t.Context(), x.raw, never); !errors.Is(err, x.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPicturesAreReadOneAtATime(t *testing.T) {
	var raw bytes.Buffer
	if err := png.Encode(&raw, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	d := picture.NewDesk()
	err := d.Read(t.Context(), raw.Bytes(), func(in image.Image) error {
		if in.Bounds().Dx() != 3 {
			t.Error(in.Bounds())
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // whoever waits for her turn may give up
		if err := d.Read(ctx, raw.Bytes(), func(image.Image) error { t.Error("two at once"); return nil }); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	done := false
	if err := d.Read(t.Context(), raw.Bytes(), func(image.Image) error { done = true; return nil }); err != nil || !done {
		t.Error("the next one does not get its turn", err)
	}
}
