package api

import (
	"context"
	"encoding/base64"
	"net/http"
	"time"

	"urbanhomeschool.org/uhs/shared/access"
	"urbanhomeschool.org/uhs/shared/fault"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/roster"
	"urbanhomeschool.org/uhs/shared/roster/sheet"
)

// RosterLine is a learner as the roster shows her.
type RosterLine struct {
	LearnerBody
	UPI     string `json:"upi,omitempty"`
	Born    string `json:"born,omitempty" doc:"YYYY or YYYY-MM-DD."`
	Age     *int   `json:"age"`
	Waiting bool   `json:"waiting" doc:"The cloud has not answered a change yet."`
}

// SchoolClass is a class of a school.
type SchoolClass struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Grade    string `json:"grade"`
	Stream   string `json:"stream,omitempty"`
	Teacher  string `json:"teacher_id,omitempty"`
	Active   bool   `json:"active"`
	Learners int    `json:"learners"`
}

// SchoolTerm is a term with its first and last day.
type SchoolTerm struct {
	Year   int64  `json:"year"`
	Number int64  `json:"number"`
	First  string `json:"first_day"`
	Last   string `json:"last_day"`
}

// ImportRow is a row of a list with what will become of it.
type ImportRow struct {
	Row     int           `json:"row"`
	State   string        `json:"state" enum:"new,update,same,question,error"`
	Name    string        `json:"name,omitempty"`
	Class   string        `json:"class_name,omitempty"`
	Learner string        `json:"learner_id,omitempty"`
	Errors  []ImportError `json:"errors" nullable:"false"`
}

// ImportError says what is wrong with a cell, without repeating it.
type ImportError struct {
	Column string `json:"column"`
	Code   string `json:"code"`
}

// CodeSlip is one code to print.
type CodeSlip struct {
	Code      string    `json:"code"`
	LearnerID string    `json:"learner_id"`
	FullName  string    `json:"full_name"`
	ClassName string    `json:"class_name"`
	ExpiresAt time.Time `json:"expires_at"`
}

// RosterMerge is a merge that stands.
type RosterMerge struct {
	ID        string     `json:"id"`
	Learner   RosterLine `json:"learner"`
	Duplicate RosterLine `json:"duplicate"`
	At        time.Time  `json:"at"`
}

// RosterTodo is an answer of the cloud that the school has to look at.
type RosterTodo struct {
	ChangeID string    `json:"change_id"`
	Kind     string    `json:"kind"`
	FullName string    `json:"full_name,omitempty"`
	Refused  bool      `json:"refused"`
	Code     string    `json:"code"`
	At       time.Time `json:"at"`
}

// RosterPatch is what somebody typed of a learner. It is exported because the
// document of the API has no fields of an embedded type that is not.
type RosterPatch struct {
	FullName        *string `json:"full_name,omitempty"`
	Grade           *string `json:"grade,omitempty"`
	ClassName       *string `json:"class_name,omitempty"`
	AdmissionNumber *string `json:"admission_number,omitempty"`
	UPI             *string `json:"upi,omitempty"`
	Born            *string `json:"born,omitempty"`
	GuardianName    string  `json:"guardian_name,omitempty"`
	GuardianPhone   string  `json:"guardian_phone,omitempty"`
}

