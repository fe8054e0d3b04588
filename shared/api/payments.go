package api

import (
	"context"
	"math"
	"net/http"
	"time"

	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/payments"
)

// Payment is a payment on the wire: the names of UHS v1, and ours beside them.
type Payment struct {
	ID              string          `json:"id"`
	UserID          string          `json:"user_id" doc:"The learner."`
	SchoolID        string          `json:"school_id,omitempty"`
	CourseID        string          `json:"course_id"`
	Gateway         string          `json:"gateway"`
	TransactionID   string          `json:"transaction_id" doc:"M-Pesa's receipt, empty until it is paid."`
	ReferenceNumber string          `json:"reference_number" doc:"The account number for paying at the PayBill."`
	LearnerAccount  string          `json:"learner_reference" doc:"An account number good for every payment of this learner."`
	Amount          float64         `json:"amount"`
	Currency        string          `json:"currency"`
	Status          string          `json:"status" enum:"pending,completed,failed"`
	State           string          `json:"state" enum:"waiting,dispatching,pending,unknown,failed,completed,late_success,needs_confirmation,rejected,review"`
	Reason          string          `json:"reason,omitempty" doc:"A stable word for translation."`
	Description     string          `json:"description"`
	PhoneNumber     string          `json:"phone_number"`
	PaymentMetadata PaymentMetadata `json:"payment_metadata"`
	InitiatedBy     string          `json:"initiated_by"`
	InitiatedAt     time.Time       `json:"initiated_at"`
	CompletedAt     *time.Time      `json:"completed_at"`
	ExpiresAt       time.Time       `json:"expires_at"`
	CreatedAt       time.Time       `json:"created_at"`
	UpdatedAt       time.Time       `json:"updated_at"`
}

// PaymentMetadata is what the gateway added.
type PaymentMetadata struct {
	MpesaReceipt string `json:"mpesa_receipt"`
}

// status is the published word for a state.
func status(s payments.State) string {
	switch s {
	case payments.StateCompleted, payments.StateLateSuccess:
		return "completed"
	case payments.StateFailed, payments.StateRejected:
		return "failed"
	case payments.StateWaiting, payments.StateDispatching, payments.StatePending, payments.StateUnknown,
		payments.StateNeedsConfirmation, payments.StateReview:
	}
	return "pending"
}

// ToPayment is p on the wire.
func ToPayment(p payments.Payment) Payment {
	out := Payment{
		ID: string(p.ID), UserID: string(p.LearnerID), SchoolID: string(p.SchoolID), CourseID: string(p.CourseID), Gateway: "mpesa",
		TransactionID: p.Receipt, ReferenceNumber: p.Reference, LearnerAccount: payments.LearnerReference(p.LearnerID),
		Amount: Major(p.Due), Currency: p.Currency, Status: status(p.State), State: string(p.State), Reason: p.Reason,
		Description: "Course fee", PhoneNumber: p.PayerPhone, PaymentMetadata: PaymentMetadata{p.Receipt}, InitiatedBy: string(p.CreatedBy),
		InitiatedAt: p.CreatedAt.Time, ExpiresAt: p.ExpiresAt.Time, CreatedAt: p.CreatedAt.Time, UpdatedAt: p.At.Time,
	}
	if p.State.Paid() {
		out.CompletedAt = &p.At.Time
	}
	return out
}

// Major is an amount in minor units as the published API writes it.
func Major(minor int64) float64 { return float64(minor) / 100 }

// errCents is an amount that is not one: too fine, too large, or no number.
var errCents = fault.New(fault.Invalid, "The amount must be a number with at most two decimals.").WithCode("amount_invalid").
	At("must have at most two decimals", "amount")

// Minor is a published amount in minor units.
func Minor(major float64) (int64, error) {
	cents := math.Round(major * 100)
	if math.IsNaN(major) || math.Abs(cents) > 1e15 || math.Abs(major*100-cents) > 1e-6*math.Max(1, math.Abs(cents)) {
		return 0, errCents
	}
	return int64(cents), nil
}

