package api

import (
	"context"
	"net/http"
	"time"

	"urbanhomeschool.org/uhs/shared/door"
	"urbanhomeschool.org/uhs/shared/identity"
)

// CardBody is what a child is given on paper. The secret is in this answer and
// nowhere else.
type CardBody struct {
	LearnerID       string   `json:"learner_id"`
	FullName        string   `json:"full_name"`
	ClassName       string   `json:"class_name"`
	AdmissionNumber string   `json:"admission_number,omitempty"`
	Kind            string   `json:"kind" enum:"pin,pictures"`
	PIN             string   `json:"pin,omitempty"`
	Pictures        []string `json:"pictures,omitempty"`
}

// SheetBody is a sheet of recovery codes that counts.
type SheetBody struct {
	HolderID   string    `json:"holder_id"`
	HolderName string    `json:"holder_name"`
	At         time.Time `json:"at"`
	Left       int       `json:"left" doc:"Codes that were not used."`
}

type (
	cardsIn struct {
		Body struct {
			Kind     string   `json:"kind" enum:"pin,pictures"`
			Learners []string `json:"learners" minItems:"1" maxItems:"120" nullable:"false"`
		}
	}
	cardsOut struct {
		Body struct {
			Cards []CardBody `json:"cards" nullable:"false"`
		}
	}
	sheetIn struct {
		School string `path:"id"`
		Body   struct {
			HolderID string `json:"holder_id"`
		}
	}
	madeSheetOut struct {
		Body struct {
			HolderName string    `json:"holder_name"`
			At         time.Time `json:"at"`
			Codes      []string  `json:"codes" nullable:"false" doc:"Shown once."`
		}
	}
	sheetsOut struct {
		Body struct {
			Sheets []SheetBody `json:"sheets" nullable:"false"`
		}
	}
)

// MountCards adds what a school prints: cards of children and sheets of recovery
// codes, on either side, and the list of those who may hold a sheet.
func MountCards(a *API, s *identity.Service, sheets *door.Service) {
	mountInstructors(a, s)
	const tag = "schools"
	teachers := []identity.Role{identity.Admin, identity.Instructor}
	Register(a, Op{ID: "make-cards", Method: http.MethodPost, Path: "/api/v1/learners/cards", Summary: "Give learners fresh PINs or pictures", Tag: tag, Roles: teachers},
		func(ctx context.Context, who identity.Actor, in *cardsIn) (*cardsOut, error) {
			learners := make([]identity.AccountID, len(in.Body.Learners))
			for i, l := range in.Body.Learners {
				learners[i] = identity.AccountID(l)
			}
			cards, err := s.MakeCards(ctx, who, identity.CredentialKind(in.Body.Kind), learners)
			out := &cardsOut{}
			out.Body.Cards = make([]CardBody, len(cards))
			for i, c := range cards {
				l := c.Learner
				out.Body.Cards[i] = CardBody{string(l.ID), l.FullName, l.ClassName, l.AdmissionNumber, string(c.Kind), c.PIN, c.Pictures}
			}
			return out, err
		})
	Register(a, Op{ID: "list-recovery-sheets", Method: http.MethodGet, Path: "/api/v1/schools/{id}/recovery-sheets", Summary: "The sheets of recovery codes that count", Tag: tag, Roles: teachers},
		func(ctx context.Context, who identity.Actor, in *schoolIn) (*sheetsOut, error) {
			lines, err := sheets.ListSheets(ctx, who, identity.SchoolID(in.School))
			out := &sheetsOut{}
			out.Body.Sheets = make([]SheetBody, len(lines))
			for i, l := range lines {
				out.Body.Sheets[i] = SheetBody{string(l.Holder), l.HolderName, l.At, l.Left}
			}
			return out, err
		})
	Register(a, Op{
		ID: "make-recovery-sheet", Method: http.MethodPost, Path: "/api/v1/schools/{id}/recovery-sheets", Summary: "Make a sheet of ten recovery codes",
		Tag: tag, Roles: teachers, Status: http.StatusCreated,
	}, func(ctx context.Context, who identity.Actor, in *sheetIn) (*madeSheetOut, error) {
		m, err := sheets.MakeSheet(ctx, who, identity.SchoolID(in.School), identity.AccountID(in.Body.HolderID))
		out := &madeSheetOut{}
		out.Body.HolderName, out.Body.At, out.Body.Codes = m.Holder.FullName, m.Sheet.At.Time, m.Codes
		return out, err
	})
}
