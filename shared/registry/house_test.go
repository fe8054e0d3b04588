package registry_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The rules of the house that a compiler does not check. They are looked after
// here, in the one package that knows all rooms.

var modules = []string{"syncproto", "migrations", "shared", "cloud", "edge", "installer"}

// eachFile parses every Go file of the repository that is not a test.
func eachFile(t *testing.T, mode parser.Mode, fn func(path string, f *ast.File, set *token.FileSet)) {
	t.Helper()
	files := 0
	for _, m := range modules {
		err := filepath.WalkDir(filepath.Join("../..", m), func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if e.IsDir() && (e.Name() == "node_modules" || e.Name() == "testdata" || e.Name() == "dist") {
				return fs.SkipDir
			}
			if e.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, path, nil, mode)
			if err == nil {
				files++
				fn(path, f, set)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 100 {
		t.Fatalf("only %d files were looked at", files)
	}
}

func TestEveryPackageHasExactlyOneComment(t *testing.T) {
	comments, names := map[string][]string{}, map[string]string{}
	eachFile(t, parser.PackageClauseOnly|parser.ParseComments, func(path string, f *ast.File, _ *token.FileSet) {
		dir := filepath.Dir(path)
		names[dir] = f.Name.Name
		if text := f.Doc.Text(); text != "" {
			comments[dir] = append(comments[dir], filepath.Base(path)+": "+text)
		}
	})
	for dir, name := range names {
		if len(comments[dir]) != 1 {
			t.Errorf("%s has %d package comments, want 1", dir, len(comments[dir]))
			continue
		}
		want := "Package " + name + " "
		if name == "main" {
			want = "Command " + filepath.Base(dir) + " "
		}
		if _, text, _ := strings.Cut(comments[dir][0], ": "); !strings.HasPrefix(text, want) {
			t.Errorf("the comment of %s does not begin with %q", dir, want)
		}
	}
}

// notPortable is SQL that only one of the two databases understands, or that
// reads a clock of its own.
var notPortable = regexp.MustCompile(`(?i)\bnow\s*\(|\bilike\b|::|\bfor\s+update\b|\bdatetime\s*\(|\bcurrent_timestamp\b`)

func TestSQLForBothDatabasesIsPortable(t *testing.T) {
	texts := 0
	eachFile(t, 0, func(_ string, f *ast.File, set *token.FileSet) {
		ast.Inspect(f, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok || typeName(lit) != "SQL" {
				return true
			}
			for _, e := range lit.Elts {
				kv, ok := e.(*ast.KeyValueExpr)
				if !ok || !isName(kv.Key, "Both") {
					continue
				}
				texts++
				if bad := notPortable.FindString(textOf(kv.Value)); bad != "" {
					t.Errorf("%s: %q in SQL for both databases", set.Position(kv.Pos()), bad)
				}
			}
			return true
		})
	})
	if texts < 100 {
		t.Errorf("only %d statements were found", texts)
	}
}

func TestStatementsLieInSQLFiles(t *testing.T) {
	eachFile(t, 0, func(path string, f *ast.File, set *token.FileSet) {
		onlyTests := strings.HasSuffix(filepath.Dir(path), "test") // fleettest counts rows, as a test may
		if filepath.Base(path) == "sql.go" || onlyTests || strings.Contains(filepath.ToSlash(path), "shared/db/") || strings.Contains(path, "installer") {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.CompositeLit); ok && typeName(lit) == "SQL" && len(lit.Elts) > 0 {
				t.Errorf("%s: a statement outside of sql.go", set.Position(lit.Pos()))
			}
			return true
		})
	})
}

func typeName(lit *ast.CompositeLit) string {
	switch n := lit.Type.(type) {
	case *ast.SelectorExpr:
		return n.Sel.Name
	case *ast.Ident:
		return n.Name
	default:
		return ""
	}
}

func isName(e ast.Expr, name string) bool { id, ok := e.(*ast.Ident); return ok && id.Name == name }

// textOf joins the string literals of an expression.
func textOf(e ast.Expr) string {
	var out strings.Builder
	ast.Inspect(e, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			s, _ := strconv.Unquote(lit.Value)
			out.WriteString(s + " ")
		}
		return true
	})
	return out.String()
}

// The wire's module is what a third party would read first, and what both sides
// trust: no I/O, no other module.
func TestTheWireNeedsAlmostNothing(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "urbanhomeschool.org/uhs/syncproto").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	allowed := []string{"urbanhomeschool.org/uhs/syncproto", "github.com/fxamacker/cbor/v2", "github.com/x448/float16", "github.com/klauspost/compress"}
	for dep := range strings.FieldsSeq(string(out)) {
		if !hasAnyPrefix(dep, allowed) {
			t.Errorf("syncproto needs %s", dep)
		}
	}
}

func hasAnyPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if s == p || strings.HasPrefix(s, p+"/") {
			return true
		}
	}
	return false
}
