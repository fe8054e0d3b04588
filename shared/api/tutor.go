package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/identity"
	"urbanhomeschool.org/uhs/shared/tutor"
)

// TutorPassage is a piece of a lesson that an answer quotes.
type TutorPassage struct {
	CourseID    string `json:"course_id"`
	CourseTitle string `json:"course_title"`
	LessonID    string `json:"lesson_id"`
	LessonTitle string `json:"lesson_title"`
	Heading     string `json:"heading"`
	Quote       string `json:"quote"`
	Link        string `json:"link" doc:"Path of the lesson in the web app."`
}

// TutorSource says where an answer came from.
type TutorSource struct {
	Kind     string         `json:"kind" enum:"lesson_passages,local_model,cloud_model,safety,none"`
	Provider string         `json:"provider"`
	Model    string         `json:"model"`
	Reason   string         `json:"reason" doc:"Why no better source answered, e.g. queue_full, unreachable, no_consent; empty when one did."`
	Passages []TutorPassage `json:"passages" nullable:"false"`
}

// EarlierAnswer is what was shown before a better answer came.
type EarlierAnswer struct {
	Message   string      `json:"message"`
	Source    TutorSource `json:"source"`
	Timestamp time.Time   `json:"timestamp"`
}

// TutorAnswer is the answer to a question, with where it came from.
type TutorAnswer struct {
	Message        string      `json:"message"`
	ResponseMode   string      `json:"response_mode" enum:"text,voice"`
	AudioURL       *string     `json:"audio_url" doc:"Always null: the learner's device reads aloud."`
	VideoURL       *string     `json:"video_url" doc:"Always null."`
	ConversationID string      `json:"conversation_id"`
	Timestamp      time.Time   `json:"timestamp"`
	QuestionID     string      `json:"question_id"`
	Source         TutorSource `json:"source"`
	// Queued tells that a better answer may still come from the cloud.
	Queued bool           `json:"queued" doc:"A better answer may still come from the cloud."`
	Better bool           `json:"better" doc:"This answer came from the cloud after another was shown."`
	Was    *EarlierAnswer `json:"earlier" doc:"What was shown before; null when nothing was."`
}

// TutorMessage is one message of a conversation.
type TutorMessage struct {
	Role       string         `json:"role" enum:"user,assistant"`
	Content    string         `json:"content"`
	Timestamp  time.Time      `json:"timestamp"`
	QuestionID string         `json:"question_id"`
	Source     *TutorSource   `json:"source" doc:"Null for questions."`
	Queued     bool           `json:"queued" doc:"Of a question: a better answer may still come from the cloud."`
	Refused    string         `json:"refused" doc:"Of a question: why the cloud will not answer, e.g. consent_withdrawn; else empty."`
	Better     bool           `json:"better" doc:"Of an answer: it came from the cloud after another was shown."`
	Was        *EarlierAnswer `json:"earlier" doc:"What was shown before; null when nothing was."`
}

// TransformSchema implements huma.SchemaTransformer.
func (TutorAnswer) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return mayBeNull(s, "earlier")
}

// TransformSchema implements huma.SchemaTransformer.
func (TutorMessage) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return mayBeNull(s, "source", "earlier")
}

// TutorQueue is the line before a busy local model.
type TutorQueue struct {
	Place  int `json:"place" doc:"The learner's place, from 1; 0: not in line."`
	Length int `json:"length"`
}

