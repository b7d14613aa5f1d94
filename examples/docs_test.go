package examples_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// update rewrites the pages instead of failing on them.
var update = flag.Bool("update", false, "copy whole files into docs/")

// docs are the pages whose code is the code of this module, which other tests run. TestGuide runs the scripts of docs/bff.md.
func docs() []string {
	return []string{"tutorial.md", "from-ws-and-express-ws.md", "bff.md", "webhooks.md"}
}

// TestDocs keeps the pages and the programs the same. A code block in a page stands below a marker with the file's name,
// <!-- examples/tutorial/03-server/main.go -->, and is that whole file, or a part of it that ends the marker with
// "(excerpt)". Run it with -update to copy whole files into the pages.
func TestDocs(t *testing.T) {
	told := map[string]bool{}
	for _, name := range docs() {
		page := filepath.Join("..", "docs", name)
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		fresh := block().ReplaceAllStringFunc(text, func(found string) string {
			parts := block().FindStringSubmatch(found)
			file, excerpt, language, code := parts[1], parts[2] != "", parts[3], parts[4]
			told[file] = true
			return checkBlock(t, name, found, file, excerpt, language, code)
		})
		if fresh != text && *update {
			if err := os.WriteFile(page, []byte(fresh), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		checkUnmarked(t, name, text)
	}
	programs, err := filepath.Glob("tutorial/*/main.go")
	if err != nil || len(programs) == 0 {
		t.Fatalf("no programs: %v", err)
	}
	for _, file := range programs {
		if !told["examples/"+filepath.ToSlash(file)] {
			t.Errorf("docs/tutorial.md does not show examples/%s", file)
		}
	}
}

// block matches a marker and the code block below it.
func block() *regexp.Regexp {
	return regexp.MustCompile("(?s)<!-- (examples/[^ ]+)( \\(excerpt\\))? -->\n```([a-z]+)\n(.*?)```\n")
}

// checkBlock returns the block as it should be.
func checkBlock(t *testing.T, page, found, file string, excerpt bool, language, code string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", file))
	if err != nil {
		t.Errorf("docs/%s: %v", page, err)
		return found
	}
	source := string(data)
	if excerpt {
		if !strings.Contains(flat(source), "\n"+flat(code)) {
			t.Errorf("docs/%s: the excerpt of %s is no part of the file:\n%s", page, file, code)
		}
		return found
	}
	if code != source && !*update {
		t.Errorf("docs/%s: the block is not %s; run go test -run TestDocs . -update in examples/", page, file)
	}
	return "<!-- " + file + " -->\n```" + language + "\n" + source + "```\n"
}

// flat removes the indentation, so that an excerpt may begin at the margin.
func flat(code string) string {
	lines := strings.Split(code, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimLeft(line, "\t ")
	}
	return strings.Join(lines, "\n")
}

// checkUnmarked finds program code that no test would run.
func checkUnmarked(t *testing.T, page, text string) {
	t.Helper()
	rest := block().ReplaceAllString(text, "")
	for _, language := range []string{"go", "js", "html"} {
		if language == "js" && page == "bff.md" {
			continue
		}
		if i := strings.Index(rest, "```"+language+"\n"); i >= 0 {
			t.Errorf("docs/%s: a %s block without a marker: %.200s", page, language, rest[i:])
		}
	}
}
