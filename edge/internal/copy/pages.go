package copy

import (
	"crypto/sha256"
	"math/bits"
	"sync"
)

// pageSet is a set of page numbers, one bit each.
type pageSet struct {
	mu   sync.Mutex
	bits []uint64
	all  bool // every page, however many there are
}

func (s *pageSet) add(page uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(page)
}

func (s *pageSet) set(page uint32) {
	word := int(page / 64)
	for len(s.bits) <= word {
		s.bits = append(s.bits, 0)
	}
	s.bits[word] |= 1 << (page % 64)
}

func (s *pageSet) addAll() { s.mu.Lock(); defer s.mu.Unlock(); s.all = true }

// take removes up to n pages, lowest first, of a database of so many pages, and
// tells whether more are left.
func (s *pageSet) take(n int, pages uint32) (out []uint32, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all {
		for p := uint32(1); p <= pages; p++ {
			s.set(p)
		}
		s.all = false
	}
	for w, word := range s.bits {
		for ; word != 0; word &= word - 1 {
			p := uint32(w*64 + bits.TrailingZeros64(word))
			if p <= pages && len(out) == n {
				return out, true
			}
			if p <= pages { // pages beyond the end are gone
				out = append(out, p)
			}
			s.bits[w] &^= 1 << (p % 64)
		}
	}
	return out, false
}

// putBack returns pages that were not copied.
func (s *pageSet) putBack(pages []uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range pages {
		s.set(p)
	}
}

// empty tells whether nothing waits.
func (s *pageSet) empty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all {
		return false
	}
	for _, w := range s.bits {
		if w != 0 {
			return false
		}
	}
	return true
}

// pageHash tells two contents of a page apart; zero is no content.
type pageHash [8]byte

func hashPage(b []byte) pageHash {
	sum := sha256.Sum256(b)
	return pageHash(sum[:8])
}
