package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// maxDescription is the most bytes of error_description.
const maxDescription = 256

// realm is what a challenge says that the credentials are for.
const realm = "hubbub"

// Problem is the body of a refusal, an RFC 9457 problem with members of our own.
type Problem struct {
	Type   string        `json:"type"`  // always "about:blank": the status says what kind it is
	Title  string        `json:"title"` // the status in words
	Status int           `json:"status"`
	Detail string        `json:"detail"` // for the person who wrote the client
	Reason hubbub.Reason `json:"reason"` // for the client
	// RetryAfter is how many milliseconds to wait, left out when unknown.
	RetryAfter int64 `json:"retry_after_ms,omitempty"`
}

// WriteProblem answers a request with an error: the status of its reason, a [Problem] as application/problem+json, the
// challenges of a [Refusal] in its chain as WWW-Authenticate, and Retry-After where it is known. Nothing may keep the answer.
// The error's cause is not shown; it is the caller's to log.
func WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	e := hubbub.AsError(err)
	status := e.Reason.Status()
	h := w.Header()
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		for _, c := range refusal.Challenges {
			h.Add("WWW-Authenticate", c)
		}
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10))
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false) // people read it with curl
	encoder.Encode(Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: e.Message,
		Reason: e.Reason, RetryAfter: e.RetryAfter.Milliseconds()}) // strings and numbers never fail
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(body.Bytes()) // a client that has left does not read it
	}
}

// Refuse adds the challenges to an error about credentials of a method, "" for none. [Authenticator.Authenticate] has done so;
// it is for whoever refuses later, such as for a revocation. Bad credentials are answered with the challenge of their own kind,
// so that a browser does not answer a bad token by asking its person for a password; missing ones with all that this server
// understands.
func (a *Authenticator) Refuse(m Method, err error) *Refusal {
	e := hubbub.AsError(err)
	r := &Refusal{Err: e}
	if e.Reason != hubbub.Unauthorized {
		return r
	}
	switch m {
	case Password:
		r.Challenges = []string{basicChallenge}
	case "", Dev, Anonymous:
		r.Challenges = a.challenges()
	default:
		r.Challenges = []string{`Bearer realm="` + realm + `", error="invalid_token", error_description="` + quotable(e.Message) + `"`}
	}
	return r
}

const basicChallenge = `Basic realm="` + realm + `", charset="UTF-8"`

// challenges are those for a request without credentials. RFC 9110 wants at least one.
func (a *Authenticator) challenges() []string {
	var all []string
	if a.keys != nil || a.basic == nil {
		all = append(all, `Bearer realm="`+realm+`"`)
	}
	if a.basic != nil {
		all = append(all, basicChallenge)
	}
	return all
}

// quotable keeps of a message what RFC 6750, section 3, allows in error_description, and not too much of it: claims can be
// long, and proxies refuse long headers.
func quotable(message string) string {
	if len(message) > maxDescription {
		message = message[:maxDescription-3] + "..."
	}
	return strings.Map(func(c rune) rune {
		switch {
		case c == '"':
			return '\''
		case c < ' ' || c > '~' || c == '\\':
			return '?'
		}
		return c
	}, message)
}
