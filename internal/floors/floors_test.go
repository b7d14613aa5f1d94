package floors_test

import (
	"slices"
	"strings"
)

// A floor says what the packages in dir and below may import, besides the standard library and each other. The floor with
// the longest dir that fits a package is the package's own.
type floor struct {
	dir string // relative to the module; "." is the root package alone
	// may lists the directories of the module that may be imported, each with what is below it; "." is the root package
	// alone and "*" is everything.
	may []string
	// light floors are built into the programs of others, and may import no third-party module but these.
	light   bool
	modules []string
	// tests floors may be imported by test files only.
	tests bool
}

// modulePath is the import path of the root.
const modulePath = "github.com/hubbub-dev/hubbub"

// floors is the table of the design. A package that no floor fits fails the test: whoever adds one decides where it stands.
var floors = []floor{
	{dir: "internal/reactor", light: true, modules: []string{"golang.org/x/sys"}},
	{dir: "ws", may: []string{"internal/reactor"}, light: true,
		modules: []string{"github.com/gobwas/ws", "github.com/klauspost/compress", "golang.org/x/sys"}},
	{dir: ".", light: true},
	{dir: "inbox", may: []string{"."}},
	{dir: "driver/memory", may: []string{".", "internal/pick"}},
	{dir: "driver/redis", may: []string{".", "internal/pick"}},
	{dir: "driver/sqlite", may: []string{"."}},
	{dir: "driver/postgres", may: []string{"."}},
	{dir: "driver/drivertest", may: []string{"."}, tests: true},
	{dir: "client", may: []string{"ws", "."}},
	{dir: "gateway/rpc", may: []string{"ws", ".", "inbox"}},
	{dir: "gateway/httpapi", may: []string{"ws", ".", "inbox", "internal/watch"}},
	{dir: "gateway/auth", may: []string{".", "internal/watch"}},
	{dir: "gateway/backend", may: []string{"."}},
	{dir: "gateway/hook", may: []string{".", "gateway/backend", "internal/template"}},
	{dir: "gateway/bff", may: []string{".", "gateway/backend", "internal/template", "internal/jq"}},
	{dir: "gateway/event", may: []string{".", "internal/template", "internal/jq"}},
	{dir: "gateway/webhook", may: []string{"."}},
	{dir: "gateway/web", may: []string{"."}},
	{dir: "gateway", may: []string{"*"}},
	{dir: "internal/settings"},
	{dir: "internal/jq"},
	{dir: "internal/template", may: []string{"."}},
	{dir: "internal/pick", light: true},
	{dir: "internal/watch"},
	{dir: "internal/migrate", may: []string{".", "driver/sqlite", "driver/postgres"}},
	{dir: "cmd", may: []string{"*"}},

	{dir: "internal/fleet", may: []string{".", "driver/memory"}, tests: true},
	{dir: "internal/testkit", tests: true},
	{dir: "internal/floors", tests: true},
	{dir: "internal/chaos", tests: true},
	{dir: "internal/interop", tests: true},
}

// floorOf returns the floor of the package in dir.
func floorOf(dir string) (floor, bool) {
	var found floor
	ok := false
	for _, f := range floors {
		if covers(f.dir, dir) && len(f.dir) >= len(found.dir) {
			found, ok = f, true
		}
	}
	return found, ok
}

// covers reports whether dir is floorDir or below it.
func covers(floorDir, dir string) bool {
	return dir == floorDir || floorDir != "." && strings.HasPrefix(dir, floorDir+"/")
}

// broken says what is wrong with a non-test file of the package in dir that imports path, or returns "".
func broken(dir, path string) string {
	own, ok := floorOf(dir)
	if !ok {
		return "no floor: add " + dir + " to the table in internal/floors"
	}
	target, inside := inModule(path)
	switch {
	case path == "C":
		return "cgo: the module builds with nothing but Go"
	case inside:
		return own.module(dir, target)
	case standard(path):
		return ""
	case own.light && !slices.ContainsFunc(own.modules, func(m string) bool { return covers(m, path) }):
		return "third-party import into a package that others build: allowed are " + list(own.modules)
	}
	return ""
}

// module judges the import of another directory of the module.
func (f floor) module(dir, target string) string {
	to, ok := floorOf(target)
	switch {
	case !ok:
		return "no floor: add " + target + " to the table in internal/floors"
	case to.dir == f.dir:
		return ""
	case to.tests && !f.tests:
		return target + " is for tests only"
	case slices.ContainsFunc(f.may, func(m string) bool { return m == "*" || covers(m, target) }):
		return ""
	}
	return "floor of " + dir + " is broken: it may import " + list(f.may)
}

// inModule splits the module's own import paths into the directory and true.
func inModule(path string) (string, bool) {
	if path == modulePath {
		return ".", true
	}
	return strings.CutPrefix(path, modulePath+"/")
}

// standard reports whether an import path is the standard library's: its first element has no dot.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

func list(of []string) string {
	if len(of) == 0 {
		return "nothing"
	}
	return strings.Join(of, ", ")
}
