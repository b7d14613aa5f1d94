package template_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/internal/template"
)

// from is a source on JSON, whose first name may also lead to something that is asked for as it is written.
func from(text string) template.Source {
	all, err := template.Decode([]byte(text))
	if err != nil {
		panic(err)
	}
	return func(r template.Ref) (any, error) {
		if r[0] == "raw" {
			text, err := json.Marshal(all)
			if err != nil {
				return nil, err
			}
			return template.Walk(json.RawMessage(text), r[1:])
		}
		return template.Walk(all, r)
	}
}

const values = `{"s":"a/b","n":1.50,"yes":true,"none":null,"empty":"","up":"..","list":["x",1,null,false],"deep":[[1]],"o":{"a":{"b":["c"]}},"line":"a\nb"}`

// textOr is the text, or the reason and the message of an error.
func textOr(text string, err error) string {
	if errors.Is(err, template.ErrMissing) {
		return "missing"
	}
	if err != nil {
		return fmt.Sprint(hubbub.AsError(err).Reason, ": ", err)
	}
	return text
}

// like tells whether got is want, or has what want says behind "~".
func like(got, want string) bool {
	part, about := strings.CutPrefix(want, "~")
	return got == want || about && strings.Contains(got, part)
}

func TestTexts(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "plain } text": "plain } text", "{{": "{", "{{s}": "{s}", "{{{s}}}": "{a/b}}", "{s}{n}{yes}": "a/b1.50true",
		"{o.a.b.0}": "c", "{raw.o.a.b.0}": "c", "{raw.s}": "a/b", "{list.1}": "1", "{list.9}": "missing", "{list.x}": "missing", "{list.-1}": "missing",
		"{none}": "missing", "x{none}": "missing", "{raw.none}": "missing", "{gone.a}": "missing", "{s.a}": "missing", "{empty}": "",
		"{o}": "invalid: {o} is a list or an object, which cannot be a text here", "{list}": "~is a list or an object",
	} {
		text, err := template.Parse(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := textOr(text.Expand(from(values))); !like(got, want) {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	for _, in := range []string{"{", "{}", "{a", "a{b}{", "{a..b}", "{.a}", "{a.}", "{a b}", "{a{b}}", "{a/b}", `{"a":1}`, "{a\xff}",
		"{" + strings.Repeat("a.", 16) + "a}"} {
		if text, err := template.Parse(in); err == nil || !strings.Contains(err.Error(), "brace") && !strings.Contains(err.Error(), "17 names") {
			t.Errorf("%s: %v %v", in, text, err)
		}
	}
	text, err := template.Parse("{s}" + strings.Repeat("x", template.MaxText-2))
	if got := textOr(text.Expand(from(values))); err != nil || !like(got, "~too_large: ") {
		t.Errorf("%v %.100s", err, got)
	}
	text, err = template.Parse("a{line}")
	if got := textOr(text.ExpandHeader(from(values))); err != nil || !like(got, "~invalid: a value of a{line} has a control character") {
		t.Errorf("%v %s", err, got)
	}
}

func TestPaths(t *testing.T) {
	for in, want := range map[string]string{
		"/": "/", "/a/": "/a/", "/a//b": "/a//b", "/{s}": "/a%2Fb", "/v{n}/x": "/v1.50/x", "/%41~!$&'()*+,;=:@": "/%41~!$&'()*+,;=:@",
		"/{none}": "invalid: {none} is missing, and the path needs it", "/a{gone}": "~{gone} is missing", "/a{empty}": "invalid: {empty} is empty, and the path needs it",
		"/{up}": "~invalid: {up} must not have . or ..", "/x{up}": "~{up} must not", "/{o}": "~{o} is a list or an object",
		"/.{list.1}": "/.1", "/{deep.0.0}": "/1",
	} {
		path, err := template.ParsePath(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := textOr(path.Expand(from(values))); !like(got, want) {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	for _, in := range []string{"", "a", "/a?b", "/a#b", "/a b", "/é", "/%zz", "/..", "/a/./b", "/%2e%2E/a", "/{", "/a\\b", "/<", "/..;x", "/a%2F.."} {
		if path, err := template.ParsePath(in); err == nil {
			t.Errorf("%s: %v", in, path)
		}
	}
	for _, in := range []string{"/.{v}", "/%2e{v}", "/{v}."} {
		path, err := template.ParsePath(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := textOr(path.Expand(func(template.Ref) (any, error) { return ".", nil })); !like(got, "~invalid: ") {
			t.Errorf("%s: %s", in, got)
		}
	}
	long, err := template.ParsePath("/{s}" + strings.Repeat("x", template.MaxURL))
	if got := textOr(long.Expand(from(values))); err != nil || !like(got, "~too_large: ") {
		t.Errorf("%v %.100s", err, got)
	}
	path, err := template.ParsePath("/a/b/c{s}/d")
	if got := path.Fixed(); err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%v %q", err, got)
	}
}

func TestQueries(t *testing.T) {
	for _, c := range []struct {
		in   map[string]any
		want string
	}{
		{nil, ""}, {map[string]any{"b": 1, "a&": "x y", "c": true, "d": 1.5}, "a%26=x+y&b=1&c=true&d=1.5"},
		{map[string]any{"q": "{s}&{n}"}, "q=a%2Fb%261.50"}, {map[string]any{"q": "{none}", "r": "x{gone}", "s": "{empty}"}, "s="},
		{map[string]any{"q": "{list}"}, "q=x&q=1&q=false"}, {map[string]any{"q": "{raw.list}"}, "q=x&q=1&q=false"},
		{map[string]any{"q": []any{"{s}", 2, "{none}", "{list}"}}, "q=a%2Fb&q=2&q=x&q=1&q=false"}, {map[string]any{"q": []string{"{{", "b"}}, "q=%7B&q=b"},
		{map[string]any{"q": "a{list}"}, "~invalid: {list} is a list or an object"}, {map[string]any{"q": "{deep}"}, "~{deep} has a list or an object as an item"},
		{map[string]any{"q": "{o}"}, "~{o} is a list or an object"}, {map[string]any{"q": "{raw.o}"}, "~{raw.o} is a list"}, {map[string]any{"q": "{raw.n}"}, "q=1.50"},
		{map[string]any{"q": "{s}", "r": strings.Repeat("x", template.MaxURL)}, "~too_large: "},
	} {
		query, err := template.ParseQuery(c.in)
		if err != nil {
			t.Errorf("%v: %v", c.in, err)
			continue
		}
		if got := textOr(query.Expand(from(values))); !like(got, c.want) {
			t.Errorf("%v: got %s, want %s", c.in, got, c.want)
		}
	}
	for _, in := range []any{nil, map[string]any{}, []any{nil}, []any{[]any{}}, "{", map[string]any{"a.b": nil}, func() {}} {
		if query, err := template.ParseQuery(map[string]any{"q": in}); err == nil || !strings.Contains(err.Error(), `parameter "q": `) {
			t.Errorf("%v: %v %v", in, query, err)
		}
	}
}

func TestTrees(t *testing.T) {
	for _, c := range []struct {
		in   any
		want string
	}{
		{nil, "null"}, {"{{x", `"{x"`}, {map[string]any{}, "{}"}, {[]any{}, "[]"}, {map[string]string{"b": "{n}", "a": "<"}, `{"a":"<","b":1.50}`},
		{[]any{"{s}", "{n}", "{yes}", "{none}", "{o}", "{raw.o}", "{list.0}-{n}", 1, 2.5, nil, false}, `["a/b",1.50,true,null,{"a":{"b":["c"]}},{"a":{"b":["c"]}},"x-1.50",1,2.5,null,false]`},
		{map[string]any{"a": "{none}", "b": map[string]any{"c": "{gone.x}"}, "d": "x{none}"}, `{"b":{}}`}, {"{none}", "null"}, {"{raw.none}", "null"},
		{map[string]any{"{s}": 1, "x": []string{"{line}"}}, `{"x":["a\nb"],"{s}":1}`}, {"a {o}", "~invalid: {o} is a list or an object"},
		{map[string]any{"params.id": nil, "b": 1}, `{"b":1,"params.id":null}`},
	} {
		tree, err := template.ParseTree(c.in)
		if err != nil {
			t.Errorf("%v: %v", c.in, err)
			continue
		}
		text, err := tree.Expand(from(values))
		if got := textOr(string(text), err); !like(got, c.want) {
			t.Errorf("%v: got %s, want %s", c.in, got, c.want)
		}
	}
	var deep any = "x"
	for range 40 {
		deep = []any{deep}
	}
	for _, in := range []any{deep, "{", map[string]any{"a": "{x"}, []any{func() {}}, map[any]any{}, map[string]any{"params.id": nil}} {
		if tree, err := template.ParseTree(in); err == nil {
			t.Errorf("%v: %v", in, tree)
		}
	}
	large := `{"x":"` + strings.Repeat("x", template.MaxTree/2) + `"}`
	tree, err := template.ParseTree([]any{"{x}", "{x}"})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := tree.Expand(from(large)); hubbub.AsError(err) == nil || hubbub.AsError(err).Reason != hubbub.TooLarge {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

// TestSourcesFail shows that the error of a source is the error of each expansion.
func TestSourcesFail(t *testing.T) {
	broken := errors.New("broken")
	source := func(template.Ref) (any, error) { return nil, broken }
	text, _ := template.Parse("x{a}")
	path, _ := template.ParsePath("/{a}")
	query, _ := template.ParseQuery(map[string]any{"q": "{a}", "r": "x{a}"})
	tree, _ := template.ParseTree(map[string]any{"a": []any{"{a}"}})
	for name, expand := range map[string]func() (string, error){
		"text": func() (string, error) { return text.Expand(source) }, "path": func() (string, error) { return path.Expand(source) },
		"query": func() (string, error) { return query.Expand(source) }, "header": func() (string, error) { return text.ExpandHeader(source) },
		"tree": func() (string, error) { b, err := tree.Expand(source); return string(b), err },
	} {
		if got, err := expand(); !errors.Is(err, broken) {
			t.Errorf("%s: %s %v", name, got, err)
		}
	}
}

// FuzzParse holds that what is read can be written and read again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "a", "{a.b}", "{{", "}}", "{{a}{b}", "x{a.0.b-c_d}y", "{", "{ä}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		text, err := template.Parse(in)
		if err != nil {
			return
		}
		again, err := template.Parse(text.String())
		if err != nil || again.String() != text.String() || len(again.Refs()) != len(text.Refs()) {
			t.Fatalf("%q is read as %q, and that as %q: %v", in, text, again, err)
		}
		plain, err := template.Parse(template.Quote(in))
		if err != nil || len(plain.Refs()) > 0 {
			t.Fatalf("%q quoted: %v %v", in, plain, err)
		}
		if got, err := plain.Expand(nil); got != in || err != nil {
			t.Fatalf("%q quoted is %q, %v", in, got, err)
		}
	})
}

// FuzzInjection holds that no value is more than a value: a server reads back what was put in, in its place.
func FuzzInjection(f *testing.F) {
	for _, seed := range []string{"", "a", "a/b", "../x", "..", ".", "%2e%2e", "a?b=c#d", "a&b=c;d+e f", "\r\nX: y", "\x00", "{a}", "\\..\\", "é", "\xff", `"},{"x":"`} {
		f.Add(seed)
	}
	path, _ := template.ParsePath("/a/{v}/b.{v}/c")
	query, _ := template.ParseQuery(map[string]any{"q": "{v}", "r": "1"})
	text, _ := template.Parse("x {v}")
	tree, _ := template.ParseTree(map[string]any{"a": "{v}", "b": "x {v}"})
	f.Fuzz(func(t *testing.T, v string) {
		source := func(template.Ref) (any, error) { return v, nil }
		if got, err := path.Expand(source); err == nil {
			request, err := http.NewRequest(http.MethodGet, "http://h"+got, nil)
			if err != nil || request.URL.RawQuery != "" || request.URL.Fragment != "" || request.URL.Path != "/a/"+v+"/b."+v+"/c" {
				t.Fatalf("%q becomes the path %q: %v", v, got, err)
			}
			segments := strings.Split(got, "/")
			if plain, err := url.PathUnescape(segments[2]); len(segments) != 5 || err != nil || plain != v || v == "" || v == "." || v == ".." {
				t.Fatalf("%q becomes the path %q", v, got)
			}
		}
		got, err := query.Expand(source)
		if err != nil && hubbub.AsError(err).Reason != hubbub.TooLarge {
			t.Fatal(err)
		}
		if all, wrong := url.ParseQuery(got); err == nil && (wrong != nil || len(all) != 2 || len(all["q"]) != 1 || all.Get("q") != v || all.Get("r") != "1") {
			t.Fatalf("%q becomes the query %q: %v", v, got, wrong)
		}
		if got, err := text.ExpandHeader(source); err == nil && strings.ContainsAny(got, "\r\n\x00") {
			t.Fatalf("%q becomes the header %q", v, got)
		}
		body, err := tree.Expand(source)
		if err != nil {
			return
		}
		var back map[string]string
		if err := json.Unmarshal(body, &back); err != nil || len(back) != 2 || back["a"] != strings.ToValidUTF8(v, "\ufffd") && back["a"] != v && strings.ToValidUTF8(v, "") == v {
			t.Fatalf("%q becomes %s: %v", v, body, err)
		}
	})
}

// FuzzTree holds that any JSON is its own template once its braces are doubled.
func FuzzTree(f *testing.F) {
	for _, seed := range []string{"null", `{"a":[1,2.50,"{x}","{{"],"b":{}}`, `"{"`, `[[],{"":""}]`, `{"a.b":null}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		v, err := template.Decode([]byte(in))
		if err != nil {
			return
		}
		tree, err := template.ParseTree(quoted(v))
		if err != nil {
			return
		}
		got, err := tree.Expand(nil)
		if hubbub.AsError(err) != nil && hubbub.AsError(err).Reason == hubbub.TooLarge {
			return
		}
		back, wrong := template.Decode(got)
		if err != nil || wrong != nil || fmt.Sprint(back) != fmt.Sprint(v) {
			t.Fatalf("%s becomes %s: %v %v", in, got, err, wrong)
		}
	})
}

// quoted doubles the braces of all strings.
func quoted(v any) any {
	switch v := v.(type) {
	case string:
		return template.Quote(v)
	case []any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = quoted(v[i])
		}
		return all
	case map[string]any:
		all := make(map[string]any, len(v))
		for name := range v {
			all[name] = quoted(v[name])
		}
		return all
	}
	return v
}
