package backend

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/hubbub-dev/hubbub"
)

// Headers that tell the backend who is asking. What a caller sent under such a name is never passed on.
const (
	// UserHeader names the user, with % and every byte that is not ASCII percent-encoded, whenever a call has an Identity.
	UserHeader = "Hubbub-User"
	// IdentityHeader is the signed identity, whenever a call has an Identity and the backend a Secret.
	IdentityHeader = "Hubbub-Identity"
)

// maxPath is how many bytes the path of a call may have with its query.
const maxPath = 8 << 10

// request is a call that can be sent, and sent again.
type request struct {
	method string
	url    *url.URL
	header http.Header
	body   []byte
}

// prepare makes the request of a call, or says by an Invalid error what is wrong with the call.
func (b *Backend) prepare(call *Call) (request, error) {
	if err := CheckPath(call.Path); err != nil {
		return request{}, err
	}
	if call.Method == "" || !httpguts.ValidHeaderFieldName(call.Method) || call.Method == http.MethodConnect {
		return request{}, hubbub.Errorf(hubbub.Invalid, "the method %q cannot be called", call.Method)
	}
	header, err := b.header(call)
	if err != nil {
		return request{}, err
	}
	// An opaque URL is written as it is: parsing it, to put it together again, would cost as much as the rest of this.
	target := &url.URL{Scheme: b.base.Scheme, Host: b.base.Host, Opaque: b.prefix + call.Path}
	return request{method: call.Method, url: target, header: header, body: call.Body}, nil
}

// header puts together the header of a call: the backend's own, what the call adds, and who is asking.
func (b *Backend) header(call *Call) (http.Header, error) {
	header := make(http.Header, len(b.headers)+len(call.Header)+3)
	for name, values := range b.headers {
		header[name] = values // never written to
	}
	if len(call.Body) > 0 {
		header["Content-Type"] = jsonType
	}
	named := call.Header["Connection"]
	for name, values := range call.Header {
		name = http.CanonicalHeaderKey(name)
		if dropped(name) || len(named) > 0 && httpguts.HeaderValuesContainsToken(named, name) {
			continue
		}
		if !httpguts.ValidHeaderFieldName(name) {
			return nil, hubbub.Errorf(hubbub.Invalid, "the header %q has a name that cannot be sent", name)
		}
		for _, value := range values {
			if !httpguts.ValidHeaderFieldValue(value) {
				return nil, hubbub.Errorf(hubbub.Invalid, "the header %q has a value that cannot be sent", name)
			}
		}
		header[name] = values
	}
	if call.Identity == nil {
		return header, nil
	}
	header[UserHeader] = []string{escapeName(call.Identity.User)}
	if b.signer == nil {
		return header, nil
	}
	token, err := b.signer.sign(call.Identity, call.Session)
	if err != nil {
		return nil, err
	}
	header[IdentityHeader] = []string{token}
	return header, nil
}

// safe tells whether sending it twice does no harm.
func (r *request) safe() bool { return r.method == http.MethodGet || r.method == http.MethodHead }

// to makes the request of net/http for one try.
func (r *request) to(ctx context.Context) *http.Request {
	sent := &http.Request{Method: r.method, URL: r.url, Header: r.header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if len(r.body) > 0 {
		sent.ContentLength = int64(len(r.body))
		// With it net/http sends the request again by itself when a kept conn turns out to be closed before a byte was written.
		sent.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.body)), nil }
		sent.Body, _ = sent.GetBody()
	}
	return sent.WithContext(ctx)
}

// dropped tells whether a header of a caller goes no further: it belongs to one conn, or is ours to set. Some servers take _ for -
// in names, so that both are ours.
func dropped(canonical string) bool {
	switch canonical {
	case "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade", "Host", "Content-Length", "Accept-Encoding", "Expect":
		return true
	}
	const ours = "hubbub"
	return len(canonical) > len(ours) && strings.EqualFold(canonical[:len(ours)], ours) &&
		(canonical[len(ours)] == '-' || canonical[len(ours)] == '_')
}

// CheckPath tells whether a [Call] may have a path. It refuses what is no escaped path with a query, and what would lead out of the
// path that was meant: most come from templates, and a parameter may be "..". The error has the reason Invalid or TooLarge.
func CheckPath(path string) error {
	switch {
	case path == "" || path[0] != '/' || strings.HasPrefix(path, "//"):
		return hubbub.Errorf(hubbub.Invalid, "a path must begin with one /")
	case len(path) > maxPath:
		return hubbub.Errorf(hubbub.TooLarge, "a path of %d bytes is too long; at most %d are allowed", len(path), maxPath)
	}
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c >= 0x7f || c == '#' || c == '\\' {
			return hubbub.Errorf(hubbub.Invalid, "a path must be escaped: the byte %s must not stand in it", strconv.QuoteRuneToASCII(rune(c)))
		}
	}
	path, _, _ = strings.Cut(path, "?")
	for rest, more := path, true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		if dots(segment) {
			return hubbub.Errorf(hubbub.Invalid, "a path must not have the segments . and ..")
		}
	}
	return nil
}

// dots tells whether a segment of a path is . or .. for some server: many unescape first and split later, and some do not look at what
// stands behind a semicolon.
func dots(segment string) bool {
	if !strings.HasPrefix(segment, ".") && !strings.Contains(segment, "%") {
		return false
	}
	plain, err := url.PathUnescape(segment)
	if err != nil {
		plain = segment
	}
	for part := range strings.FieldsFuncSeq(plain, func(r rune) bool { return r == '/' || r == '\\' }) {
		part, _, _ = strings.Cut(part, ";")
		if part == "." || part == ".." {
			return true
		}
	}
	return false
}

// escapeName makes a header's value of a user's name. A receiver decodes it always: a name that holds % is escaped too, so that none
// can be written to look like another.
func escapeName(name string) string {
	plain := func(c byte) bool { return c > ' ' && c < 0x7f && c != '%' }
	odd := 0
	for i := range len(name) {
		if !plain(name[i]) {
			odd++
		}
	}
	if odd == 0 {
		return name
	}
	escaped := make([]byte, 0, len(name)+2*odd)
	for i := range len(name) {
		if plain(name[i]) {
			escaped = append(escaped, name[i])
			continue
		}
		const hex = "0123456789ABCDEF"
		escaped = append(escaped, '%', hex[name[i]>>4], hex[name[i]&15])
	}
	return string(escaped)
}
