package rpc

import "github.com/hubbub-dev/hubbub"

const (
	maxDepth = 32           // nesting of objects and arrays in a frame, the request itself included
	maxID    = hubbub.MaxID // bytes of a request's id as it is written
)

// request is what a client sends. All its bytes are parts of the frame.
type request struct {
	id     []byte // as it was written; nil for a notification, which is not answered
	method []byte
	params params
}

// member is one member of an object.
type member struct {
	key   []byte // what is between the quotes, with escapes
	value []byte // as it was written
}

// decode reads a text frame in one pass. After a refusal the request may have an id, to answer to.
func decode(frame []byte, r *request) *refusal {
	s := scanner{data: frame}
	s.space()
	if s.peek() != '{' {
		return s.refuseValue()
	}
	var found envelope
	ok := s.envelope(&found, &r.params.members)
	s.space()
	switch {
	case s.deep:
		return errDeep()
	case !ok:
		return errNotJSON()
	case s.at < len(frame):
		return refuse(codeParse, "there is something after the JSON object; send one object per frame")
	}
	return r.check(&found)
}

// refuseValue says what is wrong with a frame that is no object.
func (s *scanner) refuseValue() *refusal {
	first := s.peek()
	valid := s.value(0)
	s.space()
	switch {
	case s.deep:
		return errDeep()
	case !valid || s.at < len(s.data):
		return errNotJSON()
	case first == '[':
		return refuse(codeInvalidRequest, "there are no batches; send one request per frame")
	}
	return refuse(codeInvalidRequest, `a request is an object, such as {"id": 1, "method": "ping"}`)
}

func errNotJSON() *refusal {
	return refuse(codeParse, `this is not JSON; send one object such as {"id": 1, "method": "room.join", "params": {"room": "lobby"}}`)
}

func errDeep() *refusal {
	return refuse(codeInvalidRequest, "objects and arrays may be nested to a depth of %d", maxDepth)
}

// envelope is the members of a request object as they were written, each nil if it is missing.
type envelope struct {
	id, method, version, params []byte
	twice                       bool // one of them is there twice
}

// envelope reads an object that should be a request, and the members of its params.
func (s *scanner) envelope(e *envelope, params *[]member) bool {
	s.at++
	for first := true; ; first = false {
		key, more, ok := s.key(first)
		if !ok || !more {
			return ok
		}
		from, into := s.at, e.field(unescape(key))
		if into == &e.params && *into == nil && s.peek() == '{' {
			ok = s.object(2, params)
		} else {
			ok = s.value(1)
		}
		if !ok {
			return false
		}
		if into != nil {
			e.twice = e.twice || *into != nil
			*into = s.data[from:s.at]
		}
	}
}

// field is where the member with a key belongs; nil for one that is ignored.
func (e *envelope) field(key []byte) *[]byte {
	switch string(key) {
	case "id":
		return &e.id
	case "method":
		return &e.method
	case "params":
		return &e.params
	case "jsonrpc":
		return &e.version
	}
	return nil
}

// check makes the request of what was found.
func (r *request) check(e *envelope) *refusal {
	if e.twice {
		return refuse(codeInvalidRequest, `the request has "id", "method", "params" or "jsonrpc" twice`)
	}
	if id := e.id; id != nil && (id[0] != '"' && id[0] != '-' && (id[0] < '0' || id[0] > '9') || len(id) > maxID) {
		return refuse(codeInvalidRequest, `"id" is a string or a number of at most %d bytes`, maxID)
	}
	r.id = e.id
	switch {
	case len(e.method) <= len(`""`) || e.method[0] != '"':
		return refuse(codeInvalidRequest, `a request has a "method", such as {"id": 1, "method": "ping"}`)
	case e.version != nil && string(e.version) != `"2.0"` && string(e.version) != "null":
		return refuse(codeInvalidRequest, `"jsonrpc" is "2.0" or left out`)
	}
	r.method = unescape(e.method[1 : len(e.method)-1])
	if e.params == nil || string(e.params) == "null" {
		return nil
	}
	if e.params[0] != '{' {
		return refuse(hubbub.Invalid.Code(), `"params" is an object`)
	}
	r.params.raw = e.params
	return nil
}
