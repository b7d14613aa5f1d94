package floors_test

import (
	"go/ast"
	"go/token"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestExportedNamesHaveComments(t *testing.T) {
	for _, name := range uncommented(parse(t, os.DirFS("../.."))) {
		t.Error(name)
	}
}

func TestMissingCommentsAreFound(t *testing.T) {
	tree := fstest.MapFS{
		"a/a.go": {Data: []byte(`package a

type Bare struct{}

// Said is commented.
type Said struct{}

func (Said) Method() {}
func (*Said) Error() string { return "" }
func (hidden) Method() {}

type hidden struct{}

// A block's comment is good for all of it.
const (
	One = 1
	Two = 2
)

var Three, four = 3, 4 // a comment behind is one too

var Five = 5

func Func() {}

type Generic[T any] struct{}

func (*Generic[T]) Do() {}
`)},
		"a/a_test.go":     {Data: []byte("package a\n\nfunc TestBare() {}\n")},
		"internal/b/b.go": {Data: []byte("package b\n\nfunc Bare() {}\n")},
		"cmd/c/main.go":   {Data: []byte("package main\n\nfunc Bare() {}\n")},
		"d/doc.go":        {Data: []byte("// Package d is commented.\npackage d\n")},
		"d/d.go":          {Data: []byte("package d\n")},
	}
	want := []string{
		"a/a.go: Bare has no comment",
		"a/a.go: Five has no comment",
		"a/a.go: Func has no comment",
		"a/a.go: Generic has no comment",
		"a/a.go: Generic.Do has no comment",
		"a/a.go: Said.Method has no comment",
		"a: package a has no package comment",
	}
	if got := uncommented(parse(t, tree)); !slices.Equal(got, want) {
		t.Errorf("found:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// uncommented returns one line for each exported name of an importable package that nothing is said about, and for each such
// package without a package comment. Fields are left to the comment of their struct.
func uncommented(files map[string]*ast.File) []string {
	var found []string
	packages := map[string]bool{} // the directory's package has a comment
	for name, parsed := range files {
		dir := path.Dir(name)
		if strings.HasSuffix(name, "_test.go") || parsed.Name.Name == "main" || slices.Contains(strings.Split(dir, "/"), "internal") {
			continue
		}
		packages[dir] = packages[dir] || parsed.Doc != nil
		for _, decl := range parsed.Decls {
			for _, missing := range bare(decl) {
				found = append(found, name+": "+missing+" has no comment")
			}
		}
	}
	for dir, commented := range packages {
		if !commented {
			found = append(found, dir+": package "+path.Base(dir)+" has no package comment")
		}
	}
	slices.Sort(found)
	return found
}

// bare returns the exported names that a declaration declares without comment.
func bare(decl ast.Decl) []string {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		return bareFunc(d)
	case *ast.GenDecl:
		// The comment above a group in parentheses speaks for constants and variables, but not for several types.
		if d.Doc != nil && (d.Tok != token.TYPE || !d.Lparen.IsValid()) {
			return nil
		}
		var names []string
		for _, spec := range d.Specs {
			names = append(names, bareSpec(spec)...)
		}
		return names
	}
	return nil
}

func bareFunc(d *ast.FuncDecl) []string {
	if d.Doc != nil || !d.Name.IsExported() {
		return nil
	}
	if d.Recv == nil {
		return []string{d.Name.Name}
	}
	receiver := typeName(d.Recv.List[0].Type)
	// Methods whose meaning the language's own interfaces give.
	wellKnown := []string{"Error", "Unwrap", "String"}
	if !ast.IsExported(receiver) || slices.Contains(wellKnown, d.Name.Name) {
		return nil
	}
	return []string{receiver + "." + d.Name.Name}
}

// typeName strips a receiver's pointer and type parameters.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.IndexListExpr:
		return typeName(e.X)
	}
	return ""
}

func bareSpec(spec ast.Spec) []string {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && s.Doc == nil && s.Comment == nil {
			return []string{s.Name.Name}
		}
	case *ast.ValueSpec:
		if s.Doc != nil || s.Comment != nil {
			return nil
		}
		var names []string
		for _, name := range s.Names {
			if name.IsExported() {
				names = append(names, name.Name)
			}
		}
		return names
	}
	return nil
}
