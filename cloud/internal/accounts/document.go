package accounts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"slices"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/identity"
)

// Kinds are the documents of an application.
func Kinds() []string { return []string{"cv", "id_front", "id_back"} }

// Document is a file of an application.
type Document struct {
	MediaType string // application/pdf | image/jpeg
	Content   []byte
}

// clean gives what is kept of a file. A picture is encoded anew; a PDF is kept
// as it is and only ever handed out as a download.
func (s *Service) clean(ctx context.Context, raw []byte) (Document, error) {
	if len(raw) > MaxPicture {
		return Document{}, ErrDocument
	}
	if bytes.HasPrefix(raw, []byte("%PDF-")) {
		return Document{"application/pdf", raw}, nil
	}
	again, err := s.redraw(ctx, raw, func(img image.Image) image.Image { return img })
	if errors.Is(err, ErrPicture) {
		return Document{}, ErrDocument
	}
	return Document{"image/jpeg", again}, err
}

// PutDocument keeps a document of an applicant; one of each kind, the last one
// counts. Once the application is approved it stays as it was.
func (s *Service) PutDocument(ctx context.Context, who identity.Actor, kind string, raw []byte) error {
	if err := who.Require(identity.Applicant); err != nil {
		return err
	}
	if !slices.Contains(Kinds(), kind) {
		return ErrNoSuchFile
	}
	d, err := s.clean(ctx, raw)
	if err != nil {
		return err
	}
	err = s.o.DB.Update(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, upsertDocument, id.New(), who.Account, kind, d.MediaType, d.Content, s.now())
		return err
	})
	if err != nil {
		return fmt.Errorf("keep a document: %w", err)
	}
	return nil
}

// Document is a file of an application; for its writer, admins and staff.
func (s *Service) Document(ctx context.Context, who identity.Actor, application, kind string) (Document, error) {
	a, err := s.Application(ctx, who, application)
	if err != nil {
		return Document{}, err
	}
	var d Document
	err = s.o.DB.View(ctx, func(tx db.Tx) error {
		d, err = db.First(ctx, tx, selectDocument, scanDocument, a.Account, kind)
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		return d, ErrNoSuchFile
	}
	return d, err
}
