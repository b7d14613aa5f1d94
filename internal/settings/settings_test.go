package settings_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/internal/settings"
)

type inner struct {
	Wait  time.Duration `koanf:"wait"`
	Secrt string        `koanf:"secret"`
}

type rule struct {
	Match string        `koanf:"match"`
	Max   settings.Size `koanf:"max"`
	Inner inner         `koanf:"inner"`
}

type shared struct {
	Mode string `koanf:"mode"`
}

type config struct {
	shared  `koanf:",squash"`
	Name    string            `koanf:"name"`
	On      bool              `koanf:"on"`
	Count   int               `koanf:"count"`
	Ratio   float64           `koanf:"ratio"`
	Size    settings.Size     `koanf:"size"`
	Wait    time.Duration     `koanf:"wait"`
	Names   []string          `koanf:"names"`
	Nets    []netip.Prefix    `koanf:"nets"`
	Labels  map[string]string `koanf:"labels"`
	Section inner             `koanf:"section"`
	Rules   []rule            `koanf:"rules"`
	Ignored func()            `koanf:"-"`
}

func entries() []settings.Entry {
	return []settings.Entry{
		{Key: "mode", Doc: "Mode.", Default: "slow", OneOf: []string{"slow", "fast"}},
		{Key: "name", Doc: "Name.", Example: "ann"}, {Key: "on", Doc: "On."}, {Key: "count", Doc: "Count.", Default: "3", Off: "none"},
		{Key: "ratio", Doc: "Ratio.", Default: "0.5", Off: "none"}, {Key: "size", Doc: "Size.", Default: "1KiB", Off: "none"},
		{Key: "wait", Doc: "Wait.", Default: "25s", Off: "none"}, {Key: "names", Doc: "Names.", Default: "[a, b]"},
		{Key: "nets", Doc: "Nets."}, {Key: "labels", Doc: "Labels."}, {Key: "section", Doc: "Section."},
		{Key: "section.wait", Doc: "Wait there.", Default: "1s"}, {Key: "section.secret", Doc: "Secret.", Secret: true},
		{Key: "rules", Doc: "Rules."}, {Key: "rules[].match", Doc: "Match.", Required: true, Example: `"*"`},
		{Key: "rules[].max", Doc: "Max.", Default: "2KiB"}, {Key: "rules[].inner", Doc: "Inner."},
		{Key: "rules[].inner.wait", Doc: "Wait.", Default: "2s"}, {Key: "rules[].inner.secret", Doc: "Secret.", Secret: true},
	}
}

