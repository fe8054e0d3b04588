package courier

import (
	"embed"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"text/template"
)

// templateFiles are named NAME.LANGUAGE.CHANNEL.txt. The first line of a mail is
// its subject; blank lines part paragraphs.
//
//go:embed templates/*.txt
var templateFiles embed.FS

// templates are the parsed files by name.language.channel.
type templates map[string]*template.Template

// rendered is a letter as it travels; a text message has no subject and no HTML.
type rendered struct{ subject, text, html string }

func parseTemplates() (templates, error) {
	files, err := fs.Glob(templateFiles, "templates/*.txt")
	if err != nil {
		return nil, fmt.Errorf("list the letters: %w", err)
	}
	out := templates{}
	for _, file := range files {
		raw, err := templateFiles.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the letter %s: %w", file, err)
		}
		name := strings.TrimSuffix(path.Base(file), ".txt")
		if out[name], err = template.New(name).Option("missingkey=error").Parse(strings.TrimSpace(string(raw))); err != nil {
			return nil, fmt.Errorf("read the letter %s: %w", file, err)
		}
	}
	return out, nil
}

func (t templates) render(l Letter) (rendered, error) {
	name := l.Template + "." + l.Language + "." + string(l.Channel)
	tpl, ok := t[name]
	if !ok {
		return rendered{}, fmt.Errorf("there is no letter %s", name)
	}
	data := l.Data
	if data == nil {
		data = map[string]string{}
	}
	var b strings.Builder
	if err := tpl.Execute(&b, data); err != nil {
		return rendered{}, fmt.Errorf("the letter %s lacks something", name) // err could repeat what stands in the gaps
	}
	if l.Channel == SMS {
		return rendered{text: b.String()}, nil
	}
	subject, text, ok := strings.Cut(b.String(), "\n")
	if !ok {
		return rendered{}, errors.New("the letter " + name + " has a subject only")
	}
	text = strings.TrimSpace(text)
	return rendered{subject: strings.Join(strings.Fields(subject), " "), text: text + "\n", html: asHTML(l.Language, text)}, nil
}

// link finds the addresses in an escaped text.
var link = regexp.MustCompile(`https?://[^\s<>"]+`)

// asHTML is the same text as a simple page: paragraphs and links, no pictures
// and nothing that is loaded from anywhere.
func asHTML(language, text string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<!doctype html><html lang="%s"><body style="font:16px/1.5 sans-serif;max-width:36em;margin:1em auto;padding:0 1em">`, language)
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		escaped := link.ReplaceAllString(html.EscapeString(strings.TrimSpace(paragraph)), `<a href="$0">$0</a>`)
		b.WriteString("<p>" + strings.ReplaceAll(escaped, "\n", "<br>") + "</p>")
	}
	b.WriteString("</body></html>\n")
	return b.String()
}