type initiateInput struct {
	Body struct {
		Gateway  string  `json:"gateway" doc:"mpesa"`
		Amount   float64 `json:"amount" doc:"The price the payer saw, in shillings."`
		Currency string  `json:"currency,omitempty"`
		Phone    string  `json:"phone_number,omitempty" doc:"A verified guardian's number."`
		CourseID string  `json:"course_id,omitempty"`
		Learner  string  `json:"learner_id,omitempty" doc:"Whose course it is; a student's own when empty."`
	}
}

type initiateOutput struct {
	Body struct {
		PaymentID         string  `json:"payment_id"`
		ReferenceNumber   string  `json:"reference_number"`
		Status            string  `json:"status"`
		State             string  `json:"state"`
		Reason            string  `json:"reason,omitempty"`
		Gateway           string  `json:"gateway"`
		Amount            float64 `json:"amount"`
		Currency          string  `json:"currency"`
		Message           string  `json:"message"`
		CheckoutRequestID string  `json:"checkout_request_id" doc:"Always empty: the phone is asked after this answer."`
		MerchantRequestID string  `json:"merchant_request_id"`
	}
}

type paymentStatusOutput struct {
	Body struct {
		PaymentID       string     `json:"payment_id"`
		ReferenceNumber string     `json:"reference_number"`
		Status          string     `json:"status"`
		State           string     `json:"state"`
		Reason          string     `json:"reason,omitempty"`
		Receipt         string     `json:"receipt"`
		Amount          float64    `json:"amount"`
		Currency        string     `json:"currency"`
		Gateway         string     `json:"gateway"`
		InitiatedAt     time.Time  `json:"initiated_at"`
		CompletedAt     *time.Time `json:"completed_at"`
		Message         string     `json:"message"`
	}
}

// PaymentPage is a stretch of a list of payments.
type PaymentPage struct {
	Items   []Payment `json:"items"`
	Total   int       `json:"total"`
	Skip    int       `json:"skip"`
	Limit   int       `json:"limit"`
	HasMore bool      `json:"has_more"`
}

// ToPaymentPage is p on the wire.
func ToPaymentPage(p payments.Page) PaymentPage {
	out := PaymentPage{Items: make([]Payment, len(p.Items)), Total: p.Total, Skip: p.Skip, Limit: p.Take, HasMore: p.Skip+len(p.Items) < p.Total}
	for i, item := range p.Items {
		out.Items[i] = ToPayment(item)
	}
	return out
}

// MountPayments adds the payment routes both binaries have.
func MountPayments(a *API, s *payments.Service) {
	const tag = "payments"
	Register(a, Op{ID: "initiate-payment", Method: http.MethodPost, Path: "/api/v1/payments/initiate", Tag: tag,
		Roles:   []identity.Role{identity.Student, identity.Parent, identity.Instructor},
		Summary: "Start a payment for a course. A payment under way is joined, not doubled."},
		func(ctx context.Context, who identity.Actor, in *initiateInput) (*initiateOutput, error) {
			return initiate(ctx, s, who, in)
		})
	Register(a, Op{ID: "payment-status", Method: http.MethodGet, Path: "/api/v1/payments/mpesa/status/{transaction_ref}", Tag: tag,
		Summary: "Where a payment stands, by its reference or id."},
		func(ctx context.Context, who identity.Actor, in *struct {
			Ref string `path:"transaction_ref" maxLength:"64"`
		},
		) (*paymentStatusOutput, error) {
			p, err := s.Payment(ctx, who, in.Ref)
			if err != nil {
				return nil, err
			}
			return toStatus(p), nil
		})
	Register(a, Op{ID: "list-transactions", Method: http.MethodGet, Path: "/api/v1/payments/transactions", Tag: tag,
		Roles:   []identity.Role{identity.Student, identity.Parent, identity.Instructor, identity.Admin},
		Summary: "The payments the caller may see, newest first."},
		func(ctx context.Context, who identity.Actor, in *struct {
			Skip  int `query:"skip" minimum:"0" maximum:"100000000" default:"0"`
			Limit int `query:"limit" minimum:"1" maximum:"100" default:"20"`
		},
		) (*struct{ Body []Payment }, error) {
			page, err := s.ListPayments(ctx, who, in.Skip, in.Limit)
			if err != nil {
				return nil, err
			}
			return &struct{ Body []Payment }{ToPaymentPage(page).Items}, nil
		})
	Register(a, Op{ID: "list-school-payments", Method: http.MethodGet, Path: "/api/v1/schools/{id}/payments", Tag: tag,
		Roles: []identity.Role{identity.Instructor, identity.Admin, identity.Staff}, Summary: "A school's payments, for its bursar and head."},
		func(ctx context.Context, who identity.Actor, in *struct {
			ID    string `path:"id" format:"uuid"`
			Skip  int    `query:"skip" minimum:"0" maximum:"100000000" default:"0"`
			Limit int    `query:"limit" minimum:"1" maximum:"100" default:"20"`
		},
		) (*struct{ Body PaymentPage }, error) {
			page, err := s.ListSchoolPayments(ctx, who, identity.SchoolID(in.ID), in.Skip, in.Limit)
			if err != nil {
				return nil, err
			}
			return &struct{ Body PaymentPage }{ToPaymentPage(page)}, nil
		})
}

