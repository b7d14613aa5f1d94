package bff_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/backend"
	"github.com/hubbub-dev/hubbub/gateway/bff"
)

// TestHostileBackends has each kind of bad backend beside a good one.
func TestHostileBackends(t *testing.T) {
	backends := serve(t, "good", answer(`[1]`))
	drop := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[")
			conn.Close()
		}
	}
	gigabytes := func(w http.ResponseWriter, r *http.Request) {
		chunk := []byte(strings.Repeat(" ", 64<<10))
		for range 1 << 14 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
	trickle := func(w http.ResponseWriter, r *http.Request) {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for r.Context().Err() == nil {
			<-tick.C
			io.WriteString(w, " ")
			http.NewResponseController(w).Flush()
		}
	}
	bad := map[string]http.HandlerFunc{
		"hang": hang, "drop": drop, "gigabytes": gigabytes, "trickle": trickle, "html": answer("<html>"), "two": answer("{}{}"), "utf8": answer("\"\xff\""),
		"bom": answer("\ufeff{}"), "half": answer(`{"a":`), "nan": answer("NaN"), "spaces": answer("  "), "bomb": answer(strings.Repeat("[", 100000)),
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "http://127.0.0.1:1/", 302) },
		"panic":    func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	}
	route := bff.Route{Name: "r", Budget: 3 * time.Second, Parts: []bff.Part{{Name: "good", Backend: "good", Path: "/", Required: true}}}
	for name, h := range bad {
		maps.Copy(backends, serve(t, name, h))
		p := bff.Part{Name: name, Backend: name, Path: "/", Pick: "."}
		if name == "hang" || name == "trickle" {
			p.Timeout = 100 * time.Millisecond
		}
		route.Parts = append(route.Parts, p)
	}
	refusing, err := backend.New(backend.Config{Name: "refusing", URL: "http://" + closedPort(t), Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	backends["refusing"] = refusing
	route.Parts = append(route.Parts, bff.Part{Name: "refusing", Backend: "refusing", Path: "/"})
	b := one(t, route, backends)
	reply := get(t, b, "/bff/r")
	if strings.Contains(reply, "127.0.0.1") {
		t.Errorf("the reply tells where a backend is: %s", reply)
	}
	for name, p := range partsOf(t, reply) {
		switch {
		case name == "good":
			if p.Status != 200 || string(p.Data) != "[1]" {
				t.Errorf("good: %+v", p)
			}
		case p.Status < 502 || p.Status > 504 || p.Error == nil || p.Error.Reason != "unavailable" || !strings.Contains(p.Error.Message, "backend "+name):
			t.Errorf("%s: %+v %+v", name, p, p.Error)
		}
	}
}

// closedPort is an address that nobody listens on.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestBreakerOpen shows that a part whose backend is left alone says so, and that the rest is there.
func TestBreakerOpen(t *testing.T) {
	var asked journal
	backends := serveAs(t, backend.Config{Name: "down", Retries: -1, Breaker: backend.Breaker{Failures: 2, Open: time.Hour}},
		func(w http.ResponseWriter, r *http.Request) {
			asked.add(r.URL.Path)
			http.Error(w, "secret", http.StatusInternalServerError)
		})
	maps.Copy(backends, serve(t, "good", answer(`1`)))
	b := one(t, bff.Route{Name: "r", Parts: []bff.Part{{Name: "down", Backend: "down", Path: "/"}, {Name: "good", Backend: "good", Path: "/"}}}, backends)
	for range 2 {
		if p := partsOf(t, get(t, b, "/bff/r"))["down"]; p.Status != 500 || p.Error.Message != "the backend down answered with status 500" {
			t.Errorf("%+v %+v", p, p.Error)
		}
	}
	got := partsOf(t, get(t, b, "/bff/r"))
	if p := got["down"]; p.Status != 503 || p.Error.Reason != "unavailable" || p.Error.RetryAfter <= 0 || p.Error.RetryAfter > 3600_000 {
		t.Errorf("%+v %+v", p, p.Error)
	}
	if got["good"].Status != 200 || len(asked.all()) != 2 {
		t.Errorf("%+v, asked %d times", got, len(asked.all()))
	}
}

// TestInjection calls a backend with values that try to be more than values.
func TestInjection(t *testing.T) {
	backends := serve(t, "b", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "[%q, %q, %q]", r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Get("X-Evil"))
	})
	b := one(t, bff.Route{Name: "r", Params: []bff.Param{{Name: "id"}}, Method: "POST", Proxy: &bff.Part{Backend: "b", Path: "/items/{params.id}/x",
		Query: map[string]any{"q": "{params.id}"}}}, backends)
	for id, want := range map[string]string{
		`a/b`:                       `["/items/a%2Fb/x", "q=a%2Fb", ""]`,
		`?admin=1#x`:                `["/items/%3Fadmin=1%23x/x", "q=%3Fadmin%3D1%23x", ""]`,
		`a&b=c;d`:                   `["/items/a&b=c%3Bd/x", "q=a%26b%3Dc%3Bd", ""]`,
		`%2e%2e`:                    `["/items/%252e%252e/x", "q=%252e%252e", ""]`,
		`é `:                        `["/items/%C3%A9%20/x", "q=%C3%A9+", ""]`,
		`{params.id}`:               `["/items/%7Bparams.id%7D/x", "q=%7Bparams.id%7D", ""]`,
		"x HTTP/1.1\\r\\nX-Evil: 1": `["/items/x%20HTTP%2F1.1%0D%0AX-Evil:%201/x", "q=x+HTTP%2F1.1%0D%0AX-Evil%3A+1", ""]`,
	} {
		if got := door(t.Context(), b, &ann, http.MethodPost, "/bff/r", `{"id":"`+id+`"}`).Body.String(); got != want {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
	}
	for _, id := range []string{"", ".", "..", "../x", "a/../b", `..\\..`, "./", "..;x", "a/.;b"} {
		if kind, _ := refusedBy(t, door(t.Context(), b, &ann, http.MethodPost, "/bff/r", `{"id":"`+id+`"}`)); kind != "422 invalid" {
			t.Errorf("%q: %s", id, kind)
		}
	}
}

