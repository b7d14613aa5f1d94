package ws

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

type ctxKey string

// kept serves one request and returns what keepContext makes of its context, after the handler has returned. Middleware makes
// the request's context from net/http's.
func kept(t *testing.T, useTLS bool, middleware func(context.Context) (context.Context, context.CancelFunc), configure func(*http.Server)) context.Context {
	t.Helper()
	result := make(chan context.Context, 1)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := r.Context(), func() {}
		if middleware != nil {
			ctx, cancel = middleware(ctx)
		}
		defer cancel()
		result <- keepContext(r.WithContext(ctx).Context())
	}))
	if configure != nil {
		configure(srv.Config)
	}
	if useTLS {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return <-result
}

func noCancel(f func(context.Context) context.Context) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) { return f(ctx), func() {} }
}

// TestKeepContextPlain fails when a Go release changes the chain of contexts that net/http makes. Then every conn holds its
// request's context, which is right but costs memory: teach isPlain the new chain.
func TestKeepContextPlain(t *testing.T) {
	if ctx := kept(t, false, nil, nil); ctx != nil {
		t.Errorf("nothing was put into the context, and %v is kept", ctx)
	}
	if ctx := kept(t, true, nil, nil); ctx != nil {
		t.Errorf("TLS: nothing was put into the context, and %v is kept", ctx)
	}
	if ctx := keepContext(httptest.NewRequest("GET", "/", nil).Context()); ctx != nil {
		t.Errorf("httptest: %v is kept", ctx)
	}
	if ctx := keepContext(context.TODO()); ctx != nil {
		t.Errorf("TODO: %v is kept", ctx)
	}
}

func TestKeepContextWithoutValues(t *testing.T) {
	for name, middleware := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"cancel": context.WithCancel,
		"timeout": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Hour)
		},
		"both": func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			ctx, cancel2 := context.WithTimeout(ctx, time.Hour)
			return ctx, func() { cancel2(); cancel(nil) }
		},
	} {
		if ctx := kept(t, false, middleware, nil); ctx != nil {
			t.Errorf("%s: %v is kept", name, ctx)
		}
	}
}

// ownContext is a context of somebody else's that has a value.
type ownContext struct{ context.Context }

func (c ownContext) Value(key any) any {
	if key == ctxKey("user") {
		return "ann"
	}
	return c.Context.Value(key)
}

func TestKeepContextWithValues(t *testing.T) {
	value := func(ctx context.Context) context.Context { return context.WithValue(ctx, ctxKey("user"), "ann") }
	for name, c := range map[string]struct {
		middleware func(context.Context) (context.Context, context.CancelFunc)
		configure  func(*http.Server)
	}{
		"value": {middleware: noCancel(value)},
		"value, then cancel": {middleware: func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithCancel(value(ctx))
		}},
		"cancel, then value, then timeout": {middleware: func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			ctx, cancel2 := context.WithTimeout(value(ctx), time.Hour)
			return ctx, func() { cancel2(); cancel() }
		}},
		"below another value, as chi does": {middleware: noCancel(func(ctx context.Context) context.Context {
			return context.WithValue(value(ctx), ctxKey("route"), &struct{ path string }{})
		})},
		"a nil value above": {middleware: noCancel(func(ctx context.Context) context.Context { return context.WithValue(value(ctx), ctxKey("x"), nil) })},
		"the server key again, above": {middleware: noCancel(func(ctx context.Context) context.Context {
			return context.WithValue(value(ctx), http.ServerContextKey, 1)
		})},
		"type of its own":              {middleware: noCancel(func(ctx context.Context) context.Context { return ownContext{ctx} })},
		"pointer to a type of its own": {middleware: noCancel(func(ctx context.Context) context.Context { return &ownContext{ctx} })},
		"type of its own, below cancel": {middleware: func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithCancel(ownContext{ctx})
		}},
		"without cancel": {middleware: noCancel(func(ctx context.Context) context.Context { return context.WithoutCancel(value(ctx)) })},
		"ConnContext": {configure: func(s *http.Server) {
			s.ConnContext = func(ctx context.Context, _ net.Conn) context.Context { return value(ctx) }
		}},
		"BaseContext": {configure: func(s *http.Server) {
			s.BaseContext = func(net.Listener) context.Context { return value(context.Background()) }
		}},
		"BaseContext of its own": {configure: func(s *http.Server) {
			s.BaseContext = func(net.Listener) context.Context { return ownContext{context.Background()} }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := kept(t, false, c.middleware, c.configure)
			if ctx == nil {
				t.Fatal("the value is lost")
			}
			if ctx.Value(ctxKey("user")) != "ann" || ctx.Value(http.ServerContextKey) == nil {
				t.Errorf("a value is missing in %v", ctx)
			}
			if _, ok := ctx.Deadline(); ok || ctx.Done() != nil || ctx.Err() != nil {
				t.Errorf("%v can end: %v", ctx, ctx.Err())
			}
		})
	}
}

// TestKeepContextShadowed puts net/http's own keys where net/http does not: the layer that hides another's value is kept.
func TestKeepContextShadowed(t *testing.T) {
	ctx := context.WithValue(context.Background(), http.ServerContextKey, "a")
	if keepContext(ctx) != nil {
		t.Error("a lone server is kept")
	}
	if got := keepContext(context.WithValue(ctx, http.ServerContextKey, "b")); got == nil || got.Value(http.ServerContextKey) != "b" {
		t.Errorf("got %v", got)
	}
}

func BenchmarkKeepContext(b *testing.B) {
	ctx := context.WithValue(context.Background(), http.ServerContextKey, "a")
	ctx = context.WithValue(ctx, http.LocalAddrContextKey, "b")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ctx, cancel2 := context.WithCancel(ctx)
	defer cancel2()
	for b.Loop() {
		if keepContext(ctx) != nil {
			b.Fatal("kept")
		}
	}
}
