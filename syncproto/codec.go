package syncproto

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// The clear first byte of every message: how the rest is packed.
const (
	codecRaw  = 0x01
	codecZstd = 0x02
)

var (
	zstdEncoder = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(256<<10), zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic(err)
		}
		return e
	})
	zstdDecoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxExpanded), zstd.WithDecoderMaxWindow(1<<20), zstd.WithDecoderLowmem(true))
		if err != nil {
			panic(err)
		}
		return d
	})
)

// compress gives the smaller of the two forms, behind its codec byte.
func compress(raw []byte) []byte {
	packed := zstdEncoder().EncodeAll(raw, append(make([]byte, 0, len(raw)/2+32), codecZstd))
	if len(packed) < len(raw)+1 {
		return packed
	}
	return append([]byte{codecRaw}, raw...)
}

// expand undoes compress within the limits.
func expand(b []byte, limit int) ([]byte, error) {
	if len(b) == 0 {
		return nil, fmt.Errorf("%w: empty", ErrMalformed)
	}
	if len(b) > limit {
		return nil, fmt.Errorf("%w: %d bytes", ErrTooLarge, len(b))
	}
	switch b[0] {
	case codecRaw:
		return b[1:], nil
	case codecZstd:
		raw, err := zstdDecoder().DecodeAll(b[1:], nil)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", expandKind(err), err)
		}
		if len(raw) > MaxExpanded {
			return nil, fmt.Errorf("%w: expands to %d bytes", ErrTooLarge, len(raw))
		}
		return raw, nil
	default:
		return nil, fmt.Errorf("%w: codec %d", ErrSchema, b[0])
	}
}

func expandKind(err error) error {
	if err == zstd.ErrDecoderSizeExceeded || err == zstd.ErrWindowSizeExceeded { //nolint:errorlint // sentinels of the library, never wrapped
		return ErrTooLarge
	}
	return ErrMalformed
}
