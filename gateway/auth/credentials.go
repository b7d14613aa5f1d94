package auth

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/hubbub-dev/hubbub"
)

// Parameters are the names of the query's parameters that carry credentials.
func Parameters() []string { return []string{"ticket", "token"} }

// subprotocolPrefix is what a subprotocol that carries a token begins with.
const subprotocolPrefix = "hubbub.token."

// credentials are what a request brings, not judged yet.
type credentials struct {
	method Method
	user   string // of Password and Dev
	name   string // of Dev
	secret string // the token, ticket or password
	// missing, with an error, says that there are none.
	missing bool
}

// find returns the request's first credentials in the order of the methods. An error is a *hubbub.Error; the method with it is
// the one that is wrong, or "" when there is none.
func (a *Authenticator) find(r *http.Request, query url.Values) (credentials, error) {
	scheme, value, err := authorization(r.Header)
	if err != nil {
		return credentials{}, err
	}
	if scheme == "bearer" {
		return credentials{method: Bearer, secret: value}, nil
	}
	if token, ok, err := subprotocol(r.Header); ok {
		return credentials{method: Subprotocol, secret: token}, err
	}
	if ticket, ok, err := single(query, "ticket"); ok {
		return credentials{method: Ticket, secret: ticket}, err
	}
	if token, ok, err := single(query, "token"); ok {
		return credentials{method: QueryToken, secret: token}, err
	}
	if user, ok, err := single(query, "user"); ok && a.config.Dev {
		return credentials{method: Dev, user: user, name: query.Get("name")}, err
	}
	return a.findAmbient(r, query, scheme)
}

// findAmbient looks for what a browser sends by itself. An Authorization that nothing here understands is passed over for a
// cookie, since it may belong to a proxy in front, but whoever sends one is not anonymous.
func (a *Authenticator) findAmbient(r *http.Request, query url.Values, scheme string) (credentials, error) {
	if scheme == "basic" && a.basic != nil {
		user, password, ok := r.BasicAuth()
		if !ok {
			return credentials{method: Password}, hubbub.Errorf(hubbub.Unauthorized,
				"the Authorization header is not Basic base64(user:password)")
		}
		return credentials{method: Password, user: user, secret: password}, nil
	}
	if c, err := r.Cookie(a.config.Cookie); err == nil && a.config.Cookie != "" {
		return credentials{method: Cookie, secret: c.Value}, nil
	}
	switch {
	case scheme == "basic":
		return credentials{}, hubbub.Errorf(hubbub.Unauthorized,
			"this server accepts no passwords: auth.basic.file is not set; use %s", a.waysIn())
	case scheme != "":
		return credentials{}, hubbub.Errorf(hubbub.Unauthorized,
			"the Authorization header must begin with Bearer or Basic; use %s", a.waysIn())
	case query.Get("auth") == "basic" && a.basic != nil:
		return credentials{method: Password}, hubbub.Errorf(hubbub.Unauthorized, "send user and password")
	case a.config.Anonymous:
		return credentials{method: Anonymous}, nil
	}
	if query.Has("user") {
		return credentials{missing: true}, hubbub.Errorf(hubbub.Unauthorized,
			"?user= is believed in development mode only (hubbub serve --dev); sign in with %s", a.waysIn())
	}
	return credentials{missing: true}, hubbub.Errorf(hubbub.Unauthorized, "nobody knows who is asking; sign in with %s", a.waysIn())
}

// authorization splits the Authorization header into its scheme, in lower case, and what follows. No header is "".
func authorization(h http.Header) (scheme, value string, err error) {
	all := h.Values("Authorization")
	if len(all) > 1 {
		return "", "", hubbub.Errorf(hubbub.Unauthorized, "there are %d Authorization headers; send one", len(all))
	}
	if len(all) == 0 || strings.TrimSpace(all[0]) == "" {
		return "", "", nil
	}
	scheme, value, _ = strings.Cut(strings.TrimSpace(all[0]), " ")
	return strings.ToLower(scheme), strings.TrimSpace(value), nil
}

// subprotocol returns the token that the offered subprotocols carry, and whether they carry one.
func subprotocol(h http.Header) (token string, ok bool, err error) {
	for _, line := range h.Values("Sec-WebSocket-Protocol") {
		for offered := range strings.SplitSeq(line, ",") {
			t, is := strings.CutPrefix(strings.TrimSpace(offered), subprotocolPrefix)
			if !is {
				continue
			}
			if ok && t != token {
				return "", true, hubbub.Errorf(hubbub.Unauthorized, "two different subprotocols begin with %s; offer one", subprotocolPrefix)
			}
			token, ok = t, true
		}
	}
	return token, ok, nil
}

// single returns a parameter of the query and whether it is there, if only as an empty string. It must not be there twice
// with different values: a proxy or a log could go by the other.
func single(query url.Values, name string) (value string, ok bool, err error) {
	all := query[name]
	if len(all) == 0 {
		return "", false, nil
	}
	for _, other := range all[1:] {
		if other != all[0] {
			return "", true, hubbub.Errorf(hubbub.Unauthorized, "the query has two different ?%s=; send one", name)
		}
	}
	return all[0], true, nil
}
