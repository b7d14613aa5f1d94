package backend

import (
	"maps"
	"net/http"
	"slices"
	"strconv"

	"golang.org/x/net/http/httpguts"

	"github.com/hubbub-dev/hubbub"
)

// request is a call that can be sent, and sent again.
type request struct {
	method string
	head   []byte // the request line and the header
	body   []byte
	whole  []byte // both, if they are small enough to be written at once; otherwise nil
	keyed  bool   // it has an Idempotency-Key
}

// ownHeader is a header that every call has unless it says otherwise.
type ownHeader struct{ name, line string }

// ownHeaders makes them from the configuration. Compression costs more than it saves on the way to a service next door, so it is not
// asked for; what comes compressed all the same is refused.
func ownHeaders(c *Config) []ownHeader {
	values := map[string]string{"User-Agent": "hubbub", "Accept-Encoding": "identity"}
	for name, value := range c.Headers {
		values[http.CanonicalHeaderKey(name)] = value
	}
	var all []ownHeader
	for _, name := range slices.Sorted(maps.Keys(values)) {
		all = append(all, ownHeader{name, name + ": " + values[name] + "\r\n"})
	}
	return all
}

// prepare makes the request of a call, or says by an Invalid error what is wrong with the call.
func (b *Backend) prepare(call *Call) (request, error) {
	if err := CheckPath(call.Path); err != nil {
		return request{}, err
	}
	if call.Method == "" || !httpguts.ValidHeaderFieldName(call.Method) || call.Method == http.MethodConnect {
		return request{}, hubbub.Errorf(hubbub.Invalid, "the method %q cannot be called", call.Method)
	}
	r := request{method: call.Method, body: call.Body}
	room := 512
	if small := len(call.Body) < maxAtOnce/2; small {
		room += len(call.Body)
	}
	r.head = make([]byte, 0, room)
	r.head = append(append(append(append(r.head, call.Method...), ' '), b.prefix...), call.Path...)
	r.head = append(append(append(r.head, " HTTP/1.1\r\nHost: "...), b.wire.host...), "\r\n"...)
	if err := b.addHeaders(&r, call); err != nil {
		return request{}, err
	}
	if err := b.addIdentity(&r, call); err != nil {
		return request{}, err
	}
	r.head = append(r.head, "\r\n"...)
	if len(r.head)+len(r.body) <= maxAtOnce {
		r.whole = append(r.head, r.body...)
	}
	return r, nil
}

// addHeaders adds the headers of the call, those of the backend that the call does not have, and what says where the body ends.
func (b *Backend) addHeaders(r *request, call *Call) error {
	var room [8]string
	given, named := room[:0], call.Header["Connection"]
	for name, values := range call.Header {
		name = http.CanonicalHeaderKey(name)
		if dropped(name) || len(named) > 0 && httpguts.HeaderValuesContainsToken(named, name) {
			continue
		}
		if !httpguts.ValidHeaderFieldName(name) {
			return hubbub.Errorf(hubbub.Invalid, "the header %q has a name that cannot be sent", name)
		}
		for _, value := range values {
			if !httpguts.ValidHeaderFieldValue(value) {
				return hubbub.Errorf(hubbub.Invalid, "the header %q has a value that cannot be sent", name)
			}
			r.add(name, value)
		}
		given = append(given, name)
		r.keyed = r.keyed || name == "Idempotency-Key" || name == "X-Idempotency-Key"
	}
	if len(call.Body) > 0 && !slices.Contains(given, "Content-Type") {
		r.add("Content-Type", "application/json")
		given = append(given, "Content-Type")
	}
	for _, own := range b.own {
		if !slices.Contains(given, own.name) {
			r.head = append(r.head, own.line...)
		}
	}
	if len(call.Body) > 0 || call.Method == http.MethodPost || call.Method == http.MethodPut || call.Method == http.MethodPatch {
		r.head = append(strconv.AppendInt(append(r.head, "Content-Length: "...), int64(len(call.Body)), 10), "\r\n"...)
	}
	return nil
}

// addIdentity adds who is asking.
func (b *Backend) addIdentity(r *request, call *Call) error {
	if call.Identity == nil {
		return nil
	}
	r.add(UserHeader, escapeName(call.Identity.User))
	if b.signer == nil {
		return nil
	}
	token, err := b.signer.sign(call.Identity, call.Session)
	if err == nil {
		r.add(IdentityHeader, token)
	}
	return err
}

func (r *request) add(name, value string) {
	r.head = append(append(append(append(r.head, name...), ": "...), value...), "\r\n"...)
}

// safe tells whether sending it twice does no harm.
func (r *request) safe() bool { return r.method == http.MethodGet || r.method == http.MethodHead }

// repeatable tells whether it may be sent again when a kept conn was closed instead of an answer.
func (r *request) repeatable() bool {
	return r.safe() || r.keyed || r.method == http.MethodOptions || r.method == http.MethodTrace
}
