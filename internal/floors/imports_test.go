package floors_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

func TestFloorsHold(t *testing.T) {
	files := parse(t, os.DirFS("../.."))
	if len(files) < 10 {
		t.Fatalf("found only %d files of the module: the test looks in the wrong place", len(files))
	}
	for _, b := range breaches(t, files) {
		t.Error(b)
	}
}

// TestFloorsCanFail shows each kind of breach in a made-up tree, beside what looks like one and is none.
func TestFloorsCanFail(t *testing.T) {
	const us = `"` + modulePath
	tree := fstest.MapFS{
		"hubbub.go":                 file(`import "github.com/redis/rueidis"`),
		"go.mod":                    {Data: []byte("module " + modulePath)},
		"ws/conn.go":                file(`import ("net/http"; "github.com/gobwas/ws"; ` + us + `/internal/reactor"; ` + us + `/ws/wstest")`),
		"ws/conn_windows.go":        file(`import ` + us + `/gateway"`),
		"ws/conn_test.go":           file(`import ` + us + `/internal/testkit"`),
		"ws/wstest/pair.go":         file(`import ` + us + `/internal/testkit"`),
		"ws/tagged.go":              {Data: []byte("//go:build never\n\npackage p\n\nimport x " + us + "/client\"\n")},
		"internal/reactor/loop.go":  file(`import ` + us + `/ws"`),
		"internal/reactor/c.go":     file(`import "C"`),
		"internal/other/other.go":   file(`import "fmt"`),
		"driver/redis/redis.go":     file(`import (` + us + `/driver/memory"; "github.com/redis/rueidis"; ` + us + `")`),
		"gateway/rpc/rpc.go":        file(`import ` + us + `/gateway/auth"`),
		"gateway/config.go":         file(`import ` + us + `/gateway/auth"`),
		"inbox/inbox.go":            file(`import ` + us + `/ws"`),
		"examples/go.mod":           {Data: []byte("module examples")},
		"examples/chi/main.go":      file(`import ` + us + `/internal/testkit"`),
		"ws/testdata/bad.go":        file(`import ` + us + `/gateway"`),
		"sdk/node_modules/x/bad.go": file(`import ` + us + `/gateway"`),
	}
	want := []string{
		`driver/redis/redis.go: "` + modulePath + `/driver/memory": floor of driver/redis is broken: it may import ., internal/pick`,
		`gateway/rpc/rpc.go: "` + modulePath + `/gateway/auth": floor of gateway/rpc is broken: it may import ws, ., inbox`,
		`hubbub.go: "github.com/redis/rueidis": third-party import into a package that others build: allowed are nothing`,
		`inbox/inbox.go: "` + modulePath + `/ws": floor of inbox is broken: it may import .`,
		`internal/other/other.go: "fmt": no floor: add internal/other to the table in internal/floors`,
		`internal/reactor/c.go: "C": cgo: the module builds with nothing but Go`,
		`internal/reactor/loop.go: "` + modulePath + `/ws": floor of internal/reactor is broken: it may import nothing`,
		`ws/conn_windows.go: "` + modulePath + `/gateway": floor of ws is broken: it may import internal/reactor`,
		`ws/tagged.go: "` + modulePath + `/client": floor of ws is broken: it may import internal/reactor`,
		`ws/wstest/pair.go: "` + modulePath + `/internal/testkit": internal/testkit is for tests only`,
	}
	if got := breaches(t, parse(t, tree)); !slices.Equal(got, want) {
		t.Errorf("breaches:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// file makes a source file from its imports.
func file(imports string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte("package p\n\n" + imports + "\n")}
}

// breaches returns one line for each import of a non-test file that breaks a floor.
func breaches(t *testing.T, files map[string]*ast.File) []string {
	t.Helper()
	var found []string
	for name, parsed := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, spec := range parsed.Imports {
			target, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if why := broken(path.Dir(name), target); why != "" {
				found = append(found, name+": "+spec.Path.Value+": "+why)
			}
		}
	}
	slices.Sort(found)
	return found
}

// parse returns every Go file of the module at the root of tree, by its path: for all systems and build tags, tests included,
// without other modules, testdata and what the go command ignores.
func parse(t *testing.T, tree fs.FS) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && outside(tree, name) {
			return fs.SkipDir
		}
		if d.IsDir() || path.Ext(name) != ".go" {
			return nil
		}
		source, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		files[name], err = parser.ParseFile(token.NewFileSet(), name, source, parser.ParseComments)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// outside reports whether a directory is no part of the module.
func outside(tree fs.FS, dir string) bool {
	base := path.Base(dir)
	if base == "testdata" || base == "vendor" || base == "node_modules" || base[0] == '.' || base[0] == '_' {
		return true
	}
	_, err := fs.Stat(tree, dir+"/go.mod")
	return err == nil
}
