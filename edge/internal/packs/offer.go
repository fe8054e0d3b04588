package packs

import (
	"context"
	"io"

	"urbanhomeschool.org/uhs/shared/catalogue/pack"
)

// Offer keeps a piece of a pack, manifest or blob, that came by hand (a stick, a
// phone): pack.ErrCorrupt when the bytes are not those of sha. Nothing is
// trusted by being kept: a manifest's signature is checked before it is used.
// What the disk has no room for is refused. Offer the licences first, call Wake
// after the last piece.
func (s *Service) Offer(ctx context.Context, sha string, r io.Reader) error {
	if _, err := s.makeRoom(ctx, demand{bytes: pack.MaxManifest}); err != nil {
		return err
	}
	return s.o.Store.Keep(sha, pack.MaxBlob, &tracker{r: r, seen: func(n int) error {
		if short, err := s.short(demand{bytes: int64(n)}); err != nil || !short {
			return err
		}
		return errFull
	}})
}

// Missing lists the pieces that the licences need and that are not here: first
// manifests, whose blobs are known only once they are here.
func (s *Service) Missing(ctx context.Context) ([]pack.Piece, error) {
	w, err := s.wanted(ctx)
	if err != nil {
		return nil, err
	}
	var manifests, blobs []pack.Piece
	seen := map[string]bool{}
	for _, l := range w.held {
		m, ok := s.known(l.ManifestSHA256)
		if !ok {
			manifests = append(manifests, pack.Piece{SHA256: l.ManifestSHA256, Manifest: true})
			continue
		}
		for _, b := range m.First() {
			if _, here := s.o.Store.Path(b.SHA256); !here && !seen[b.SHA256] {
				blobs = append(blobs, pack.Piece{SHA256: b.SHA256, Size: b.Size})
			}
			seen[b.SHA256] = true
		}
	}
	return append(manifests, blobs...), nil
}
