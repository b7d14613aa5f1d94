package gateway_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway"
	"github.com/hubbub-dev/hubbub/gateway/bff"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// asked is a request that a backend got.
type asked struct {
	Path, User, Identity, Language string
	Body                           json.RawMessage
}

// service is a backend that answers GETs with what it was asked, and POSTs as answer says.
func service(t *testing.T, answer func(path string, body []byte) string) gateway.BackendConfig {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodPost {
			var body json.RawMessage
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				t.Errorf("%s: %v", r.URL, err)
			}
			w.Write([]byte(answer(r.URL.Path, body)))
			return
		}
		err := json.NewEncoder(w).Encode(asked{Path: r.URL.String(), User: r.Header.Get("Hubbub-User"), Identity: r.Header.Get("Hubbub-Identity"),
			Language: r.Header.Get("Accept-Language")})
		if err != nil {
			t.Errorf("%s: %v", r.URL, err)
		}
	}))
	t.Cleanup(srv.Close)
	return gateway.BackendConfig{Name: "shop", URL: srv.URL, Secret: "0123456789abcdef0123456789abcdef"}
}

// routes are one call for those who have signed in, and one for all.
func routes() []bff.Route {
	return []bff.Route{
		{Name: "mine", Params: []bff.Param{{Name: "device"}}, Headers: []string{"Accept-Language"},
			Proxy: &bff.Part{Backend: "shop", Path: "/of/{user.id}", Query: map[string]any{"device": "{params.device}"}}},
		{Name: "all", Auth: "optional", Proxy: &bff.Part{Backend: "shop", Path: "/all"}},
	}
}

// call makes a call over HTTP and returns the answer. lines are headers.
func (r running) bff(t *testing.T, path string, lines ...string) *http.Response {
	t.Helper()
	return ask(t, r.Handler(), "GET", path, lines...)
}

func TestCallsAreOfWhoHasSignedIn(t *testing.T) {
	cfg := production()
	cfg.Auth.Cookie, cfg.Origins = "login", []string{"https://shop.example"}
	cfg.Backends, cfg.BFF.Routes = []gateway.BackendConfig{service(t, nil)}, routes()
	g := serve(t, cfg)
	ann := "Authorization: Bearer " + tokenOf(t, "ann")
	cookie := "Cookie: login=" + tokenOf(t, "ann")
	for name, c := range map[string]struct {
		path   string
		lines  []string
		status int
		user   string
	}{
		"token":                {"/bff/mine", []string{ann}, 200, "ann"},
		"token in the query":   {"/bff/mine?token=" + tokenOf(t, "bob"), nil, 200, "bob"},
		"nobody":               {"/bff/mine", nil, 401, ""},
		"bad token":            {"/bff/mine", []string{"Authorization: Bearer x"}, 401, ""},
		"bad token, optional":  {"/bff/all", []string{"Authorization: Bearer x"}, 401, ""},
		"nobody, optional":     {"/bff/all", nil, 200, ""},
		"token, optional":      {"/bff/all", []string{ann}, 200, "ann"},
		"cookie":               {"/bff/mine", []string{cookie}, 200, "ann"},
		"cookie, own page":     {"/bff/mine", []string{cookie, "Sec-Fetch-Site: same-origin"}, 200, "ann"},
		"cookie, image":        {"/bff/mine", []string{cookie, "Sec-Fetch-Site: cross-site"}, 403, ""},
		"cookie, neighbour":    {"/bff/mine", []string{cookie, "Sec-Fetch-Site: same-site"}, 403, ""},
		"token, cross-site":    {"/bff/mine", []string{ann, "Sec-Fetch-Site: cross-site"}, 200, "ann"},
		"cookie, listed page":  {"/bff/mine", []string{cookie, "Origin: https://shop.example", "Sec-Fetch-Site: cross-site"}, 200, "ann"},
		"cookie, foreign page": {"/bff/mine", []string{cookie, "Origin: https://evil.example"}, 403, ""},
		"token, foreign page":  {"/bff/all", []string{ann, "Origin: https://evil.example"}, 403, ""},
		"no such call":         {"/bff/none", []string{ann}, 404, ""},
		"unknown parameter":    {"/bff/mine?x=1", []string{ann}, 422, ""},
	} {
		res := g.bff(t, c.path, c.lines...)
		text := body(t, res)
		var got asked
		if err := json.Unmarshal([]byte(text), &got); res.StatusCode != c.status || c.status == 200 && (err != nil || got.User != c.user) {
			t.Errorf("%s: got %d %s", name, res.StatusCode, text)
		}
		if c.status == 401 && res.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: there is no challenge", name)
		}
	}
	res := g.bff(t, "/bff/mine?device=phone&platform=ios", ann, "Accept-Language: de", "Hubbub-User: eve", "Hubbub-Identity: x")
	got := decode[asked](t, json.RawMessage(body(t, res)))
	if got.Path != "/of/ann?device=phone" || got.User != "ann" || got.Identity == "x" || got.Identity == "" || got.Language != "de" {
		t.Errorf("the backend was asked %+v", got)
	}
	preflight := ask(t, g.Handler(), "OPTIONS", "/bff/mine", "Origin: https://shop.example", "Access-Control-Request-Method: POST",
		"Access-Control-Request-Headers: content-type")
	if preflight.StatusCode != 204 || preflight.Header.Get("Access-Control-Allow-Headers") != "content-type" {
		t.Errorf("preflight: %v", preflight)
	}
	if figures := g.figures(t); !strings.Contains(figures, `hubbub_bff_calls_total{route="mine",status="200"}`) ||
		!strings.Contains(figures, `hubbub_backend_calls_total{backend="shop",outcome="2xx"}`) {
		t.Errorf("figures are\n%s", figures)
	}
}