type (
	rosterLinesOut struct {
		Body struct {
			Learners []RosterLine `json:"learners" nullable:"false"`
		}
	}
	rosterLineOut struct{ Body RosterLine }
	rosterAddIn   struct {
		School string `path:"id"`
		Body   struct {
			RosterPatch
			ID string `json:"id,omitempty" doc:"A UUID made by the page: the same twice adds once."`
		}
	}
	rosterChangeIn struct {
		School  string `path:"id"`
		Learner string `path:"learner"`
		Body    RosterPatch
	}
	rosterLearnerIn struct {
		School  string `path:"id"`
		Learner string `path:"learner"`
	}
	schoolClassesOut struct {
		Body struct {
			Classes []SchoolClass `json:"classes" nullable:"false"`
		}
	}
	saveClassIn struct {
		School string `path:"id"`
		Body   struct {
			Name    string `json:"name"`
			Grade   string `json:"grade"`
			Stream  string `json:"stream,omitempty"`
			Teacher string `json:"teacher_id,omitempty"`
			Closed  bool   `json:"closed,omitempty"`
		}
	}
	schoolClassOut struct{ Body SchoolClass }
	termsIn        struct {
		School string `path:"id"`
		Year   int    `query:"year" minimum:"2000" maximum:"2100" required:"true"`
	}
	termsOut struct {
		Body struct {
			Terms []SchoolTerm `json:"terms" nullable:"false"`
		}
	}
	saveTermIn struct {
		School string `path:"id"`
		Body   SchoolTerm
	}
	importIn struct {
		School string `path:"id"`
		Body   struct {
			Content   string `json:"content,omitempty" doc:"A file, in base64."`
			Text      string `json:"text,omitempty" doc:"Rows pasted from a spreadsheet."`
			Grade     string `json:"grade,omitempty" doc:"For rows without one."`
			ClassName string `json:"class_name,omitempty"`
			DryRun    bool   `json:"dry_run,omitempty"`
			Same      []int  `json:"same,omitempty" doc:"Rows that are the learner they look like."`
			New       []int  `json:"new,omitempty" doc:"Rows that are not."`
		}
	}
	importOut struct {
		Body struct {
			Columns []string    `json:"columns" nullable:"false"`
			Ignored []int       `json:"ignored" nullable:"false" doc:"Numbers of columns that are not known."`
			Rows    []ImportRow `json:"rows" nullable:"false"`
			Done    bool        `json:"done"`
		}
	}
	codesIn struct {
		School string `path:"id"`
		Body   struct {
			Kind     string   `json:"kind" enum:"link,transfer"`
			Learners []string `json:"learners"`
		}
	}
	codesOut struct {
		Body struct {
			Slips []CodeSlip `json:"slips" nullable:"false"`
		}
	}
	mergeIn struct {
		School string `path:"id"`
		Body   struct {
			LearnerID   string `json:"learner_id"`
			DuplicateID string `json:"duplicate_id"`
		}
	}
	undoMergeIn struct {
		School string `path:"id"`
		Merge  string `path:"merge"`
	}
	mergesOut struct {
		Body struct {
			Merges []RosterMerge   `json:"merges" nullable:"false"`
			Maybe  [][2]RosterLine `json:"maybe" nullable:"false" doc:"Learners who may be one child."`
		}
	}
	receiveIn struct {
		School string `path:"id"`
		Body   struct {
			Code            string  `json:"code"`
			Grade           *string `json:"grade,omitempty"`
			ClassName       *string `json:"class_name,omitempty"`
			AdmissionNumber *string `json:"admission_number,omitempty"`
		}
	}
	todosOut struct {
		Body struct {
			Todos []RosterTodo `json:"todos" nullable:"false"`
		}
	}
	todoIn struct {
		School string `path:"id"`
		Change string `path:"change"`
	}
	unlinkIn struct {
		School   string `path:"id"`
		Learner  string `path:"learner"`
		Guardian string `path:"guardian"`
	}
	exportOut struct {
		ContentType string `header:"Content-Type"`
		Disposition string `header:"Content-Disposition"`
		Body        []byte
	}
)

// MountRoster adds a school's roster, on both sides.
func MountRoster(a *API, s *roster.Service) {
	mountClasses(a, s)
	mountRosterLines(a, s)
	mountRosterLists(a, s)
	mountMerges(a, s)
	mountCodes(a, s)
}

const (
	rosterTag  = "roster"
	rosterPath = "/api/v1/schools/{id}/roster"
)

func rosterRoles() []identity.Role { return []identity.Role{identity.Admin, identity.Instructor} }

