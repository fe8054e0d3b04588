// Package source reads a course as its author writes it, a folder of YAML,
// Markdown and pictures, and makes the catalogue's content of it. The format is
// described for authors in installer/content/README.md.
//
// The rule that surprises: reading reports everything that is wrong at once, as
// *Problems* with file and line, and makes nothing of a course with a problem.
package source

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"urbanhomeschool.org/uhs/shared/catalogue"
)

// Problem is one mistake of an author.
type Problem struct {
	File string
	Line int
	Msg  string
}

// Error is "file:line: message".
func (p *Problem) Error() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Msg) }

// Course is a course that was read without a problem. Its edition, instructor
// id and time of publishing are for the publisher to set.
type Course struct {
	Content catalogue.Content
	Media   []catalogue.Media
}

// Limits of one course.
const (
	maxFile    = 2 << 20
	maxLessons = 500
)

// Read reads the course in dir. Its error joins all Problems.
func Read(dir fs.FS) (Course, error) {
	r := &reader{dir: dir, media: map[string]catalogue.Media{}}
	outline := r.outline()
	if len(r.problems) > 0 {
		return Course{}, r.err()
	}
	r.lessons(outline)
	r.unlisted(outline)
	if len(r.problems) > 0 {
		return Course{}, r.err()
	}
	out := Course{Content: r.content}
	for _, m := range r.media {
		out.Media = append(out.Media, m)
	}
	slices.SortFunc(out.Media, func(a, b catalogue.Media) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

type reader struct {
	dir      fs.FS
	content  catalogue.Content
	media    map[string]catalogue.Media // by path
	problems []*Problem
}

func (r *reader) err() error {
	slices.SortStableFunc(r.problems, func(a, b *Problem) int {
		return strings.Compare(fmt.Sprintf("%s:%09d", a.File, a.Line), fmt.Sprintf("%s:%09d", b.File, b.Line))
	})
	all := make([]error, len(r.problems))
	for i, p := range r.problems {
		all[i] = p
	}
	return errors.Join(all...)
}

func (r *reader) problemf(file string, line int, format string, args ...any) {
	r.problems = append(r.problems, &Problem{File: file, Line: max(line, 1), Msg: fmt.Sprintf(format, args...)})
}

// file reads one file; false when it is missing or too large, which is noted.
func (r *reader) file(name string) ([]byte, bool) {
	info, err := fs.Stat(r.dir, name)
	if err != nil {
		r.problemf(name, 1, "the file is missing")
		return nil, false
	}
	if info.Size() > maxFile {
		r.problemf(name, 1, "the file is larger than %d MB", maxFile>>20)
		return nil, false
	}
	b, err := fs.ReadFile(r.dir, name)
	if err != nil {
		r.problemf(name, 1, "cannot be read: %v", err)
		return nil, false
	}
	return b, true
}

// unlisted finds lesson files that no sub-strand lists.
func (r *reader) unlisted(o outline) {
	files, _ := fs.Glob(r.dir, "lessons/*") // the pattern is well formed
	for _, f := range files {
		slug, ok := strings.CutSuffix(strings.TrimPrefix(f, "lessons/"), ".md")
		if !ok {
			if slug, ok = strings.CutSuffix(slug, ".quiz.yaml"); !ok {
				continue
			}
		}
		if !slices.ContainsFunc(o.lessons, func(l listed) bool { return l.slug == slug }) {
			r.problemf(f, 1, "course.yaml does not list this lesson")
		}
	}
}
