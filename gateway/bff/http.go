package bff

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// signIn is told to those who call without credentials what is not for everybody.
const signIn = "this call is for those who have signed in: send a token, for example as `Authorization: Bearer TOKEN`, or, in " +
	"development mode, add ?user=NAME"

// Handler answers GET, HEAD and POST on /bff/NAME. identify tells who calls: nil for a request without credentials, an
// error for bad ones. It is called concurrently.
//
// The params are those of the query, or the members of a JSON object as the body of a POST, whose Content-Type must be
// application/json: no form of another page can send that. Nothing may keep the replies. Preflight requests of pages
// from elsewhere are whoever's who mounts the handler.
func (b *BFF) Handler(identify func(*http.Request) (*hubbub.Identity, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		result, err := b.serve(w, r, identify)
		if wrong, ok := errors.AsType[*httpError](err); ok {
			writeProblem(w, r, wrong.status, wrong.err)
			return
		}
		if err != nil {
			b.opts.Refuse(w, r, err)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(result)))
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		w.Write(result) // a client that has left does not read it
	})
}

// identifier tells who makes a request.
type identifier = func(*http.Request) (*hubbub.Identity, error)

// httpError is an error with a status that HTTP has and the domain has not.
type httpError struct {
	status int
	err    *hubbub.Error
}

func (e *httpError) Error() string { return e.err.Message }

func (b *BFF) serve(w http.ResponseWriter, r *http.Request, identify identifier) (json.RawMessage, error) {
	name, below := strings.CutPrefix(r.URL.Path, "/bff/")
	route := b.routes[name]
	if route == nil || !below {
		return nil, hubbub.Errorf(hubbub.NotFound, "there is no such call, %.100q; see bff.routes in the configuration",
			strings.TrimPrefix(r.URL.Path, "/bff/"))
	}
	allowed := "GET, HEAD, POST"
	if route.post {
		allowed = "POST"
	}
	if !slices.Contains(strings.Split(allowed, ", "), r.Method) {
		w.Header().Set("Allow", allowed)
		return nil, &httpError{http.StatusMethodNotAllowed, hubbub.Errorf(hubbub.Invalid,
			"this call does not know the method %.20s; allowed are %s", r.Method, allowed)}
	}
	identity, err := identify(r)
	if err != nil {
		return nil, err
	}
	if identity == nil && !route.optional {
		return nil, hubbub.Errorf(hubbub.Unauthorized, signIn)
	}
	params, err := b.read(w, r, route)
	if err != nil {
		return nil, err
	}
	return b.answer(r.Context(), &call{route: route, params: params, identity: identity, header: r.Header})
}

// read reads the params.
func (b *BFF) read(w http.ResponseWriter, r *http.Request, route *route) ([]any, error) {
	if r.Method != http.MethodPost {
		return route.fromQuery(r.URL.RawQuery, b.opts.SignIn)
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, &httpError{http.StatusUnsupportedMediaType, hubbub.Errorf(hubbub.Invalid,
			"params of a POST are a JSON object: send the Content-Type application/json")}
	}
	if err := b.checkQuery(r.URL.RawQuery); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxParams))
	switch _, tooLarge := errors.AsType[*http.MaxBytesError](err); {
	case tooLarge:
		return nil, hubbub.Errorf(hubbub.TooLarge, "the params have too many bytes; at most %d are allowed", maxParams)
	case err != nil:
		return nil, &httpError{http.StatusBadRequest, &hubbub.Error{Reason: hubbub.Invalid, Message: "the body broke off", Err: err}}
	}
	params, err := route.fromJSON(bytes.TrimSpace(body))
	if err == errNotJSON {
		return nil, &httpError{http.StatusBadRequest, errNotJSON}
	}
	return params, err
}

// checkQuery refuses params in the query of a POST, which would be overlooked.
func (b *BFF) checkQuery(query string) error {
	if query == "" {
		return nil
	}
	given, err := url.ParseQuery(query)
	if err != nil {
		return &hubbub.Error{Reason: hubbub.Invalid, Message: "the query of the URL is not well escaped", Err: err}
	}
	for name := range given {
		if !slices.Contains(b.opts.SignIn, name) {
			return hubbub.Errorf(hubbub.Invalid, "the param %.70q is in the query of a POST; put it into the body", name)
		}
	}
	return nil
}

// refuse is the default of Options.Refuse.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	e := hubbub.AsError(err)
	writeProblem(w, r, e.Reason.Status(), e)
}

// writeProblem answers with an RFC 9457 problem.
func writeProblem(w http.ResponseWriter, r *http.Request, status int, e *hubbub.Error) {
	body, _ := json.Marshal(struct { // strings and numbers never fail
		Type       string        `json:"type"`
		Title      string        `json:"title"`
		Status     int           `json:"status"`
		Detail     string        `json:"detail"`
		Reason     hubbub.Reason `json:"reason"`
		RetryAfter int64         `json:"retry_after_ms,omitempty"`
	}{"about:blank", http.StatusText(status), status, e.Message, e.Reason, e.RetryAfter.Milliseconds()})
	h := w.Header()
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10))
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(body) // a client that has left does not read it
	}
}
