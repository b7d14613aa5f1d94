package bff

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/backend"
	"github.com/hubbub-dev/hubbub/internal/template"
)

// call is one call of a route.
type call struct {
	// Immutable.
	route    *route
	params   []any            // in the order of the route's, nil for what is missing
	identity *hubbub.Identity // nil if nobody knows who calls
	session  string           // "" over HTTP
	header   http.Header      // of the caller over HTTP; nil otherwise
	// slots are those of the parts, one for each. A slot is read by others after its part is done.
	slots []slot
}

// slot is where the result of a part is for the others.
type slot struct {
	outcome
	value any           // the data decoded, if the part is walked
	done  chan struct{} // closed when the rest is there
}

// expansion finds values for the templates of one part.
type expansion struct {
	call *call
	last template.Ref // the reference that was looked up last
}

// find is the template.Source of the part.
func (x *expansion) find(ref template.Ref) (any, error) {
	x.last = ref
	switch ref[0] {
	case "params":
		if len(ref) == 1 {
			return x.call.allParams()
		}
		at, err := x.call.route.param(ref[1])
		if err != nil || x.call.params[at] == nil {
			return nil, template.ErrMissing
		}
		return template.Walk(x.call.params[at], ref[2:])
	case "user":
		return x.call.user(ref)
	}
	at := slices.IndexFunc(x.call.route.parts, func(p *part) bool { return p.name == ref[1] })
	s := &x.call.slots[at]
	if len(ref) == 2 {
		return s.data, nil
	}
	return template.Walk(s.value, ref[2:])
}

// allParams are the params as one object.
func (c *call) allParams() (any, error) {
	given := make(map[string]any, len(c.params))
	for i, v := range c.params {
		if v != nil {
			given[c.route.params[i].name] = v
		}
	}
	return given, nil
}

// user is what a reference says about who calls.
func (c *call) user(ref template.Ref) (any, error) {
	id := c.identity
	if id == nil {
		return nil, template.ErrMissing
	}
	text := ""
	switch ref[1] {
	case "info":
		if len(id.Info) == 0 {
			return nil, template.ErrMissing
		}
		return template.Walk(id.Info, ref[2:])
	case "attrs":
		if len(ref) == 2 {
			text, err := json.Marshal(id.Attrs)
			return json.RawMessage(text), err
		}
		value, ok := id.Attrs[ref[2]]
		if !ok {
			return nil, template.ErrMissing
		}
		return value, nil
	case "id":
		text = id.User
	case "device":
		text = id.Device
	case "platform":
		text = id.Platform
	case "session":
		text = c.session
	}
	if text == "" {
		return nil, template.ErrMissing
	}
	return text, nil
}

// request makes the request of a part. What goes wrong is the part's outcome.
func (c *call) request(p *part) (backend.Call, *outcome) {
	x := &expansion{call: c}
	r, err := x.request(p)
	if err == nil {
		return r, nil
	}
	e := hubbub.AsError(err)
	if errors.Is(err, template.ErrMissing) {
		e = hubbub.Errorf(hubbub.Invalid, "%s is missing", x.last)
	}
	out := outcome{status: e.Reason.Status(), err: e, own: true}
	if x.last != nil && x.last[0] == "parts" {
		// No fault of the caller.
		out = outcome{status: http.StatusFailedDependency, err: &hubbub.Error{Reason: hubbub.Unavailable, Message: e.Message, Err: e.Err}}
	}
	return r, &out
}

func (x *expansion) request(p *part) (backend.Call, error) {
	r := backend.Call{Method: p.method, Timeout: p.timeout}
	var err error
	if r.Path, err = p.path.Expand(x.find); err != nil {
		return r, err
	}
	query, err := p.query.Expand(x.find)
	if err != nil {
		return r, err
	}
	if query != "" {
		r.Path += "?" + query
	}
	if r.Header, err = x.header(p); err != nil {
		return r, err
	}
	if p.body != nil {
		if r.Body, err = p.body.Expand(x.find); err != nil {
			return r, err
		}
	}
	if p.cache.By != "shared" {
		r.Identity, r.Session = x.call.identity, x.call.session
	}
	return r, nil
}

func (x *expansion) header(p *part) (http.Header, error) {
	passed := x.call.header != nil && len(x.call.route.headers) > 0
	if !passed && len(p.headers) == 0 {
		return p.fixed, nil
	}
	all := maps.Clone(p.fixed)
	if passed {
		for _, name := range x.call.route.headers {
			if values := x.call.header[name]; len(values) > 0 {
				all[name] = values
			}
		}
	}
	for _, h := range p.headers {
		text, err := h.text.ExpandHeader(x.find)
		switch {
		case errors.Is(err, template.ErrMissing):
		case err != nil:
			return nil, err
		default:
			all[h.name] = []string{text}
		}
	}
	return all, nil
}

// key is the same for two requests of a part if their results can be told to either caller: it has all that the request
// depends on. Each piece has its length before it, so that none can be written to look like others.
func (b *BFF) key(c *call, p *part, r *backend.Call) string {
	k := appendPiece(make([]byte, 0, 256), p.id)
	k = appendPiece(k, r.Path)
	if len(c.route.headers)+len(p.headers) > 0 {
		for _, name := range slices.Sorted(maps.Keys(r.Header)) {
			k = appendPiece(k, name)
			k = strconv.AppendInt(k, int64(len(r.Header[name])), 10)
			for _, value := range r.Header[name] {
				k = appendPiece(k, value)
			}
		}
	}
	if p.cache.By == "shared" {
		return string(k)
	}
	k = appendIdentity(append(k, '|'), r.Identity)
	if p.cache.By == "user" {
		return string(k)
	}
	// Nothing is kept: this is about requests on their way. Who has changed something must not be told what was asked
	// for before.
	if r.Identity != nil {
		k = appendPiece(appendPiece(k, r.Identity.Device), r.Session)
	}
	return string(strconv.AppendUint(k, b.writesOf(r.Identity).Load(), 10))
}

func appendPiece[T string | json.RawMessage](k []byte, piece T) []byte {
	k = strconv.AppendInt(append(k, ' '), int64(len(piece)), 10)
	return append(append(k, ':'), piece...)
}

// appendIdentity adds who a result is for: the user, and what backends are told about them, since they may decide by
// it.
func appendIdentity(k []byte, id *hubbub.Identity) []byte {
	if id == nil {
		return append(k, '-')
	}
	k = appendPiece(k, id.User)
	k = appendPiece(k, id.Platform)
	k = appendPiece(k, id.Info)
	k = strconv.AppendBool(k, id.Anonymous)
	if len(id.Attrs) == 0 {
		return k
	}
	for _, name := range slices.Sorted(maps.Keys(id.Attrs)) {
		k = appendPiece(appendPiece(k, name), id.Attrs[name])
	}
	return k
}