// TestDependencies makes routes whose parts need each other at random, and backends that fail at random.
func TestDependencies(t *testing.T) {
	backends := serve(t, "b", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("fail") != "" {
			http.NotFound(w, r)
			return
		}
		var sum int
		for _, v := range r.URL.Query()["need"] {
			var n int
			fmt.Sscan(v, &n)
			sum += n
		}
		fmt.Fprintf(w, `{"n":%d}`, sum+1)
	})
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 7).Draw(t, "parts")
		route := bff.Route{Name: "r", Budget: time.Minute, Parts: make([]bff.Part, n)}
		at := rapid.Permutation(numbers(n)).Draw(t, "order") // where in the configuration each is
		sums, status := make([]int, n), make([]int, n)
		for i := range n {
			var needs []any
			sums[i], status[i] = 1, 200
			query := map[string]any{}
			if rapid.IntRange(0, 4).Draw(t, "fails") == 0 {
				query["fail"], status[i] = "1", 404
			}
			for j := range i {
				if rapid.IntRange(0, 2).Draw(t, "needs") > 0 {
					continue
				}
				needs = append(needs, fmt.Sprintf("{parts.p%d.n}", j))
				sums[i] += sums[j]
				if status[j] != 200 {
					status[i] = 424
				}
			}
			query["need"] = needs
			route.Parts[at[i]] = bff.Part{Name: fmt.Sprint("p", i), Backend: "b", Path: "/", Query: query}
		}
		b, err := bff.New(bff.Options{Routes: []bff.Route{route}, Backends: backends})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		w := door(t.Context(), b, &hubbub.Identity{User: "ann"}, http.MethodGet, "/bff/r", "")
		text := w.Body.String()
		for i := range n {
			want := fmt.Sprintf(`"p%d":{"status":%d,`, i, status[i])
			if status[i] == 200 {
				want += fmt.Sprintf(`"data":{"n":%d}}`, sums[i])
			}
			if !strings.Contains(text, want) {
				t.Fatalf("got %s, want %s", text, want)
			}
		}
	})
}

func numbers(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// TestUselessAnswersDoNotFillTheLog has somebody call again and again what a backend answers with garbage. The log tells of it, and
// neither with each call nor with what the backend knows of somebody.
func TestUselessAnswersDoNotFillTheLog(t *testing.T) {
	var log bytes.Buffer
	b := open(t, bff.Options{
		Routes: []bff.Route{
			{Name: "garbage", Auth: "optional", Proxy: &bff.Part{Backend: "shop", Path: "/garbage"}},
			{Name: "picked", Auth: "optional", Proxy: &bff.Part{Backend: "shop", Path: "/", Pick: ".name.first"}},
		},
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Backends: serve(t, "shop", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/garbage" {
				fmt.Fprint(w, "<html>")
				return
			}
			fmt.Fprint(w, `{"name":"Ann Secret"}`)
		}),
	})
	for range 100 {
		for _, path := range []string{"/bff/garbage", "/bff/picked"} {
			if w := door(t.Context(), b, nil, "GET", path, ""); w.Code != http.StatusServiceUnavailable {
				t.Fatalf("%s: %d %s", path, w.Code, w.Body)
			}
		}
	}
	for _, route := range []string{"route=garbage", "route=picked"} {
		if lines := strings.Count(log.String(), route); lines == 0 || lines > 20 {
			t.Errorf("the log has %d lines with %s", lines, route)
		}
	}
	if strings.Contains(log.String(), "Secret") {
		t.Errorf("the log tells\n%.500s", log.String())
	}
}
