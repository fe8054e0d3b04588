package web

import (
	"context"
	"net/http"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/accounts"
	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/identity"
)

// InstructorApplication is an application as published, with what documents
// were uploaded beside it.
type InstructorApplication struct {
	ID              string     `json:"id"`
	UserID          string     `json:"user_id"`
	FullName        string     `json:"full_name"`
	Email           string     `json:"email"`
	Phone           string     `json:"phone"`
	Qualifications  string     `json:"qualifications"`
	ExperienceYears int        `json:"experience_years"`
	Subjects        []string   `json:"subjects" nullable:"false"`
	Bio             string     `json:"bio"`
	CVURL           string     `json:"cv_url"`
	IDFrontURL      string     `json:"id_document_front_url"`
	IDBackURL       string     `json:"id_document_back_url"`
	Documents       []string   `json:"documents" nullable:"false" doc:"cv, id_front, id_back: what was uploaded."`
	Status          string     `json:"status"`
	ReviewedBy      string     `json:"reviewed_by"`
	ReviewedAt      *time.Time `json:"reviewed_at"`
	ReviewNotes     string     `json:"review_notes"`
	CreatedAt       time.Time  `json:"created_at"`
	UpdatedAt       time.Time  `json:"updated_at"`
}

type (
	applyRequest struct {
		Body struct {
			FullName        string   `json:"full_name"`
			Email           string   `json:"email,omitempty" doc:"Ignored: letters go to the account's address."`
			Phone           string   `json:"phone,omitempty"`
			Qualifications  string   `json:"qualifications"`
			ExperienceYears int      `json:"experience_years"`
			Subjects        []string `json:"subjects,omitempty"`
			Bio             string   `json:"bio,omitempty"`
			CVURL           string   `json:"cv_url,omitempty"`
			IDFrontURL      string   `json:"id_document_front_url,omitempty"`
			IDBackURL       string   `json:"id_document_back_url,omitempty"`
		}
	}
	applicationReply struct {
		Body struct {
			Status  string                `json:"status"`
			Data    InstructorApplication `json:"data"`
			Message string                `json:"message,omitempty"`
		}
	}
	applicationRequest struct {
		ID string `path:"app_id"`
	}
	applicationsRequest struct {
		Page   int    `query:"page" default:"1" minimum:"1" maximum:"100000"`
		Limit  int    `query:"limit" default:"20" minimum:"1" maximum:"100"`
		Status string `query:"status"`
	}
	staffApplicationsRequest struct {
		Page   int    `query:"page" default:"1" minimum:"1" maximum:"100000"`
		Limit  int    `query:"limit" default:"20" minimum:"1" maximum:"100"`
		Status string `query:"status" default:"pending"`
	}
	applicationSummary struct {
		Total    int `json:"total"`
		Pending  int `json:"pending"`
		Approved int `json:"approved"`
		Rejected int `json:"rejected"`
	}
	applicationPaging struct {
		Page       int `json:"page"`
		Limit      int `json:"limit"`
		TotalItems int `json:"total_items"`
		TotalPages int `json:"total_pages"`
	}
	applicationsBody struct {
		Applications []InstructorApplication `json:"applications" nullable:"false"`
		Summary      applicationSummary      `json:"summary"`
		Pagination   applicationPaging       `json:"pagination"`
	}
	applicationsReply struct {
		Body struct {
			Status string           `json:"status"`
			Data   applicationsBody `json:"data"`
		}
	}
	approveRequest struct {
		ID   string `path:"app_id"`
		Body struct {
			ReviewNotes string `json:"review_notes,omitempty"`
		}
	}
	rejectRequest struct {
		ID   string `path:"app_id"`
		Body struct {
			Reason string `json:"reason"`
		}
	}
	documentRequest struct {
		Kind    string `path:"kind"`
		RawBody []byte `contentType:"application/octet-stream"`
	}
	getDocumentRequest struct {
		ID   string `path:"app_id"`
		Kind string `path:"kind"`
	}

	staffApplicant struct {
		ID          string `json:"id"`
		FirstName   string `json:"first_name"`
		LastName    string `json:"last_name"`
		Email       string `json:"email"`
		PhoneNumber string `json:"phone_number"`
	}
	// StaffApplication is an application as the staff's list shows it.
	StaffApplication struct {
		ID              string         `json:"id"`
		Applicant       staffApplicant `json:"applicant"`
		Qualifications  string         `json:"qualifications"`
		Subjects        []string       `json:"subjects" nullable:"false"`
		ExperienceYears int            `json:"teaching_experience_years"`
		Motivation      string         `json:"motivation"`
		Documents       []string       `json:"documents" nullable:"false"`
		Status          string         `json:"status"`
		ReviewNotes     string         `json:"review_notes"`
		SubmittedAt     time.Time      `json:"submitted_at"`
	}
	staffApplicationsReply struct {
		Body struct {
			Applications []StaffApplication `json:"applications" nullable:"false"`
			Total        int                `json:"total"`
			Page         int                `json:"page"`
			Limit        int                `json:"limit"`
		}
	}
	decisionRequest struct {
		ID   string `path:"id"`
		Body struct {
			Decision        string `json:"decision" doc:"approved or rejected"`
			Notes           string `json:"notes,omitempty"`
			RejectionReason string `json:"rejection_reason,omitempty"`
		}
	}
	decisionReply struct {
		Body struct {
			ID         string     `json:"id"`
			Status     string     `json:"status"`
			ReviewedBy string     `json:"reviewed_by"`
			ReviewedAt *time.Time `json:"reviewed_at"`
			Message    string     `json:"message"`
		}
	}
)

