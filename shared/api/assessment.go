package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"urbanhomeschool.org/uhs/shared/assessment"
	"urbanhomeschool.org/uhs/shared/catalogue"
	"urbanhomeschool.org/uhs/shared/identity"
)

// AssessmentCard is a quiz in a list.
type AssessmentCard struct {
	ID               string     `json:"id"`
	CourseID         string     `json:"course_id"`
	LessonID         string     `json:"lesson_id"`
	Edition          int64      `json:"edition" doc:"Send it back when submitting: the quiz is graded as it was seen."`
	Title            string     `json:"title"`
	Description      string     `json:"description"`
	AssessmentType   string     `json:"assessment_type" enum:"quiz"`
	TotalPoints      int        `json:"total_points"`
	PassingScore     int        `json:"passing_score" doc:"Percent."`
	AutoGradable     bool       `json:"auto_gradable"`
	DurationMinutes  *int       `json:"duration_minutes" doc:"Null: no time limit."`
	MaxAttempts      *int       `json:"max_attempts" doc:"Null: as often as one likes."`
	IsPublished      bool       `json:"is_published"`
	AvailableFrom    *time.Time `json:"available_from"`
	AvailableUntil   *time.Time `json:"available_until"`
	TotalSubmissions int        `json:"total_submissions"`
	AverageScore     *float64   `json:"average_score" doc:"Percent; null before the first submission."`
	CreatedAt        time.Time  `json:"created_at"`
	UpdatedAt        time.Time  `json:"updated_at"`
}

// Assessment is a quiz before it is taken, without its answers.
type Assessment struct {
	AssessmentCard
	CreatorID *string              `json:"creator_id"`
	Questions []AssessmentQuestion `json:"questions" nullable:"false"`
}

// AssessmentQuestion is one question as a learner sees it.
type AssessmentQuestion struct {
	ID       string             `json:"id"`
	Type     string             `json:"type" enum:"single,multiple,numeric,short_text,matching,ordering,cloze"`
	Question string             `json:"question" doc:"For cloze: with its gaps as [1], [2] ..."`
	Options  []AssessmentOption `json:"options" nullable:"false" doc:"For ordering: mixed."`
	Matches  []AssessmentOption `json:"matches,omitempty" doc:"For matching: what the options are matched with."`
	Gaps     []AssessmentGap    `json:"gaps,omitempty" doc:"For cloze, in the order of the prompt."`
	Unit     string             `json:"unit,omitempty"`
	AskUnit  bool               `json:"ask_unit,omitempty" doc:"The learner writes the unit behind the number, in text_answer."`
	Hint     string             `json:"hint,omitempty"`
	Points   int64              `json:"points"`
}

// AssessmentGap is one gap of a cloze question.
type AssessmentGap struct {
	Choices []string `json:"choices,omitempty" doc:"What may be chosen; without it the word is typed."`
}

// AssessmentOption is one choice.
type AssessmentOption struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// Pagination is the place of a page in a list.
type Pagination struct {
	Page       int `json:"page"`
	Limit      int `json:"limit"`
	TotalItems int `json:"total_items"`
	TotalPages int `json:"total_pages"`
}

// SubmittedAnswer is the answer to one question. Which field counts depends on
// the type of the question.
type SubmittedAnswer struct {
	QuestionID      string            `json:"question_id" maxLength:"100"`
	SelectedOption  string            `json:"selected_option,omitempty" maxLength:"100" doc:"Id of the option, for single."`
	SelectedOptions []string          `json:"selected_options,omitempty" maxItems:"50" doc:"Ids of the options, for multiple; all of them in order, for ordering."`
	NumericAnswer   *float64          `json:"numeric_answer,omitempty" doc:"For numeric."`
	TextAnswer      string            `json:"text_answer,omitempty" doc:"For short_text; also for numeric, in digits, with the unit where it is asked for."`
	Matches         map[string]string `json:"matches,omitempty" doc:"For matching: the id of the match by the id of the option."`
	Gaps            []string          `json:"gaps,omitempty" maxItems:"50" doc:"For cloze: one text for each gap, empty where it is left open."`
}