// TutorStatus is how a learner stands with the tutor.
type TutorStatus struct {
	ID                 string          `json:"id"`
	StudentID          string          `json:"student_id"`
	Name               string          `json:"name"`
	ResponseMode       string          `json:"response_mode" enum:"text,voice"`
	TotalInteractions  int64           `json:"total_interactions"`
	LastInteraction    *time.Time      `json:"last_interaction"`
	PerformanceMetrics *map[string]any `json:"performance_metrics" doc:"Always null: progress is counted from lessons and quizzes, not from talk."`
	LearningPath       *map[string]any `json:"learning_path" doc:"Always null: see the learner's courses."`
	CreatedAt          *time.Time      `json:"created_at" doc:"Null before the first question."`
	QuestionsLeft      int64           `json:"questions_left" doc:"How many questions may still be asked today."`
	CloudConsent       bool            `json:"cloud_consent" doc:"Whether questions may be answered by a hosted model."`
	WaitingAnswers     int             `json:"waiting_answers" doc:"Questions that may still get a better answer."`
	Queue              TutorQueue      `json:"queue"`
}

// SafeguardingAlert says that a learner may need help; it never carries words.
type SafeguardingAlert struct {
	ID              string                  `json:"id"`
	LearnerID       string                  `json:"learner_id"`
	LearnerName     string                  `json:"learner_name"`
	SchoolID        string                  `json:"school_id" doc:"Empty for a learner without a school."`
	Category        string                  `json:"category" enum:"self_harm,abuse,violence,bullying"`
	Severity        string                  `json:"severity" enum:"high,standard"`
	At              time.Time               `json:"at"`
	IsAcknowledged  bool                    `json:"is_acknowledged"`
	Acknowledgement []AlertAcknowledgedView `json:"acknowledgements" nullable:"false"`
}

// AlertAcknowledgedView says who has taken up an alert.
type AlertAcknowledgedView struct {
	AccountID string    `json:"account_id"`
	At        time.Time `json:"at"`
}

type tutorAskIn struct {
	Body struct {
		Message         string `json:"message" maxLength:"2000" doc:"The question."`
		IncludeContext  *bool  `json:"include_context,omitempty" doc:"Whether a model sees earlier messages; default true."`
		ContextMessages int    `json:"context_messages,omitempty" minimum:"0" maximum:"10" doc:"How many; default 4."`
		QuestionID      string `json:"question_id,omitempty" doc:"A UUID of the client's, so that a repeated request is the same question."`
		CourseID        string `json:"course_id,omitempty" doc:"The course that is open."`
		Language        string `json:"language,omitempty" enum:"en,sw" doc:"Of the fixed texts; else that of the question."`
	}
}

func (in *tutorAskIn) asking() tutor.Asking {
	b := in.Body
	out := tutor.Asking{ID: tutor.QuestionID(b.QuestionID), Text: b.Message, CourseID: b.CourseID, Language: tutor.Language(b.Language), Context: b.ContextMessages}
	if b.IncludeContext != nil && !*b.IncludeContext {
		out.Context = -1
	}
	return out
}

type tutorAskOut struct{ Body TutorAnswer }

type tutorHistoryIn struct {
	Limit  int `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"Messages; rounded up to whole exchanges."`
	Offset int `query:"offset" minimum:"0" maximum:"100000000" default:"0" doc:"Newer messages to leave out; rounded down to whole exchanges."`
}

type tutorHistoryOut struct {
	Body struct {
		TutorID       string         `json:"tutor_id"`
		StudentID     string         `json:"student_id"`
		Messages      []TutorMessage `json:"messages" nullable:"false" doc:"Oldest first."`
		TotalMessages int64          `json:"total_messages"`
		OldestMessage *time.Time     `json:"oldest_message"`
		NewestMessage *time.Time     `json:"newest_message"`
	}
}

type tutorStatusOut struct{ Body TutorStatus }

type tutorModeIn struct {
	Body struct {
		ResponseMode string `json:"response_mode" doc:"text or voice"`
	}
}

type tutorModeOut struct {
	Body struct {
		ResponseMode string `json:"response_mode"`
		Message      string `json:"message"`
	}
}

type tutorResetOut struct {
	Body struct {
		Message string `json:"message"`
		TutorID string `json:"tutor_id"`
	}
}

