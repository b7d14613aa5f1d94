package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// allCalls knows what calls there are, and can make none.
var allCalls = sync.OnceValues(func() (*API, error) {
	none := func(context.Context, hubbub.Identity, time.Duration) (string, time.Time, error) {
		return "", time.Time{}, nil
	}
	return New(Options{IssueTicket: none})
})

// CheckCall returns what is wrong with a call that others shall lead to, such as rules for events: that there is no such call, or that
// it can be no part of another. path is below [Prefix], percent-encoded, perhaps with a query. It may be called concurrently.
func CheckCall(method, path string) error {
	a, err := allCalls()
	if err != nil {
		return err
	}
	target, err := url.ParseRequestURI(Prefix + path)
	if err != nil || !strings.HasPrefix(path, "/") {
		return fmt.Errorf("%q is not a path below %s such as /rooms/lobby/messages", path, Prefix)
	}
	r := &http.Request{Method: method, URL: target, Header: http.Header{}, Body: http.NoBody}
	handler, pattern := a.mux.Handler(r)
	gate, known := a.calls[pattern]
	switch {
	case pattern == "" && unrouted(handler, r).Status == http.StatusMethodNotAllowed:
		return fmt.Errorf("the path %s does not know the method %s", path, method)
	case !known:
		return fmt.Errorf("there is no call %s %s; docs/http-api.md has all of them", method, path)
	case gate.alone:
		return fmt.Errorf("%s %s can be no part of another call", method, path)
	}
	return nil
}
