package identity

import (
	"context"
	"errors"

	"urbanhomeschool.org/uhs/shared/audit"
	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/fault"
)

// Auditor keeps the log of who did what (audit.Log).
type Auditor interface {
	Note(ctx context.Context, tx db.Tx, e audit.Entry) error
}

// nobodyNotes is the auditor of a Service that was given none, in tests.
type nobodyNotes struct{}

func (nobodyNotes) Note(context.Context, db.Tx, audit.Entry) error { return nil }

// noteUser notes what was done to an account.
func (s *Service) noteUser(ctx context.Context, tx db.Tx, action string, a Account, before, after any) error {
	return s.audit.Note(ctx, tx, audit.Entry{
		Action: action, School: string(a.School), TargetKind: "user", TargetID: string(a.ID), Before: before, After: after,
	})
}

// noteSignIn notes that a person signed in. She is the actor: the request came
// from nobody yet.
func (s *Service) noteSignIn(ctx context.Context, tx db.Tx, p subject) error {
	return s.audit.Note(ctx, tx, audit.Entry{
		Action: "sign_in", Actor: string(p.account.ID), Role: string(p.account.Role), School: string(p.account.School),
		TargetKind: "session", TargetID: p.session,
	})
}

// noteFailedSignIn notes a wrong secret, or an account that may not enter, in a
// transaction of its own. What was typed is not kept: people type passwords into
// the field for the name. It gives because, or why it could not be noted.
func (s *Service) noteFailedSignIn(ctx context.Context, who candidate, because error) error {
	err := s.db.Update(ctx, func(tx db.Tx) error {
		e := audit.Entry{Action: "sign_in.failed", TargetKind: "user", TargetID: string(who.account.ID), School: string(who.account.School),
			After: map[string]string{"reason": codeOf(because)}}
		return s.audit.Note(ctx, tx, e)
	})
	if err != nil {
		return err
	}
	return because
}

// codeOf is the stable name of a refusal.
func codeOf(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Code
	}
	return ""
}

type statusWas struct {
	Status Status `json:"status"`
}

type dutyWas struct {
	Duty   Duty `json:"duty"`
	Active bool `json:"active"`
}
