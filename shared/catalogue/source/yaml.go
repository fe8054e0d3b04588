package source

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"

	"gopkg.in/yaml.v3"
)

// document is a YAML text decoded twice: into a struct, and as nodes that know
// their lines.
type document struct {
	root *yaml.Node
	// shift is added to lines: a front matter does not begin at line 1.
	shift int
}

var yamlLine = regexp.MustCompile(`(?:yaml: )?line (\d+): (.*)`)

// yaml decodes text into v and refuses unknown fields. Its problems are noted;
// false when there are any.
func (r *reader) yaml(file string, text []byte, shift int, v any) (document, bool) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		r.yamlProblem(file, shift, err)
		return document{}, false
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		r.yamlProblem(file, shift, err)
		return document{}, false
	}
	if len(root.Content) == 0 {
		r.problemf(file, 1+shift, "the file is empty")
		return document{}, false
	}
	return document{root: root.Content[0], shift: shift}, true
}

func (r *reader) yamlProblem(file string, shift int, err error) {
	texts := []string{err.Error()}
	if te, ok := errors.AsType[*yaml.TypeError](err); ok {
		texts = te.Errors
	}
	for _, text := range texts {
		line, msg := 1, text
		if m := yamlLine.FindStringSubmatch(text); m != nil {
			line, _ = strconv.Atoi(m[1])
			msg = m[2]
		}
		r.problemf(file, line+shift, "%s", msg)
	}
}

// line is where the value at path stands: map keys and list indexes from the
// top. Where the path breaks off it is the line of the last part found.
func (d document) line(path ...any) int {
	n, line := d.root, d.root.Line
	for _, step := range path {
		var next *yaml.Node
		switch step := step.(type) {
		case string:
			for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == step {
					next, line = n.Content[i+1], n.Content[i].Line
				}
			}
		case int:
			if n.Kind == yaml.SequenceNode && step < len(n.Content) {
				next, line = n.Content[step], n.Content[step].Line
			}
		}
		if next == nil {
			break
		}
		n = next
	}
	return line + d.shift
}
