package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// fault is why there is no reply.
type fault struct {
	says     string // what a person is told, behind the backend's name
	cause    error  // for logs; may be nil
	answered bool   // the backend is there and answered something
}

// why is what the log says of it, short even if the backend says much.
func (f *fault) why() string {
	if f.cause == nil {
		return f.says
	}
	return fmt.Sprintf("%s: %.200v", f.says, f.cause)
}

// firstRead is how much room a body gets at first if it says that it needs as much: what it says may be wrong.
const firstRead = 64 << 10

// exchange sends a request and reads its reply, on a kept conn if there is one.
func (b *Backend) exchange(within limit, r *request) (Reply, *fault) {
	for fresh := false; ; fresh = true {
		l, err := b.wire.take(within, fresh)
		if err != nil {
			return Reply{}, &fault{says: "cannot be reached", cause: err}
		}
		stop := context.AfterFunc(within.ctx, l.cut)
		reply, whole, failed := b.converse(l, r)
		if stop() && whole {
			b.wire.put(l)
			return reply, failed
		}
		l.end()
		if failed == nil || !l.again(within, r, failed.cause) {
			return reply, failed
		}
	}
}

// converse sends a request and reads its reply. It tells whether the line can be used again: what is not read to its end is not waited
// for.
func (b *Backend) converse(l *line, r *request) (Reply, bool, *fault) {
	if err := l.send(r); err != nil {
		return Reply{}, false, &fault{says: "cannot be reached", cause: err}
	}
	response, err := l.receive(r.method)
	if err != nil {
		return Reply{}, false, &fault{says: "cannot be reached", cause: err}
	}
	if says := b.refuse(r, response); says != "" {
		return Reply{}, false, &fault{says: says, answered: true}
	}
	body, err := b.read(response)
	if errors.Is(err, errTooLong) {
		return Reply{}, false, &fault{says: fmt.Sprintf("answered with more than %d bytes", b.config.MaxResponse), answered: true}
	}
	if err != nil {
		return Reply{}, false, &fault{says: "broke off in the middle of its answer", cause: err}
	}
	for name := range response.Header {
		if dropped(name) {
			delete(response.Header, name)
		}
	}
	return Reply{Status: response.StatusCode, Header: response.Header, Body: body}, l.clean(response), nil
}

// refuse says what is wrong with a response whose header we have, or "".
func (b *Backend) refuse(r *request, response *http.Response) string {
	encoding := response.Header.Get("Content-Encoding")
	switch status := response.StatusCode; {
	case status < 200:
		return fmt.Sprintf("answered with the status %d, which was not asked for", status)
	case status >= 300 && status < 400:
		return fmt.Sprintf("answered with the redirect %d; redirects are not followed", status)
	case encoding != "" && !strings.EqualFold(encoding, "identity"):
		return "answered with a Content-Encoding, though it was asked for identity"
	case response.ContentLength > int64(b.config.MaxResponse) && r.method != http.MethodHead:
		return fmt.Sprintf("answered with more than %d bytes", b.config.MaxResponse)
	}
	return ""
}

var errTooLong = errors.New("too long")

// read reads the body to its end, so that the conn can be used again.
func (b *Backend) read(response *http.Response) ([]byte, error) {
	if response.ContentLength == 0 || response.Body == http.NoBody {
		return nil, nil
	}
	room := int64(512)
	if response.ContentLength > 0 {
		room = min(response.ContentLength, firstRead)
	}
	body := make([]byte, 0, room)
	for {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		n, err := response.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case len(body) > b.config.MaxResponse:
			return nil, errTooLong
		case err == io.EOF:
			return body, nil
		case err != nil:
			return nil, err
		}
	}
}
