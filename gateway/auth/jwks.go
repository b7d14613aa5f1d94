package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	maxSet       = 1 << 20          // bytes of a JWK set that is fetched
	fetchTimeout = 10 * time.Second // of one fetch
	retryFetch   = time.Second      // the first pause after a fetch that failed; it doubles up to Key.Refresh
)

// remote is a JWK set at a URL. One goroutine fetches it regularly; a token with an unknown key has it fetched at once, but
// not more often than Key.MinRefresh, and all who ask meanwhile wait for the same fetch.
type remote struct {
	// Immutable.
	key    Key
	client *http.Client
	now    func() time.Time
	log    *slog.Logger
	ctx    context.Context // of all fetches; ends with close
	cancel context.CancelFunc
	done   sync.WaitGroup
	// Guarded by mu.
	mu     sync.Mutex
	loaded []loadedKey
	flight chan struct{} // closed when the fetch that is under way ends; nil when none is
	began  time.Time     // the last fetch
	err    error         // of the last fetch that ended
}

func newRemote(k Key, c Config) (*remote, error) {
	if err := checkURL(k.URL, c.Logger); err != nil {
		return nil, err
	}
	if k.Refresh <= 0 {
		k.Refresh = 15 * time.Minute
	}
	if k.MinRefresh <= 0 {
		k.MinRefresh = 10 * time.Second
	}
	r := &remote{key: k, now: c.Now, log: c.Logger, client: newClient()}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	first := r.fetch()
	r.done.Go(func() { r.keepFresh(first) })
	return r, nil
}

// checkURL refuses what cannot be fetched, and warns of what somebody on the way could forge.
func checkURL(text string, log *slog.Logger) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("url: write it as https://host/path")
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		log.Warn("keys come over plain http: whoever is on the way can make tokens; use https", "url", SafeURL(u))
	}
	return nil
}

// newClient makes a client of its own, whose idle conns end with the remote, and which is not led from https to http.
func newClient() *http.Client {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute}
	return &http.Client{Transport: transport, Timeout: fetchTimeout, CheckRedirect: func(to *http.Request, via []*http.Request) error {
		if len(via) >= 5 {
			return errors.New("more than 5 redirects")
		}
		if via[0].URL.Scheme == "https" && to.URL.Scheme != "https" {
			return errors.New("redirected from https to http")
		}
		return nil
	}}
}

func (r *remote) close() {
	r.mu.Lock() // no fetch begins after this
	r.cancel()
	r.mu.Unlock()
	r.done.Wait()
	r.client.CloseIdleConnections()
}

func (r *remote) keys() []loadedKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.loaded
}

// keepFresh fetches every Key.Refresh, and sooner after a failure.
func (r *remote) keepFresh(flight <-chan struct{}) {
	pause := retryFetch
	for {
		<-flight
		wait := r.key.Refresh
		if r.failed() != nil {
			wait = min(pause, r.key.Refresh)
			pause = 2 * wait
		} else {
			pause = retryFetch
		}
		timer := time.NewTimer(wait)
		select {
		case <-r.ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		flight = r.fetch()
	}
}

func (r *remote) failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// refresh fetches, or waits for the fetch that is under way. It returns how the last fetch ended when it is too early for
// another, and an error when ctx ends first.
func (r *remote) refresh(ctx context.Context) error {
	r.mu.Lock()
	early := r.flight == nil && r.now().Sub(r.began) < r.key.MinRefresh
	r.mu.Unlock()
	if early {
		return r.failed()
	}
	select {
	case <-r.fetch():
		return r.failed()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fetch begins a fetch unless one is under way, and returns a channel that is closed at its end.
func (r *remote) fetch() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flight != nil {
		return r.flight
	}
	flight := make(chan struct{})
	if r.ctx.Err() != nil {
		close(flight)
		return flight
	}
	r.flight, r.began = flight, r.now()
	r.done.Go(func() {
		loaded, err := r.get()
		r.mu.Lock()
		defer r.mu.Unlock()
		if err == nil {
			r.loaded = loaded
		} else if r.ctx.Err() == nil {
			r.log.Error("a JWK set cannot be fetched; the keys known so far still count", "error", err)
		}
		r.err, r.flight = err, nil
		close(flight)
	})
	return flight
}

// get fetches and reads the set.
func (r *remote) get() ([]loadedKey, error) {
	request, err := http.NewRequestWithContext(r.ctx, http.MethodGet, r.key.URL, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := r.client.Do(request)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return nil, fmt.Errorf("%s: %w", SafeURL(request.URL), failed.Err) // the whole URL may hold a secret
	}
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", SafeURL(request.URL), response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxSet+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxSet {
		return nil, fmt.Errorf("%s is longer than %d bytes", SafeURL(request.URL), maxSet)
	}
	keys, err := r.key.parseSet(body, false)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", SafeURL(request.URL), err)
	}
	return keys, nil
}
