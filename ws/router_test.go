package ws

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// newTestRouter has an upgrade that answers 299 with what it got.
func newTestRouter(t *testing.T, middleware ...func(http.Handler) http.Handler) *Router {
	t.Helper()
	rt := NewRouter(NewServer(Options{}), middleware...)
	rt.tree.newGroup = func(string) *Group { return &Group{} }
	rt.tree.upgrade = func(w http.ResponseWriter, r *http.Request, to *route) (*Conn, error) {
		f := newFacts(r, &Options{})
		w.WriteHeader(299)
		fmt.Fprintf(w, "%s room=%s", to.pattern, f.pathValue("room"))
		to.handler(nil)
		return nil, nil
	}
	return rt
}

func upgradeRequest(target string) *http.Request {
	r := httptest.NewRequest("GET", target, nil)
	r.Header.Set("Upgrade", "websocket")
	return r
}

// serve returns status and body.
func serve(h http.Handler, r *http.Request) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return fmt.Sprint(w.Code, " ", strings.TrimSpace(w.Body.String()))
}

// mark is middleware that leaves its name in a response header.
func mark(name string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("Mark", name)
			next.ServeHTTP(w, r)
		})
	}
}

func nothing(*Conn) {}

func TestRouterRoutes(t *testing.T) {
	rt := newTestRouter(t)
	rt.Handle("/echo", nothing)
	rt.Handle("/all/", nothing)
	chat := rt.Sub("/chat")
	chat.Handle("", nothing)
	chat.Handle("/group/{room}", nothing)
	chat.Handle("/group/main", nothing)
	rt.Sub("/team/{room}/").Sub("/x").Handle("/{$}", nothing)
	for target, want := range map[string]string{
		"/echo":            "299 /echo room=",
		"/echo?a=1":        "299 /echo room=",
		"/all/a/b":         "299 /all/ room=",
		"/chat":            "299 /chat room=",
		"/chat/group/7":    "299 /chat/group/{room} room=7",
		"/chat/group/ä":    "299 /chat/group/{room} room=ä",
		"/chat/group/main": "299 /chat/group/main room=",
		"/team/red/x/":     "299 /team/{room}/x/{$} room=red",
		"/team/red/x/y":    `404 There is nothing at the path "/team/red/x/y".`,
		"/chat/":           `404 There is nothing at the path "/chat/".`,
		"/":                `404 There is nothing at the path "/".`,
	} {
		if got := serve(rt, upgradeRequest(target)); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
}

func TestRouterMounted(t *testing.T) {
	rt := newTestRouter(t)
	rt.Sub("/chat").Handle("/{room}", nothing)
	mux := http.NewServeMux()
	mux.Handle("/chat/", rt)
	mux.HandleFunc("GET /chat/page", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "page") })
	for target, want := range map[string]string{"/chat/7": "299 /chat/{room} room=7", "/chat/page": "200 page", "/chat/7/8": `404 There is nothing at the path "/chat/7/8".`} {
		if got := serve(mux, upgradeRequest(target)); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
	stripped := newTestRouter(t)
	stripped.Handle("/{room}", nothing)
	if got := serve(http.StripPrefix("/v1", stripped), upgradeRequest("/v1/7")); got != "299 /{room} room=7" {
		t.Errorf("StripPrefix: %q", got)
	}
}

func TestRouterMiddleware(t *testing.T) {
	deny := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("token") == "" {
				w.Header().Set("WWW-Authenticate", "Basic")
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r.Clone(r.Context()))
		})
	}
	rt := newTestRouter(t, mark("a"), mark("b"))
	rt.Handle("/open", nothing)
	chat := rt.Sub("/chat", mark("c"), deny)
	chat.Handle("/{room}", func(*Conn) {})
	chat.Sub("", mark("d")).Handle("/d/{room}", nothing)
	rt.Sub("/other").Handle("/x", nothing)
	for target, want := range map[string]string{
		"/open":             "299 a b",
		"/other/x":          "299 a b",
		"/chat/1":           "401 a b c",
		"/chat/1?token=t":   "299 a b c",
		"/chat/d/1?token=t": "299 a b c d",
		"/chat":             "404 ",
	} {
		w := httptest.NewRecorder()
		rt.ServeHTTP(w, upgradeRequest(target))
		if got := fmt.Sprint(w.Code, " ", strings.Join(w.Header()["Mark"], " ")); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
		if strings.HasPrefix(want, "299") && strings.Contains(target, "/1") && !strings.Contains(w.Body.String(), "room=1") {
			t.Errorf("%s: a cloned request lost its path values: %q", target, w.Body)
		}
	}
	for target, want := range map[string]int{"/chat/1": 401, "/chat/1?token=t": 426} { // a plain GET meets the same middleware
		w := httptest.NewRecorder()
		rt.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		if got := strings.Join(w.Header()["Mark"], " "); w.Code != want || got != "a b c" {
			t.Errorf("a plain GET %s got %d and middleware %q, want %d", target, w.Code, got, want)
		}
	}
}

func TestRouterPlainRequests(t *testing.T) {
	rt := newTestRouter(t)
	rt.Handle("/echo", nothing)
	for _, c := range []struct {
		method, target, want string
		header               string
	}{
		{"GET", "/echo", "426", "Upgrade"},
		{"POST", "/echo", "405", "Allow"},
		{"GET", "/nope", "404", ""},
	} {
		w := httptest.NewRecorder()
		rt.ServeHTTP(w, httptest.NewRequest(c.method, c.target, nil))
		if fmt.Sprint(w.Code) != c.want || c.header != "" && w.Header().Get(c.header) == "" || w.Body.Len() < 20 {
			t.Errorf("%s %s: %d %v %q", c.method, c.target, w.Code, w.Header(), w.Body)
		}
	}
}

