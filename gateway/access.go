package gateway

import (
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/hubbub-dev/hubbub/gateway/auth"
	"github.com/hubbub-dev/hubbub/ws"
)

// access counts each HTTP answer, handshakes included, and logs it at level debug.
type access struct {
	metrics *Metrics
	logger  *slog.Logger
	proxies []netip.Prefix
}

func (a access) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		seen := &watchedWriter{ResponseWriter: w}
		next.ServeHTTP(seen, r)
		if seen.status == 0 {
			seen.status = http.StatusOK
			if isHandshake(r) {
				seen.status = http.StatusSwitchingProtocols // was written past us, onto the socket
			}
		}
		a.metrics.Answered(seen.status)
		if isHandshake(r) && seen.status >= 300 {
			a.metrics.Refused(seen.status)
		}
		if a.logger.Enabled(r.Context(), slog.LevelDebug) {
			a.logger.Debug("http", "method", r.Method, "url", auth.SafeURL(r.URL), "status", seen.status, "bytes", seen.bytes,
				"took", time.Since(began).String(), "client", ws.ClientAddr(r, a.proxies).Addr())
		}
	})
}

// watchedWriter remembers what was answered.
type watchedWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// Unwrap lets http.ResponseController find what the inner writer can do.
func (w *watchedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader remembers the status; an informational one is not the answer yet.
func (w *watchedWriter) WriteHeader(status int) {
	if w.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts bytes.
func (w *watchedWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}
