package bff_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/gateway/backend"
	"github.com/hubbub-dev/hubbub/gateway/bff"
)

// TestRefusedAtStart lists mistakes and what is said of them.
func TestRefusedAtStart(t *testing.T) {
	b, err := backend.New(backend.Config{Name: "b", URL: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	part := func(p bff.Part) bff.Route {
		p.Name, p.Backend = "p", "b"
		return bff.Route{Name: "r", Params: []bff.Param{{Name: "id"}, {Name: "j", Type: "json"}}, Parts: []bff.Part{p,
			{Name: "q", Backend: "b", Path: "/"}}}
	}
	param := func(p bff.Param) bff.Route {
		return bff.Route{Name: "r", Params: []bff.Param{p}, Proxy: &bff.Part{Backend: "b", Path: "/"}}
	}
	shared := bff.Cache{By: "shared", TTL: time.Second}
	for want, r := range map[string]bff.Route{
		`bff route "": the name must have`:                                      {},
		`bff route "a b": the name must have`:                                   {Name: "a b"},
		`bff route "..": the name must have`:                                    {Name: ".."},
		`the method is "PUT"; known are GET and POST`:                           {Name: "r", Method: "PUT"},
		`auth is "no"; known are required and optional`:                         {Name: "r", Auth: "no"},
		`the budget must not be negative`:                                       {Name: "r", Budget: -1},
		`bff route "r": it must have either parts or a proxy`:                   {Name: "r"},
		`r": it must have either parts or a proxy`:                              {Name: "r", Proxy: &bff.Part{}, Parts: make([]bff.Part, 1)},
		`it has 33 parts; at most 32 are allowed`:                               {Name: "r", Parts: make([]bff.Part, 33)},
		`cache.by is "me"; known are user and shared`:                           {Name: "r", Proxy: &bff.Part{}, Cache: bff.Cache{By: "me"}},
		`a cache needs both by and a ttl above 0`:                               {Name: "r", Proxy: &bff.Part{}, Cache: bff.Cache{By: "user"}},
		`the header Host is the gateway's to set`:                               {Name: "r", Proxy: &bff.Part{}, Headers: []string{"host"}},
		`the header Hubbub-User is the gateway's to set`:                        {Name: "r", Proxy: &bff.Part{}, Headers: []string{"hubbub-user"}},
		`the header Hubbub_user is the gateway's to set`:                        {Name: "r", Proxy: &bff.Part{}, Headers: []string{"hubbub_user"}},
		`the header X-A is there twice`:                                         {Name: "r", Proxy: &bff.Part{}, Headers: []string{"X-A", "x-a"}},
		`"a b" cannot be the name of a header`:                                  {Name: "r", Proxy: &bff.Part{}, Headers: []string{"a b"}},
		`part "": the name must have 1 to 64 letters`:                           {Name: "r", Parts: []bff.Part{{}}},
		`there are two parts named "p"`:                                         {Name: "r", Parts: []bff.Part{{Name: "p", Backend: "b", Path: "/"}, {Name: "p"}}},
		`bff route "r": part "p": there is no backend "x"; known are b`:         {Name: "r", Parts: []bff.Part{{Name: "p", Backend: "x"}}},
		`the param "a b" must have a name`:                                      param(bff.Param{Name: "a b"}),
		`the param "p" has the type "text"; known are string`:                   param(bff.Param{Name: "p", Type: "text"}),
		`the param "p" is required and has a default`:                           param(bff.Param{Name: "p", Required: true, Default: 1}),
		`the default: the param "p" must be a whole number`:                     param(bff.Param{Name: "p", Type: "int", Default: "7"}),
		`the default of the param "p" cannot be written as JSON`:                param(bff.Param{Name: "p", Type: "json", Default: func() {}}),
		`the param "p" is there twice`:                                          {Name: "r", Proxy: &bff.Part{}, Params: []bff.Param{{Name: "p"}, {Name: "p"}}},
		`part "p": the path "x" must begin with /`:                              part(bff.Part{Path: "x"}),
		`the path "//evil/x": a path must begin with one /`:                     part(bff.Part{Path: "//evil/x"}),
		`the path "/a?b=1" has a ? or #; parameters go into query`:              part(bff.Part{Path: "/a?b=1"}),
		`part "p": path: {params.ID}: there is no param "ID"; known are id, j`:  part(bff.Part{Path: "/{params.ID}"}),
		`path: {params} is an object, which only a body can have`:               part(bff.Part{Path: "/{params}"}),
		`query: {user.info} is an object`:                                       part(bff.Part{Path: "/", Query: map[string]any{"a": "{user.info}"}}),
		`header X-A: {user.attrs} is an object`:                                 part(bff.Part{Path: "/", Headers: map[string]string{"x-a": "{user.attrs}"}}),
		`{params.id.x}: the param "id" is a string, and has nothing within`:     part(bff.Part{Path: "/{params.id.x}"}),
		`body: {user.name} is not known; of the user there are id,`:             part(bff.Part{Path: "/", Body: "{user.name}"}),
		`body: {user.attrs.a.b} is not known`:                                   part(bff.Part{Path: "/", Body: "{user.attrs.a.b}"}),
		`body: {user} is not known`:                                             part(bff.Part{Path: "/", Body: "{user}"}),
		`body: {parms.id} is not known; references begin with params`:           part(bff.Part{Path: "/", Body: []any{"{parms.id}"}}),
		`query: {parts.none.id} is not the data of a part; known are p, q`:      part(bff.Part{Path: "/", Query: map[string]any{"a": "{parts.none.id}"}}),
		`path: {parts} is not the data of a part`:                               part(bff.Part{Path: "/{parts}"}),
		`path: {parts.p.id} is the part itself`:                                 part(bff.Part{Path: "/{parts.p.id}"}),
		`query: parameter "a": a reference must stand in quotes: "{params.id}"`: part(bff.Part{Path: "/", Query: map[string]any{"a": map[string]any{"params.id": nil}}}),
		`body: member "a": a reference must stand in quotes: "{params.id}"`:     part(bff.Part{Path: "/", Body: map[string]any{"a": map[string]any{"params.id": nil}}}),
		`query: parameter "a": it has no value`:                                 part(bff.Part{Path: "/", Query: map[string]any{"a": nil}}),
		`header X: "{" has a { without a }; write {{ for a brace`:               part(bff.Part{Path: "/", Headers: map[string]string{"X": "{"}}),
		`the header Content-Type is the gateway's to set`:                       part(bff.Part{Path: "/", Headers: map[string]string{"content-type": "x"}}),
		`the method is "TRACE"; known are`:                                      part(bff.Part{Path: "/", Method: "TRACE"}),
		`a part with the method GET has no body`:                                part(bff.Part{Path: "/", Method: "GET", Body: 1}),
		`the timeout must not be negative`:                                      part(bff.Part{Path: "/", Timeout: -1}),
		`the timeout of 3s is longer than the route's budget of 2s`:             part(bff.Part{Path: "/", Timeout: 3 * time.Second}),
		`pick: the jq expression ".a |" cannot be read`:                         part(bff.Part{Path: "/", Pick: ".a |"}),
		`pick: the jq expression "nothing" cannot be used`:                      part(bff.Part{Path: "/", Pick: "nothing"}),
		`results of POST are not kept; a cache needs GET or HEAD`:               part(bff.Part{Path: "/", Method: "POST", Cache: shared}),
		`{user.id} cannot be used: the part's cache is shared`:                  part(bff.Part{Path: "/{user.id}", Cache: shared}),
		`cache is shared, but the header Cookie, which the route passes on, says who calls`: {Name: "r", Headers: []string{"cookie"},
			Parts: []bff.Part{{Name: "p", Backend: "b", Path: "/", Cache: shared}}},
		`{user.id} cannot be used: the part's cache is`:        {Name: "r", Cache: shared, Parts: []bff.Part{{Name: "p", Backend: "b", Path: "/{user.id}"}}},
		`{parts.p} cannot be used: a proxy has no other parts`: {Name: "r", Proxy: &bff.Part{Backend: "b", Path: "/{parts.p}"}},
		`parts wait for each other: `: {Name: "r", Parts: []bff.Part{{Name: "a", Backend: "b", Path: "/{parts.c.x}"},
			{Name: "b", Backend: "b", Path: "/{parts.a.x}"}, {Name: "c", Backend: "b", Path: "/{parts.b.x}"}}},
	} {
		_, err := bff.New(bff.Options{Routes: []bff.Route{r}, Backends: map[string]*backend.Backend{"b": b}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	twice := part(bff.Part{Path: "/"})
	if _, err := bff.New(bff.Options{Routes: []bff.Route{twice, twice}, Backends: map[string]*backend.Backend{"b": b}}); err == nil ||
		!strings.Contains(err.Error(), `bff route "r": there are two of that name`) {
		t.Errorf("got %v", err)
	}
}
