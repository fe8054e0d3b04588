package pack

import (
	"encoding/json"
	"fmt"

	"filippo.io/age"

	"urbanhomeschool.org/uhs/shared/catalogue"
)

// Built is a pack that was just made.
type Built struct {
	Manifest Manifest
	// Blobs are the bytes by hash.
	Blobs map[string][]byte
	// Identity is the pack's age secret key; whoever has it reads the pack.
	Identity string
}

// Build makes the pack of an edition. The bytes differ each time, since
// encryption is salted: build once and keep it.
func Build(c catalogue.Content, media []catalogue.Media) (Built, error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return Built{}, fmt.Errorf("build pack: %w", err)
	}
	course := c.Course
	b := builder{recipient: identity.Recipient(), out: Built{Identity: identity.String(), Blobs: map[string][]byte{}, Manifest: Manifest{
		Format: Format, CourseID: course.ID, Slug: course.Slug, Title: course.Title, Grade: course.Grade,
		LearningArea: course.LearningArea, Language: course.Language, PriceMinor: course.PriceMinor, Currency: course.Currency,
		Edition: course.Edition, PublishedAt: course.PublishedAt, Recipient: identity.Recipient().String(),
	}}}

	paid := !course.Free()
	// Schools need not know the instructor's address.
	course.InstructorEmail = ""
	o := outline{Course: course}
	slugs := map[catalogue.LessonID]string{}
	texts := map[catalogue.LessonID][]catalogue.Passage{}
	for _, p := range c.Passages {
		texts[p.LessonID] = append(texts[p.LessonID], p)
	}
	for _, l := range c.Lessons {
		o.Lessons = append(o.Lessons, l.LessonSummary)
		slugs[l.ID] = l.Slug
		b.add(RoleLesson, "lessons/"+l.Slug+".html", []byte(l.HTML), paid)
		b.addJSON(RoleText, "text/"+l.Slug+".json", texts[l.ID], paid)
	}
	for _, q := range c.Quizzes {
		b.addJSON(RoleQuiz, "quizzes/"+slugs[q.LessonID]+".json", q.QuizForm, paid)
		b.addJSON(RoleKeys, "keys/"+slugs[q.LessonID]+".json", keys{QuizID: q.ID, Keys: q.Keys}, true)
	}
	for _, m := range media {
		b.add(RoleMedia, "media/"+m.SHA256+"."+m.Ext, m.Data, false)
	}
	b.addJSON(RoleOutline, "outline.json", o, false)
	if b.err != nil {
		return Built{}, fmt.Errorf("build pack %s: %w", course.Slug, b.err)
	}
	return b.out, b.out.Manifest.check()
}

// outline is the blob of RoleOutline.
type outline struct {
	Course  catalogue.Course          `json:"course"`
	Lessons []catalogue.LessonSummary `json:"lessons"`
}

// keys is the blob of RoleKeys.
type keys struct {
	QuizID catalogue.QuizID `json:"quiz_id"`
	Keys   []catalogue.Key  `json:"keys"`
}

type builder struct {
	recipient age.Recipient
	out       Built
	err       error // the first
}

func (b *builder) addJSON(role Role, path string, v any, secret bool) {
	data, err := json.Marshal(v)
	if err != nil && b.err == nil {
		b.err = err
	}
	b.add(role, path, data, secret)
}

func (b *builder) add(role Role, path string, data []byte, secret bool) {
	if secret && b.err == nil {
		data, b.err = encrypt(data, b.recipient)
	}
	if b.err != nil {
		return
	}
	blob := Blob{Role: role, Path: path, SHA256: Hash(data), Size: int64(len(data)), Encrypted: secret}
	b.out.Manifest.Blobs = append(b.out.Manifest.Blobs, blob)
	b.out.Blobs[blob.SHA256] = data
}