func mountClasses(a *API, s *roster.Service) {
	roles := rosterRoles()
	Register(a, Op{ID: "list-school-classes", Method: http.MethodGet, Path: "/api/v1/schools/{id}/classes", Summary: "The classes of a school", Tag: rosterTag, Roles: roles},
		func(ctx context.Context, who identity.Actor, in *schoolIn) (*schoolClassesOut, error) {
			list, err := s.ListClasses(ctx, who, identity.SchoolID(in.School))
			out := &schoolClassesOut{}
			out.Body.Classes = make([]SchoolClass, len(list))
			for i, c := range list {
				out.Body.Classes[i] = classView(c.Class, c.Learners)
			}
			return out, err
		})
	Register(a, Op{ID: "save-school-class", Method: http.MethodPut, Path: "/api/v1/schools/{id}/classes", Summary: "Make or change a class", Tag: rosterTag, Roles: roles},
		func(ctx context.Context, who identity.Actor, in *saveClassIn) (*schoolClassOut, error) {
			b := in.Body
			c, err := s.SaveClass(ctx, who, roster.Class{School: identity.SchoolID(in.School), Name: b.Name, Grade: b.Grade, Stream: b.Stream,
				Teacher: identity.AccountID(b.Teacher), Active: !b.Closed})
			return &schoolClassOut{classView(c, 0)}, err
		})
	Register(a, Op{ID: "list-school-terms", Method: http.MethodGet, Path: "/api/v1/schools/{id}/terms", Summary: "The terms of a year", Tag: rosterTag, Roles: roles},
		func(ctx context.Context, who identity.Actor, in *termsIn) (*termsOut, error) {
			list, err := s.ListTerms(ctx, who, identity.SchoolID(in.School), in.Year)
			out := &termsOut{}
			out.Body.Terms = make([]SchoolTerm, len(list))
			for i, t := range list {
				out.Body.Terms[i] = SchoolTerm{t.Year, t.Number, t.First, t.Last}
			}
			return out, err
		})
	Register(a, Op{ID: "save-school-term", Method: http.MethodPut, Path: "/api/v1/schools/{id}/terms", Summary: "Set a school's own dates of a term", Tag: rosterTag, Roles: roles},
		func(ctx context.Context, who identity.Actor, in *saveTermIn) (*messageOut, error) {
			b := in.Body
			_, err := s.SaveTerm(ctx, who, roster.Term{School: identity.SchoolID(in.School), Year: b.Year, Number: b.Number, First: b.First, Last: b.Last})
			return done("Term saved"), err
		})
}

func classView(c roster.Class, learners int) SchoolClass {
	return SchoolClass{ID: c.ID, Name: c.Name, Grade: c.Grade, Stream: c.Stream, Teacher: string(c.Teacher), Active: c.Active, Learners: learners}
}

