package event_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/event"
)

// lines are calls as text.
func lines(t testing.TB, rules []event.Rule, typ, data string) []string {
	t.Helper()
	e, err := event.New(rules, nil)
	if err != nil {
		t.Fatal(err)
	}
	calls, err := e.Calls(typ, json.RawMessage(data))
	if err != nil {
		return []string{err.Error()}
	}
	var all []string
	for _, c := range calls {
		all = append(all, strings.TrimSpace(c.Method+" "+c.Path+" "+string(c.Body)))
	}
	return all
}

func TestCalls(t *testing.T) {
	rules := []event.Rule{
		{Type: "product.*", When: `.data.stock > 0 and .type != "product.gone"`, Do: []event.Step{
			{Call: "POST /rooms/{data.shop}/messages", Body: map[string]any{"data": map[string]any{"event": "{type}", "product": "{data.product}",
				"says": "New: {data.product.name} {{ {data.stock} left"}}},
			{Call: "DELETE /users/{data.users.0}/sessions?except={data.product.name}&x=a%20{data.stock}"},
		}},
		{Type: "product.listed", Do: []event.Step{{Call: "POST /broadcast", Body: map[string]any{"data": "{data}", "none": "{data.none}",
			"list": []any{"{data.none}", 1}}}}},
		{Type: "other", Do: []event.Step{{Call: "POST /broadcast"}}},
	}
	data := `{"shop":"a/b","product":{"name":"Tea & co","price":1.50},"stock":3,"users":["ann"],"none":null}`
	broadcast := `POST /broadcast {"data":{"none":null,"product":{"name":"Tea & co","price":1.50},"shop":"a/b","stock":3,"users":["ann"]},"list":[null,1]}`
	room := `POST /rooms/a%2Fb/messages {"data":{"event":"product.listed","product":{"name":"Tea & co","price":1.50},"says":"New: Tea & co { 3 left"}}`
	for _, c := range []struct{ typ, data, want string }{
		{"product.listed", data, room + "; DELETE /users/ann/sessions?except=Tea+%26+co&x=a+3; " + broadcast},
		{"product.listed", strings.Replace(data, `"stock":3`, `"stock":0`, 1), strings.Replace(broadcast, `"stock":3`, `"stock":0`, 1)},
		{"product.gone", data, ""},
		{"product.", `{"stock":1}`, "the event product. has no {data.shop}"},
		{"product.listed", `{"stock":1,"shop":""}`, "{data.shop} is empty, and the path needs it"},
		{"product.listed", `{"stock":1,"shop":".."}`, "{data.shop} must not have . or .. as a step, since it stands in a path"},
		{"product.listed", `{"stock":1,"shop":{}}`, "{data.shop} is a list or an object, which cannot be a text here"},
		{"product.listed", `{"stock":1,"shop":null}`, "{data.shop} is missing, and the path needs it"},
		{"other", "", "POST /broadcast"},
		{"none", "{}", ""},
		{"other", "{", "the data of the event are not JSON"},
		{"other", "{} {}", "the data of the event are not JSON"},
		{"other", "\"\xff\"", "the data of the event are not JSON"},
		{"a b", "{}", `the type of the event "a b" must not contain control characters, spaces, { } or *`},
		{"", "{}", "the type of the event is missing"},
	} {
		if got := strings.Join(lines(t, rules, c.typ, c.data), "; "); got != c.want {
			t.Errorf("%s %s: got\n%s, want\n%s", c.typ, c.data, got, c.want)
		}
	}
}

func TestIDs(t *testing.T) {
	rule := event.Rule{Type: "*", When: ".id | length == 26", Do: []event.Step{{Call: "POST /notices", Body: "{id}"}}}
	got := append(lines(t, []event.Rule{rule, rule}, "x", "{}"), lines(t, []event.Rule{rule}, "x", "{}")...)
	if len(got) != 3 || got[0] != got[1] || got[0] == got[2] {
		t.Errorf("got %q: one event has one id, and the next another", got)
	}
}