// SubmissionResult is an attempt with its marks.
type SubmissionResult struct {
	SubmissionID    string           `json:"submission_id"`
	AttemptID       string           `json:"attempt_id"`
	AssessmentID    string           `json:"assessment_id"`
	AssessmentTitle string           `json:"assessment_title"`
	CourseID        string           `json:"course_id"`
	StudentID       string           `json:"student_id"`
	AttemptNumber   int              `json:"attempt_number"`
	IsSubmitted     bool             `json:"is_submitted"`
	IsGraded        bool             `json:"is_graded"`
	Score           int64            `json:"score"`
	TotalPoints     int64            `json:"total_points"`
	Percentage      float64          `json:"percentage"`
	Passed          bool             `json:"passed"`
	PassingScore    int64            `json:"passing_score" doc:"Percent."`
	Feedback        *string          `json:"feedback" doc:"A teacher's words; null: none."`
	GradedBy        *string          `json:"graded_by" doc:"Null: graded by the keys."`
	StartedAt       time.Time        `json:"started_at"`
	SubmittedAt     time.Time        `json:"submitted_at"`
	GradedAt        time.Time        `json:"graded_at"`
	Answers         map[string]any   `json:"answers" doc:"What was answered, by question; unanswered questions are missing."`
	Results         []QuestionResult `json:"results" nullable:"false"`
}

// QuestionResult is how one question went. The right answer and the explanation
// are empty when the edition that was taken is no longer here.
type QuestionResult struct {
	QuestionID     string            `json:"question_id"`
	Answered       bool              `json:"answered"`
	Correct        bool              `json:"correct"`
	Points         int64             `json:"points"`
	MaxPoints      int64             `json:"max_points"`
	CorrectOptions []string          `json:"correct_options,omitempty"`
	CorrectNumber  *float64          `json:"correct_number,omitempty"`
	CorrectText    string            `json:"correct_text,omitempty"`
	CorrectUnit    string            `json:"correct_unit,omitempty" doc:"Where the learner writes the unit."`
	CorrectMatches map[string]string `json:"correct_matches,omitempty"`
	CorrectGaps    []string          `json:"correct_gaps,omitempty"`
	Feedback       []string          `json:"feedback,omitempty" doc:"The author's words on the options that were chosen."`
	Explanation    string            `json:"explanation"`
}

// SubmissionCard is an attempt in a list.
type SubmissionCard struct {
	SubmissionID    string    `json:"submission_id"`
	AssessmentID    string    `json:"assessment_id"`
	AssessmentTitle string    `json:"assessment_title"`
	AssessmentType  string    `json:"assessment_type" enum:"quiz"`
	CourseID        string    `json:"course_id"`
	CourseTitle     string    `json:"course_title"`
	AttemptNumber   int       `json:"attempt_number"`
	IsGraded        bool      `json:"is_graded"`
	Score           int64     `json:"score"`
	TotalPoints     int64     `json:"total_points"`
	Percentage      float64   `json:"percentage"`
	Passed          bool      `json:"passed"`
	SubmittedAt     time.Time `json:"submitted_at"`
	GradedAt        time.Time `json:"graded_at"`
}

// PageQuery is the published way to page through assessments.
type PageQuery struct {
	Page  int `query:"page" minimum:"1" maximum:"1000000" default:"1"`
	Limit int `query:"limit" minimum:"1" maximum:"100" default:"20"`
}

type assessmentsIn struct {
	PageQuery
	CourseID string `query:"course_id" doc:"Only quizzes of this course."`
}

type assessmentsOut struct {
	Body struct {
		Status string `json:"status"`
		Data   struct {
			Assessments []AssessmentCard `json:"assessments" nullable:"false"`
			Pagination  Pagination       `json:"pagination"`
		} `json:"data"`
	}
}

