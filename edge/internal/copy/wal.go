package copy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// The format of the write-ahead log: https://www.sqlite.org/fileformat2.html#walformat
const (
	walHeaderSize   = 32
	frameHeaderSize = 24
	walMagic        = 0x377f0682 // the last bit set: checksums are big-endian
)

// walHead is the header of one life of the log: each reset gives new salts.
type walHead struct {
	order    binary.ByteOrder
	pageSize int
	resets   uint32
	salts    [8]byte
	sum      [2]uint32
}

// readWALHead reads the header; ok is false when there is no valid one: the log
// is empty, or is being reset.
func readWALHead(r io.ReaderAt) (h walHead, ok bool, err error) {
	var b [walHeaderSize]byte
	if _, err := r.ReadAt(b[:], 0); errors.Is(err, io.EOF) {
		return h, false, nil
	} else if err != nil {
		return h, false, err
	}
	magic := binary.BigEndian.Uint32(b[0:])
	if magic&^1 != walMagic {
		return h, false, nil
	}
	h.order = binary.LittleEndian
	if magic&1 == 1 {
		h.order = binary.BigEndian
	}
	h.pageSize = int(binary.BigEndian.Uint32(b[8:]))
	h.resets = binary.BigEndian.Uint32(b[12:])
	h.salts = [8]byte(b[16:24])
	h.sum = walSum(h.order, [2]uint32{}, b[:24])
	ok = validPageSize(h.pageSize) && h.sum == [2]uint32{binary.BigEndian.Uint32(b[24:]), binary.BigEndian.Uint32(b[28:])}
	return h, ok, nil
}

func validPageSize(n int) bool { return n >= 512 && n <= 65536 && n&(n-1) == 0 }

// walSum is the log's running checksum; len(b) is a multiple of 8.
func walSum(order binary.ByteOrder, s [2]uint32, b []byte) [2]uint32 {
	for ; len(b) >= 8; b = b[8:] {
		s[0] += order.Uint32(b) + s[1]
		s[1] += order.Uint32(b[4:]) + s[0]
	}
	return s
}

// walReader follows the commits of one life of the log.
type walReader struct {
	head walHead
	next int64 // offset after the last commit
	sum  [2]uint32
	last [frameHeaderSize]byte // the header of the last commit's frame
}

func newWALReader(h walHead) *walReader {
	return &walReader{head: h, next: walHeaderSize, sum: h.sum}
}

// frameSize is a frame with its header.
func (w *walReader) frameSize() int64 { return int64(frameHeaderSize + w.head.pageSize) }

// unchanged tells whether the commit this reader stands at is still there: a
// commit that failed at its fsync is written over.
func (w *walReader) unchanged(r io.ReaderAt) (bool, error) {
	if w.next == walHeaderSize {
		return true, nil
	}
	var b [frameHeaderSize]byte
	_, err := r.ReadAt(b[:], w.next-w.frameSize())
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	return bytes.Equal(b[:], w.last[:]), err
}

// follow reads the frames that were committed since and calls page for each with
// the offset of its content.
func (w *walReader) follow(r io.ReaderAt, page func(number uint32, at int64)) error {
	type seen struct {
		number uint32
		at     int64
	}
	var open []seen // frames of a transaction whose end was not seen
	buf := make([]byte, w.frameSize())
	at, sum := w.next, w.sum
	for {
		if _, err := r.ReadAt(buf, at); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if !bytes.Equal(buf[8:16], w.head.salts[:]) {
			return nil // of an earlier life
		}
		sum = walSum(w.head.order, walSum(w.head.order, sum, buf[:8]), buf[frameHeaderSize:])
		number := binary.BigEndian.Uint32(buf)
		if number == 0 || sum != [2]uint32{binary.BigEndian.Uint32(buf[16:]), binary.BigEndian.Uint32(buf[20:])} {
			return nil // not written to its end
		}
		open = append(open, seen{number, at + frameHeaderSize})
		at += int64(len(buf))
		if binary.BigEndian.Uint32(buf[4:]) == 0 {
			continue
		}
		for _, s := range open {
			page(s.number, s.at)
		}
		open = open[:0]
		w.next, w.sum, w.last = at, sum, [frameHeaderSize]byte(buf[:frameHeaderSize])
	}
}
