// Command uhs-verify measures the sources: it prints the ten longest functions
// and files, and fails when one breaks a hard limit of the conventions. Tests and
// generated files are left out.
package main

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// The hard limits, in lines; the aims are 60 and 400.
const (
	maxFunction = 100
	maxFile     = 700
)

type measure struct {
	what  string
	lines int
}

func main() {
	root := flag.String("root", ".", "the repository")
	flag.Parse()
	if err := run(*root); err != nil {
		fmt.Fprintln(os.Stderr, "uhs-verify:", err)
		os.Exit(1)
	}
}

func run(root string) error {
	functions, files, err := collect(root)
	if err != nil {
		return err
	}
	if len(files) < 100 {
		return fmt.Errorf("only %d source files found in %s", len(files), root)
	}
	return errors.Join(
		report("functions", functions, maxFunction),
		report("files", files, maxFile),
	)
}

// report prints the ten largest and fails on those above the limit.
func report(kind string, all []measure, limit int) error {
	slices.SortFunc(all, func(a, b measure) int { return cmp.Or(b.lines-a.lines, strings.Compare(a.what, b.what)) })
	fmt.Printf("the ten longest %s (hard limit %d lines):\n", kind, limit)
	var errs []error
	for i, m := range all {
		if i < 10 {
			fmt.Printf("  %4d  %s\n", m.lines, m.what)
		}
		if m.lines > limit {
			errs = append(errs, fmt.Errorf("%s has %d lines, more than %d", m.what, m.lines, limit))
		}
	}
	return errors.Join(errs...)
}

var (
	skipped   = []string{".git", ".cache", ".demo", "node_modules", "dist", "testdata", "bin"}
	generated = regexp.MustCompile(`(?m)^// (Code generated .* DO NOT EDIT\.|Generated from .*)$`)
)

func collect(root string) (functions, files []measure, err error) {
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if slices.Contains(skipped, e.Name()) && path != root {
				return fs.SkipDir
			}
			return nil
		}
		if !isSource(e.Name()) {
			return nil
		}
		body, err := os.ReadFile(path) // #nosec G122 -- the files of the repository, read for their size
		if err != nil || generated.Match(body) {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		files = append(files, measure{name, bytes.Count(body, []byte("\n"))})
		if filepath.Ext(path) == ".go" {
			found, err := functionsOf(name, body)
			functions = append(functions, found...)
			return err
		}
		return nil
	})
	return functions, files, err
}

func isSource(name string) bool {
	switch filepath.Ext(name) {
	case ".go":
		return !strings.HasSuffix(name, "_test.go")
	case ".ts", ".tsx", ".mjs", ".js":
		return !strings.Contains(name, ".test.") && !strings.Contains(name, ".gen.")
	default:
		return false
	}
}

func functionsOf(name string, body []byte) (out []measure, err error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, body, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			first, last := set.Position(f.Pos()), set.Position(f.End())
			out = append(out, measure{fmt.Sprintf("%s:%d %s", name, first.Line, f.Name.Name), last.Line - first.Line + 1})
		}
	}
	return out, nil
}