// MountApplications adds the applications of instructors and their review.
func MountApplications(a *api.API, s *accounts.Service) {
	mountApplying(a, s)
	mountDocuments(a, s)
	mountReview(a, s)
	mountStaffReview(a, s)
}

const applicationsTag = "instructor applications"

func mountApplying(a *api.API, s *accounts.Service) {
	api.Register(a, api.Op{
		ID: "apply-as-instructor", Method: http.MethodPost, Path: "/api/v1/instructor-applications/apply", Summary: "Apply to teach", Tag: applicationsTag,
		Roles: []identity.Role{identity.Applicant}, Status: http.StatusCreated,
	}, func(ctx context.Context, who identity.Actor, in *applyRequest) (*applicationReply, error) {
		b := in.Body
		return asApplication("Application submitted successfully")(s.Apply(ctx, who, accounts.Application{
			FullName: b.FullName, Phone: b.Phone, Qualifications: b.Qualifications, ExperienceYears: b.ExperienceYears, Subjects: b.Subjects, Bio: b.Bio,
			CVURL: b.CVURL, IDFrontURL: b.IDFrontURL, IDBackURL: b.IDBackURL,
		}))
	})
	api.Register(a, api.Op{ID: "list-instructor-applications", Method: http.MethodGet, Path: "/api/v1/instructor-applications/", Summary: "Applications: everybody's for admins and staff, else my own", Tag: applicationsTag},
		func(ctx context.Context, who identity.Actor, in *applicationsRequest) (*applicationsReply, error) {
			page, counts, err := s.ListApplications(ctx, who, accounts.Page{Status: accounts.Decision(in.Status), Skip: (in.Page - 1) * in.Limit, Limit: in.Limit})
			if err != nil {
				return nil, err
			}
			out := &applicationsReply{}
			out.Body.Status = "success"
			d := &out.Body.Data
			d.Applications = make([]InstructorApplication, len(page))
			for i, p := range page {
				d.Applications[i] = application(p)
			}
			d.Summary = applicationSummary(counts)
			total := ofStatus(counts, in.Status)
			d.Pagination = applicationPaging{Page: in.Page, Limit: in.Limit, TotalItems: total, TotalPages: (total + in.Limit - 1) / in.Limit}
			return out, nil
		})
	api.Register(a, api.Op{ID: "get-instructor-application", Method: http.MethodGet, Path: "/api/v1/instructor-applications/{app_id}", Summary: "An application", Tag: applicationsTag},
		func(ctx context.Context, who identity.Actor, in *applicationRequest) (*applicationReply, error) {
			return asApplication("")(s.Application(ctx, who, in.ID))
		})
}

func mountDocuments(a *api.API, s *accounts.Service) {
	api.Register(a, api.Op{
		ID: "put-application-document", Method: http.MethodPut, Path: "/api/v1/instructor-applications/documents/{kind}", Tag: applicationsTag,
		Summary: "My CV or identity card: the bytes of a PDF, PNG or JPEG file", Roles: []identity.Role{identity.Applicant}, MaxBody: accounts.MaxPicture + 1,
	}, func(ctx context.Context, who identity.Actor, in *documentRequest) (*messageReply, error) {
		return say("Document kept"), s.PutDocument(ctx, who, in.Kind, in.RawBody)
	})
	api.Register(a, api.Op{ID: "get-application-document", Method: http.MethodGet, Path: "/api/v1/instructor-applications/{app_id}/documents/{kind}", Summary: "A document of an application", Tag: applicationsTag,
		Files: []string{"application/pdf", "image/jpeg"}},
		func(ctx context.Context, who identity.Actor, in *getDocumentRequest) (*fileReply, error) {
			d, err := s.Document(ctx, who, in.ID, in.Kind)
			if err != nil {
				return nil, err
			}
			return &fileReply{
				ContentType: d.MediaType, CacheControl: "no-store", ContentDisposition: "attachment", ContentSecurity: "default-src 'none'; sandbox", Body: d.Content,
			}, nil
		})
}

