package registry_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	webTest  = regexp.MustCompile(`\b[A-Za-z]\w*\.test\.tsx?\b`)
	testName = regexp.MustCompile(`\bTest[A-Z]\w+`)
	declared = regexp.MustCompile(`(?m)^func (Test[A-Z]\w+)\(`)
	fileName = regexp.MustCompile("`((?:cloud|edge|shared|docs|installer)/[^` ]+)`")
)

// The pages on safety name tests and files as proof. Proof that was renamed or
// deleted is none.
func TestTheSafetyPagesNameWhatExists(t *testing.T) {
	const root = "../.."
	have := map[string]bool{}
	for _, module := range []string{"syncproto", "shared", "cloud", "edge", "installer"} {
		err := filepath.WalkDir(filepath.Join(root, module), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() && d.Name() == "node_modules" {
				return filepath.SkipDir
			}
			if webTest.MatchString(d.Name()) {
				have[d.Name()] = true
			}
			if !strings.HasSuffix(path, "_test.go") {
				return nil
			}
			text, err := os.ReadFile(path)
			for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
				have[m[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for page, least := range map[string]int{"docs/threat-model.md": 45, "docs/asvs.md": 45} {
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		named := testName.FindAllString(string(text), -1)
		if len(named) < least {
			t.Errorf("%s names only %d tests", page, len(named))
		}
		for _, name := range append(named, webTest.FindAllString(string(text), -1)...) {
			if !have[name] {
				t.Errorf("%s names %s, which does not exist", page, name)
			}
		}
		for _, m := range fileName.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("%s names %s, which does not exist", page, m[1])
			}
		}
	}
}
