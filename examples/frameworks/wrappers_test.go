package frameworks_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	chimw "github.com/go-chi/chi/v5/middleware"
	"github.com/labstack/echo/v5"
	echomw "github.com/labstack/echo/v5/middleware"

	"github.com/hubbub-dev/hubbub/examples/internal/run"
	"github.com/hubbub-dev/hubbub/ws"
)

// live serves one route inside wrap, and returns its address and, for each conn, what the conn's context says after the
// request's context has ended.
func live(t *testing.T, wrap func(http.Handler) http.Handler) (url string, after <-chan error) {
	t.Helper()
	requests, errs := make(chan context.Context, 1), make(chan error, 1)
	srv := ws.NewServer(ws.Options{})
	note := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests <- r.Context()
			next.ServeHTTP(w, r)
		})
	}
	router := ws.NewRouter(srv, note)
	router.Handle("/echo", func(c *ws.Conn) {
		request := <-requests
		c.OnMessage(func(m ws.Message) {
			<-request.Done()
			errs <- c.Context().Err()
			c.Send(m)
		})
	})
	server := httptest.NewServer(wrap(router))
	t.Cleanup(server.Close)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return strings.Replace(server.URL, "http", "ws", 1) + "/echo", errs
}

// TestWrappers upgrades through the middleware that people have, which wraps the ResponseWriter or limits the request's time.
func TestWrappers(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	for name, wrap := range map[string]func(http.Handler) http.Handler{
		"chi": func(h http.Handler) http.Handler {
			r := chi.NewRouter()
			r.Use(chimw.Logger, chimw.Recoverer, chimw.Compress(5), chimw.Timeout(10*time.Millisecond), chimw.Throttle(1))
			r.Handle("/echo", h)
			return r
		},
		"gin": func(h http.Handler) http.Handler {
			g := gin.Default()
			g.GET("/echo", gin.WrapH(h))
			return g
		},
		"echo": func(h http.Handler) http.Handler {
			e := echo.New()
			e.Use(echomw.RequestLogger(), echomw.Recover(), echomw.Gzip(), echomw.ContextTimeout(10*time.Millisecond),
				echomw.BodyDump(func(*echo.Context, []byte, []byte, error) {}))
			e.GET("/echo", echo.WrapHandler(h))
			return e
		},
	} {
		t.Run(name, func(t *testing.T) {
			url, after := live(t, wrap)
			for range 2 { // the second finds what the first one's request has left behind
				c := run.Dial(t, url, ws.DialOptions{})
				c.Say(t, "hello")
				c.Want(t, "hello")
				if err := <-after; err != nil {
					t.Errorf("the conn's context ended with the request: %v", err)
				}
			}
		})
	}
}

// TestNoHijack shows what a wrapper leads to that does not let the connection be taken over.
func TestNoHijack(t *testing.T) {
	url, _ := live(t, func(h http.Handler) http.Handler { return http.TimeoutHandler(h, time.Minute, "") })
	refused := run.Refused(t, url, ws.DialOptions{})
	if refused.Status != http.StatusInternalServerError || !strings.Contains(string(refused.Body), "Unwrap") {
		t.Errorf("%d %s, want 500 and a hint", refused.Status, refused.Body)
	}
}