func mountRosterLines(a *API, s *roster.Service) {
	roles := rosterRoles()
	Register(a, Op{ID: "list-roster", Method: http.MethodGet, Path: rosterPath, Summary: "The roster of a school or class", Tag: rosterTag, Roles: roles},
		func(ctx context.Context, who identity.Actor, in *rosterIn) (*rosterLinesOut, error) {
			lines, err := s.List(ctx, who, identity.SchoolID(in.School), in.Class)
			out := &rosterLinesOut{}
			out.Body.Learners = make([]RosterLine, len(lines))
			for i, l := range lines {
				out.Body.Learners[i] = rosterView(l.Account)
				out.Body.Learners[i].Age, out.Body.Learners[i].Waiting = l.Age, l.Waiting
			}
			return out, err
		})
	Register(a, Op{ID: "add-to-roster", Method: http.MethodPost, Path: rosterPath, Summary: "Bring a learner to a school", Tag: rosterTag, Roles: roles, Status: http.StatusCreated},
		func(ctx context.Context, who identity.Actor, in *rosterAddIn) (*rosterLineOut, error) {
			l, err := s.Add(ctx, who, identity.SchoolID(in.School), in.Body.ID, roster.Patch(in.Body.RosterPatch))
			return &rosterLineOut{rosterView(l)}, err
		})
	Register(a, Op{ID: "change-roster", Method: http.MethodPatch, Path: rosterPath + "/{learner}", Summary: "Correct what is known of a learner", Tag: rosterTag, Roles: roles},
		func(ctx context.Context, who identity.Actor, in *rosterChangeIn) (*rosterLineOut, error) {
			l, err := s.Correct(ctx, who, identity.SchoolID(in.School), identity.AccountID(in.Learner), roster.Patch(in.Body))
			return &rosterLineOut{rosterView(l)}, err
		})
	Register(a, Op{ID: "leave-school", Method: http.MethodPost, Path: rosterPath + "/{learner}/leave", Summary: "A learner has left the school", Tag: rosterTag, Roles: roles},
		func(ctx context.Context, who identity.Actor, in *rosterLearnerIn) (*messageOut, error) {
			return done("Learner has left"), s.Remove(ctx, who, identity.SchoolID(in.School), identity.AccountID(in.Learner))
		})
	Register(a, Op{ID: "unlink-guardian", Method: http.MethodPost, Path: rosterPath + "/{learner}/guardians/{guardian}/unlink", Summary: "End a guardian's link to a learner", Tag: rosterTag, Roles: roles},
		func(ctx context.Context, who identity.Actor, in *unlinkIn) (*messageOut, error) {
			return done("Guardian unlinked"), s.UnlinkGuardian(ctx, who, identity.SchoolID(in.School), identity.AccountID(in.Learner), in.Guardian)
		})
	Register(a, Op{ID: "list-roster-todos", Method: http.MethodGet, Path: "/api/v1/schools/{id}/roster-todos", Summary: "What the cloud refused or remarked on", Tag: rosterTag, Roles: roles},
		func(ctx context.Context, who identity.Actor, in *schoolIn) (*todosOut, error) {
			list, err := s.ListTodos(ctx, who, identity.SchoolID(in.School))
			out := &todosOut{}
			out.Body.Todos = make([]RosterTodo, len(list))
			for i, t := range list {
				out.Body.Todos[i] = RosterTodo{t.Change.ID, string(t.Change.Kind), t.Account.FullName, t.Refused, t.Code, t.At.Time}
			}
			return out, err
		})
	Register(a, Op{ID: "dismiss-roster-todo", Method: http.MethodPost, Path: "/api/v1/schools/{id}/roster-todos/{change}/seen", Summary: "Somebody has seen it", Tag: rosterTag, Roles: roles},
		func(ctx context.Context, who identity.Actor, in *todoIn) (*messageOut, error) {
			return done("Seen"), s.Dismiss(ctx, who, identity.SchoolID(in.School), in.Change)
		})
}

func rosterView(a identity.Account) RosterLine {
	return RosterLine{LearnerBody: learnerBody(a), UPI: a.UPI, Born: a.Born}
}

// maxList is a file of the largest size in base64, and the rest of the request.
const maxList = sheet.MaxBytes/3*4 + 64<<10

func mountRosterLists(a *API, s *roster.Service) {
	roles := rosterRoles()
	Register(a, Op{ID: "import-roster", Method: http.MethodPost, Path: "/api/v1/schools/{id}/roster-import", Summary: "Import a list of learners, or see what it would do", Tag: rosterTag, Roles: roles, MaxBody: maxList},
		func(ctx context.Context, who identity.Actor, in *importIn) (*importOut, error) {
			l := roster.List{Data: []byte(in.Body.Text), Grade: in.Body.Grade, Class: in.Body.ClassName, Same: in.Body.Same, New: in.Body.New}
			if in.Body.Content != "" {
				data, err := base64.StdEncoding.DecodeString(in.Body.Content)
				if err != nil {
					return nil, fault.New(fault.Malformed, "The request could not be read.").WithCode("malformed")
				}
				l.Data = data
			}
			do := s.Import
			if in.Body.DryRun {
				do = s.Preview
			}
			plan, err := do(ctx, who, identity.SchoolID(in.School), l)
			return importView(plan, !in.Body.DryRun), err
		})
	Register(a, Op{ID: "export-roster", Method: http.MethodGet, Path: "/api/v1/schools/{id}/roster-export", Summary: "The roster as CSV", Tag: rosterTag, Roles: roles, Export: true, Files: []string{"text/csv"}},
		func(ctx context.Context, who identity.Actor, in *rosterIn) (*exportOut, error) {
			data, err := s.Export(ctx, who, identity.SchoolID(in.School), in.Class)
			return &exportOut{ContentType: "text/csv; charset=utf-8", Disposition: `attachment; filename="roster.csv"`, Body: data}, err
		})
}

