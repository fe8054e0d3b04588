package web_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// errorCodes finds the codes of faults in the modules that answer requests: the
// literals given to WithCode, and to identity's invalid, which passes them on.
func errorCodes(t *testing.T) map[string]string {
	t.Helper()
	codes := map[string]string{}
	for _, module := range []string{"shared", "cloud", "edge"} {
		err := filepath.WalkDir(filepath.Join("..", "..", module), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && d.Name() == "node_modules" {
				return filepath.SkipDir
			}
			if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if code := codeIn(n); code != "" {
					codes[code] = path
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return codes
}

func codeIn(n ast.Node) string {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return ""
	}
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		if f.Sel.Name != "WithCode" {
			return ""
		}
	case *ast.Ident:
		if f.Name != "invalid" {
			return ""
		}
	default:
		return ""
	}
	literal, ok := call.Args[0].(*ast.BasicLit)
	if !ok {
		return ""
	}
	code, err := strconv.Unquote(literal.Value)
	if err != nil || strings.ContainsRune(code, ' ') { // another invalid, with a sentence
		return ""
	}
	return code
}

func TestEveryErrorCodeHasASentenceInBothLanguages(t *testing.T) {
	codes := errorCodes(t)
	if len(codes) < 100 {
		t.Fatalf("found only %d codes", len(codes))
	}
	for _, language := range []string{"en", "sw"} {
		data, err := os.ReadFile(filepath.Join("src", "i18n", language+".json"))
		if err != nil {
			t.Fatal(err)
		}
		texts := map[string]string{}
		if err := json.Unmarshal(data, &texts); err != nil {
			t.Fatal(err)
		}
		for _, code := range slices.Sorted(maps.Keys(codes)) {
			if texts["error.code."+code] == "" {
				t.Errorf("%s.json has no error.code.%s (%s)", language, code, codes[code])
			}
		}
		for key := range texts {
			if code, ok := strings.CutPrefix(key, "error.code."); ok && codes[code] == "" {
				t.Errorf("%s.json has %s, which no fault bears", language, key)
			}
		}
	}
}