// TestCallsKeepToLimitsAndBlocks has somebody call too often, and somebody who is blocked.
func TestCallsKeepToLimitsAndBlocks(t *testing.T) {
	cfg := production()
	cfg.Backends, cfg.BFF.Routes = []gateway.BackendConfig{service(t, nil)}, routes()
	cfg.Limits.RequestsPerUser = gateway.RateConfig{PerSecond: .001, Burst: 3}
	g := serve(t, cfg)
	ann, bob := tokenOf(t, "ann"), tokenOf(t, "bob")
	p := g.as(t, ann, "")
	for range 2 {
		if got := decode[asked](t, p.call(t, "bff.mine", `{}`)); got.User != "ann" {
			t.Errorf("got %+v", got)
		}
	}
	if res := g.bff(t, "/bff/mine", "Authorization: Bearer "+ann); res.StatusCode != 200 {
		t.Errorf("the third call: %d %s", res.StatusCode, body(t, res))
	}
	res := g.bff(t, "/bff/mine", "Authorization: Bearer "+ann)
	if text := body(t, res); res.StatusCode != 429 || !strings.Contains(text, "limits.requests_per_user") || res.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: %d %s", res.StatusCode, text)
	}
	p.refused(t, "rate_limited", "bff.mine", `{}`)
	g.api(t, "PUT", "/users/bob/block", `{}`)
	if res := g.bff(t, "/bff/all", "Authorization: Bearer "+bob); res.StatusCode != 401 {
		t.Errorf("one who is blocked: %d %s", res.StatusCode, body(t, res))
	}
}

// TestDevelopmentModeCallsByName has a page of another port call as somebody.
func TestDevelopmentModeCallsByName(t *testing.T) {
	g := serve(t, gateway.Config{Dev: true, Backends: []gateway.BackendConfig{service(t, nil)}, BFF: gateway.BFFConfig{Routes: routes()}})
	res := g.bff(t, "/bff/mine?user=ann&device=d1", "Origin: http://localhost:3000", "Sec-Fetch-Site: same-site")
	if got := decode[asked](t, json.RawMessage(body(t, res))); got.Path != "/of/ann?device=d1" {
		t.Errorf("asked %+v", got)
	}
}

func TestWithoutRoutesThereIsNoCall(t *testing.T) {
	g := serve(t, production())
	res := g.bff(t, "/bff/home")
	if said := body(t, res); res.StatusCode != 404 || !strings.Contains(string(said), "bff.routes") ||
		res.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %s", res.StatusCode, said)
	}
}

