package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/identity"
)

// CategoryBody is a learning area, or a subject within one.
type CategoryBody struct {
	ID            string         `json:"id"`
	Name          string         `json:"name"`
	Slug          string         `json:"slug"`
	Description   string         `json:"description"`
	Icon          string         `json:"icon" doc:"Name of a picture of the web app."`
	ImageURL      *string        `json:"image_url"`
	ParentID      *string        `json:"parent_id"`
	DisplayOrder  int            `json:"display_order"`
	IsActive      bool           `json:"is_active"`
	CourseCount   int            `json:"course_count"`
	Subcategories []CategoryBody `json:"subcategories" nullable:"false"`
}

// CompetencyBody is a core competency worked on in a sub-strand.
type CompetencyBody struct {
	ID                 string   `json:"id"`
	Code               string   `json:"code"`
	Title              string   `json:"title"`
	Description        string   `json:"description"`
	GradeLevel         string   `json:"grade_level"`
	Strand             string   `json:"strand"`
	SubStrand          string   `json:"sub_strand"`
	LearningOutcomes   []string `json:"learning_outcomes" nullable:"false"`
	AssessmentCriteria []string `json:"assessment_criteria" nullable:"false"`
}

type categoriesOut struct {
	Body struct {
		Status string `json:"status"`
		Data   struct {
			Categories []CategoryBody `json:"categories" nullable:"false"`
		} `json:"data"`
	}
}

type categoryOut struct {
	Body struct {
		Status string       `json:"status"`
		Data   CategoryBody `json:"data"`
	}
}

type competenciesOut struct {
	Body struct {
		Status string `json:"status"`
		Data   struct {
			CategoryID        string           `json:"category_id"`
			CategoryName      string           `json:"category_name"`
			Competencies      []CompetencyBody `json:"competencies" nullable:"false"`
			TotalCompetencies int              `json:"total_competencies"`
		} `json:"data"`
	}
}

type categoryIn struct {
	ID string `path:"id" maxLength:"80" doc:"Id or slug."`
}

func mountCategories(a *API, s *catalogue.Service, now func() time.Time) {
	Register(a, Op{ID: "list-categories", Method: http.MethodGet, Path: "/api/v1/categories/", Summary: "Learning areas", Tag: "categories", Public: true},
		func(ctx context.Context, _ identity.Actor, _ *struct{}) (*categoriesOut, error) {
			all, err := s.Categories(ctx)
			out := &categoriesOut{}
			out.Body.Status, out.Body.Data.Categories = statusSuccess, categoryBodies(all)
			return out, err
		})
	Register(a, Op{ID: "get-category", Method: http.MethodGet, Path: "/api/v1/categories/{id}", Summary: "A learning area", Tag: "categories", Public: true},
		func(ctx context.Context, _ identity.Actor, in *categoryIn) (*categoryOut, error) {
			c, err := s.Category(ctx, in.ID)
			out := &categoryOut{}
			out.Body.Status, out.Body.Data = statusSuccess, categoryBody(c)
			return out, err
		})
	Register(a, Op{ID: "list-competencies", Method: http.MethodGet, Path: "/api/v1/categories/{id}/competencies", Summary: "Competencies of a learning area", Tag: "categories", Public: true},
		func(ctx context.Context, _ identity.Actor, in *categoryIn) (*competenciesOut, error) {
			area, targets, err := s.CategoryTargets(ctx, in.ID, now().Year())
			out := &competenciesOut{}
			out.Body.Status = statusSuccess
			d := &out.Body.Data
			d.CategoryID, d.CategoryName, d.TotalCompetencies = area.ID, area.Name, len(targets)
			d.Competencies = make([]CompetencyBody, len(targets))
			for i, t := range targets {
				d.Competencies[i] = competencyBody(t)
			}
			return out, err
		})
}

func categoryBodies(all []catalogue.Category) []CategoryBody {
	out := make([]CategoryBody, len(all))
	for i, c := range all {
		out[i] = categoryBody(c)
	}
	return out
}

func categoryBody(c catalogue.Category) CategoryBody {
	return CategoryBody{ID: c.ID, Name: c.Name, Slug: c.Slug, Description: c.Description, Icon: c.Icon, ParentID: orNull(c.ParentID),
		DisplayOrder: c.Order, IsActive: true, // the learning areas are fixed by the curriculum
		CourseCount: c.CourseCount, Subcategories: categoryBodies(c.Subs)}
}

func competencyBody(t catalogue.Target) CompetencyBody {
	b := CompetencyBody{ID: t.ID, Code: t.Code, Title: t.Title, Description: t.Description, GradeLevel: t.Grade, Strand: t.Strand,
		SubStrand: t.SubStrand, LearningOutcomes: t.Outcomes, AssessmentCriteria: []string{}}
	for _, l := range t.Criteria {
		b.AssessmentCriteria = append(b.AssessmentCriteria, fmt.Sprintf("%s: %s", l.Code, l.Title))
	}
	return b
}
