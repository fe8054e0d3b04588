package talk

import (
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// allowed is everything a state machine may know.
var allowed = map[string]bool{"errors": true, "fmt": true, "time": true, "urbanhomeschool.org/uhs/syncproto": true}

func TestTheStateMachinesKnowNoClockNoLockAndNoDatabase(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		looked++
		src, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name(), src, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range parsed.Imports {
			if path, err := strconv.Unquote(i.Path.Value); err != nil || !allowed[path] {
				t.Errorf("%s imports %s", f.Name(), path)
			}
		}
		for _, word := range []string{"time.Now", "time.Since", "time.After", "time.Sleep", "time.NewTimer", "time.NewTicker", "go func"} {
			if strings.Contains(string(src), word) {
				t.Errorf("%s has %s", f.Name(), word)
			}
		}
	}
	if looked < 4 {
		t.Fatalf("only %d files were looked at", looked)
	}
}