type tutorHealthOut struct {
	Body struct {
		Status   string `json:"status"`
		Service  string `json:"service"`
		Version  string `json:"version"`
		Features struct {
			Chat           bool     `json:"chat"`
			History        bool     `json:"history"`
			ResponseModes  []string `json:"response_modes" nullable:"false"`
			AIOrchestrator bool     `json:"ai_orchestrator" doc:"Whether a model is configured here; lessons answer without one."`
		} `json:"features"`
	}
}

type studentAIChatOut struct {
	Body struct {
		Response    string   `json:"response"`
		ModelUsed   string   `json:"model_used" doc:"The model's name, or the kind of source."`
		TaskType    string   `json:"task_type"`
		Suggestions []string `json:"suggestions" nullable:"false" doc:"Titles of the lessons to read."`
		Metadata    struct {
			TokensUsed     int   `json:"tokens_used"`
			ResponseTimeMS int64 `json:"response_time_ms"`
		} `json:"metadata"`
		QuestionID string      `json:"question_id"`
		Source     TutorSource `json:"source"`
		Queued     bool        `json:"queued"`
	}
}

type alertsIn struct {
	Skip  int `query:"skip" minimum:"0" maximum:"100000000" default:"0"`
	Limit int `query:"limit" minimum:"1" maximum:"100" default:"20"`
}

type alertsOut struct {
	Body struct {
		Alerts  []SafeguardingAlert `json:"alerts" nullable:"false"`
		Total   int64               `json:"total"`
		Open    int64               `json:"open" doc:"Alerts that nobody has acknowledged."`
		Skip    int                 `json:"skip"`
		Limit   int                 `json:"limit"`
		HasMore bool                `json:"has_more"`
	}
}

type alertIn struct {
	ID string `path:"id"`
}

type alertAckOut struct{ Body AlertAcknowledgedView }

// MountTutor adds the learner's tutor and the safeguarding alerts.
func MountTutor(a *API, s *tutor.Service) {
	mountChat(a, s)
	mountTutorProfile(a, s)
	mountAlerts(a, s)
}

func mountChat(a *API, s *tutor.Service) {
	student := []identity.Role{identity.Student}
	Register(a, Op{ID: "tutor-chat", Method: http.MethodPost, Path: "/api/v1/ai-tutor/chat", Tag: "ai-tutor", Roles: student,
		Summary: "Ask the tutor; answered at once by what this server has"},
		func(ctx context.Context, who identity.Actor, in *tutorAskIn) (*tutorAskOut, error) {
			got, err := s.Ask(ctx, who, in.asking())
			if err != nil {
				return nil, err
			}
			return &tutorAskOut{TutorAnswer{Message: got.Best.Text, ResponseMode: string(got.Mode), ConversationID: got.Question.ConversationID,
				Timestamp: got.Best.At.Time, QuestionID: string(got.Question.ID), Source: tutorSource(got.Best.Source),
				Queued: got.Waiting, Better: got.Better(), Was: earlier(got.Exchange)}}, nil
		})

	Register(a, Op{ID: "student-ai-chat", Method: http.MethodPost, Path: "/api/v1/student/ai/chat", Tag: "student-dashboard-api", Roles: student,
		Summary: "Ask the tutor from the dashboard; the server's own record is the conversation history"},
		func(ctx context.Context, who identity.Actor, in *tutorAskIn) (*studentAIChatOut, error) {
			got, err := s.Ask(ctx, who, in.asking())
			if err != nil {
				return nil, err
			}
			return dashboardChat(got), nil
		})

	Register(a, Op{ID: "tutor-history", Method: http.MethodGet, Path: "/api/v1/ai-tutor/history", Tag: "ai-tutor", Roles: student,
		Summary: "The conversation since the last reset"},
		func(ctx context.Context, who identity.Actor, in *tutorHistoryIn) (*tutorHistoryOut, error) {
			h, err := s.History(ctx, who, in.Offset/2, (in.Limit+1)/2)
			if err != nil {
				return nil, err
			}
			out := &tutorHistoryOut{}
			out.Body.TutorID, out.Body.StudentID, out.Body.TotalMessages = h.TutorID(), string(h.LearnerID), h.Messages
			out.Body.OldestMessage, out.Body.NewestMessage = since(h.Oldest), since(h.Newest)
			out.Body.Messages = []TutorMessage{}
			for _, e := range slices.Backward(h.Exchanges) {
				out.Body.Messages = append(out.Body.Messages, messagesOf(e)...)
			}
			return out, nil
		})
}

