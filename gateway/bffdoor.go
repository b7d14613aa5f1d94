package gateway

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/auth"
	"github.com/hubbub-dev/hubbub/gateway/bff"
	"github.com/hubbub-dev/hubbub/ws"
)

// bffPrefix is what the paths of combined calls begin with.
const bffPrefix = "/bff/"

// bffDoor stands before the calls of frontends over HTTP: it tells who calls, as at the WebSocket paths, and keeps to the limits that
// hold for the requests of sessions, too.
type bffDoor struct {
	*doorman
	limits *requestLimits
	params map[string][]string // that each route declares
	calls  http.Handler
}

func newBFFDoor(d *doorman, l *requestLimits, b *bff.BFF, routes []bff.Route) *bffDoor {
	door := &bffDoor{doorman: d, limits: l, params: map[string][]string{}}
	for _, route := range routes {
		for _, p := range route.Params {
			door.params[route.Name] = append(door.params[route.Name], p.Name)
		}
	}
	door.calls = b.Handler(door.identify)
	return door
}

// noCalls answers where there are no combined calls.
func noCalls(w http.ResponseWriter, r *http.Request) {
	auth.WriteProblem(w, r, hubbub.Errorf(hubbub.NotFound, "there is no such call: no bff.routes are configured here"))
}

// ServeHTTP answers a call.
func (d *bffDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := d.limits.takeAddress(ws.ClientAddr(r, d.front.cfg.TrustedProxies).Addr()); err != nil {
		auth.WriteProblem(w, r, err)
		return
	}
	d.calls.ServeHTTP(w, r)
}

// identify tells who calls; nil if nobody has signed in.
func (d *bffDoor) identify(r *http.Request) (*hubbub.Identity, error) {
	if err := d.front.addresses.mayGuess(r); err != nil {
		return nil, err
	}
	v, err := d.admit(d.withoutParams(r))
	if _, nobody := errors.AsType[errNobody](err); nobody || err == nil && v.identity.Anonymous {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := d.limits.takeUser(v.identity.User); err != nil {
		return nil, err
	}
	return &v.identity, nil
}

// withoutParams is a request without what its call declares: a call may have a parameter named device, which is not the caller's.
func (d *bffDoor) withoutParams(r *http.Request) *http.Request {
	declared := d.params[strings.TrimPrefix(r.URL.Path, bffPrefix)]
	query, err := url.ParseQuery(r.URL.RawQuery)
	if len(declared) == 0 || err != nil || len(query) == 0 {
		return r
	}
	for _, name := range declared {
		query.Del(name)
	}
	own, u := *r, *r.URL
	u.RawQuery = query.Encode()
	own.URL = &u
	return &own
}

// signInParameters are those of the query that say who calls, and from which device.
func signInParameters(dev bool) []string {
	return append(credentialParameters(dev), "auth", "device", "platform")
}

// refuseCall answers a call with an error. Whoever has to sign in is told how.
func (d *doorman) refuseCall(w http.ResponseWriter, r *http.Request, err error) {
	if _, challenged := errors.AsType[*auth.Refusal](err); !challenged {
		err = d.auth.Refuse("", err)
	}
	auth.WriteProblem(w, r, err)
}
