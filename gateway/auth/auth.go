package auth

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/hubbub-dev/hubbub"
)

// ErrNobody is what [New] returns when there is no way in at all.
var ErrNobody = errors.New("auth: nobody could sign in: set auth.keys (to check tokens), auth.basic.file (for passwords) " +
	"or auth.anonymous: true (to let everybody in)")

// Method is the way in which credentials came.
type Method string

// The methods, in the order in which they are looked for.
const (
	Bearer      Method = "bearer"
	Subprotocol Method = "subprotocol"
	Ticket      Method = "ticket"
	QueryToken  Method = "query"
	Dev         Method = "dev"
	Password    Method = "basic"
	Cookie      Method = "cookie"
	Anonymous   Method = "anonymous"
)

// Result is a successful [Authenticator.Authenticate].
type Result struct {
	Identity hubbub.Identity
	Method   Method
	// Ambient says that a browser may have added the credentials by itself (Basic, cookie), whoever wrote the page. If such a
	// request has an Origin header, the origin must be one that is allowed by name: same host or listed, not "*". Without the
	// header it does not come from a page.
	Ambient bool
}

// Refusal is the error of [Authenticator.Authenticate]. Its chain holds the *[hubbub.Error].
type Refusal struct {
	Err *hubbub.Error
	// Challenges are the values of WWW-Authenticate that go with it, one header each; none unless the reason is Unauthorized.
	Challenges []string
	// Missing says that the request brought no credentials at all, so that somebody else may know who asks.
	Missing bool
}

// Error returns the message of Err.
func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap returns Err.
func (r *Refusal) Unwrap() error { return r.Err }

// Authenticator tells who connects. Its methods may be called concurrently.
type Authenticator struct {
	config  Config
	keys    *keyring   // nil without Config.Keys
	basic   *passwords // nil without Config.Basic.File
	tickets *Tickets   // nil where tickets are refused
}