type assessmentIn struct {
	AssessmentID string `path:"assessment_id"`
}

type assessmentOut struct {
	Body struct {
		Status string     `json:"status"`
		Data   Assessment `json:"data"`
	}
}

type submitIn struct {
	AssessmentID string `path:"assessment_id"`
	Body         struct {
		Answers          []SubmittedAnswer `json:"answers" maxItems:"500" nullable:"false"`
		AttemptID        string            `json:"attempt_id,omitempty" doc:"A UUID made by the page: sending the same again gives the first result."`
		Edition          int64             `json:"edition,omitempty" minimum:"0"`
		TimeSpentSeconds int64             `json:"time_spent_seconds,omitempty" doc:"By the page's stopwatch."`
	}
}

type resultOut struct {
	Body struct {
		Status  string           `json:"status"`
		Data    SubmissionResult `json:"data"`
		Message string           `json:"message,omitempty"`
	}
}

type submissionsOut struct {
	Body struct {
		Status string `json:"status"`
		Data   struct {
			Submissions []SubmissionCard `json:"submissions" nullable:"false"`
			Pagination  Pagination       `json:"pagination"`
		} `json:"data"`
	}
}

// MountAssessment adds quizzes, attempts, the learner's day and the parent's
// pages.
func MountAssessment(a *API, s *assessment.Service) {
	const tag = "assessments"
	student := []identity.Role{identity.Student}
	Register(a, Op{ID: "list-assessments", Method: http.MethodGet, Path: "/api/v1/assessments/", Summary: "Quizzes I may take", Tag: tag},
		func(ctx context.Context, who identity.Actor, in *assessmentsIn) (*assessmentsOut, error) {
			forms, err := s.ListQuizzes(ctx, who, catalogue.CourseID(in.CourseID))
			out := &assessmentsOut{}
			out.Body.Status = "success"
			forms, out.Body.Data.Pagination = cut(forms, in.PageQuery)
			out.Body.Data.Assessments = make([]AssessmentCard, len(forms))
			for i, f := range forms {
				out.Body.Data.Assessments[i] = assessmentCard(f)
			}
			return out, err
		})
	// Before /assessments/{assessment_id}: the first route that fits is taken.
	Register(a, Op{ID: "my-submissions", Method: http.MethodGet, Path: "/api/v1/assessments/my-submissions", Summary: "My attempts, newest first", Tag: tag, Roles: student},
		func(ctx context.Context, who identity.Actor, in *PageQuery) (*submissionsOut, error) {
			all, err := s.Submissions(ctx, who)
			out := &submissionsOut{}
			out.Body.Status = "success"
			all, out.Body.Data.Pagination = cut(all, *in)
			out.Body.Data.Submissions = make([]SubmissionCard, len(all))
			for i, m := range all {
				out.Body.Data.Submissions[i] = submissionCard(m)
			}
			return out, err
		})
	Register(a, Op{ID: "get-assessment", Method: http.MethodGet, Path: "/api/v1/assessments/{assessment_id}", Summary: "A quiz with its questions", Tag: tag},
		func(ctx context.Context, who identity.Actor, in *assessmentIn) (*assessmentOut, error) {
			f, err := s.Quiz(ctx, who, catalogue.QuizID(in.AssessmentID))
			out := &assessmentOut{}
			out.Body.Status, out.Body.Data = "success", assessmentView(f)
			return out, err
		})
	Register(a, Op{ID: "submit-assessment", Method: http.MethodPost, Path: "/api/v1/assessments/{assessment_id}/submit", Summary: "Hand in a quiz and get its marks", Tag: tag, Roles: student},
		func(ctx context.Context, who identity.Actor, in *submitIn) (*resultOut, error) {
			m, err := s.Submit(ctx, who, submission(in))
			out := &resultOut{}
			out.Body.Status, out.Body.Data, out.Body.Message = "success", result(m), "Your answers are saved and marked."
			return out, err
		})
	Register(a, Op{ID: "get-grade", Method: http.MethodGet, Path: "/api/v1/assessments/{assessment_id}/grade", Summary: "My newest marks in a quiz", Tag: tag, Roles: student},
		func(ctx context.Context, who identity.Actor, in *assessmentIn) (*resultOut, error) {
			m, err := s.Grade(ctx, who, catalogue.QuizID(in.AssessmentID))
			out := &resultOut{}
			out.Body.Status, out.Body.Data = "success", result(m)
			return out, err
		})
	mountToday(a, s)
	mountFamily(a, s)
}

