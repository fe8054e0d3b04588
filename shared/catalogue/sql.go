package catalogue

import (
	"encoding/json"
	"fmt"

	"urbanhomeschool.org/uhs/shared/db"
)

const courseColumns = `id, slug, title, description, grade, learning_area, curriculum, language, owner,
	instructor_id, instructor_email, price_minor, currency, featured, edition, strands, lesson_count, minutes, published_at`

// listWhere: $1 grade, $2 learning area, $3 folded LIKE pattern, $4 only
// featured, $5 instructor; empty means any.
const listWhere = ` FROM courses WHERE ($1 = '' OR grade = $1) AND ($2 = '' OR learning_area = $2)
	AND ($3 = '' OR lower(title) LIKE $3 ESCAPE '!' OR lower(description) LIKE $3 ESCAPE '!')
	AND (NOT $4 OR featured) AND ($5 = '' OR instructor_id = $5)`

const lessonColumns = `id, course_id, slug, title, position, minutes, outcomes, strand, sub_strand, competencies, quiz_id`

const quizColumns = `q.id, q.course_id, q.lesson_id, q.edition, q.title, q.pass_percent, q.questions`

var (
	upsertCourse = db.SQL{Both: `INSERT INTO courses (` + courseColumns + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
		ON CONFLICT (id) DO UPDATE SET slug = excluded.slug, title = excluded.title, description = excluded.description,
			grade = excluded.grade, learning_area = excluded.learning_area, curriculum = excluded.curriculum,
			language = excluded.language, owner = excluded.owner, instructor_id = excluded.instructor_id,
			instructor_email = excluded.instructor_email, price_minor = excluded.price_minor, currency = excluded.currency,
			featured = excluded.featured, edition = excluded.edition, strands = excluded.strands,
			lesson_count = excluded.lesson_count, minutes = excluded.minutes, published_at = excluded.published_at`}
	deleteLessons  = db.SQL{Both: `DELETE FROM lessons WHERE course_id = $1`}
	deletePassages = db.SQL{Both: `DELETE FROM passages WHERE course_id = $1`}
	deleteKeys     = db.SQL{Both: `DELETE FROM quiz_keys WHERE edition = $2 AND quiz_id IN (SELECT id FROM quizzes WHERE course_id = $1 AND edition = $2)`}
	deleteQuizzes  = db.SQL{Both: `DELETE FROM quizzes WHERE course_id = $1 AND edition = $2`}

	selectCourses     = db.SQL{Both: `SELECT ` + courseColumns + listWhere + ` ORDER BY featured DESC, title, id LIMIT $6 OFFSET $7`}
	countCourses      = db.SQL{Both: `SELECT count(*)` + listWhere}
	selectCourse      = db.SQL{Both: `SELECT ` + courseColumns + ` FROM courses WHERE id = $1`}
	selectCourseIDs   = db.SQL{Both: `SELECT id FROM courses ORDER BY id`}
	countAreas        = db.SQL{Both: `SELECT learning_area, count(*) FROM courses GROUP BY learning_area`}
	selectLessons     = db.SQL{Both: `SELECT ` + lessonColumns + ` FROM lessons WHERE course_id = $1 ORDER BY position`}
	selectAreaLessons = db.SQL{Both: `SELECT l.id, l.course_id, l.slug, l.title, l.position, l.minutes, l.outcomes, l.strand, l.sub_strand,
			l.competencies, l.quiz_id, c.grade
		FROM lessons l JOIN courses c ON c.id = l.course_id WHERE c.learning_area = $1 ORDER BY c.title, c.id, l.position`}
	selectLesson = db.SQL{Both: `SELECT ` + lessonColumns + `, html FROM lessons WHERE id = $1`}
	selectQuiz   = db.SQL{Both: `SELECT ` + quizColumns + `, k.keys FROM quizzes q
		JOIN quiz_keys k ON k.quiz_id = q.id AND k.edition = q.edition
		JOIN courses c ON c.id = q.course_id AND c.edition = q.edition WHERE q.id = $1`}
	selectQuizEdition = db.SQL{Both: `SELECT ` + quizColumns + `, k.keys FROM quizzes q
		JOIN quiz_keys k ON k.quiz_id = q.id AND k.edition = q.edition WHERE q.id = $1 AND q.edition = $2`}
	selectCourseQuizzes = db.SQL{Both: `SELECT ` + quizColumns + `, k.keys FROM quizzes q
		JOIN quiz_keys k ON k.quiz_id = q.id AND k.edition = q.edition
		JOIN courses c ON c.id = q.course_id AND c.edition = q.edition
		LEFT JOIN lessons l ON l.id = q.lesson_id WHERE q.course_id = $1 ORDER BY l.position`}
	// A quiz that a newer edition dropped still belongs to its course.
	selectQuizCourse = db.SQL{Both: `SELECT ` + courseColumns + ` FROM courses
		WHERE id = (SELECT course_id FROM quizzes WHERE id = $1 ORDER BY edition DESC LIMIT 1)`}

	// $1 is the query in the database's own language, made of letters and digits
	// only; $2 whether to search every course; $3 a JSON list of course ids.
	searchPassages = db.SQL{
		Postgres: `SELECT id, course_id, lesson_id, lesson_title, heading, anchor, position, body, head_terms, body_terms
			FROM passages, to_tsquery('simple', $1) AS query
			WHERE search @@ query AND ($2 OR course_id IN (SELECT jsonb_array_elements_text($3::text::jsonb)))
			ORDER BY ts_rank('{0.1, 0.2, 0.4, 0.4}', search, query) DESC, id LIMIT $4`,
		SQLite: `SELECT p.id, p.course_id, p.lesson_id, p.lesson_title, p.heading, p.anchor, p.position, p.body, p.head_terms, p.body_terms
			FROM passages_search s JOIN passages p ON p.n = s.rowid
			WHERE passages_search MATCH $1 AND ($2 OR p.course_id IN (SELECT value FROM json_each($3)))
			ORDER BY bm25(passages_search, 2.0, 1.0), p.id LIMIT $4`,
	}

	// How many passages have each of a JSON list of one-word queries, and how many
	// passages there are.
	countMatches = db.SQL{
		Postgres: `SELECT w, (SELECT count(*) FROM passages WHERE search @@ to_tsquery('simple', w)), (SELECT count(*) FROM passages)
			FROM jsonb_array_elements_text($1::text::jsonb) AS w`,
		SQLite: `SELECT w.value, (SELECT count(*) FROM passages_search WHERE passages_search MATCH w.value), (SELECT count(*) FROM passages)
			FROM json_each($1) AS w`,
	}

	upsertLicence = db.SQL{Both: `INSERT INTO licences (` + licenceColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (id) DO UPDATE SET school_id = excluded.school_id, course_id = excluded.course_id, edition = excluded.edition,
			title = excluded.title, manifest_sha256 = excluded.manifest_sha256, size_bytes = excluded.size_bytes,
			recipient = excluded.recipient, wrapped_key = excluded.wrapped_key, granted_at = excluded.granted_at`}
	selectLicence  = db.SQL{Both: `SELECT ` + licenceColumns + ` FROM licences WHERE id = $1`}
	selectLicences = db.SQL{Both: `SELECT ` + licenceColumns + ` FROM licences WHERE school_id = $1 ORDER BY title, id`}
	pageLicences   = db.SQL{Both: `SELECT ` + licenceColumns + ` FROM licences WHERE school_id = $1 AND id > $2 ORDER BY id LIMIT $3`}
	selectHolders  = db.SQL{Both: `SELECT ` + licenceColumns + ` FROM licences WHERE course_id = $1 ORDER BY school_id`}
)

const licenceColumns = `id, school_id, course_id, edition, title, manifest_sha256, size_bytes, recipient, wrapped_key, granted_at`

// asJSON is the text of a JSON column.
func asJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode column: %w", err)
	}
	return string(b), nil
}

