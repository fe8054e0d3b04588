package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"urbanhomeschool.org/uhs/syncproto"
)

// partial is a blob whose parts are coming, in order.
type partial struct {
	sha  string
	file *os.File
	size int64
}

// piece keeps the next part of a blob. Its hash is checked by whoever keeps it,
// and the signature of a manifest before it is used.
func (a *applying) piece(ctx context.Context, s Section) error {
	if s.Offset == 0 {
		a.dropBlob()
		f, err := os.CreateTemp(a.t.Dir, "blob-*")
		if err != nil {
			return fmt.Errorf("keep a part of a pack: %w", err)
		}
		a.blob = &partial{sha: s.Blob, file: f}
	}
	b := a.blob
	if b == nil || b.sha != s.Blob || b.size != s.Offset || s.Offset+s.Size > s.Total {
		return fmt.Errorf("%w: parts of a blob", syncproto.ErrMalformed)
	}
	n, err := b.file.Write(s.Data)
	b.size += int64(n)
	if err != nil {
		return fmt.Errorf("keep a part of a pack: %w", err)
	}
	if b.size < s.Total {
		return nil
	}
	return a.keepBlob(ctx)
}

// keepBlob gives a blob that came whole to whoever keeps it.
func (a *applying) keepBlob(ctx context.Context) error {
	defer a.dropBlob()
	b := a.blob
	if _, err := b.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("keep a part of a pack: %w", err)
	}
	if a.parts[b.sha] {
		return a.t.Anew.Part(ctx, b.sha, b.file)
	}
	if a.t.Packs == nil {
		return nil
	}
	a.result.Blobs++
	return a.t.Packs.Offer(ctx, b.sha, b.file)
}

// dropBlob removes what was begun and is not needed any more.
func (a *applying) dropBlob() {
	if a.blob == nil {
		return
	}
	_ = errors.Join(a.blob.file.Close(), os.Remove(a.blob.file.Name())) // a file in a folder for such: nothing hangs on it
	a.blob = nil
}
