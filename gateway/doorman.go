package gateway

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/auth"
	"github.com/hubbub-dev/hubbub/gateway/hook"
	"github.com/hubbub-dev/hubbub/ws"
)

// doorman tells who sends a request, at all doors alike: by its origin, by its credentials, and by what a backend says that a hook
// asks. It may be used concurrently.
type doorman struct {
	front *front
	auth  *auth.Authenticator
	hub   *hubbub.Hub
	// connect asks a backend who somebody is, or whether who has signed in may come; nil if there is no such hook.
	connect func(context.Context, hook.Connection) (hubbub.Identity, error)
	// cookies says that the hook looks at them: whom it recognizes then may have been brought here by a page of anybody.
	cookies bool
}

// visitor is who sends a request.
type visitor struct {
	identity hubbub.Identity
	method   auth.Method // "" if a hook has said who it is
}

// errNobody is in the chain of an error that says that a request brings no credentials at all, so that nobody could be told.
type errNobody struct{ error }

// Unwrap returns what to answer.
func (e errNobody) Unwrap() error { return e.error }

// admit tells who sends a request, or why that one may not come in.
func (d *doorman) admit(r *http.Request) (visitor, error) {
	allowed, byName := d.front.allows(r)
	if !allowed {
		return visitor{}, d.foreign(r)
	}
	// A browser adds a password or cookie by itself, whoever wrote the page: then "*" is not enough.
	ambient := byName && !crossSite(r)
	who, err := d.auth.Authenticate(r)
	if err != nil && (d.connect == nil || !isMissing(err)) {
		d.failed(r, who.Method, err)
		if isMissing(err) {
			err = errNobody{err}
		}
		return visitor{}, err
	}
	if who.Ambient && !ambient {
		return visitor{}, d.foreign(r)
	}
	v := visitor{who.Identity, who.Method}
	if err == nil {
		if err := d.check(r, v); err != nil {
			return visitor{}, err
		}
	}
	if d.connect == nil {
		return v, nil
	}
	if !ambient && d.cookies && r.Header.Get("Cookie") != "" {
		return visitor{}, d.foreign(r)
	}
	return d.ask(r, v, err)
}

// failed counts a sign-in that was refused. A wrong password costs more.
func (d *doorman) failed(r *http.Request, by auth.Method, err error) {
	d.front.metrics.AuthFailed(string(by))
	if by == auth.Password && hubbub.AsError(err).Reason == hubbub.Unauthorized && r.Header.Get("Authorization") != "" {
		d.front.addresses.guessed(r)
	}
}

// check refuses whom the hub does not want, such as one who is blocked.
func (d *doorman) check(r *http.Request, v visitor) error {
	err := d.hub.Check(r.Context(), v.identity)
	if err == nil {
		return nil
	}
	d.front.metrics.AuthFailed(string(v.method))
	return d.auth.Refuse(v.method, err)
}

// ask asks the hook. missing says that nobody has signed in; nil that somebody has.
func (d *doorman) ask(r *http.Request, v visitor, missing error) (visitor, error) {
	query := r.URL.Query()
	c := hook.Connection{
		Header: r.Header, Query: withoutCredentials(query, d.front.cfg.Dev), Path: r.URL.Path,
		Address: ws.ClientAddr(r, d.front.cfg.TrustedProxies).Addr().String(),
	}
	if missing == nil {
		c.Identity = &v.identity
	}
	id, err := d.connect(r.Context(), c)
	if err == nil && missing != nil {
		err = auth.Place(&id, query)
	}
	if err != nil {
		d.front.metrics.AuthFailed("hook")
		refusal := d.auth.Refuse(v.method, err)
		if missing != nil && refusal.Err.Reason == hubbub.Unauthorized {
			return visitor{}, errNobody{refusal}
		}
		return visitor{}, refusal
	}
	v.identity = id
	return v, d.check(r, v)
}

// verify tells whose a token is, for those who bring a new one on their conn. The hook is asked as it was at the sign-in, but for what the
// handshake said besides.
func (d *doorman) verify(ctx context.Context, token string) (hubbub.Identity, error) {
	id, err := d.auth.Verify(ctx, token)
	if err != nil || d.connect == nil {
		return id, err
	}
	return d.connect(ctx, hook.Connection{Identity: &id})
}

// isMissing tells whether a request was refused since it brought no credentials.
func isMissing(err error) bool {
	refusal, ok := err.(*auth.Refusal)
	return ok && refusal.Missing
}

// withoutCredentials removes from a query what tells who asks.
func withoutCredentials(query url.Values, dev bool) url.Values {
	for _, name := range credentialParameters(dev) {
		query.Del(name)
	}
	return query
}

func credentialParameters(dev bool) []string {
	if dev {
		return append(auth.Parameters(), "user", "name")
	}
	return auth.Parameters()
}

// foreign is the refusal of a page of another origin. It is logged, since whoever wrote the page cannot see it.
func (d *doorman) foreign(r *http.Request) error {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return hubbub.Errorf(hubbub.Forbidden, "a page of another site has caused this request (Sec-Fetch-Site: %.20q), and the browser has "+
			"added the credentials by itself; only fetch() from a page whose origin is in the setting origins may do that", r.Header.Get("Sec-Fetch-Site"))
	}
	d.front.foreigners.tell(r)
	return hubbub.Errorf(hubbub.Forbidden, "pages of the origin %.200q may not connect here; to allow them, add it to the "+
		"setting origins", origin)
}

// crossSite tells whether a browser says that a page of another site has caused a request. Requests that have an Origin are judged by that;
// browsers leave it out of a GET for an image, a script or a link, which have cookies all the same.
func crossSite(r *http.Request) bool {
	return r.Header.Get("Origin") == "" && !slices.Contains([]string{"", "same-origin", "none"}, r.Header.Get("Sec-Fetch-Site"))
}
