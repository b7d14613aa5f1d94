package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/hubbub-dev/hubbub"
)

// Problem is the body of every error (RFC 9457, section 3). Programs decide by its status or reason.
type Problem struct {
	Title        string        `json:"title" doc:"What the status means." example:"Forbidden"`
	Status       int           `json:"status" doc:"The HTTP status." example:"403"`
	Detail       string        `json:"detail" doc:"What is wrong, for the person who wrote the request, and what to do."`
	Reason       hubbub.Reason `json:"reason" doc:"What kind of error it is, a stable word." enum:"invalid,unauthorized,forbidden,not_found,rate_limited,too_large,unavailable,conflict"`
	RetryAfterMS int64         `json:"retry_after_ms,omitempty" doc:"How long to wait before the next try, in milliseconds."`
	Errors       []Fault       `json:"errors,omitempty" nullable:"false" doc:"Each thing that is wrong with the request."`

	header http.Header
}

// Fault is one thing that is wrong with a request.
type Fault struct {
	Location string `json:"location" doc:"Where it is." example:"body.data"`
	Message  string `json:"message" doc:"What is wrong there."`
}

// Error returns the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus tells huma the status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders tells huma what goes into the header of the response.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType tells huma the media type.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// newProblem makes a problem. The Retry-After header is added where there is something to wait for.
func newProblem(status int, reason hubbub.Reason, detail string, wait time.Duration) *Problem {
	p := &Problem{Title: http.StatusText(status), Status: status, Detail: detail, Reason: reason, header: http.Header{}}
	if wait > 0 {
		p.RetryAfterMS = int64(math.Ceil(float64(wait) / float64(time.Millisecond)))
		p.header.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	return p
}

// problemOf is the problem that answers an error of the domain.
func problemOf(e *hubbub.Error) *Problem {
	return newProblem(e.Reason.Status(), e.Reason, e.Message, e.RetryAfter)
}

// causeOf is what is worth logging of an error: what its message hides, if it hides something.
func causeOf(err error) error {
	if e, ok := errors.AsType[*hubbub.Error](err); ok && e.Err != nil {
		return e.Err
	}
	return err
}

// unauthorized asks for a key (RFC 6750, section 3). code is its error code; "" if there was no key at all.
func unauthorized(code, detail string) *Problem {
	p := newProblem(hubbub.Unauthorized.Status(), hubbub.Unauthorized, detail, 0)
	challenge := `Bearer realm="hubbub API"`
	if code != "" {
		challenge += fmt.Sprintf(`, error="%s"`, code)
	}
	p.header.Set("WWW-Authenticate", challenge)
	return p
}

// lacking refuses a key without a scope (RFC 6750, section 3.1).
func lacking(key string, need Scope) *Problem {
	p := newProblem(hubbub.Forbidden.Status(), hubbub.Forbidden, fmt.Sprintf("the API key %q lacks the scope %s: add it to "+
		"the scopes of its entry in the setting api.keys, or of its line in the file that api.file names, or use another key", key, need), 0)
	p.header.Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="hubbub API", error="insufficient_scope", scope="%s"`, need))
	return p
}

const noSuchCall = "there is no such call; " + documentPath + " describes all there are"

// unrouted answers a request that fits no call: the mux's own handler knows whether the path or the method is to blame.
func unrouted(handler http.Handler, r *http.Request) *Problem {
	said := recorded{}
	handler.ServeHTTP(&said, r)
	if said.status != http.StatusMethodNotAllowed {
		return newProblem(http.StatusNotFound, hubbub.NotFound, noSuchCall, 0)
	}
	allow := said.Header().Get("Allow")
	p := newProblem(http.StatusMethodNotAllowed, hubbub.Invalid, "this path does not know the method "+r.Method+
		"; it knows "+allow, 0)
	p.header.Set("Allow", allow)
	return p
}

// write answers with the problem.
func (p *Problem) write(w http.ResponseWriter) {
	for name, values := range p.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	json.NewEncoder(w).Encode(p) // fails only if the client is gone
}

// ownProblems is a huma.Transformer. It gives the errors that huma finds in a request the form of all others. What stood in the
// request is not repeated, since it may be private.
func ownProblems(_ huma.Context, _ string, v any) (any, error) {
	model, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := newProblem(model.Status, hubbub.Invalid, model.Detail, 0)
	var said []string
	for _, e := range model.Errors {
		message := plain(e.Message)
		p.Errors = append(p.Errors, Fault{Location: e.Location, Message: message})
		said = append(said, e.Location+": "+message)
	}
	if len(said) > 0 {
		p.Detail = "the request is not as " + documentPath + " describes it: " + strings.Join(said[:min(3, len(said))], "; ")
	}
	return p, nil
}

// plain quotes the name in what huma says of a property that is missing: the sentence can be read then, also if the name is a word such as to.
func plain(message string) string {
	before, after, _ := strings.Cut(validation.MsgExpectedRequiredProperty, "%s")
	name, begins := strings.CutPrefix(message, before)
	name, ends := strings.CutSuffix(name, after)
	if !begins || !ends {
		return message
	}
	return fmt.Sprintf("the property %q is missing", name)
}
