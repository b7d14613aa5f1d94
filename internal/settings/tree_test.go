package settings_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub/internal/settings"
)

type step struct {
	Call string         `koanf:"call"`
	Body any            `koanf:"body"`
	More map[string]any `koanf:"more"`
}

type plan struct {
	Name    string            `koanf:"name"`
	Headers map[string]string `koanf:"headers"`
	Keys    []string          `koanf:"keys"`
	Do      []step            `koanf:"do"`
	Extra   *extra            `koanf:"extra"`
}

type extra struct {
	Path string `koanf:"path"`
	Size int    `koanf:"size"`
}

type deep struct {
	Plans []plan `koanf:"plans"`
}

func deepTable(t *testing.T) *settings.Table {
	t.Helper()
	table, err := settings.New("DEEP_", deep{}, []settings.Entry{
		{Key: "plans", Doc: "Plans."}, {Key: "plans[].name", Doc: "Name.", Required: true, Example: "a"},
		{Key: "plans[].headers", Doc: "Headers.", Secret: true}, {Key: "plans[].keys", Doc: "Keys.", Secret: true},
		{Key: "plans[].do", Doc: "Steps."}, {Key: "plans[].do[].call", Doc: "Call.", Required: true, Example: `"POST /a"`},
		{Key: "plans[].do[].body", Doc: "Body.", Example: `{text: "{data.x}"}`}, {Key: "plans[].do[].more", Doc: "More."},
		{Key: "plans[].extra", Doc: "Extra."}, {Key: "plans[].extra.path", Doc: "Path.", Required: true, Example: "/a"},
		{Key: "plans[].extra.size", Doc: "Size.", Default: "5"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// loadDeep loads what must be without problems.
func loadDeep(t *testing.T, s settings.Sources) (deep, *settings.Loaded) {
	t.Helper()
	var c deep
	table := deepTable(t)
	l, err := table.Load(&c, s)
	if err != nil {
		t.Fatal(err)
	}
	table.Fill(&c)
	return c, l
}

const deepText = `
plans:
  - name: shelf
    headers: {Authorization: Bearer s3cret, X.Dot: s3cret}
    keys: [s3cret, s3cret]
    do:
      - call: POST /broadcast
        body: &b {text: "{data.x}", n: 3, f: 2.5, yes: true, no: ~, day: 2024-01-01, list: [1, {a: []}]}
        more: {limit: 5, tags: [a, b]}
      - call: POST /notices
        body: *b
  - name: text
    do: [{call: x, body: "{data}"}]
    extra: {path: /x}
  - name: none
    extra:
`

func TestListsInListsAndTrees(t *testing.T) {
	body := map[string]any{"text": "{data.x}", "n": 3, "f": 2.5, "yes": true, "no": nil, "day": "2024-01-01",
		"list": []any{1, map[string]any{"a": []any{}}}}
	want := deep{[]plan{
		{"shelf", map[string]string{"Authorization": "Bearer s3cret", "X.Dot": "s3cret"}, []string{"s3cret", "s3cret"}, []step{
			{"POST /broadcast", body, map[string]any{"limit": 5, "tags": []any{"a", "b"}}}, {"POST /notices", body, nil}}, nil},
		{Name: "text", Do: []step{{Call: "x", Body: "{data}"}}, Extra: &extra{"/x", 5}}, {Name: "none"},
	}}
	variable := `DEEP_PLANS=[{name: shelf, headers: {Authorization: Bearer s3cret, X.Dot: s3cret}, keys: [s3cret, s3cret], do: [` +
		`{call: POST /broadcast, body: &b {text: "{data.x}", n: 3, f: 2.5, yes: true, no: ~, day: 2024-01-01, list: [1, {a: []}]}, ` +
		`more: {limit: 5, tags: [a, b]}}, {call: POST /notices, body: *b}]}, {name: text, do: [{call: x, body: "{data}"}], extra: {path: /x}}, {name: none, extra: ~}]`
	for name, s := range map[string]settings.Sources{"file": {File: file(t, "c.yaml", deepText)}, "variable": {Environ: []string{variable}}} {
		c, l := loadDeep(t, s)
		if !reflect.DeepEqual(c, want) {
			t.Errorf("%s: got  %+v\nwant %+v", name, c, want)
		}
		shown := l.Show()
		if strings.Contains(shown, "s3cret") || !strings.Contains(shown, "Authorization: (hidden)") {
			t.Errorf("%s: shown is\n%s", name, shown)
		}
		shown = strings.NewReplacer("Authorization: (hidden)", "Authorization: Bearer s3cret", "X.Dot: (hidden)", "X.Dot: s3cret",
			"keys: (hidden)", "keys: [s3cret, s3cret]").Replace(shown)
		if again, _ := loadDeep(t, settings.Sources{File: file(t, "c.yaml", shown)}); !reflect.DeepEqual(again, want) {
			t.Errorf("%s: what is shown is not what is in effect:\n%s\n%+v", name, shown, again)
		}
	}
}

// TestDeepExampleIsValid takes the comment signs off the examples in the commented file.
func TestDeepExampleIsValid(t *testing.T) {
	text := deepTable(t).Default()
	secrets := map[string]string{"/run/secrets/headers": file(t, "headers", "Authorization: Bearer: x\n\n X-A:b \n"),
		"/run/secrets/keys": file(t, "keys", "one\n two\n")}
	for from, to := range secrets {
		text = strings.ReplaceAll(text, from, to)
	}
	_, text, _ = strings.Cut(text, "plans: []\n")
	text = "plans:" + strings.NewReplacer("headers: {}", "headers:", "keys: []", "keys:", "\n# ", "\n", "# headers_file", "headers_file", "# keys_file", "keys_file").Replace("\n"+text)
	c, _ := loadDeep(t, settings.Sources{File: file(t, "c.yaml", text)})
	want := deep{[]plan{{"a", map[string]string{"Authorization": "Bearer: x", "X-A": "b"}, []string{"one", "two"},
		[]step{{"POST /a", map[string]any{"text": "{data.x}"}, nil}}, &extra{"/a", 5}}}}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v from\n%s", c, text)
	}
	if reference := deepTable(t).Reference(); !strings.Contains(reference, "### `plans[].do`") && !strings.Contains(reference, "### `plans.do`") {
		t.Errorf("the reference is\n%s", reference)
	}
}

func TestTreesThatAreRefused(t *testing.T) {
	bomb := "{b0: &b0 [x, x, x, x, x, x, x, x]"
	for i := range 9 {
		bomb += fmt.Sprintf(", b%d: &b%d [*b%d, *b%[3]d, *b%[3]d, *b%[3]d, *b%[3]d, *b%[3]d, *b%[3]d, *b%[3]d]", i+1, i+1, i)
	}
	for name, c := range map[string]struct{ body, want string }{
		"many":       {bomb + "}", "body: this must be what JSON can say: it has more than 10000 values"},
		"endless":    {"&a [*a]", "it is nested deeper than 64"},
		"deep":       {strings.Repeat("[", 70) + strings.Repeat("]", 70), "it is nested deeper than 64"},
		"twice":      {"{a: 1, a: 2}", `"a" is there twice`},
		"infinity":   {"[.inf]", ".inf is no number of JSON"},
		"name":       {"{[a]: 1}", "names must be texts"},
		"wrong int":  {"!!int x", `"x" is not a number`},
		"deep error": {"1\n        mroe: 5", "F:6: plans[0].do[0].mroe: there is no such setting; did you mean more?"},
		"deep list":  {"1\n      - body: 2", "F:6: plans[0].do[1].call: this is missing"},
		"map twice":  {"1\n        more: {a: 1, a: 2}", "plans[0].do[0].more.a: this is set twice"},
		"required":   {"1\n    extra: {size: 3}", "F:6: plans[0].extra.path: this is missing"},
		"no map":     {"1\n        more: [a]", "more: this must be a map of names to what JSON can say"},
	} {
		path := file(t, "c.yaml", "plans:\n  - name: a\n    do:\n      - call: x\n        body: "+c.body+"\n")
		_, err := deepTable(t).Load(&deep{}, settings.Sources{File: path})
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), path, "F"), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
	for _, line := range []string{"headers_file: " + file(t, "h", "hunter2"), "headers: {a: [hunter2]}", "headers: {a: }"} {
		_, err := deepTable(t).Load(&deep{}, settings.Sources{File: file(t, "c.yaml", "plans:\n  - name: a\n    "+line)})
		if err == nil || !strings.Contains(err.Error(), "plans[0].headers") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", line, err)
		}
	}
}

// Several may be made of one list, at the same time.
func TestFillLeavesListsOfOthersAlone(t *testing.T) {
	plans := []plan{{Name: "a", Extra: &extra{Path: "/x"}}}
	c := deep{plans}
	deepTable(t).Fill(&c)
	if c.Plans[0].Extra.Size != 5 || plans[0].Extra.Size != 0 {
		t.Errorf("filled is %+v, and the list that it was made of %+v", c.Plans[0].Extra, plans[0].Extra)
	}
}
