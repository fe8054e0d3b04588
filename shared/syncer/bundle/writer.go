package bundle

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/syncproto"
)

// Writer writes a bundle as a stream. It holds one segment in memory. The
// bundle is whole only after Close.
type Writer struct {
	w      io.Writer
	key    ed25519.PrivateKey
	to     age.Recipient
	header [sha256.Size]byte
	body   bytes.Buffer
	number int64
	count  int
	// Written is how many bytes went out so far.
	Written int64
}

// NewWriter writes the front of a bundle, signed by key; h.To is who can read the
// rest.
func NewWriter(w io.Writer, h syncproto.BundleHeader, key ed25519.PrivateKey) (*Writer, error) {
	to, err := age.ParseX25519Recipient(h.To)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	raw, err := syncproto.EncodeBundleHeader(h)
	if err != nil {
		return nil, err
	}
	b := &Writer{w: w, key: key, to: to, header: sha256.Sum256(raw)}
	front := append([]byte(syncproto.BundleMagic), prefixed(raw)...)
	return b, b.write(append(front, ed25519.Sign(key, headerMessage(raw))...))
}

func prefixed(b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

func (b *Writer) write(p []byte) error {
	n, err := b.w.Write(p)
	b.Written += int64(n)
	if err != nil {
		return fmt.Errorf("write a bundle: %w", err)
	}
	return nil
}

// Add appends one section; Size and SHA256 of its head are filled in.
func (b *Writer) Add(s Section) error {
	sum := sha256.Sum256(s.Data)
	s.Size, s.SHA256 = int64(len(s.Data)), sum[:]
	head, err := syncproto.EncodeSectionHead(s.SectionHead)
	if err != nil {
		return err
	}
	if b.count > 0 && (b.body.Len()+len(head)+len(s.Data) > segmentSize || b.count >= syncproto.MaxSections) {
		if err := b.flush(false); err != nil {
			return err
		}
	}
	b.body.Write(prefixed(head))
	b.body.Write(s.Data)
	b.count++
	return nil
}

// AddMessage appends a message of the conversation.
func (b *Writer) AddMessage(m syncproto.Message) error {
	kind := map[syncproto.Kind]syncproto.SectionKind{syncproto.KindHello: syncproto.SectionHello, syncproto.KindAck: syncproto.SectionAck,
		syncproto.KindFrame: syncproto.SectionFrame}[m.Kind]
	return b.Add(Section{SectionHead: syncproto.SectionHead{Kind: kind}, Data: m.Data})
}

// Close writes the last segment, by which a reader knows that nothing is
// missing.
func (b *Writer) Close() error { return b.flush(true) }

func (b *Writer) flush(last bool) error {
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, b.to)
	if err != nil {
		return fmt.Errorf("encrypt a bundle: %w", err)
	}
	if _, err := w.Write(b.body.Bytes()); err != nil {
		return fmt.Errorf("encrypt a bundle: %w", err)
	}
	if err := w.Close(); err != nil { // writes the last chunk
		return fmt.Errorf("encrypt a bundle: %w", err)
	}
	sum := sha256.Sum256(sealed.Bytes())
	head, err := syncproto.EncodeSegmentHead(syncproto.SegmentHead{Number: b.number, Last: last, Size: int64(sealed.Len()), SHA256: sum[:]})
	if err != nil {
		return err
	}
	if err := b.write(append(prefixed(head), ed25519.Sign(b.key, segmentMessage(b.header, head))...)); err != nil {
		return err
	}
	b.body.Reset()
	b.number, b.count = b.number+1, 0
	return b.write(sealed.Bytes())
}
