package bff_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/gateway/bff"
)

// TestCombines shows a reply as a frontend gets it: parts in the order of the configuration, each with its own status,
// and one that needs another's data.
func TestCombines(t *testing.T) {
	products := serve(t, "products", func(w http.ResponseWriter, r *http.Request) {
		switch r.RequestURI {
		case "/products/a%2Fb?lang=de&tag=x&tag=y":
			io.WriteString(w, `{"id": 7, "owner": {"id": "o/1"}, "price": 12.50}`)
		case "/owners/o%2F1":
			io.WriteString(w, `"Olga"`)
		case "/like":
			w.WriteHeader(http.StatusNoContent)
		default:
			http.Error(w, "what is "+r.RequestURI, http.StatusNotFound)
		}
	})
	b := one(t, bff.Route{Name: "home", Params: []bff.Param{{Name: "id"}, {Name: "lang", Default: "de"}, {Name: "none"}}, Parts: []bff.Part{
		{Name: "owner", Backend: "products", Path: "/owners/{parts.product.owner.id}"},
		{Name: "product", Backend: "products", Path: "/products/{params.id}", Required: true, Pick: "{id, price, owner}",
			Query: map[string]any{"tag": []any{"x", "y"}, "lang": "{params.lang}", "none": "{params.none}"}},
		{Name: "like", Backend: "products", Path: "/like", Method: "PUT", Body: map[string]any{"id": "{parts.product.id}"}},
		{Name: "gone", Backend: "products", Path: "/gone"},
	}, Method: "GET"}, products)
	want := `{"owner":{"status":200,"data":"Olga"},` +
		`"product":{"status":200,"data":{"id":7,"owner":{"id":"o/1"},"price":12.50}},` +
		`"like":{"status":204,"data":null},` +
		`"gone":{"status":404,"error":{"reason":"not_found","message":"the backend products answered with status 404"}}}`
	if got := get(t, b, "/bff/home?id=a%2Fb"); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	w := door(t.Context(), b, &ann, http.MethodPost, "/bff/home", `{"id": "a/b", "none": null}`)
	if w.Body.String() != want || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("POST: %v %s", w.Header(), w.Body)
	}
}

