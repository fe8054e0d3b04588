package copy

import (
	"context"
)

// gather reads what has changed, as of one commit.
func (f *follower) gather(ctx context.Context) (b batch, err error) {
	begin := f.clock.Now()
	var left bool
	err = f.tracker.View(ctx, func(v *view) error {
		b.scanned, left = f.dirty.take(scanPages, v.pages)
		return nil
	}, func(v *view) error {
		b.meta = meta{at: begin, pageSize: v.pageSize, pages: v.pages}
		room := segmentPages * 4096 / v.pageSize
		read, err := f.compare(v, &b, room)
		if err != nil {
			return err
		}
		if read < len(b.scanned) {
			f.dirty.putBack(b.scanned[read:])
			b.scanned, left = b.scanned[:read], true
		}
		return f.again(v, &b, room)
	})
	if err != nil {
		f.dirty.putBack(b.scanned)
		f.refresh.putBack(b.again)
		return b, err
	}
	b.meta.whole = !left
	b.meta.base = f.base
	if f.making != 0 && b.meta.whole && f.refresh.empty() {
		b.meta.base = f.making
	}
	b.more = left || !f.refresh.empty()
	return b, nil
}

// compare reads the changed pages whose content is new to the chain, and tells
// how many it looked at.
func (f *follower) compare(v *view, b *batch, room int) (read int, err error) {
	buf := make([]byte, v.pageSize)
	for i, p := range b.scanned {
		if len(b.pages) == room {
			return i, nil
		}
		if err := v.read(p, buf); err != nil {
			return 0, err
		}
		if h := hashPage(buf); int(p) >= len(f.table) || f.table[p] != h {
			b.pages = append(b.pages, page{p, buf})
			b.hashes = append(b.hashes, h)
			buf = make([]byte, v.pageSize)
		}
	}
	return len(b.scanned), nil
}

// again fills the segment up with pages for the new base.
func (f *follower) again(v *view, b *batch, room int) error {
	if f.making == 0 || len(b.pages) >= room {
		return nil
	}
	sent := make(map[uint32]bool, len(b.pages))
	for _, p := range b.pages {
		sent[p.number] = true
	}
	b.again, _ = f.refresh.take(room-len(b.pages), v.pages)
	for _, p := range b.again {
		if sent[p] {
			continue
		}
		buf := make([]byte, v.pageSize)
		if err := v.read(p, buf); err != nil {
			return err
		}
		b.pages = append(b.pages, page{p, buf})
		b.hashes = append(b.hashes, hashPage(buf))
	}
	return nil
}