// hang is a server that answers nobody; it tells of each request.
func hang(t *testing.T) (url string, asked chan struct{}) {
	t.Helper()
	asked = make(chan struct{}, 1000)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil { // only then it sees that the client leaves
			return
		}
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(srv.Close)
	return srv.URL, asked
}

// TestAHangingBackendHoldsUpNobodyElse has many calls wait for a backend that never answers, while people talk, and then ends.
func TestAHangingBackendHoldsUpNobodyElse(t *testing.T) {
	url, hanging := hang(t)
	cfg := hostile()
	cfg.Backends = []gateway.BackendConfig{{Name: "shop", URL: url, Timeout: time.Minute, Concurrency: 40}}
	cfg.BFF.Routes = []bff.Route{{Name: "slow", Budget: time.Minute, Proxy: &bff.Part{Backend: "shop", Path: "/", Timeout: time.Minute}},
		{Name: "quick", Budget: 50 * time.Millisecond, Parts: []bff.Part{{Name: "part", Backend: "shop", Path: "/"}}}}
	g := serve(t, cfg)
	b := chat(t, g)
	for range 20 {
		p := g.as(t, tokenOf(t, "eve"), "")
		for range 4 {
			p.send(t, `{"id":1,"method":"bff.slow"}`)
		}
		p.call(t, "ping", `{}`)
	}
	testkit.Receive(t, "the backend to be asked", hanging)
	b.goOn(t)
	res := g.bff(t, "/bff/quick", "Authorization: Bearer "+tokenOf(t, "fay"))
	if text := body(t, res); res.StatusCode != 200 || !strings.Contains(text, `"status":504`) {
		t.Errorf("a call with a budget: %d %s", res.StatusCode, text)
	}
	b.goOn(t)
}

// TestShutdownEndsCalls has a call under way that would take a minute, and a hook that is not answered.
func TestShutdownEndsCalls(t *testing.T) {
	url, hanging := hang(t)
	cfg := production()
	cfg.Backends = []gateway.BackendConfig{{Name: "shop", URL: url, Timeout: time.Minute}}
	cfg.BFF.Routes = []bff.Route{{Name: "slow", Budget: time.Minute, Method: "POST", Proxy: &bff.Part{Backend: "shop", Path: "/", Body: 1}}}
	cfg.Hooks = []gateway.HookConfig{{On: "room.join", Backend: "shop", Path: "/join", Timeout: 2 * time.Second}}
	g := serve(t, cfg)
	p := g.as(t, tokenOf(t, "ann"), "")
	p.send(t, `{"id":1,"method":"bff.slow"}`)
	q := g.as(t, sign(t, hubbub.Identity{User: "bob"}, time.Hour), "")
	q.send(t, `{"id":1,"method":"room.join","params":{"room":"lobby"}}`)
	for range 2 {
		testkit.Receive(t, "the backend to be asked", hanging)
	}
	began := time.Now()
	g.stop()
	if took := time.Since(began); took > testkit.Patience/2 {
		t.Errorf("the shutdown took %v", took)
	}
}

// TestAnonymousOnesHaveNotSignedIn calls by both doors without credentials, where those are let in who bring none.
func TestAnonymousOnesHaveNotSignedIn(t *testing.T) {
	cfg := production()
	cfg.Auth.Anonymous = true
	cfg.Backends, cfg.BFF.Routes = []gateway.BackendConfig{service(t, nil)}, routes()
	g := serve(t, cfg)
	p, err := g.enter(t, creds{})
	if err != nil {
		t.Fatal(err)
	}
	p.expect(t, "welcome")
	p.refused(t, "unauthorized", "bff.mine", `{}`)
	if res := g.bff(t, "/bff/mine"); res.StatusCode != 401 {
		t.Errorf("over HTTP: %d %s", res.StatusCode, body(t, res))
	}
	if got := decode[asked](t, p.call(t, "bff.all", `{}`)); got.User != "" || got.Identity != "" {
		t.Errorf("the backend was told %+v", got)
	}
}
