package syncproto

import (
	"encoding/binary"
	"fmt"
)

// tagUUID is the CBOR tag of a binary UUID (IANA registry, number 37).
const tagUUID = 37

const uuidText = 36

// packUUIDs rewrites every text string that is a UUID in canonical lower-case
// form as tag 37 with 16 bytes. unpackUUIDs undoes it exactly.
func packUUIDs(in []byte) ([]byte, error) {
	out := make([]byte, 0, len(in))
	for i := 0; i < len(in); {
		h, err := head(in, i)
		if err != nil {
			return nil, err
		}
		end := i + h.size
		if h.major == majorText || h.major == majorBytes {
			end += int(h.value)
		}
		if h.major == majorText && h.value == uuidText {
			if u, ok := parseUUID(in[i+h.size : end]); ok {
				out = append(out, 0xd8, tagUUID, 0x50)
				out = append(out, u[:]...)
				i = end
				continue
			}
		}
		out = append(out, in[i:end]...)
		i = end
	}
	return out, nil
}

// unpackUUIDs turns tag 37 back into text. Any other tag is refused later by
// the decoder.
func unpackUUIDs(in []byte) ([]byte, error) {
	out := make([]byte, 0, len(in)+len(in)/4)
	for i := 0; i < len(in); {
		h, err := head(in, i)
		if err != nil {
			return nil, err
		}
		end := i + h.size
		switch {
		case h.major == majorTag && h.value == tagUUID:
			if len(in) < end+17 || in[end] != 0x50 {
				return nil, fmt.Errorf("%w: uuid", ErrMalformed)
			}
			out = append(out, 0x78, uuidText)
			out = appendUUID(out, in[end+1:end+17])
			end += 17
		case h.major == majorText || h.major == majorBytes:
			end += int(h.value)
			out = append(out, in[i:end]...)
		default:
			out = append(out, in[i:end]...)
		}
		if len(out) > 2*MaxExpanded {
			return nil, ErrTooLarge
		}
		i = end
	}
	return out, nil
}

const (
	majorBytes = 2
	majorText  = 3
	majorTag   = 6
)

type itemHead struct {
	major byte
	value uint64
	size  int
}

// head reads the initial bytes of the CBOR item at i (RFC 8949, section 3) and
// checks that the content of a string lies inside the input.
func head(in []byte, i int) (itemHead, error) {
	h := itemHead{major: in[i] >> 5, value: uint64(in[i] & 31), size: 1}
	if n := h.value; n >= 24 {
		if n > 27 { // reserved, or indefinite length, which we forbid
			return h, fmt.Errorf("%w: length", ErrMalformed)
		}
		width := 1 << (n - 24)
		if len(in) < i+1+width {
			return h, fmt.Errorf("%w: short", ErrMalformed)
		}
		var b [8]byte
		copy(b[8-width:], in[i+1:i+1+width])
		h.value, h.size = binary.BigEndian.Uint64(b[:]), 1+width
	}
	if (h.major == majorText || h.major == majorBytes) && h.value > uint64(len(in)-i-h.size) {
		return h, fmt.Errorf("%w: short", ErrMalformed)
	}
	return h, nil
}

// hexDigit gives the value of a lower-case hex digit, 0xff for anything else.
var hexDigit = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range []byte(hexDigits) {
		t[c] = byte(i)
	}
	return t
}()

const hexDigits = "0123456789abcdef"

// uuidDigits is where the two digits of each byte stand in the text.
var uuidDigits = [16]int{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34}

func parseUUID(s []byte) (u [16]byte, ok bool) {
	if s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return u, false
	}
	for i, at := range uuidDigits {
		high, low := hexDigit[s[at]], hexDigit[s[at+1]]
		if high|low > 15 {
			return u, false
		}
		u[i] = high<<4 | low
	}
	return u, true
}

func appendUUID(out, u []byte) []byte {
	var text [uuidText]byte
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	for i, at := range uuidDigits {
		text[at], text[at+1] = hexDigits[u[i]>>4], hexDigits[u[i]&15]
	}
	return append(out, text[:]...)
}

// IDsIn lists the ids that a body holds, by themselves or inside a text.
func IDsIn(body []byte) (out []string) {
	for i := 0; i+19 <= len(body); i++ {
		if body[i] == 0xd8 && body[i+1] == tagUUID && body[i+2] == 0x50 {
			out = append(out, string(appendUUID(nil, body[i+3:i+19])))
		}
	}
	for i := 0; i+uuidText <= len(body); i++ {
		if body[i+8] == '-' && body[i+13] == '-' {
			if _, ok := parseUUID(body[i : i+uuidText]); ok {
				out = append(out, string(body[i:i+uuidText]))
			}
		}
	}
	return out
}