func mountReview(a *api.API, s *accounts.Service) {
	reviewers := []identity.Role{identity.Admin, identity.Staff}
	api.Register(a, api.Op{ID: "approve-instructor-application", Method: http.MethodPost, Path: "/api/v1/instructor-applications/{app_id}/approve", Summary: "Approve an application", Tag: applicationsTag, Roles: reviewers},
		func(ctx context.Context, who identity.Actor, in *approveRequest) (*applicationReply, error) {
			return asApplication("Application approved")(s.Decide(ctx, who, in.ID, accounts.Verdict{Status: accounts.Approved, Text: in.Body.ReviewNotes}))
		})
	api.Register(a, api.Op{ID: "reject-instructor-application", Method: http.MethodPost, Path: "/api/v1/instructor-applications/{app_id}/reject", Summary: "Reject an application", Tag: applicationsTag, Roles: reviewers},
		func(ctx context.Context, who identity.Actor, in *rejectRequest) (*applicationReply, error) {
			return asApplication("Application rejected")(s.Decide(ctx, who, in.ID, accounts.Verdict{Status: accounts.Rejected, Text: in.Body.Reason}))
		})
}

func mountStaffReview(a *api.API, s *accounts.Service) {
	reviewers := []identity.Role{identity.Admin, identity.Staff}
	api.Register(a, api.Op{ID: "list-staff-applications", Method: http.MethodGet, Path: "/api/v1/staff/instructor-applications", Summary: "Applications to review", Tag: "staff", Roles: reviewers},
		func(ctx context.Context, who identity.Actor, in *staffApplicationsRequest) (*staffApplicationsReply, error) {
			page, counts, err := s.ListApplications(ctx, who, accounts.Page{Status: accounts.Decision(in.Status), Skip: (in.Page - 1) * in.Limit, Limit: in.Limit})
			if err != nil {
				return nil, err
			}
			out := &staffApplicationsReply{}
			out.Body.Total, out.Body.Page, out.Body.Limit = ofStatus(counts, in.Status), in.Page, in.Limit
			out.Body.Applications = make([]StaffApplication, len(page))
			for i, p := range page {
				first, last := identity.Account{FullName: p.FullName}.FirstAndLast()
				out.Body.Applications[i] = StaffApplication{
					ID: p.ID, Applicant: staffApplicant{string(p.Account), first, last, p.Email, p.Phone}, Qualifications: p.Qualifications, Subjects: p.Subjects,
					ExperienceYears: p.ExperienceYears, Motivation: p.Bio, Documents: documents(p), Status: string(p.Status), ReviewNotes: p.ReviewNotes,
					SubmittedAt: p.CreatedAt.Time,
				}
			}
			return out, nil
		})
	api.Register(a, api.Op{ID: "decide-staff-application", Method: http.MethodPut, Path: "/api/v1/staff/instructor-applications/{id}", Summary: "Approve or reject an application", Tag: "staff", Roles: reviewers},
		func(ctx context.Context, who identity.Actor, in *decisionRequest) (*decisionReply, error) {
			v := accounts.Verdict{Status: accounts.Decision(in.Body.Decision), Text: in.Body.Notes}
			if v.Status == accounts.Rejected && in.Body.RejectionReason != "" {
				v.Text = in.Body.RejectionReason
			}
			p, err := s.Decide(ctx, who, in.ID, v)
			if err != nil {
				return nil, err
			}
			out := &decisionReply{}
			out.Body.ID, out.Body.Status, out.Body.ReviewedBy, out.Body.ReviewedAt = p.ID, string(p.Status), string(p.ReviewedBy), &p.ReviewedAt.Time
			out.Body.Message = "Application " + string(p.Status)
			return out, nil
		})
}

func ofStatus(r accounts.Review, status string) int {
	switch accounts.Decision(status) {
	case accounts.Waiting:
		return r.Pending
	case accounts.Approved:
		return r.Approved
	case accounts.Rejected:
		return r.Rejected
	case "":
		return r.Total
	default:
		return 0
	}
}

func documents(p accounts.Application) []string {
	out := []string{}
	for i, has := range []bool{p.HasCV, p.HasIDFront, p.HasIDBack} {
		if has {
			out = append(out, accounts.Kinds()[i])
		}
	}
	return out
}

func application(p accounts.Application) InstructorApplication {
	out := InstructorApplication{
		ID: p.ID, UserID: string(p.Account), FullName: p.FullName, Email: p.Email, Phone: p.Phone, Qualifications: p.Qualifications,
		ExperienceYears: p.ExperienceYears, Subjects: p.Subjects, Bio: p.Bio, CVURL: p.CVURL, IDFrontURL: p.IDFrontURL, IDBackURL: p.IDBackURL,
		Documents: documents(p), Status: string(p.Status), ReviewedBy: string(p.ReviewedBy), ReviewNotes: p.ReviewNotes, CreatedAt: p.CreatedAt.Time, UpdatedAt: p.UpdatedAt.Time,
	}
	if !p.ReviewedAt.IsZero() {
		out.ReviewedAt = &p.ReviewedAt.Time
	}
	return out
}

func asApplication(message string) func(accounts.Application, error) (*applicationReply, error) {
	return func(p accounts.Application, err error) (*applicationReply, error) {
		if err != nil {
			return nil, err
		}
		out := &applicationReply{}
		out.Body.Status, out.Body.Data, out.Body.Message = "success", application(p), message
		return out, nil
	}
}