func TestRouterFallback(t *testing.T) {
	say := func(what string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, what+" "+r.URL.Path) })
	}
	rt := newTestRouter(t, mark("a"))
	rt.Handle("/echo", nothing)
	rt.Handle("/dir/", nothing)
	chat := rt.Sub("/chat/{room}")
	chat.Handle("/x", nothing)
	chat.Fallback(say("chat"))
	rt.Fallback(say("root"))
	rt.Sub("/a%20b").Fallback(say("space"))
	for target, want := range map[string]string{
		"/echo":      "200 root /echo",
		"/dir":       "200 root /dir", // not a redirect to "/dir/"
		"//echo":     "200 root //echo",
		"/nope":      "200 root /nope",
		"/chat":      "200 root /chat",
		"/chat/1":    "200 chat /chat/1",
		"/chat/1/x":  "200 chat /chat/1/x",
		"/chat/1/y/": "200 chat /chat/1/y/",
		"/chatter/1": "200 root /chatter/1",
		"/a%20b/c":   "200 space /a b/c",
	} {
		r := httptest.NewRequest("GET", "http://example.com"+target, nil)
		if got := serve(rt, r); got != want {
			t.Errorf("GET %s: %q, want %q", target, got, want)
		}
	}
	if got := serve(rt, upgradeRequest("/echo")); got != "299 /echo room=" {
		t.Errorf("upgrade: %q", got)
	}
	if got := serve(rt, upgradeRequest("/chat/1/nope")); got != "200 chat /chat/1/nope" {
		t.Errorf("upgrade without a route: %q", got)
	}
}

func TestRouterPanics(t *testing.T) {
	for want, call := range map[string]func(*Router){
		`names the method GET, but WebSockets are always opened with GET; write "/x"`: func(rt *Router) { rt.Handle("GET /x", nothing) },
		`has a space`:                  func(rt *Router) { rt.Handle("/a b", nothing) },
		`must begin with "/"; it has`:  func(rt *Router) { rt.Handle("example.com/x", nothing) },
		`Router.Handle("/chatx"): the`: func(rt *Router) { rt.Sub("/chat").Handle("x", nothing) },
		`the pattern is empty`:         func(rt *Router) { rt.Handle("", nothing) },
		`already has a handler`:        func(rt *Router) { rt.Handle("/a", nothing); rt.Sub("/a").Handle("", nothing) },
		`conflicts with pattern`:       func(rt *Router) { rt.Handle("/{a}/x", nothing); rt.Handle("/y/{b}", nothing) },
		`unclean path`:                 func(rt *Router) { rt.Handle("/a//b", nothing) },
		`bad wildcard`:                 func(rt *Router) { rt.Handle("/a/{b", nothing) },
		`the handler is nil`:           func(rt *Router) { rt.Handle("/a", nil) },
		`Router.Sub("chat"): the`:      func(rt *Router) { rt.Sub("chat") },
		`not at end`:                   func(rt *Router) { rt.Sub("/{rest...}") },
		`middleware 1 is nil`:          func(rt *Router) { rt.Sub("/a", mark("a"), nil) },
		`Fallback: "/a/" already has`:  func(rt *Router) { rt.Sub("/a").Fallback(rt); rt.Sub("/a").Fallback(rt) },
		`the handler for "/" is nil`:   func(rt *Router) { rt.Fallback(nil) },
	} {
		t.Run(want, func(t *testing.T) {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.HasPrefix(got, "ws: Router.") || !strings.Contains(got, want) {
					t.Errorf("panicked with %s", got)
				}
			}()
			call(newTestRouter(t))
		})
	}
}

// TestRouterGroups: each route has its own group, also the ones of subs, and a refused pattern leaves none behind.
func TestRouterGroups(t *testing.T) {
	rt := newTestRouter(t)
	var made []string
	groups := map[string]*Group{}
	rt.tree.newGroup = func(pattern string) *Group {
		made = append(made, pattern)
		groups[pattern] = new(Group)
		return groups[pattern]
	}
	a := rt.Handle("/a", nothing)
	b := rt.Sub("/b").Handle("/{room}", nothing)
	func() {
		defer func() { recover() }()
		rt.Handle("/b/{other}", nothing)
	}()
	if a != groups["/a"] || b != groups["/b/{room}"] || len(made) != 2 {
		t.Errorf("made %q", made)
	}
}

func TestRouterConcurrent(t *testing.T) {
	rt := newTestRouter(t, mark("a"))
	rt.Sub("/chat").Handle("/{room}", nothing)
	rt.Fallback(http.NotFoundHandler())
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			target := fmt.Sprintf("/chat/%d", i)
			if got, want := serve(rt, upgradeRequest(target)), fmt.Sprintf("299 /chat/{room} room=%d", i); got != want {
				t.Errorf("%q, want %q", got, want)
			}
			serve(rt, httptest.NewRequest("GET", target, nil))
		})
	}
	wg.Wait()
}

// TestRouterHTTP2 asks for a route as a browser does in which someone opens its address.
func TestRouterHTTP2(t *testing.T) {
	rt := newTestRouter(t)
	rt.Handle("/echo", nothing)
	srv := httptest.NewUnstartedServer(rt)
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL + "/echo")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.ProtoMajor != 2 || res.StatusCode != http.StatusUpgradeRequired || !strings.Contains(string(body), "HTTP/1.1 only") {
		t.Errorf("%s %s %q, %v", res.Proto, res.Status, body, err)
	}
	if res.Header["Upgrade"] != nil || res.Header["Connection"] != nil {
		t.Errorf("HTTP/2 forbids %v", res.Header)
	}
}