// TestBodiesKeepTypes shows what backends get.
func TestBodiesKeepTypes(t *testing.T) {
	backends := serve(t, "echo", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	b := one(t, bff.Route{Name: "post", Params: []bff.Param{{Name: "n", Type: "int"}, {Name: "x", Type: "number"}, {Name: "yes", Type: "bool"},
		{Name: "any", Type: "json"}, {Name: "s"}, {Name: "none"}}, Parts: []bff.Part{{Name: "echo", Backend: "echo", Path: "/", Body: map[string]any{
		"n": "{params.n}", "x": "{params.x}", "yes": "{params.yes}", "any": "{params.any.0}", "text": "{params.n}:{params.s} {{}", "none": "{params.none}",
		"list": []any{"{params.none}", "{params.n}", 1, nil}, "user": "{user.id}", "name": "{user.info.name}", "plan": "{user.attrs.plan}",
		"info": "{user.info}", "attrs": "{user.attrs}", "device": "{user.device}", "platform": "{user.platform}", "session": "{user.session}",
	}}}}, backends)
	w := door(t.Context(), b, &ann, http.MethodPost, "/bff/post",
		`{"n": 12345678901234567, "x": 1.50, "yes": true, "any": [{"a": "<b>"}], "s": "\"\n\u2028"}`)
	want := `{"echo":{"status":200,"data":{"any":{"a":"<b>"},"attrs":{"plan":"pro"},"device":"d1","info":{"name":"Ann"},` +
		`"list":[null,12345678901234567,1,null],"n":12345678901234567,"name":"Ann","plan":"pro","platform":"web",` +
		`"text":"12345678901234567:\"\n\u2028 {}","user":"ann","x":1.50,"yes":true}}}`
	if got := w.Body.String(); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}

func TestRequiredPartsDecide(t *testing.T) {
	backends := serve(t, "b", func(w http.ResponseWriter, r *http.Request) {
		var status int
		fmt.Sscanf(r.URL.Path, "/%d", &status)
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
		io.WriteString(w, `{}`)
	})
	routes := map[string]string{"404": "404 not_found", "410": "404 not_found", "401": "403 forbidden", "403": "403 forbidden",
		"429": "429 rate_limited", "400": "503 unavailable", "409": "503 unavailable", "500": "503 unavailable", "503": "503 unavailable"}
	var all []bff.Route
	for status := range routes {
		all = append(all, bff.Route{Name: status, Parts: []bff.Part{{Name: "fine", Backend: "b", Path: "/200"},
			{Name: "must", Backend: "b", Path: "/" + status, Required: true}}})
		all = append(all, bff.Route{Name: status + "-alone", Parts: []bff.Part{{Name: "must", Backend: "b", Path: "/" + status, Required: true}}})
	}
	b := open(t, bff.Options{Routes: all, Backends: backends})
	for status, want := range routes {
		for _, name := range []string{status, status + "-alone"} {
			w := door(t.Context(), b, &ann, http.MethodGet, "/bff/"+name, "")
			kind, detail := refusedBy(t, w)
			if kind != want || detail != "part must: the backend b answered with status "+status {
				t.Errorf("%s: %s, want %s: %s", name, kind, want, detail)
			}
			if wait := w.Header().Get("Retry-After"); (status == "429" || status == "503") != (wait == "7") {
				t.Errorf("%s: Retry-After %q", name, wait)
			}
		}
	}
}

// TestBudget shows that the reply leaves when the budget ends: it would never otherwise.
func TestBudget(t *testing.T) {
	backends := serve(t, "fast", answer("1"))
	maps.Copy(backends, serve(t, "hung", hang))
	route := func(name string, required bool, timeout time.Duration) bff.Route {
		return bff.Route{Name: name, Budget: 300 * time.Millisecond, Parts: []bff.Part{{Name: "fast", Backend: "fast", Path: "/"},
			{Name: "slow", Backend: "hung", Path: "/", Required: required, Timeout: timeout},
			{Name: "after", Backend: "fast", Path: "/", Query: map[string]any{"x": "{parts.slow}"}}}}
	}
	alone := bff.Route{Name: "alone", Budget: 20 * time.Millisecond, Parts: []bff.Part{{Name: "slow", Backend: "hung", Path: "/"}}}
	b := open(t, bff.Options{Backends: backends, Routes: []bff.Route{alone, route("optional", false, 0), route("required", true, 0),
		route("timeout", false, 10*time.Millisecond), route("both", true, 10*time.Millisecond)}})
	// What needs a part that is late is late itself, or has no longer anything to wait for: at the end of the budget
	// both are true.
	for name, after := range map[string][]int{"optional": {504, 424}, "timeout": {424}} {
		got := partsOf(t, get(t, b, "/bff/"+name))
		if got["fast"].Status != 200 || got["slow"].Status != 504 || got["slow"].Error.Reason != "unavailable" ||
			got["slow"].Error.Message != "the backend hung did not answer in time" || !slices.Contains(after, got["after"].Status) {
			t.Errorf("%s: %+v", name, got)
		}
		if got["after"].Status == 424 && got["after"].Error.Message != "it needs the part slow, which has failed" {
			t.Errorf("%s: %+v", name, got["after"].Error)
		}
	}
	if got := partsOf(t, get(t, b, "/bff/alone")); got["slow"].Status != 504 {
		t.Errorf("alone: %+v", got)
	}
	for _, name := range []string{"required", "both"} {
		if kind, detail := refusedBy(t, door(t.Context(), b, &ann, http.MethodGet, "/bff/"+name, "")); kind != "503 unavailable" ||
			detail != "part slow: the backend hung did not answer in time" {
			t.Errorf("%s: %s %s", name, kind, detail)
		}
	}
}

// TestRequiredFailsAtOnce shows that nobody waits for the others when a required part has failed.
func TestRequiredFailsAtOnce(t *testing.T) {
	backends := serve(t, "hung", hang)
	maps.Copy(backends, serve(t, "gone", http.NotFound))
	b := one(t, bff.Route{Name: "home", Budget: time.Hour, Parts: []bff.Part{{Name: "hung", Backend: "hung", Path: "/", Required: true},
		{Name: "gone", Backend: "gone", Path: "/", Required: true}}}, backends)
	if kind, _ := refusedBy(t, door(t.Context(), b, &ann, http.MethodGet, "/bff/home", "")); kind != "404 not_found" {
		t.Error(kind)
	}
}

func TestValuesThatPartsCannotUse(t *testing.T) {
	var asked journal
	backends := serve(t, "b", asked.note)
	maps.Copy(backends, serve(t, "list", answer(`{"items":[1],"none":null,"empty":"","up":".."}`)))
	b := open(t, bff.Options{Backends: backends, Routes: []bff.Route{
		{Name: "param", Params: []bff.Param{{Name: "id", Type: "json"}}, Parts: []bff.Part{{Name: "p", Backend: "b", Path: "/x/{params.id}"}}},
		{Name: "header", Params: []bff.Param{{Name: "id"}}, Parts: []bff.Part{{Name: "p", Backend: "b", Path: "/x", Headers: map[string]string{"X-A": "{params.id}"}}}},
		{Name: "required", Params: []bff.Param{{Name: "id"}}, Parts: []bff.Part{{Name: "p", Backend: "b", Path: "/x/{params.id}", Required: true}}},
		{Name: "data", Parts: []bff.Part{{Name: "list", Backend: "list", Path: "/"},
			{Name: "none", Backend: "b", Path: "/{parts.list.none}"}, {Name: "empty", Backend: "b", Path: "/{parts.list.empty}"},
			{Name: "up", Backend: "b", Path: "/{parts.list.up}"}, {Name: "items", Backend: "b", Path: "/{parts.list.items}"},
			{Name: "far", Backend: "b", Path: "/{parts.list.items.1}"}}},
	}})
	for target, want := range map[string]string{
		"/bff/param":                     "{params.id} is missing",
		"/bff/param?id=%22%22":           "{params.id} is empty",
		"/bff/param?id=%22..%22":         "must not have . or ..",
		"/bff/param?id=%22a%2F..%2Fb%22": "must not have . or ..",
		"/bff/param?id=%5B1%5D":          "is a list or an object",
		"/bff/param?id=null":             "{params.id} is missing",
		"/bff/header?id=a%0D%0AX-B:%201": "control character",
	} {
		p := partsOf(t, get(t, b, target))["p"]
		if p.Status != 422 || p.Error.Reason != "invalid" || !strings.Contains(p.Error.Message, want) {
			t.Errorf("%s: %+v %+v, want %s", target, p, p.Error, want)
		}
	}
	if kind, detail := refusedBy(t, door(t.Context(), b, &ann, http.MethodGet, "/bff/required", "")); kind != "422 invalid" ||
		detail != "part p: {params.id} is missing, and the path needs it" {
		t.Error(kind, detail)
	}
	for name, p := range partsOf(t, get(t, b, "/bff/data")) {
		if name != "list" && (p.Status != 424 || p.Error.Reason != "unavailable" || !strings.Contains(p.Error.Message, "{parts.list.")) {
			t.Errorf("%s: %+v %+v", name, p, p.Error)
		}
	}
	if all := asked.all(); len(all) > 0 {
		t.Errorf("the backend was asked %q", all)
	}
}

func TestObserve(t *testing.T) {
	backends := serve(t, "b", answer("1"))
	maps.Copy(backends, serve(t, "gone", http.NotFound))
	seen := make(chan bff.Observation, 10)
	b := open(t, bff.Options{Backends: backends, Observe: func(o bff.Observation) { seen <- o }, Routes: []bff.Route{{Name: "r",
		Cache: bff.Cache{By: "shared", TTL: time.Minute}, Parts: []bff.Part{{Name: "one", Backend: "b", Path: "/"},
			{Name: "two", Backend: "gone", Path: "/"}}}}})
	for range 2 {
		get(t, b, "/bff/r")
	}
	var lines []string
	for range 6 {
		o := <-seen
		if o.Took <= 0 {
			t.Errorf("%+v", o)
		}
		lines = append(lines, fmt.Sprint(o.Route, " ", o.Part, " ", o.Status, " ", o.Cached))
	}
	slices.Sort(lines)
	want := []string{"r  200 false", "r  200 false", "r one 200 false", "r one 200 true", "r two 404 false", "r two 404 false"}
	if !slices.Equal(lines, want) {
		t.Errorf("got %q", lines)
	}
}