// cut gives the page of all that in asks for.
func cut[T any](all []T, in PageQuery) ([]T, Pagination) {
	p := Pagination{Page: in.Page, Limit: in.Limit, TotalItems: len(all), TotalPages: (len(all) + in.Limit - 1) / in.Limit}
	if in.Page > p.TotalPages {
		return nil, p
	}
	from := (in.Page - 1) * in.Limit
	return all[from:min(from+in.Limit, len(all))], p
}

func assessmentCard(f assessment.Form) AssessmentCard {
	return AssessmentCard{
		ID: string(f.ID), CourseID: string(f.CourseID), LessonID: string(f.LessonID), Edition: f.Edition, Title: f.Title,
		AssessmentType: "quiz", TotalPoints: totalPoints(f.Questions), PassingScore: f.PassPercent, AutoGradable: true, IsPublished: true,
		TotalSubmissions: f.Attempts, AverageScore: f.Average, CreatedAt: f.Since, UpdatedAt: f.Since,
	}
}

func totalPoints(questions []catalogue.Question) (sum int) {
	for _, q := range questions {
		sum += int(q.Points())
	}
	return sum
}

func assessmentView(f assessment.Form) Assessment {
	out := Assessment{AssessmentCard: assessmentCard(f), Questions: []AssessmentQuestion{}}
	if f.CreatorID != "" {
		creator := string(f.CreatorID)
		out.CreatorID = &creator
	}
	for _, q := range f.Questions {
		view := AssessmentQuestion{ID: q.ID, Type: string(q.Kind), Question: q.Prompt, Options: optionViews(q.Options), Matches: optionViews(q.Matches),
			Unit: q.Unit, AskUnit: q.AskUnit, Hint: q.Hint, Points: q.Points()}
		for _, g := range q.Gaps {
			view.Gaps = append(view.Gaps, AssessmentGap(g))
		}
		out.Questions = append(out.Questions, view)
	}
	return out
}

func optionViews(in []catalogue.Option) []AssessmentOption {
	out := make([]AssessmentOption, len(in))
	for i, o := range in {
		out[i] = AssessmentOption(o)
	}
	return out
}

func submission(in *submitIn) assessment.Submission {
	out := assessment.Submission{
		QuizID: catalogue.QuizID(in.AssessmentID), AttemptID: assessment.AttemptID(in.Body.AttemptID),
		Edition: in.Body.Edition, Seconds: in.Body.TimeSpentSeconds,
	}
	for _, a := range in.Body.Answers {
		options := slices.Clone(a.SelectedOptions)
		if a.SelectedOption != "" {
			options = append(options, a.SelectedOption)
		}
		out.Answers = append(out.Answers, assessment.Answer{
			QuestionID: a.QuestionID, Options: options, Number: a.NumericAnswer, Text: a.TextAnswer, Matches: a.Matches, Gaps: a.Gaps})
	}
	return out
}

func submissionCard(m assessment.Marked) SubmissionCard {
	return SubmissionCard{
		SubmissionID: string(m.ID), AssessmentID: string(m.QuizID), AssessmentTitle: m.Quiz.Title, AssessmentType: "quiz",
		CourseID: string(m.CourseID), CourseTitle: m.CourseTitle, AttemptNumber: m.Number, IsGraded: true, Score: m.ScorePoints,
		TotalPoints: m.MaxPoints, Percentage: m.Percent(), Passed: m.Passed, SubmittedAt: m.SubmittedAt.Time, GradedAt: m.SubmittedAt.Time,
	}
}

