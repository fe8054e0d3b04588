package pack

import (
	"encoding/json"
	"fmt"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/shared/catalogue"
)

// Decode makes the content of a verified manifest. read gives the bytes of a
// blob by its hash; Decode checks them again, so that a disk that lies is found
// out: then the error is a *BlobError with ErrCorrupt. identity is the unwrapped
// pack key. Pictures stay files: they are not read, and may be missing; what
// checks them is Store.Check.
func Decode(m Manifest, identity string, read func(sha256 string) ([]byte, error)) (catalogue.Content, error) {
	key, err := age.ParseX25519Identity(identity)
	if err != nil || key.Recipient().String() != m.Recipient {
		return catalogue.Content{}, fmt.Errorf("%w: the licence is for another pack", ErrUnlicensed)
	}
	d := decoder{html: map[string]string{}, answers: map[catalogue.QuizID][]catalogue.Key{}}
	for _, b := range m.Blobs {
		if b.Role == RoleMedia {
			continue
		}
		data, err := read(b.SHA256)
		if err == nil && (int64(len(data)) != b.Size || Hash(data) != b.SHA256) {
			err = ErrCorrupt
		}
		if err == nil && b.Encrypted {
			data, err = decrypt(data, key)
		}
		if err == nil {
			err = d.take(b, data)
		}
		if err != nil {
			return catalogue.Content{}, &BlobError{Blob: b, Err: err}
		}
	}
	return d.content(m)
}

// BlobError says which blob of a pack is at fault.
type BlobError struct {
	Blob Blob
	Err  error
}

// Error implements error.
func (e *BlobError) Error() string { return fmt.Sprintf("%s: %v", e.Blob.Path, e.Err) }

// Unwrap gives the cause.
func (e *BlobError) Unwrap() error { return e.Err }

type decoder struct {
	outline  outline
	html     map[string]string // by path
	passages []catalogue.Passage
	forms    []catalogue.QuizForm
	answers  map[catalogue.QuizID][]catalogue.Key
}

func (d *decoder) take(b Blob, data []byte) error {
	switch b.Role {
	case RoleOutline:
		return json.Unmarshal(data, &d.outline)
	case RoleLesson:
		d.html[b.Path] = string(data)
	case RoleText:
		var p []catalogue.Passage
		if err := json.Unmarshal(data, &p); err != nil {
			return err
		}
		d.passages = append(d.passages, p...)
	case RoleQuiz:
		var q catalogue.QuizForm
		if err := json.Unmarshal(data, &q); err != nil {
			return err
		}
		d.forms = append(d.forms, q)
	case RoleKeys:
		var k keys
		if err := json.Unmarshal(data, &k); err != nil {
			return err
		}
		d.answers[k.QuizID] = k.Keys
	default: // a newer cloud may add roles; what we know is complete without them
	}
	return nil
}

// content puts the parts together and refuses a pack with a part missing or of
// another course.
func (d *decoder) content(m Manifest) (catalogue.Content, error) {
	c := catalogue.Content{Course: d.outline.Course, Passages: d.passages}
	if c.Course.ID != m.CourseID || c.Course.Edition != m.Edition {
		return catalogue.Content{}, fmt.Errorf("%w: the outline is of another edition", ErrMalformed)
	}
	for _, l := range d.outline.Lessons {
		html, ok := d.html["lessons/"+l.Slug+".html"]
		if !ok || l.CourseID != m.CourseID {
			return catalogue.Content{}, fmt.Errorf("%w: lesson %s", ErrMalformed, l.Slug)
		}
		c.Lessons = append(c.Lessons, catalogue.Lesson{LessonSummary: l, HTML: html})
	}
	for _, f := range d.forms {
		answers, ok := d.answers[f.ID]
		if !ok || f.CourseID != m.CourseID || f.Edition != m.Edition {
			return catalogue.Content{}, fmt.Errorf("%w: quiz %s", ErrMalformed, f.ID)
		}
		c.Quizzes = append(c.Quizzes, catalogue.Quiz{QuizForm: f, Keys: answers})
	}
	for _, p := range c.Passages {
		if p.CourseID != m.CourseID {
			return catalogue.Content{}, fmt.Errorf("%w: passage %s", ErrMalformed, p.ID)
		}
	}
	return c, nil
}