func importView(p roster.Plan, finished bool) *importOut {
	out := &importOut{}
	out.Body.Done, out.Body.Ignored = finished, append([]int{}, p.Ignored...)
	out.Body.Columns, out.Body.Rows = make([]string, len(p.Columns)), make([]ImportRow, len(p.Rows))
	for i, c := range p.Columns {
		out.Body.Columns[i] = string(c)
	}
	for i, r := range p.Rows {
		row := ImportRow{Row: r.Number, State: string(r.State), Name: r.Name, Class: r.Class, Learner: string(r.Learner), Errors: []ImportError{}}
		for _, e := range r.Errors {
			row.Errors = append(row.Errors, ImportError{string(e.Column), e.Code})
		}
		out.Body.Rows[i] = row
	}
	return out
}

func mountMerges(a *API, s *roster.Service) {
	roles := rosterRoles()
	const path = "/api/v1/schools/{id}/roster-merges"
	Register(a, Op{ID: "list-merges", Method: http.MethodGet, Path: path, Summary: "Merged learners, and who may be there twice", Tag: rosterTag, Roles: roles},
		func(ctx context.Context, who identity.Actor, in *schoolIn) (*mergesOut, error) {
			merges, err := s.ListMerges(ctx, who, identity.SchoolID(in.School))
			if err != nil {
				return nil, err
			}
			maybe, err := s.ListDuplicates(ctx, who, identity.SchoolID(in.School))
			out := &mergesOut{}
			out.Body.Merges, out.Body.Maybe = make([]RosterMerge, len(merges)), make([][2]RosterLine, len(maybe))
			for i, m := range merges {
				out.Body.Merges[i] = RosterMerge{m.Change.ID, rosterView(m.Learner), rosterView(m.Duplicate), m.Change.At.Time}
			}
			for i, p := range maybe {
				out.Body.Maybe[i] = [2]RosterLine{rosterView(p.A), rosterView(p.B)}
			}
			return out, err
		})
	Register(a, Op{ID: "merge-learners", Method: http.MethodPost, Path: path, Summary: "Two learners are one child", Tag: rosterTag, Roles: roles, Status: http.StatusCreated},
		func(ctx context.Context, who identity.Actor, in *mergeIn) (*messageOut, error) {
			return done("Merged"), s.MergeLearners(ctx, who, identity.SchoolID(in.School), identity.AccountID(in.Body.LearnerID), identity.AccountID(in.Body.DuplicateID))
		})
	Register(a, Op{ID: "undo-merge", Method: http.MethodPost, Path: path + "/{merge}/undo", Summary: "Take a merge back", Tag: rosterTag, Roles: roles},
		func(ctx context.Context, who identity.Actor, in *undoMergeIn) (*messageOut, error) {
			return done("Merge undone"), s.UndoMerge(ctx, who, identity.SchoolID(in.School), in.Merge)
		})
}

func mountCodes(a *API, s *roster.Service) {
	roles := rosterRoles()
	Register(a, Op{ID: "make-codes", Method: http.MethodPost, Path: "/api/v1/schools/{id}/roster-codes", Summary: "Make codes for slips", Tag: rosterTag, Roles: roles, Status: http.StatusCreated},
		func(ctx context.Context, who identity.Actor, in *codesIn) (*codesOut, error) {
			learners := make([]identity.AccountID, len(in.Body.Learners))
			for i, l := range in.Body.Learners {
				learners[i] = identity.AccountID(l)
			}
			slips, err := s.MakeCodes(ctx, who, identity.SchoolID(in.School), roster.CodeKind(in.Body.Kind), learners)
			out := &codesOut{}
			out.Body.Slips = make([]CodeSlip, len(slips))
			for i, p := range slips {
				out.Body.Slips[i] = slipView(p)
			}
			return out, err
		})
	Register(a, Op{ID: "receive-learner", Method: http.MethodPost, Path: "/api/v1/schools/{id}/roster-transfers", Summary: "Take in the learner of a transfer code", Tag: rosterTag, Roles: roles, Status: http.StatusAccepted},
		func(ctx context.Context, who identity.Actor, in *receiveIn) (*messageOut, error) {
			b := in.Body
			return done("Asked for the learner"), s.Receive(ctx, who, identity.SchoolID(in.School), b.Code,
				roster.Patch{Grade: b.Grade, ClassName: b.ClassName, AdmissionNumber: b.AdmissionNumber})
		})
}