// New loads keys and passwords and starts to fetch the JWK sets. It does not wait for them: until they are there, tokens that
// need them are refused as Unavailable. An error names what is wrong in the configuration and what to do; [ErrNobody] is
// one. [Authenticator.Close] ends what New began.
func New(c Config) (*Authenticator, error) {
	c = c.withDefaults()
	if len(c.Keys) == 0 && c.Basic.File == "" && c.Tickets == nil && !c.Anonymous && !c.Dev {
		return nil, ErrNobody
	}
	if c.Cookie != "" && len(c.Keys) == 0 {
		return nil, errors.New("auth.cookie: the cookie holds a token, so auth.keys must say what to check it with")
	}
	a := &Authenticator{config: c, tickets: c.Tickets}
	var err error
	if c.Basic.File != "" {
		if a.basic, err = newPasswords(c); err != nil {
			return nil, fmt.Errorf("auth.basic: %w", err)
		}
	}
	if len(c.Keys) > 0 {
		if a.keys, err = newKeyring(c); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Close ends the fetching of JWK sets and returns when nothing of it runs any more. It may be called more than once.
func (a *Authenticator) Close() {
	if a.keys != nil {
		a.keys.close()
	}
}

// Authenticate tells who sent the request. The error is always a *[Refusal]: Unauthorized when credentials are bad or
// missing, Invalid when ?device= or ?platform= or the query itself is, Unavailable when they cannot be checked right
// now. It waits for a password's turn, for a JWK set and for the store of tickets, but not longer than the request's
// context lasts. With an error the Result has the Method of the credentials that were refused, if there were any, and
// nothing else.
func (a *Authenticator) Authenticate(r *http.Request) (Result, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return Result{}, a.Refuse("", hubbub.Errorf(hubbub.Invalid, "the query of the address cannot be understood: "+
			"write %%, &, ; and + in values as %%25, %%26, %%3B and %%2B"))
	}
	c, err := a.find(r, query)
	if err != nil {
		refusal := a.Refuse(c.method, err)
		refusal.Missing = c.missing
		return Result{Method: c.method}, refusal
	}
	id, err := a.identify(r.Context(), c)
	if err != nil {
		return Result{Method: c.method}, a.Refuse(c.method, err)
	}
	if err := Place(&id, query); err != nil {
		return Result{Method: c.method}, a.Refuse(c.method, err)
	}
	return Result{Identity: id, Method: c.method, Ambient: c.method == Password || c.method == Cookie}, nil
}

// Verify tells whose token it is, for session.refresh. The error is a *[hubbub.Error]: Unauthorized, or Unavailable when the
// token cannot be checked right now. Device and Platform of the identity are "" unless the token names them.
func (a *Authenticator) Verify(ctx context.Context, token string) (hubbub.Identity, error) {
	if a.keys == nil {
		return hubbub.Identity{}, hubbub.Errorf(hubbub.Unauthorized, "this server accepts no tokens: auth.keys is not set")
	}
	return a.verify(ctx, token)
}

// identify judges credentials.
func (a *Authenticator) identify(ctx context.Context, c credentials) (hubbub.Identity, error) {
	switch c.method {
	case Bearer, Subprotocol, QueryToken, Cookie:
		return a.Verify(ctx, c.secret)
	case Ticket:
		return a.redeem(ctx, c.secret)
	case Password:
		return a.basic.identify(ctx, c.user, c.secret)
	case Dev:
		return a.believe(c.user, c.name)
	}
	now := a.config.Now()
	return hubbub.Identity{User: "anon-" + strings.ToLower(rand.Text()), Issued: now, Anonymous: true}, nil
}

func (a *Authenticator) redeem(ctx context.Context, ticket string) (hubbub.Identity, error) {
	if a.tickets == nil {
		return hubbub.Identity{}, hubbub.Errorf(hubbub.Unauthorized, "this server accepts no tickets")
	}
	return a.tickets.Redeem(ctx, ticket)
}

// believe makes the identity of development mode.
func (a *Authenticator) believe(user, name string) (hubbub.Identity, error) {
	id := hubbub.Identity{User: user, Issued: a.config.Now()}
	if name != "" {
		id.Info = nameOnly(name)
	}
	return id, id.Check()
}

func nameOnly(name string) json.RawMessage {
	b, err := json.Marshal(map[string]string{"name": name})
	if err != nil {
		return nil // cannot be: strings always can
	}
	return b
}

// Place gives an identity the device and the platform that a request's query asks for. If the identity has others that is
// Unauthorized; the error is a *[hubbub.Error]. [Authenticator.Authenticate] has done so; it is for identities of elsewhere.
func Place(id *hubbub.Identity, query url.Values) error {
	for _, p := range []struct {
		what string
		own  *string
	}{{"device", &id.Device}, {"platform", &id.Platform}} {
		asked := query.Get(p.what)
		if asked == "" || asked == *p.own {
			continue
		}
		if *p.own != "" {
			return hubbub.Errorf(hubbub.Unauthorized, "the credentials are for another %s than ?%s= says; leave it out", p.what, p.what)
		}
		if err := hubbub.CheckName(p.what, asked); err != nil {
			return err
		}
		*p.own = strings.Clone(asked) // or it keeps the whole request line, with the token that may stand there
	}
	return nil
}

// waysIn lists how one could sign in here, for people.
func (a *Authenticator) waysIn() string {
	var ways []string
	if a.keys != nil {
		ways = append(ways, "a token (Authorization: Bearer, the subprotocol hubbub.token.<jwt>, or ?token=)")
	}
	if a.tickets != nil {
		ways = append(ways, "?ticket=")
	}
	if a.basic != nil {
		ways = append(ways, "user and password (Basic)")
	}
	if a.config.Cookie != "" {
		ways = append(ways, fmt.Sprintf("the cookie %q", a.config.Cookie))
	}
	if a.config.Dev {
		ways = append(ways, "?user=ID (development mode)")
	}
	return strings.Join(ways, ", or ")
}
