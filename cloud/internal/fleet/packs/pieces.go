package packs

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"os"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/catalogue/pack"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Pieces lists what a school's box needs to hold its licensed courses, each
// once: manifests, then what courses cannot do without, then pictures. It is
// what an export for a stick or a phone carries.
func (s *Service) Pieces(ctx context.Context, school identity.SchoolID) ([]pack.Piece, error) {
	var held []catalogue.Licence
	err := s.o.DB.View(ctx, func(tx db.Tx) (err error) {
		held, err = catalogue.LicencesOf(ctx, tx, school)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list pieces: %w", err)
	}
	var manifests, texts, media []pack.Piece
	seen := map[string]bool{}
	for _, l := range held {
		signed, err := s.o.Store.Read(l.ManifestSHA256)
		if err != nil {
			return nil, fmt.Errorf("list pieces of %s: %w", l.Title, err)
		}
		m, err := pack.Verify(signed, s.o.Signer.Public().(ed25519.PublicKey)) //nolint:forcetypeassert // fixed by crypto/ed25519
		if err != nil {
			return nil, fmt.Errorf("list pieces of %s: %w", l.Title, err)
		}
		manifests = append(manifests, pack.Piece{SHA256: l.ManifestSHA256, Size: int64(len(signed)), Manifest: true})
		for _, b := range m.First() {
			if seen[b.SHA256] {
				continue
			}
			seen[b.SHA256] = true
			p := pack.Piece{SHA256: b.SHA256, Size: b.Size}
			if b.Role == pack.RoleMedia {
				media = append(media, p)
			} else {
				texts = append(texts, p)
			}
		}
	}
	return append(append(manifests, texts...), media...), nil
}

// OpenPiece reads a piece by its hash; the caller closes it.
func (s *Service) OpenPiece(sha string) (io.ReadCloser, error) {
	path, ok := s.o.Store.Path(sha)
	if !ok {
		return nil, fmt.Errorf("open piece %s: %w", sha, os.ErrNotExist)
	}
	return os.Open(path) //nolint:gosec // Path gives only names that are hashes
}