func TestErrorsOfEvents(t *testing.T) {
	many := make([]event.Step, 60)
	for i := range many {
		many[i].Call = "POST /broadcast"
	}
	e, err := event.New([]event.Rule{{Type: "a", When: ".data.x.y", Do: many}, {Type: "*", Do: many}, {Type: "long", Do: []event.Step{{Call: "POST /notices",
		Body: strings.Split(strings.Repeat("{data},", 100), ",")}}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		typ, data string
		want      hubbub.Reason
	}{{"a", `{"x":"text"}`, hubbub.Invalid}, {"a", `{"x":{"y":1}}`, hubbub.TooLarge}, {"a", `{"x":{"y":false}}`, ""},
		{"long", `"` + strings.Repeat("x", 20000) + `"`, hubbub.TooLarge}} {
		_, err := e.Calls(c.typ, json.RawMessage(c.data))
		if e, ok := errors.AsType[*hubbub.Error](err); (c.want == "") != (err == nil) || ok && e.Reason != c.want {
			t.Errorf("%s %.50s: %v, want %s", c.typ, c.data, err, c.want)
		}
	}
}

func TestRefusedAtStart(t *testing.T) {
	known := func(method, path string) error {
		if method == "POST" && (path == "/rooms/x/messages" || path == "/rooms/vx/messages") {
			return nil
		}
		return fmt.Errorf("there is no %s %s", method, path)
	}
	step := func(call string, body any) event.Rule {
		return event.Rule{Type: "t", Do: []event.Step{{Call: call, Body: body}}}
	}
	for want, r := range map[string]event.Rule{
		`rule 2 for events "": the type is missing`:                  {},
		`rule 2 for events "t": it does nothing`:                     {Type: "t"},
		`it makes 101 calls; at most 100 are allowed`:                {Type: "t", Do: make([]event.Step, 101)},
		`when: the jq expression ".a |" cannot be read`:              {Type: "t", When: ".a |", Do: make([]event.Step, 1)},
		`call 1, "POST": write it as METHOD /path`:                   step("POST", nil),
		`call 1, "GET /rooms/x": write it as METHOD /path`:           step("GET /rooms/x", nil),
		`must begin with /`:                                          step("POST rooms", nil),
		`there is no POST /nothing`:                                  step("POST /nothing", nil),
		`there is no DELETE /rooms/x/messages`:                       step("DELETE /rooms/{data.room}/messages", nil),
		`/batch cannot be called by a rule`:                          step("POST /batch", nil),
		`/events cannot be called by a rule`:                         step("POST /events/{data.x}", nil),
		`the first segment of the path must be there as it is`:       step("POST /{data.x}", nil),
		`{user.id} is not known; there are {type}, {id} and {data…}`: step("POST /rooms/{user.id}/messages", nil),
		`{type.x} is not known`:                                      step("POST /rooms/x/messages", "{type.x}"),
		`{room} is not known`:                                        step("POST /rooms/x/messages?a={room}", nil),
		`body: member "data": a reference must stand in quotes: "{data.x}"`: step("POST /rooms/x/messages",
			map[string]any{"data": map[string]any{"data.x": nil}}),
		`query: invalid URL escape`: step("POST /rooms/x/messages?%zz", nil),
	} {
		_, err := event.New([]event.Rule{step("POST /rooms/v{data.room}/messages", nil), r}, known)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// FuzzCalls shows that no data make a call that the rule does not have.
func FuzzCalls(f *testing.F) {
	for _, seed := range []string{`{"room":"lobby","n":1}`, `{"room":"../../batch"}`, `{"room":"a?b#c","n":{"x":[1,null]}}`, `{"room":"","n":null}`, `[`, ``, `7`} {
		f.Add("shop.open", seed)
	}
	e, err := event.New([]event.Rule{{Type: "*", When: ".data.n != 7", Do: []event.Step{{Call: "POST /rooms/{data.room}/messages?q={data.n}",
		Body: map[string]any{"data": "{data.n}", "text": "{type}: {data.room}"}}}}}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, typ, data string) {
		calls, err := e.Calls(typ, json.RawMessage(data))
		if err != nil {
			if e, ok := errors.AsType[*hubbub.Error](err); !ok || e.Reason != hubbub.Invalid && e.Reason != hubbub.TooLarge {
				t.Fatalf("error %v", err)
			}
			return
		}
		for _, c := range calls {
			path, _, _ := strings.Cut(c.Path, "?")
			segments := strings.Split(path, "/")
			if len(segments) != 4 || segments[1] != "rooms" || segments[2] == "" || segments[2] == ".." || segments[3] != "messages" || !json.Valid(c.Body) {
				t.Fatalf("%q makes %+v", data, c)
			}
		}
	})
}