func slipView(p roster.Slip) CodeSlip {
	return CodeSlip{p.Text, string(p.Account.ID), p.Account.FullName, p.Account.ClassName, p.ExpiresAt.Time}
}

type (
	addChildIn struct {
		Body struct {
			Code string `json:"code"`
		}
	}
	childIn struct {
		Child string `path:"child"`
	}
	slipOut     struct{ Body CodeSlip }
	addChildOut struct{ Body RosterLine }
	returnIn    struct {
		Body struct {
			Password string `json:"password"`
			Code     string `json:"code,omitempty" maxLength:"40" doc:"Of the parent's second factor, when the answer before was second_factor."`
		}
	}
)

// HomeChild is a child who may learn on her guardian's phone.
type HomeChild struct {
	ID       string `json:"id"`
	FullName string `json:"full_name"`
	Grade    string `json:"grade"`
}

type familyOut struct {
	Body struct {
		Guardian string      `json:"guardian_name"`
		Children []HomeChild `json:"children" nullable:"false"`
	}
}

func familyView(f identity.Family) *familyOut {
	out := &familyOut{}
	out.Body.Guardian, out.Body.Children = f.Guardian.FullName, make([]HomeChild, len(f.Children))
	for i, c := range f.Children {
		out.Body.Children[i] = HomeChild{string(c.ID), c.FullName, c.Grade}
	}
	return out
}

// MountFamily adds what a parent does for her children on the cloud: link them by
// a code, give them to another school, and let them learn on her phone.
func MountFamily(a *API, people *identity.Service, s *roster.Service) {
	const tag = "parent"
	parents := []identity.Role{identity.Parent}
	Register(a, Op{ID: "add-child", Method: http.MethodPost, Path: "/api/v1/parent/children", Summary: "Link a child by the code of her school", Tag: tag, Roles: parents, Status: http.StatusCreated},
		func(ctx context.Context, who identity.Actor, in *addChildIn) (*addChildOut, error) {
			c, err := s.AddChild(ctx, who, in.Body.Code)
			return &addChildOut{rosterView(c)}, err
		})
	Register(a, Op{ID: "make-transfer-code", Method: http.MethodPost, Path: "/api/v1/parent/children/{child}/transfer-code", Summary: "A code for the child's next school", Tag: tag, Roles: parents, Status: http.StatusCreated},
		func(ctx context.Context, who identity.Actor, in *childIn) (*slipOut, error) {
			p, err := s.MakeTransferCode(ctx, who, identity.AccountID(in.Child))
			return &slipOut{slipView(p)}, err
		})
	Register(a, Op{ID: "open-child-session", Method: http.MethodPost, Path: "/api/v1/home/children/{child}/session", Summary: "Hand the phone to a child", Tag: tag, Roles: []identity.Role{identity.Parent, identity.Student}},
		func(ctx context.Context, who identity.Actor, in *childIn) (*tokenOut, error) {
			return asTokens(people.OpenHome(ctx, who, identity.AccountID(in.Child)))
		})
	Register(a, Op{ID: "family-at-home", Method: http.MethodGet, Path: "/api/v1/home/family", Summary: "Who learns on this phone", Tag: tag, Roles: []identity.Role{identity.Parent, identity.Student}},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*familyOut, error) {
			f, err := people.FamilyAtHome(ctx, who)
			return familyView(f), err
		})
	Register(a, Op{ID: "return-to-parent", Method: http.MethodPost, Path: "/api/v1/home/return", Summary: "Back from a child to the parent", Tag: tag, Roles: []identity.Role{identity.Student}},
		func(ctx context.Context, who identity.Actor, in *returnIn) (*tokenOut, error) {
			return asTokens(people.ReturnHome(ctx, who, in.Body.Password, in.Body.Code))
		})
}

// atHome tells whether a child's session on a parent's phone may do op: it learns,
// and neither pays nor changes settings.
func atHome(op Op) bool {
	switch op.ID {
	case "logout", "me", "get-own-profile", "own-powers", "who-sees", "family-at-home", "open-child-session", "return-to-parent":
		return true
	}
	return op.Need.Feature != access.Account && op.Need.Feature != access.Payments && op.Tag != "payments"
}