func mountTutorProfile(a *API, s *tutor.Service) {
	student := []identity.Role{identity.Student}
	Register(a, Op{ID: "tutor-status", Method: http.MethodGet, Path: "/api/v1/ai-tutor/status", Tag: "ai-tutor", Roles: student,
		Summary: "How the learner stands with the tutor, with the place in line"},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*tutorStatusOut, error) {
			st, err := s.Status(ctx, who)
			if err != nil {
				return nil, err
			}
			return &tutorStatusOut{TutorStatus{ID: st.TutorID(), StudentID: string(st.LearnerID), Name: tutor.TutorName, ResponseMode: string(st.Mode),
				TotalInteractions: st.Interactions, LastInteraction: since(st.LastInteraction), CreatedAt: since(st.CreatedAt), QuestionsLeft: st.Left,
				CloudConsent: st.Consent, WaitingAnswers: st.Waiting, Queue: TutorQueue{Place: st.Place, Length: st.Line}}}, nil
		})

	Register(a, Op{ID: "tutor-response-mode", Method: http.MethodPut, Path: "/api/v1/ai-tutor/response-mode", Tag: "ai-tutor", Roles: student,
		Summary: "Choose how answers come"},
		func(ctx context.Context, who identity.Actor, in *tutorModeIn) (*tutorModeOut, error) {
			p, err := s.SetMode(ctx, who, tutor.ResponseMode(in.Body.ResponseMode))
			if err != nil {
				return nil, err
			}
			out := &tutorModeOut{}
			out.Body.ResponseMode, out.Body.Message = string(p.Mode), "Saved."
			return out, nil
		})

	Register(a, Op{ID: "tutor-reset", Method: http.MethodPost, Path: "/api/v1/ai-tutor/reset", Tag: "ai-tutor", Roles: student,
		Summary: "Start a new conversation"},
		func(ctx context.Context, who identity.Actor, _ *struct{}) (*tutorResetOut, error) {
			p, err := s.Reset(ctx, who)
			if err != nil {
				return nil, err
			}
			out := &tutorResetOut{}
			out.Body.Message, out.Body.TutorID = "A new conversation has begun.", p.TutorID()
			return out, nil
		})

	Register(a, Op{ID: "tutor-health", Method: http.MethodGet, Path: "/api/v1/ai-tutor/health", Tag: "ai-tutor", Public: true,
		Summary: "What the tutor can do here"},
		func(context.Context, identity.Actor, *struct{}) (*tutorHealthOut, error) {
			out := &tutorHealthOut{}
			out.Body.Status, out.Body.Service, out.Body.Version = "healthy", tutor.TutorName, a.opts.Version
			f := &out.Body.Features
			f.Chat, f.History, f.AIOrchestrator = true, true, s.HasModel()
			for _, m := range tutor.Modes() {
				f.ResponseModes = append(f.ResponseModes, string(m))
			}
			return out, nil
		})
}