// column scans a JSON column into v.
type column struct{ v any }

// Scan implements sql.Scanner.
func (c column) Scan(src any) error {
	switch src := src.(type) {
	case string:
		return json.Unmarshal([]byte(src), c.v)
	case []byte:
		return json.Unmarshal(src, c.v)
	default:
		return fmt.Errorf("catalogue: cannot read JSON from %T", src)
	}
}

func scanCourse(r db.Rows) (c Course, err error) {
	return c, r.Scan(&c.ID, &c.Slug, &c.Title, &c.Description, &c.Grade, &c.LearningArea, &c.Curriculum, &c.Language, &c.Owner,
		&c.InstructorID, &c.InstructorEmail, &c.PriceMinor, &c.Currency, &c.Featured, &c.Edition, column{&c.Strands},
		&c.LessonCount, &c.Minutes, &c.PublishedAt)
}

func lessonTargets(l *LessonSummary) []any {
	return []any{&l.ID, &l.CourseID, &l.Slug, &l.Title, &l.Position, &l.Minutes, column{&l.Outcomes},
		&l.Strand, &l.SubStrand, column{&l.Competencies}, &l.QuizID}
}

func scanSummary(r db.Rows) (l LessonSummary, err error) { return l, r.Scan(lessonTargets(&l)...) }

func scanLesson(r db.Rows) (l Lesson, err error) {
	return l, r.Scan(append(lessonTargets(&l.LessonSummary), &l.HTML)...)
}

type gradedLesson struct {
	LessonSummary
	Grade string
}

func scanGraded(r db.Rows) (l gradedLesson, err error) {
	return l, r.Scan(append(lessonTargets(&l.LessonSummary), &l.Grade)...)
}

func scanQuiz(r db.Rows) (q Quiz, err error) {
	return q, r.Scan(&q.ID, &q.CourseID, &q.LessonID, &q.Edition, &q.Title, &q.PassPercent, column{&q.Questions}, column{&q.Keys})
}

func scanLicence(r db.Rows) (l Licence, err error) {
	return l, r.Scan(&l.ID, &l.SchoolID, &l.CourseID, &l.Edition, &l.Title, &l.ManifestSHA256, &l.SizeBytes, &l.Recipient, &l.WrappedKey, &l.GrantedAt)
}

type candidate struct {
	Passage
	head, body string
}

func scanCandidate(r db.Rows) (c candidate, err error) {
	return c, r.Scan(&c.ID, &c.CourseID, &c.LessonID, &c.LessonTitle, &c.Heading, &c.Anchor, &c.Position, &c.Text, &c.head, &c.body)
}

type matchCount struct {
	expression string
	n, total   int64
}

func scanMatchCount(r db.Rows) (m matchCount, err error) {
	return m, r.Scan(&m.expression, &m.n, &m.total)
}

type areaCount struct {
	area string
	n    int
}

func scanAreaCount(r db.Rows) (a areaCount, err error) { return a, r.Scan(&a.area, &a.n) }
