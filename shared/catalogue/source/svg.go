package source

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// checkSVG refuses a drawing that could run or load anything. Drawings are also
// served so that a browser would not run it; this tells the author.
func checkSVG(data []byte) error {
	d := xml.NewDecoder(bytes.NewReader(data))
	for first := true; ; {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) && !first {
			return nil
		}
		if err != nil {
			return fmt.Errorf("not a well-formed drawing: %w", err)
		}
		switch tok := tok.(type) {
		case xml.Directive:
			return errors.New("a drawing has no DOCTYPE")
		case xml.StartElement:
			if first && tok.Name.Local != "svg" {
				return errors.New("not a drawing")
			}
			first = false
			if err := checkElement(tok); err != nil {
				return err
			}
		case xml.CharData:
			if css := strings.ToLower(string(tok)); strings.Contains(css, "@import") || strings.Contains(css, "url(http") {
				return errors.New("a drawing loads nothing from outside")
			}
		}
	}
}

func checkElement(e xml.StartElement) error {
	switch strings.ToLower(e.Name.Local) {
	case "script", "foreignobject", "iframe", "object", "embed", "audio", "video", "a", "image", "animate", "set", "handler":
		return fmt.Errorf("a drawing has no <%s>", e.Name.Local)
	}
	for _, a := range e.Attr {
		name, value := strings.ToLower(a.Name.Local), strings.ToLower(strings.TrimSpace(a.Value))
		if strings.HasPrefix(name, "on") {
			return fmt.Errorf("a drawing has no %s", a.Name.Local)
		}
		if name == "href" && !strings.HasPrefix(value, "#") {
			return errors.New("a drawing refers only to its own parts")
		}
		if strings.Contains(value, "javascript:") || strings.Contains(value, "url(http") || strings.Contains(value, "url(//") {
			return errors.New("a drawing loads nothing from outside")
		}
	}
	return nil
}
