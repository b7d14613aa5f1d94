package backend

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// jsonType is shared by all calls and never written to.
var jsonType = []string{"application/json"}

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

// exchange sends one request and reads its reply. What is not read to its end is not waited for: the conn is closed.
func (b *Backend) exchange(r *http.Request) (Reply, *fault) {
	response, err := b.transport.RoundTrip(r)
	if err != nil {
		return Reply{}, &fault{says: "cannot be reached", cause: err}
	}
	defer response.Body.Close()
	if says := b.refuse(r, response); says != "" {
		return Reply{}, &fault{says: says, answered: true}
	}
	body, err := b.read(response)
	if errors.Is(err, errTooLong) {
		return Reply{}, &fault{says: fmt.Sprintf("answered with more than %d bytes", b.config.MaxResponse), answered: true}
	}
	if err != nil {
		return Reply{}, &fault{says: "broke off in the middle of its answer", cause: err}
	}
	for name := range response.Header {
		if dropped(name) {
			delete(response.Header, name)
		}
	}
	return Reply{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}

// refuse says what is wrong with a response whose header we have, or "".
func (b *Backend) refuse(r *http.Request, response *http.Response) string {
	encoding := response.Header.Get("Content-Encoding")
	switch status := response.StatusCode; {
	case status < 200:
		return fmt.Sprintf("answered with the status %d, which was not asked for", status)
	case status >= 300 && status < 400:
		return fmt.Sprintf("answered with the redirect %d; redirects are not followed", status)
	case encoding != "" && !strings.EqualFold(encoding, "identity"):
		return "answered with a Content-Encoding, though it was asked for identity"
	case response.ContentLength > int64(b.config.MaxResponse) && r.Method != http.MethodHead:
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
