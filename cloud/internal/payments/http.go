package payments

import (
	"context"
	"net/http"
	"time"

	"urbanhomeschool.org/uhs/shared/api"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
	pay "urbanhomeschool.org/uhs/shared/payments"
)

// maxReport bounds a gateway's report; real ones are about 1 KB.
const maxReport = 16 << 10

// ErrUnusable answers the published callback address. The gateway refuses
// addresses that contain its own name, so nothing honest comes here.
var ErrUnusable = fault.New(fault.Gone, "Callbacks come to an address of their own for each payment.").WithCode("callback_moved")

type reportInput struct {
	Token   string `path:"token" maxLength:"128"`
	RawBody []byte `contentType:"application/octet-stream"`
}

type reportOutput struct {
	Body struct {
		ResultCode any
		ResultDesc string
	}
}

func accepted(code any) *reportOutput {
	out := &reportOutput{}
	out.Body.ResultCode, out.Body.ResultDesc = code, "Accepted"
	return out
}

// Mount adds what only the cloud has: the gateway's callback addresses, a
// parent's yes, the finance office's questions. domain lists a parent's
// payments.
func Mount(a *api.API, s *Service, domain *pay.Service) {
	s.mountReports(a)
	s.mountParents(a, domain)
	s.mountFinance(a)
}

func (s *Service) mountReports(a *api.API) {
	const tag = "payment reports"
	api.Register(a, api.Op{ID: "push-callback", Method: http.MethodPost, Path: "/hk/{token}/s", Tag: tag, Public: true, MaxBody: maxReport,
		Summary: "The gateway's result of one push."},
		func(ctx context.Context, _ identity.Actor, in *reportInput) (*reportOutput, error) {
			return accepted(0), s.OnCallback(ctx, in.Token, in.RawBody)
		})
	api.Register(a, api.Op{ID: "paybill-confirmation", Method: http.MethodPost, Path: "/hk/{token}/c", Tag: tag, Public: true, MaxBody: maxReport,
		Summary: "The gateway's report of money at the PayBill."},
		func(ctx context.Context, _ identity.Actor, in *reportInput) (*reportOutput, error) {
			return accepted(0), s.OnConfirmation(ctx, in.Token, in.RawBody)
		})
	api.Register(a, api.Op{ID: "paybill-validation", Method: http.MethodPost, Path: "/hk/{token}/v", Tag: tag, Public: true, MaxBody: maxReport,
		Summary: "The gateway asks whether to take money at the PayBill: always, since a school may be offline with its references."},
		func(context.Context, identity.Actor, *reportInput) (*reportOutput, error) { return accepted("0"), nil })
	api.Register(a, api.Op{ID: "mpesa-callback", Method: http.MethodPost, Path: "/api/v1/payments/mpesa/callback", Tag: "payments", Public: true, MaxBody: maxReport,
		Summary: "Refused: callbacks have an address of their own for each payment."},
		func(context.Context, identity.Actor, *struct {
			RawBody []byte `contentType:"application/octet-stream"`
		},
		) (*reportOutput, error) {
			s.opts.Log.Warn("a callback at the published address was refused")
			return nil, ErrUnusable
		})
}

func (s *Service) mountParents(a *api.API, domain *pay.Service) {
	parents := []identity.Role{identity.Parent}
	api.Register(a, api.Op{ID: "list-parent-payments", Method: http.MethodGet, Path: "/api/v1/parent/payments", Tag: "parent", Roles: parents,
		Summary: "Payments for the parent's children, newest first."},
		func(ctx context.Context, who identity.Actor, in *struct {
			Skip  int `query:"skip" minimum:"0" maximum:"100000000" default:"0"`
			Limit int `query:"limit" minimum:"1" maximum:"100" default:"20"`
		},
		) (*struct{ Body api.PaymentPage }, error) {
			page, err := domain.ListPayments(ctx, who, in.Skip, in.Limit)
			if err != nil {
				return nil, err
			}
			return &struct{ Body api.PaymentPage }{api.ToPaymentPage(page)}, nil
		})
	api.Register(a, api.Op{ID: "confirm-payment", Method: http.MethodPost, Path: "/api/v1/payments/{id}/confirm", Tag: "payments", Roles: parents,
		Summary: "A parent's fresh yes to a payment that waited too long or whose price changed."},
		func(ctx context.Context, who identity.Actor, in *struct {
			ID string `path:"id" format:"uuid"`
		},
		) (*struct{ Body api.Payment }, error) {
			p, err := s.Confirm(ctx, who, pay.IntentID(in.ID))
			if err != nil {
				return nil, err
			}
			return &struct{ Body api.Payment }{api.ToPayment(p)}, nil
		})
}

// reviewWire is a question on the wire.
type reviewWire struct {
	ID              string    `json:"id"`
	Reason          string    `json:"reason"`
	PaymentID       string    `json:"payment_id,omitempty"`
	ReferenceNumber string    `json:"reference_number,omitempty"`
	Receipt         string    `json:"receipt,omitempty"`
	Amount          float64   `json:"amount"`
	Currency        string    `json:"currency"`
	UserID          string    `json:"user_id,omitempty"`
	CourseID        string    `json:"course_id,omitempty"`
	OpenedAt        time.Time `json:"opened_at"`
}

type resolveInput struct {
	ID   string `path:"id" format:"uuid"`
	Body struct {
		Decision  string  `json:"decision" enum:"paid,not_paid,place" doc:"paid: as M-Pesa's statement says; place: give unmatched money to a payment; not_paid: close."`
		Receipt   string  `json:"receipt,omitempty" maxLength:"20"`
		Amount    float64 `json:"amount,omitempty"`
		Reference string  `json:"reference_number,omitempty" maxLength:"20"`
		Note      string  `json:"note,omitempty" maxLength:"500"`
	}
}

func (s *Service) mountFinance(a *api.API) {
	const tag = "finance"
	api.Register(a, api.Op{ID: "list-payment-reviews", Method: http.MethodGet, Path: "/api/v1/admin/finance/review", Tag: tag,
		Roles: []identity.Role{identity.Admin, identity.Staff}, Summary: "Payments and money a person has to decide on, oldest first."},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*struct{ Body []reviewWire }, error) {
			open, err := s.ListReviews(ctx, who)
			if err != nil {
				return nil, err
			}
			out := make([]reviewWire, len(open))
			for i, r := range open {
				out[i] = reviewWire{
					r.ID, r.Reason, string(r.IntentID), r.Reference, r.Receipt, api.Major(r.AmountMinor), r.Currency, r.LearnerID, r.CourseID, r.OpenedAt,
				}
			}
			return &struct{ Body []reviewWire }{out}, nil
		})
	api.Register(a, api.Op{ID: "resolve-payment-review", Method: http.MethodPost, Path: "/api/v1/admin/finance/review/{id}/resolve", Tag: tag,
		Roles: []identity.Role{identity.Admin}, Status: http.StatusNoContent, Summary: "Decide on one."},
		func(ctx context.Context, who identity.Actor, in *resolveInput) (*struct{}, error) {
			amount, err := api.Minor(in.Body.Amount)
			if err != nil {
				return nil, err
			}
			d := Decision{Paid: in.Body.Decision == "paid", Receipt: in.Body.Receipt, AmountMinor: amount, Note: in.Body.Note}
			if in.Body.Decision == "place" {
				if d.Reference = in.Body.Reference; d.Reference == "" {
					return nil, ErrNoOrder
				}
			}
			return &struct{}{}, s.Resolve(ctx, who, in.ID, d)
		})
}