func mountAlerts(a *API, s *tutor.Service) {
	adults := []identity.Role{identity.Instructor, identity.Admin}
	Register(a, Op{ID: "safeguarding-alerts", Method: http.MethodGet, Path: "/api/v1/safeguarding/alerts", Tag: "safeguarding", Roles: adults,
		Summary: "Learners who may need help, for the school's named adult and head, and for admins when nobody there took it up"},
		func(ctx context.Context, who identity.Actor, in *alertsIn) (*alertsOut, error) {
			page, err := s.ListAlerts(ctx, who, in.Skip, in.Limit)
			if err != nil {
				return nil, err
			}
			out := &alertsOut{}
			b := &out.Body
			b.Alerts, b.Total, b.Open, b.Skip, b.Limit = []SafeguardingAlert{}, page.Total, page.Open, in.Skip, in.Limit
			b.HasMore = int64(in.Skip+len(page.Alerts)) < page.Total
			for _, v := range page.Alerts {
				b.Alerts = append(b.Alerts, alertView(v))
			}
			return out, nil
		})

	Register(a, Op{ID: "safeguarding-acknowledge", Method: http.MethodPost, Path: "/api/v1/safeguarding/alerts/{id}/acknowledge", Tag: "safeguarding", Roles: adults,
		Summary: "Record that you have taken up an alert"},
		func(ctx context.Context, who identity.Actor, in *alertIn) (*alertAckOut, error) {
			k, err := s.AcknowledgeAlert(ctx, who, in.ID)
			if err != nil {
				return nil, err
			}
			return &alertAckOut{AlertAcknowledgedView{AccountID: string(k.AccountID), At: k.At.Time}}, nil
		})
}

// since is t, or null for the zero time.
func since(t db.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t.Time
}

func tutorSource(s tutor.Source) TutorSource {
	out := TutorSource{Kind: string(s.Kind), Provider: s.Provider, Model: s.Model, Reason: s.Reason, Passages: []TutorPassage{}}
	for _, p := range s.Passages {
		out.Passages = append(out.Passages, TutorPassage(p))
	}
	return out
}

func earlier(e tutor.Exchange) *EarlierAnswer {
	if e.Earlier.ID == "" {
		return nil
	}
	return &EarlierAnswer{Message: e.Earlier.Text, Source: tutorSource(e.Earlier.Source), Timestamp: e.Earlier.At.Time}
}

// messagesOf is the question and, when there is one, the answer to show.
func messagesOf(e tutor.Exchange) []TutorMessage {
	q := e.Question
	out := []TutorMessage{{Role: "user", Content: q.Text, Timestamp: q.AskedAt.Time, QuestionID: string(q.ID), Queued: e.Waiting, Refused: e.Refused}}
	if e.Best.ID == "" {
		return out
	}
	src := tutorSource(e.Best.Source)
	return append(out, TutorMessage{Role: "assistant", Content: e.Best.Text, Timestamp: e.Best.At.Time, QuestionID: string(q.ID), Source: &src,
		Better: e.Better(), Was: earlier(e)})
}

func dashboardChat(got tutor.Asked) *studentAIChatOut {
	out := &studentAIChatOut{}
	b, src := &out.Body, got.Best.Source
	b.Response, b.ModelUsed, b.TaskType = got.Best.Text, src.Model, "general"
	if b.ModelUsed == "" {
		b.ModelUsed = string(src.Kind)
	}
	if src.Kind == tutor.FromSafety {
		b.TaskType = "safety"
	}
	b.Suggestions = []string{}
	for _, p := range src.Passages {
		b.Suggestions = append(b.Suggestions, p.LessonTitle)
	}
	b.Metadata.TokensUsed, b.Metadata.ResponseTimeMS = got.Tokens, got.Took.Milliseconds()
	b.QuestionID, b.Source, b.Queued = string(got.Question.ID), tutorSource(src), got.Waiting
	return out
}

func alertView(v tutor.AlertView) SafeguardingAlert {
	out := SafeguardingAlert{ID: v.ID, LearnerID: string(v.LearnerID), LearnerName: v.LearnerName, SchoolID: string(v.SchoolID), Category: string(v.Category), Severity: string(v.Severity),
		At: v.At.Time, IsAcknowledged: len(v.Acknowledgements) > 0, Acknowledgement: []AlertAcknowledgedView{}}
	for _, k := range v.Acknowledgements {
		out.Acknowledgement = append(out.Acknowledgement, AlertAcknowledgedView{AccountID: string(k.AccountID), At: k.At.Time})
	}
	return out
}
