package gateway

import (
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

const (
	proxyWindow  = time.Minute // what counts as all handshakes
	proxyEnough  = 20          // handshakes in it that make sure that it is no accident
	proxySilence = time.Hour   // between two warnings
)

// proxyWatch warns when every handshake comes from one address nearby that adds forwarding headers and is not trusted:
// then it is a proxy, nobody's own address is known, and the limits per address hold for all clients together. It may
// be used concurrently.
type proxyWatch struct {
	// Immutable.
	logger *slog.Logger
	now    func() time.Time

	// Guarded by mu.
	mu     sync.Mutex
	began  time.Time // of the window
	peer   netip.Addr
	total  int
	same   int
	warned time.Time
}

func (p *proxyWatch) wrap(next http.Handler, trusted []netip.Prefix) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer := ws.ClientAddr(r, nil).Addr()
		forwarded := r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != ""
		near := peer.IsLoopback() || peer.IsPrivate() || peer.IsLinkLocalUnicast()
		p.saw(peer, forwarded && near && !trusts(trusted, peer))
		next.ServeHTTP(w, r)
	})
}

func trusts(trusted []netip.Prefix, a netip.Addr) bool {
	for _, t := range trusted {
		if t.Contains(a.WithZone("")) {
			return true
		}
	}
	return false
}

// saw counts a handshake. suspect says that its peer looks like a proxy that should be trusted.
func (p *proxyWatch) saw(peer netip.Addr, suspect bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if now.Sub(p.began) >= proxyWindow {
		p.began, p.total, p.same, p.peer = now, 0, 0, peer
	}
	p.total++
	if suspect && peer == p.peer {
		p.same++
	}
	if p.same < proxyEnough || p.same < p.total || !p.warned.IsZero() && now.Sub(p.warned) < proxySilence {
		return
	}
	p.warned = now
	p.logger.Warn("all WebSockets come from one address that adds X-Forwarded-For, so it is a proxy, and limits per address hit all "+
		"clients together; if it is yours, add it to trusted_proxies", "proxy", peer, "setting", "trusted_proxies", "add", peer.String())
}
