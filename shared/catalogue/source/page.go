package source

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	xast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"urbanhomeschool.org/uhs/shared/catalogue"
)

// page is the Markdown of a lesson.
type page struct {
	text []byte
	root ast.Node
	md   goldmark.Markdown
}

// parsePage parses CommonMark with tables. Raw HTML is never written out:
// goldmark leaves it out unless told to, and so are links it deems dangerous.
func parsePage(body []byte) page {
	md := goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough))
	p := page{text: body, root: md.Parser().Parse(text.NewReader(body)), md: md}
	n := 0
	p.walk(func(node ast.Node) {
		if h, ok := node.(*ast.Heading); ok {
			n++
			h.SetAttributeString("id", []byte(fmt.Sprintf("s-%d", n)))
		}
	})
	return p
}

func (p page) walk(visit func(ast.Node)) {
	_ = ast.Walk(p.root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			visit(n)
		}
		return ast.WalkContinue, nil
	})
}

// html renders the page.
func (p page) html() string {
	var b bytes.Buffer
	if err := p.md.Renderer().Render(&b, p.text, p.root); err != nil { // only when the writer fails
		panic("source: render to memory: " + err.Error())
	}
	return b.String()
}

// line is where n begins, counted from 0.
func (p page) line(n ast.Node) int {
	for ; n != nil; n = n.Parent() {
		if t, ok := n.(*ast.Text); ok {
			return bytes.Count(p.text[:t.Segment.Start], []byte("\n"))
		}
		if c, ok := n.FirstChild().(*ast.Text); ok {
			return bytes.Count(p.text[:c.Segment.Start], []byte("\n"))
		}
		if n.Type() == ast.TypeBlock && n.Lines() != nil && n.Lines().Len() > 0 {
			return bytes.Count(p.text[:n.Lines().At(0).Start], []byte("\n"))
		}
	}
	return 0
}

// links checks what the page refers to, notes raw HTML, and points pictures to
// where they are served: by the hash of their bytes.
func (r *reader) links(file string, bodyLine int, p page) {
	p.walk(func(n ast.Node) {
		at := func(format string, args ...any) { r.problemf(file, bodyLine+p.line(n), format, args...) }
		switch n := n.(type) {
		case *ast.RawHTML:
			at("raw HTML is not allowed")
		case *ast.HTMLBlock:
			at("raw HTML is not allowed")
		case *ast.Link:
			if u, err := url.Parse(string(n.Destination)); err != nil || (u.Scheme != "https" && u.Scheme != "http") {
				at("link %q: only https addresses", n.Destination)
			}
			n.SetAttributeString("rel", []byte("noopener noreferrer"))
		case *ast.Image:
			m, err := r.picture(string(n.Destination))
			if err != nil {
				at("picture %q: %v", n.Destination, err)
				return
			}
			if n.FirstChild() == nil {
				at("picture %q: describe it in the square brackets", n.Destination)
			}
			n.Destination = []byte("/media/" + m.SHA256 + "." + m.Ext)
			n.SetAttributeString("loading", []byte("lazy"))
		}
	})
}

// picture reads media/<name> once.
func (r *reader) picture(name string) (catalogue.Media, error) {
	if m, ok := r.media[name]; ok {
		return m, nil
	}
	ext := strings.TrimPrefix(path.Ext(name), ".")
	if path.Clean(name) != name || path.Dir(name) != "media" {
		return catalogue.Media{}, fmt.Errorf("pictures are files in media/")
	}
	if _, ok := catalogue.MediaType(ext); !ok {
		return catalogue.Media{}, fmt.Errorf("the ending %q is not allowed", ext)
	}
	before := len(r.problems)
	data, ok := r.file(name)
	if !ok {
		msg := r.problems[len(r.problems)-1].Msg
		r.problems = r.problems[:before] // told at the line that wants it
		return catalogue.Media{}, fmt.Errorf("%s", msg)
	}
	if ext == "svg" {
		if err := checkSVG(data); err != nil {
			return catalogue.Media{}, err
		}
	}
	sum := sha256.Sum256(data)
	m := catalogue.Media{SHA256: hex.EncodeToString(sum[:]), Ext: ext, Path: name, Data: data}
	r.media[name] = m
	return m, nil
}

// passageSize is about how many characters a passage has.
const passageSize = 600

// passages cuts the page at its headings, and long sections between blocks.
func (p page) passages() []catalogue.Passage {
	var out []catalogue.Passage
	var heading, anchor string
	var parts []string
	size := 0
	flush := func() {
		if len(parts) > 0 {
			out = append(out, catalogue.Passage{Heading: heading, Anchor: anchor, Text: strings.Join(parts, "\n")})
		}
		parts, size = nil, 0
	}
	for n := p.root.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok {
			flush()
			heading = p.plain(h)
			if v, ok := h.AttributeString("id"); ok {
				anchor = string(v.([]byte)) //nolint:forcetypeassert // ours, set when the page was parsed
			}
			continue
		}
		block := p.plain(n)
		if block == "" {
			continue
		}
		if size > 0 && size+len(block) > passageSize+passageSize/3 {
			flush()
		}
		parts, size = append(parts, block), size+len(block)
	}
	flush()
	return out
}

// plain is the text of a block without marks; rows and items on lines.
func (p page) plain(n ast.Node) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Text:
			if entering {
				b.Write(util.UnescapePunctuations(util.ResolveNumericReferences(util.ResolveEntityNames(n.Segment.Value(p.text)))))
				if n.SoftLineBreak() || n.HardLineBreak() {
					b.WriteByte(' ')
				}
			}
		case *ast.String:
			if entering {
				b.Write(n.Value)
			}
		case *ast.AutoLink:
			if entering {
				b.Write(n.Label(p.text))
			}
		case *ast.FencedCodeBlock, *ast.CodeBlock:
			if entering {
				b.Write(n.Lines().Value(p.text))
			}
		case *ast.Image:
			return ast.WalkSkipChildren, nil
		case *ast.ListItem, *xast.TableRow, *xast.TableHeader, *ast.Paragraph:
			if !entering {
				b.WriteByte('\n')
			}
		case *xast.TableCell:
			if !entering && n.NextSibling() != nil {
				b.WriteString(" | ")
			}
		}
		return ast.WalkContinue, nil
	})
	var lines []string
	for line := range strings.Lines(b.String()) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