func table(t testing.TB) *settings.Table {
	t.Helper()
	table, err := settings.New("APP_", config{}, entries())
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// file writes a file and returns its path.
func file(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// load loads what must be without problems.
func load(t *testing.T, s settings.Sources) (config, *settings.Loaded) {
	t.Helper()
	var c config
	table := table(t)
	l, err := table.Load(&c, s)
	if err != nil {
		t.Fatal(err)
	}
	table.Fill(&c)
	return c, l
}

func defaults() config {
	return config{shared: shared{"slow"}, Count: 3, Ratio: .5, Size: 1024, Wait: 25 * time.Second, Names: []string{"a", "b"},
		Section: inner{Wait: time.Second}}
}

func TestDefaults(t *testing.T) {
	if c, _ := load(t, settings.Sources{}); !reflect.DeepEqual(c, defaults()) {
		t.Errorf("got %+v", c)
	}
	for name, text := range map[string]string{
		"the commented file": table(t).Default(), "an empty file": "", "a comment": "# nothing\n", "empty values": "name:\nsection:\nrules:\nwait: ~\n",
		"a document of nothing": "---\n",
	} {
		if c, _ := load(t, settings.Sources{File: file(t, "c.yaml", text)}); !reflect.DeepEqual(c, defaults()) {
			t.Errorf("%s: got %+v", name, c)
		}
	}
}

// TestExampleIsValid takes the comment signs off the examples in the commented file.
func TestExampleIsValid(t *testing.T) {
	text := table(t).Default()
	_, example, _ := strings.Cut(text, "rules: []\n")
	example = "rules:\n" + strings.ReplaceAll("\n"+example, "\n# ", "\n")
	c, _ := load(t, settings.Sources{File: file(t, "c.yaml", example)})
	if want := []rule{{"*", 2048, inner{Wait: 2 * time.Second}}}; !reflect.DeepEqual(c.Rules, want) {
		t.Errorf("got %+v from\n%s", c.Rules, example)
	}
}

const everything = `
mode: fast
name: 123
on: true
count: 7
ratio: 2.5
size: 3 MiB
wait: 1d12h
names: [x, "y z"]
nets: [10.0.0.0/8, 192.0.2.7, "fd00::1"]
labels: {a: b, "c.d": e}
section:
  wait: 250ms
  secret: s3cret
rules:
  - {match: "a*", max: 1KB}
  - match: b
    inner:
      wait: 9s
`

func full() config {
	return config{shared: shared{"fast"}, Name: "123", On: true, Count: 7, Ratio: 2.5, Size: 3 << 20, Wait: 36 * time.Hour,
		Names:  []string{"x", "y z"},
		Nets:   []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("fd00::1/128")},
		Labels: map[string]string{"a": "b", "c.d": "e"}, Section: inner{250 * time.Millisecond, "s3cret"},
		Rules: []rule{{"a*", 1000, inner{Wait: 2 * time.Second}}, {"b", 2048, inner{Wait: 9 * time.Second}}}}
}

func TestEverySourceCanSayEverything(t *testing.T) {
	flat := []string{"mode=fast", "name=123", "on=true", "count=7", "ratio=2.5", "size=3 MiB", "wait=1d12h", "names=x, y z",
		"nets=[10.0.0.0/8, 192.0.2.7, 'fd00::1']", "labels={a: b, c.d: e}", "section.wait=250ms", "section.secret=s3cret",
		`rules=[{match: "a*", max: 1KB}, {match: b, inner: {wait: 9s}}]`}
	var environ []string
	for _, s := range flat {
		key, value, _ := strings.Cut(s, "=")
		environ = append(environ, strings.ToUpper("app_"+strings.ReplaceAll(key, ".", "_"))+"="+value)
	}
	for name, s := range map[string]settings.Sources{
		"file": {File: file(t, "c.yaml", everything)}, "variables": {Environ: environ}, "set": {Set: flat}, "flags": {Flags: flat},
	} {
		c, l := load(t, s)
		if !reflect.DeepEqual(c, full()) {
			t.Errorf("%s: got %+v", name, c)
		}
		shown := l.Show()
		if strings.Contains(shown, "s3cret") {
			t.Errorf("%s shows a secret:\n%s", name, shown)
		}
		shown = strings.ReplaceAll(shown, "(hidden)", "s3cret")
		if again, _ := load(t, settings.Sources{File: file(t, "c.yaml", shown)}); !reflect.DeepEqual(again, c) {
			t.Errorf("%s: what is shown is not what is in effect:\n%s", name, shown)
		}
	}
}

func TestLaterSourcesOverride(t *testing.T) {
	s := settings.Sources{
		File:    file(t, "c.yaml", "name: file\ncount: 1\nratio: 1\nsize: 1B\nnames: [file]\nsection:\n  wait: 1m\n"),
		Environ: []string{"APP_COUNT=2", "APP_RATIO=2", "APP_SIZE=2", "APP_NAMES=[]", "APP_NAME=", "OTHER=1"},
		Set:     []string{"ratio=3", "size=3"}, Flags: []string{"size=4"},
	}
	c, l := load(t, s)
	if c.Name != "file" || c.Count != 2 || c.Ratio != 3 || c.Size != 4 || len(c.Names) != 0 || c.Section.Wait != time.Minute {
		t.Errorf("got %+v", c)
	}
	for key, want := range map[string]string{"name": s.File + ":1", "count": "APP_COUNT", "ratio": "--set ratio", "size": "--size",
		"section.wait": s.File + ":7", "section.secret": s.File + ":6", "mode": "", "names[3]": "APP_NAMES"} {
		if got := l.Place(key); got != want {
			t.Errorf("%s: set in %q, want %q", key, got, want)
		}
	}
	for _, want := range []string{"name: file  # " + s.File + ":1\n", "size: 4B  # --size\n", "mode: slow\n"} {
		if !strings.Contains(l.Show(), want) {
			t.Errorf("no %q in\n%s", want, l.Show())
		}
	}
}

// TestListsAreReplaced has two elements in a file and one in a variable: what the file says of the first must not show through.
func TestListsAreReplaced(t *testing.T) {
	s := settings.Sources{
		File:    file(t, "c.yaml", "rules:\n  - match: a\n    max: 1B\n  - match: b\n"),
		Environ: []string{"APP_RULES=[{match: c}]"},
	}
	c, l := load(t, s)
	if len(c.Rules) != 1 || c.Rules[0].Match != "c" {
		t.Errorf("got %+v", c.Rules)
	}
	if got := l.Place("rules[0].max"); got != "APP_RULES" {
		t.Errorf("the element is of %q", got)
	}
	if shown := l.Show(); strings.Contains(shown, s.File) {
		t.Errorf("the file is named in\n%s", shown)
	}
}

func TestOff(t *testing.T) {
	c, _ := load(t, settings.Sources{File: file(t, "c.yaml", "count: off\nratio: off\nsize: off\nwait: off\n")})
	if c.Count != -1 || c.Ratio != -1 || c.Size != -1 || c.Wait != -1 {
		t.Errorf("got %+v", c)
	}
}

func TestAnchors(t *testing.T) {
	c, _ := load(t, settings.Sources{File: file(t, "c.yaml", "name: &n ann\nnames: [*n]\nsection: &s {wait: 3s}\nrules: [{match: x, inner: *s}]\n")})
	if c.Names[0] != "ann" || c.Rules[0].Inner.Wait != 3*time.Second {
		t.Errorf("got %+v", c)
	}
}

func TestSecretsFromFiles(t *testing.T) {
	secret := file(t, "secret", "  s3cret\n")
	text := "section: {secret_file: " + secret + "}\nrules: [{match: x, inner: {secret_file: " + secret + "}}]\n"
	c, l := load(t, settings.Sources{File: file(t, "c.yaml", text)})
	if c.Section.Secrt != "s3cret" || c.Rules[0].Inner.Secrt != "s3cret" || strings.Contains(l.Show(), "s3cret") {
		t.Errorf("got %+v", c)
	}
	c, _ = load(t, settings.Sources{File: file(t, "c.yaml", "section: {secret: other}"), Environ: []string{"APP_SECTION_SECRET_FILE=" + secret}})
	if c.Section.Secrt != "s3cret" {
		t.Errorf("a variable does not override: %+v", c)
	}
}

func TestProblems(t *testing.T) {
	missing, empty := filepath.Join(t.TempDir(), "none"), file(t, "empty", "\n")
	for name, c := range map[string]struct {
		file string
		rest settings.Sources
		want string
	}{
		"unknown":           {"nmae: x", settings.Sources{}, "F:1: nmae: there is no such setting; did you mean name?"},
		"unknown, far":      {"zzzzzz: x", settings.Sources{}, "F:1: zzzzzz: there is no such setting"},
		"elsewhere":         {"\nsecret: x", settings.Sources{}, "F:2: secret: there is no such setting here; did you mean section.secret?"},
		"in a list":         {"rules:\n- match: x\n- match: y\n  mox: 1", settings.Sources{}, "F:4: rules[1].mox: there is no such setting; did you mean max?"},
		"twice":             {"name: a\nname: b", settings.Sources{}, "F:2: name: this is set twice; first in line 1"},
		"missing":           {"rules:\n- max: 1B", settings.Sources{}, "F:2: rules[0].match: this is missing"},
		"no number":         {"count: many", settings.Sources{}, `F:1: count: "many" is not a whole number such as 20`},
		"no whole number":   {"count: 1.5", settings.Sources{}, `F:1: count: "1.5" is not a whole number such as 20`},
		"negative":          {"count: -1", settings.Sources{}, `F:1: count: "-1" is not greater than zero; write "off" to switch it off, or leave it out for the default`},
		"zero":              {"section:\n  wait: 0s", settings.Sources{}, `F:2: section.wait: "0s" is not greater than zero; leave it out for the default`},
		"off":               {"section:\n  wait: off", settings.Sources{}, `F:2: section.wait: "off" is not a duration such as "25s", "1h30m" or "7d"`},
		"NaN":               {"ratio: .nan", settings.Sources{}, `F:1: ratio: ".nan" is not a number such as 2.5`},
		"no size":           {"size: 1 pound", settings.Sources{}, `F:1: size: "1 pound" is not a size such as "64KiB" or "1MiB"`},
		"huge size":         {"size: 99999999999GiB", settings.Sources{}, `F:1: size: "99999999999GiB" is not a size such as "64KiB" or "1MiB"`},
		"no network":        {"nets: [10.0.0.0/8, 10.0.0.0/99]", settings.Sources{}, `F:1: nets[1]: "10.0.0.0/99" is not a network such as "10.0.0.0/8"`},
		"no boolean":        {"on: maybe", settings.Sources{}, `F:1: on: "maybe" is not true or false`},
		"not allowed":       {"mode: fats", settings.Sources{}, `F:1: mode: "fats" is not one of slow, fast; did you mean fast?`},
		"list for text":     {"name: [a]", settings.Sources{}, "F:1: name: this must be text"},
		"map for list":      {"names: {a: b}", settings.Sources{}, "F:1: names: this must be a list of texts"},
		"text for section":  {"section: 5", settings.Sources{}, "F:1: section: this must be a section with settings, such as wait: …"},
		"text for rules":    {"rules: x", settings.Sources{}, "F:1: rules: this must be a list: each element begins with a dash"},
		"list for map":      {"labels: [x]", settings.Sources{}, "F:1: labels: this must be a map of names to texts"},
		"list for file":     {"[x]", settings.Sources{}, "F:1: this must be a section with settings, such as mode: …"},
		"two documents":     {"name: a\n---\nname: b", settings.Sources{}, "F: there is a second document behind a line with ---; only one is read"},
		"no YAML":           {"name: [", settings.Sources{}, "F: this is not YAML: "},
		"indented by a tab": {"section:\n\twait: 1s", settings.Sources{}, "F: this is not YAML: line 2: found character that cannot start any token (indent with spaces"},
		"no UTF-8":          {"name: \xff", settings.Sources{}, "F: the file is not UTF-8 text"},
		"no secret file":    {"section: {secret_file: " + missing + "}", settings.Sources{}, "F:1: section.secret_file: the secret cannot be read: open " + missing},
		"empty secret file": {"section: {secret_file: " + empty + "}", settings.Sources{}, "F:1: section.secret_file: the secret cannot be read: " + empty + " is empty"},
		"secret twice":      {"section: {secret: a, secret_file: " + empty + "}", settings.Sources{}, "F:1: section.secret_file: secret is set too; keep one of the two"},
		"secret of a list":  {"section: {secret: [hunter2]}", settings.Sources{}, "F:1: section.secret: this must be text"},

		"variable":            {"", settings.Sources{Environ: []string{"APP_NAMR=x"}}, "APP_NAMR: there is no such variable; did you mean APP_NAME?"},
		"value of a variable": {"", settings.Sources{Environ: []string{"APP_COUNT=x"}}, `APP_COUNT: count: "x" is not a whole number such as 20`},
		"rules in a variable": {"", settings.Sources{Environ: []string{"APP_RULES=[{mach: x}]"}}, "APP_RULES: rules[0].mach: there is no such setting; did you mean match?"},
		"YAML in a variable":  {"", settings.Sources{Environ: []string{"APP_LABELS={a"}}, "APP_LABELS: labels: this is not YAML in one line, such as [a, b] or [{name: a}]"},
		"assignment":          {"", settings.Sources{Set: []string{"section.wiat=1s"}}, "--set section.wiat: there is no such setting; did you mean section.wait?"},
		"assigned section":    {"", settings.Sources{Set: []string{"section=1s"}}, "--set section: this is a section; set what is in it, for example section.wait"},
		"assigned element":    {"", settings.Sources{Set: []string{"rules[].match=x"}}, "--set rules[].match: there is no such setting"},
		"no assignment":       {"", settings.Sources{Set: []string{"name"}}, "--set name: write it as --set key=value"},
	} {
		c.rest.File = file(t, "c.yaml", c.file)
		_, err := table(t).Load(&config{}, c.rest)
		problems, ok := errors.AsType[settings.Problems](err)
		if got := strings.ReplaceAll(err.Error(), c.rest.File, "F"); !ok || !strings.HasPrefix(got, c.want) || strings.Contains(got, "hunter2") {
			t.Errorf("%s: got  %s\n\twant %s (%d problems)", name, got, c.want, len(problems))
		}
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	s := settings.Sources{File: file(t, "c.yaml", "a: 1\nb: 2\ncount: x\n"), Environ: []string{"APP_X=1"}, Set: []string{"y=1"}}
	_, err := table(t).Load(&config{}, s)
	if problems, _ := errors.AsType[settings.Problems](err); len(problems) != 5 || strings.Count(err.Error(), "\n") != 4 {
		t.Errorf("got %v", err)
	}
}

func TestFileThatIsNotThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.yaml")
	if _, err := table(t).Load(&config{}, settings.Sources{File: path}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	load(t, settings.Sources{File: path, Optional: true})
}

// TestVariablesOfThePlatform has what Kubernetes sets for a service named app, and for one named app-redis.
func TestVariablesOfThePlatform(t *testing.T) {
	load(t, settings.Sources{Except: []string{"APP_CONFIG"}, Environ: []string{"APP_CONFIG=x", "APP_SERVICE_HOST=10.0.0.1", "APP_SERVICE_PORT=80",
		"APP_SERVICE_PORT_HTTP=80", "APP_PORT=tcp://10.0.0.1:80", "APP_PORT_80_TCP=tcp://10.0.0.1:80", "APP_PORT_80_TCP_PROTO=tcp",
		"APP_PORT_80_TCP_PORT=80", "APP_PORT_80_TCP_ADDR=10.0.0.1", "APP_REDIS_SERVICE_HOST=10.0.0.2", "APP_REDIS_PORT_6379_TCP=x"}})
}

func TestCheckFindsWhatLoadWouldRefuse(t *testing.T) {
	c := full()
	if found := table(t).Check(&c); len(found) > 0 {
		t.Errorf("found %v", found)
	}
	c.Mode, c.Section.Wait, c.Count, c.Rules[1].Match = "other", -1, -1, ""
	want := `mode: "other" is not one of slow, fast
section.wait: this must be greater than zero
rules[1].match: this is missing`
	if got := table(t).Check(&c).Error(); got != want {
		t.Errorf("got %s", got)
	}
}

func TestReference(t *testing.T) {
	text := table(t).Reference()
	for _, want := range []string{
		"| `wait`<br>`APP_WAIT` | duration | `25s` | Wait. `off` means none. |\n", "### `section`\n\nSection.\n",
		"| `mode`<br>`APP_MODE` | text | `slow` | Mode. One of slow, fast. |\n", "| `rules[].match` | text | required | Match. |\n",
		"A list, as YAML in one line in the variable `APP_RULES`.", "| `section.secret_file`<br>`APP_SECTION_SECRET_FILE` | text |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestTablesThatDoNotFit(t *testing.T) {
	type small struct {
		A string `koanf:"a_b"`
		B struct {
			C string `koanf:"b"`
			D func() `koanf:"d"`
		} `koanf:"a"`
		E int  `koanf:"e"`
		F bool `koanf:"f"`
	}
	_, err := settings.New("X_", small{}, []settings.Entry{{Key: "a_b", Doc: "A."}, {Key: "a", Doc: "A."}, {Key: "a.b", Doc: "B."},
		{Key: "gone", Doc: "Gone."}, {Key: "a.b", Doc: "B."}, {Key: "a.d", Doc: "D."}, {Key: "f", Doc: "F."}})
	for _, want := range []string{"e: no description", "a.d: no way to read a func()", "a.b: two entries",
		"gone: an entry without a field", "a_b and a.b: both would be the variable X_A_B"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	_, err = settings.New("X_", struct {
		E int  `koanf:"e"`
		F bool `koanf:"f"`
	}{}, []settings.Entry{{Key: "e", Doc: "E.", Default: "many"}, {Key: "f", Doc: "F.", Default: "true"}})
	for _, want := range []string{`e: "many" is not a whole number`, "f: only values other than booleans"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}