// errGateway is a gateway this release does not have.
var errGateway = fault.New(fault.Invalid, "Payments are taken by M-Pesa.").WithCode("gateway_unknown").At("must be mpesa", "gateway")

func initiate(ctx context.Context, s *payments.Service, who identity.Actor, in *initiateInput) (*initiateOutput, error) {
	if in.Body.Gateway != "mpesa" {
		return nil, errGateway
	}
	amount, err := Minor(in.Body.Amount)
	if err != nil {
		return nil, err
	}
	learner := identity.AccountID(in.Body.Learner)
	if learner == "" && who.Role == identity.Student {
		learner = who.Account
	}
	p, err := s.StartPayment(ctx, who, payments.Submission{
		Learner: learner, Course: catalogue.CourseID(in.Body.CourseID), Phone: in.Body.Phone, AmountMinor: amount, Currency: in.Body.Currency,
	})
	if err != nil {
		return nil, err
	}
	out := &initiateOutput{}
	b := &out.Body
	b.PaymentID, b.ReferenceNumber, b.Status, b.State, b.Reason = string(p.ID), p.Reference, status(p.State), string(p.State), p.Reason
	b.Gateway, b.Amount, b.Currency, b.Message = "mpesa", Major(p.Due), p.Currency, paymentMessage(p.State)
	return out, nil
}

func toStatus(p payments.Payment) *paymentStatusOutput {
	wire, out := ToPayment(p), &paymentStatusOutput{}
	b := &out.Body
	b.PaymentID, b.ReferenceNumber, b.Status, b.State, b.Reason, b.Receipt = wire.ID, wire.ReferenceNumber, wire.Status, wire.State, wire.Reason, p.Receipt
	b.Amount, b.Currency, b.Gateway, b.InitiatedAt, b.CompletedAt = wire.Amount, wire.Currency, wire.Gateway, wire.InitiatedAt, wire.CompletedAt
	b.Message = paymentMessage(p.State)
	return out
}

// paymentMessage is for programs that show it as it is; the web app translates
// the state and its reason.
func paymentMessage(s payments.State) string {
	switch s {
	case payments.StateWaiting:
		return "Saved. It waits for the internet."
	case payments.StateDispatching:
		return "The phone is about to be asked."
	case payments.StatePending:
		return "The phone was asked. Enter the M-Pesa PIN."
	case payments.StateUnknown:
		return "M-Pesa has not answered. Do not pay again; we keep asking."
	case payments.StateCompleted, payments.StateLateSuccess:
		return "Paid."
	case payments.StateNeedsConfirmation:
		return "A parent has to say yes once more."
	case payments.StateReview:
		return "A person at the office is looking at this payment."
	case payments.StateFailed, payments.StateRejected:
		return "Not paid."
	}
	return ""
}
