package packs

import (
	"context"
	"io"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/db"
)

// Offer keeps a piece of a pack, manifest or blob, that came by hand (a stick, a
// phone): pack.ErrCorrupt when the bytes are not those of sha. Nothing is
// trusted by being kept: a manifest's signature is checked before it is used.
// Offer the licences first, call Wake after the last piece.
func (s *Service) Offer(_ context.Context, sha string, r io.Reader) error {
	return s.o.Store.Keep(sha, pack.MaxBlob, r)
}

// Missing lists the pieces that the licences need and that are not here: first
// manifests, whose blobs are known only once they are here.
func (s *Service) Missing(ctx context.Context) ([]pack.Piece, error) {
	var held []catalogue.Licence
	err := s.o.DB.View(ctx, func(tx db.Tx) (err error) {
		held, err = catalogue.LicencesOf(ctx, tx, s.o.School)
		return err
	})
	if err != nil {
		return nil, err
	}
	var manifests, blobs []pack.Piece
	seen := map[string]bool{}
	for _, l := range held {
		signed, err := s.o.Store.Read(l.ManifestSHA256)
		if err != nil {
			manifests = append(manifests, pack.Piece{SHA256: l.ManifestSHA256, Manifest: true})
			continue
		}
		m, err := pack.Verify(signed, s.o.Signer)
		if err != nil {
			continue // not trusted: nothing of it is wanted
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
