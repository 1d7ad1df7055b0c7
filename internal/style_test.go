package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Budgets of the house: a function is at most 80 lines, a file 500.
const (
	maxFunction = 80
	maxFile     = 500
)

// TestStyle reads every source file. It fails for a package without a comment, an exported name without
// one that starts with the name, a function or a file over budget, and a clock in a pure package.
// (Opening the files also keeps `go test` from caching the layer tests across a change.)
func TestStyle(t *testing.T) {
	documented := map[string]bool{}
	fset := token.NewFileSet()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if n := strings.Count(string(src), "\n"); n > maxFile {
			t.Errorf("%s has %d lines, at most %d", path, n, maxFile)
		}
		if strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(fset, path, src, parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		documented[dir] = documented[dir] || f.Doc != nil
		for _, decl := range f.Decls {
			checkDecl(t, fset, decl)
		}
		if slices.Contains(pure, strings.TrimPrefix(dir, "../internal/")) {
			checkClock(t, fset, f)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(documented) < 20 {
		t.Errorf("only %d packages were looked at", len(documented))
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: no package comment", dir)
		}
	}
}

func checkDecl(t *testing.T, fset *token.FileSet, decl ast.Decl) {
	t.Helper()
	switch d := decl.(type) {
	case *ast.FuncDecl:
		pos := fset.Position(d.Pos())
		if n := fset.Position(d.End()).Line - pos.Line + 1; n > maxFunction {
			t.Errorf("%s: %s has %d lines, at most %d", pos, d.Name, n, maxFunction)
		}
		if d.Name.IsExported() && !strings.HasPrefix(d.Doc.Text(), d.Name.Name) {
			t.Errorf("%s: exported %s has no comment that starts with its name", pos, d.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			checkSpec(t, fset, d, spec)
		}
	}
}

// checkSpec wants a comment on each exported type, and on a constant or variable itself or its group.
func checkSpec(t *testing.T, fset *token.FileSet, d *ast.GenDecl, spec ast.Spec) {
	t.Helper()
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
			t.Errorf("%s: exported type %s has no comment", fset.Position(s.Pos()), s.Name)
		}
	case *ast.ValueSpec:
		for _, name := range s.Names {
			if name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
				t.Errorf("%s: exported %s has no comment", fset.Position(s.Pos()), name)
			}
		}
	}
}

// checkClock refuses calls of the clock: time is an argument in pure code.
func checkClock(t *testing.T, fset *token.FileSet, f *ast.File) {
	t.Helper()
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "Tick", "NewTimer"}, sel.Sel.Name) {
			t.Errorf("%s: time.%s in a pure package", fset.Position(sel.Pos()), sel.Sel.Name)
		}
		return true
	})
}
