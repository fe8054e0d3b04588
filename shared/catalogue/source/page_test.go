package source

import (
	"strings"
	"testing"

	"urbanhomeschool.org/uhs/shared/catalogue"
)

func TestPage(t *testing.T) {
	t.Run("nothing runs, whatever the Markdown says", func(t *testing.T) {
		for _, md := range []string{
			"<script>alert(1)</script>", "a <script>alert(1)</script> b", "<img src=x onerror=alert(1)>", "<iframe src='x'></iframe>",
			"[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "![x](javascript:alert(1))", "[x](data:text/html;base64,PHNjcmlwdD4=)",
			"[x](vbscript:x)", "<javascript:alert(1)>", "## <svg onload=alert(1)>", "| <script>x</script> |\n|---|\n| y |",
			"[a]: javascript:alert(1)\n\n[a]", "`<script>`", "[x](https://e.org \"onmouseover=alert(1)\")", "<div onclick=x>\n\ntext\n\n</div>",
		} {
			html := strings.ToLower(parsePage([]byte(md)).html())
			for _, bad := range []string{"<script", "<iframe", "<svg", "<img src=x", "href=\"javascript:", "src=\"javascript:", "href=\"data:", "href=\"vbscript:", "<div"} {
				if strings.Contains(html, bad) {
					t.Errorf("%q became %q", md, html)
				}
			}
		}
	})
	t.Run("a long section becomes several passages under one heading", func(t *testing.T) {
		md := "## Long\n\n" + strings.Repeat("A paragraph of some length that says a thing about beans. It goes on for a while so that it fills up.\n\n", 20)
		got := parsePage([]byte(md)).passages()
		if len(got) < 3 || len(got) > 5 {
			t.Fatalf("%d passages", len(got))
		}
		for _, p := range got {
			if p.Heading != "Long" || len(p.Text) > passageSize*3/2 {
				t.Errorf("%q: %d", p.Heading, len(p.Text))
			}
		}
	})
	t.Run("text before the first heading is a passage too", func(t *testing.T) {
		got := parsePage([]byte("Hello.\n\n## Next\n\nThere.")).passages()
		if len(got) != 2 || got[0] != (catalogue.Passage{Text: "Hello."}) {
			t.Errorf("got %+v", got)
		}
	})
}
