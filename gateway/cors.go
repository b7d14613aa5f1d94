package gateway

import (
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/auth"
)

const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	corsExposed = "Retry-After, WWW-Authenticate, Location, ETag"
	maxCORSAsk  = 1 << 10 // bytes of the header names that a preflight request may ask for
)

// cors lets pages of allowed origins call what next serves, as the Fetch standard says. Handshakes pass untouched: the
// WebSocket server judges them itself.
type cors struct {
	allows      func(*http.Request) (allowed, byName bool)
	credentials bool
	maxAge      time.Duration
	foreigners  *foreigners
}

func (c cors) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if origin == "" || isHandshake(r) {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Add("Vary", "Origin")
		preflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
		allowed, byName := c.allows(r)
		if allowed {
			h.Set("Access-Control-Allow-Origin", origin)
			if c.credentials && byName {
				h.Set("Access-Control-Allow-Credentials", "true")
			}
		}
		switch {
		case !preflight:
			h.Set("Access-Control-Expose-Headers", corsExposed)
			next.ServeHTTP(w, r)
		case !allowed:
			c.refuse(w, r, origin)
		default:
			c.permit(w, r)
		}
	})
}

// permit answers a preflight request. The origin is trusted, so it may send the headers it asks for.
func (c cors) permit(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
	h.Set("Access-Control-Allow-Methods", corsMethods)
	if ask := strings.Join(r.Header.Values("Access-Control-Request-Headers"), ", "); ask != "" && len(ask) <= maxCORSAsk {
		h.Set("Access-Control-Allow-Headers", ask)
	}
	h.Set("Access-Control-Max-Age", strconv.Itoa(int(c.maxAge.Seconds())))
	w.WriteHeader(http.StatusNoContent)
}

func (c cors) refuse(w http.ResponseWriter, r *http.Request, origin string) {
	origin = origin[:min(len(origin), 128)]
	c.foreigners.tell(r)
	auth.WriteProblem(w, r, hubbub.Errorf(hubbub.Forbidden, "pages of the origin %q may not call this server; to allow them, add %[1]q "+
		"to the setting origins", origin))
}

// foreigners logs pages of other origins, since whoever wrote them cannot see why they were refused. Anybody can send a request with
// any Origin, so of many at once only some are told.
type foreigners struct {
	logger *slog.Logger
	often  rate.Sometimes
}

func newForeigners(logger *slog.Logger) *foreigners {
	return &foreigners{logger: logger, often: rate.Sometimes{First: 100, Interval: time.Second}}
}

func (f *foreigners) tell(r *http.Request) {
	f.often.Do(func() {
		f.logger.Info("a page of another origin was refused; to allow it, add the origin to the setting origins",
			"origin", fmt.Sprintf("%.200s", r.Header.Get("Origin")), "host", fmt.Sprintf("%.200s", r.Host))
	})
}

// isHandshake tells whether a request asks for a WebSocket.
func isHandshake(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}
