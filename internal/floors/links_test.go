package floors_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// link finds the target of a Markdown link, and code what looks like links and is none: fenced blocks and words in backticks.
var (
	link = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	code = regexp.MustCompile("(?ms)^ *```.*?^ *```|`[^`\n]*`")
)

func TestLinksOfDocumentation(t *testing.T) {
	for _, dead := range deadLinks(t, os.DirFS("../..")) {
		t.Error(dead)
	}
}

func TestDeadLinksAreFound(t *testing.T) {
	tree := fstest.MapFS{
		"README.md": {Data: []byte("[a](docs/a.md) [b](docs/b.md#part), [web](https://example.com/x.md), [here](#part)")},
		"docs/a.md": {Data: []byte("[up](../README.md) and [none](../docs/none.md)")},
		"docs/c.md": {Data: []byte("`f[T](x)`, [`code`](gone.md)\n```go\ng[T](y)\n```\nand [late](away.md)")},
	}
	got := strings.Join(deadLinks(t, tree), "; ")
	if want := "README.md: no file docs/b.md; docs/a.md: no file docs/none.md" +
		"; docs/c.md: no file docs/gone.md; docs/c.md: no file docs/away.md"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// deadLinks returns one line for each link of a Markdown file to a file of the tree that is not there.
func deadLinks(t *testing.T, tree fs.FS) []string {
	t.Helper()
	var dead []string
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return fs.SkipDir
		}
		if d.IsDir() || path.Ext(name) != ".md" {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		for _, found := range link.FindAllStringSubmatch(code.ReplaceAllString(string(text), ""), -1) {
			target, _, _ := strings.Cut(found[1], "#")
			if target == "" || strings.Contains(target, ":") {
				continue
			}
			to := path.Join(path.Dir(name), target)
			if _, err := fs.Stat(tree, to); err != nil {
				dead = append(dead, name+": no file "+to)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dead
}