func result(m assessment.Marked) SubmissionResult {
	out := SubmissionResult{
		SubmissionID: string(m.ID), AttemptID: string(m.ID), AssessmentID: string(m.QuizID), AssessmentTitle: m.Quiz.Title,
		CourseID: string(m.CourseID), StudentID: string(m.LearnerID), AttemptNumber: m.Number, IsSubmitted: true, IsGraded: true,
		Score: m.ScorePoints, TotalPoints: m.MaxPoints, Percentage: m.Percent(), Passed: m.Passed, PassingScore: m.PassPercent,
		StartedAt: m.StartedAt.Time, SubmittedAt: m.SubmittedAt.Time, GradedAt: m.SubmittedAt.Time,
		Answers: map[string]any{}, Results: []QuestionResult{},
	}
	for _, r := range m.Responses {
		if r.Answered() {
			out.Answers[r.QuestionID] = answered(m.Quiz, r)
		}
		out.Results = append(out.Results, questionResult(m.Quiz, r))
	}
	return out
}

// answered is the answer in the shape of its question.
func answered(quiz catalogue.Quiz, r assessment.Response) any {
	switch {
	case len(r.Options) > 0:
		return r.Options
	case len(r.Parts) > 0:
		if q, ok := quiz.Question(r.QuestionID); ok && q.Kind == catalogue.Matching {
			return byOption(q, r.Parts)
		}
		return r.Parts
	case r.Number != "" && r.Text != "":
		return r.Number + " " + r.Text
	case r.Number != "":
		if n, err := strconv.ParseFloat(r.Number, 64); err == nil {
			return n
		}
		return r.Number
	}
	return r.Text
}

func questionResult(quiz catalogue.Quiz, r assessment.Response) QuestionResult {
	out := QuestionResult{QuestionID: r.QuestionID, Answered: r.Answered(), Correct: r.Correct(), Points: r.Points, MaxPoints: r.Max}
	key, ok := quiz.Key(r.QuestionID)
	if !ok {
		return out
	}
	out.Explanation = key.Explanation
	for _, o := range r.Options {
		if words := key.Feedback[o]; words != "" {
			out.Feedback = append(out.Feedback, words)
		}
	}
	if q, ok := quiz.Question(r.QuestionID); ok {
		out.solve(q, key)
	}
	return out
}

// solve adds the right answer in the shape of its question.
func (r *QuestionResult) solve(q catalogue.Question, key catalogue.Key) {
	switch q.Kind {
	case catalogue.Numeric:
		r.CorrectNumber = &key.Value
		for _, name := range slices.Sorted(maps.Keys(key.Units)) {
			if key.Units[name] == 1 {
				r.CorrectUnit = name
				break
			}
		}
	case catalogue.ShortText:
		r.CorrectText = firstOf(key.Texts)
	case catalogue.Matching:
		r.CorrectMatches = byOption(q, key.Options)
	case catalogue.Cloze:
		for _, accepted := range key.Gaps {
			r.CorrectGaps = append(r.CorrectGaps, firstOf(accepted))
		}
	default:
		r.CorrectOptions = key.Options
	}
}

// firstOf is the answer that is shown of the accepted ones; "" for none.
func firstOf(accepted []string) string {
	if len(accepted) == 0 {
		return ""
	}
	return accepted[0]
}

// byOption gives the match by the option; one that was left open is missing.
func byOption(q catalogue.Question, matches []string) map[string]string {
	out := map[string]string{}
	for i, o := range q.Options {
		if i < len(matches) && matches[i] != "" {
			out[o.ID] = matches[i]
		}
	}
	return out
}
