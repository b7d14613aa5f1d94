package webhook

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"golang.org/x/net/http/httpguts"

	"github.com/hubbub-dev/hubbub"
)

// Target is somebody who wants to be told.
type Target struct {
	Name    string   // unique; see [hubbub.CheckName]. The outbox knows the target by it, so a new URL keeps what waits
	URL     string   // http or https, without user and password
	Secrets []string // "whsec_" and the base64 of 24 to 64 bytes; each signs, so that a receiver can change from one to the other
	Events  []string // globs of types, such as "session.*"; empty means all
	Rooms   []string // globs of rooms, for events that are about one; empty means all
	// Headers are sent with each request. They must not be those of HTTP itself, nor begin with "webhook-".
	Headers      map[string]string
	Timeout      time.Duration // of one attempt as a whole; 0 means 10 s, 5 minutes are the most
	Concurrency  int           // requests at a time; 0 means 64, 1024 are the most
	RetryFor     time.Duration // how long after its acceptance an item is tried again; 0 means 24 h
	AllowPrivate bool          // the address need not be public
}

const (
	maxTimeout     = 5 * time.Minute
	maxConcurrency = 1024
)

// target is a Target that was checked. It is immutable.
type target struct {
	Target
	url     *url.URL
	signers []*standardwebhooks.Webhook
	header  http.Header // of each request
}

// check returns a target with its defaults, or an error that says what is wrong with it and shows no secret.
func check(t Target) (*target, error) {
	if err := hubbub.CheckName("name of a webhook target", t.Name); err != nil {
		return nil, err
	}
	c := &target{Target: t}
	for _, step := range []func() error{c.checkURL, c.checkSecrets, c.checkFilters, c.checkHeaders, c.checkNumbers} {
		if err := step(); err != nil {
			return nil, hubbub.Errorf(hubbub.Invalid, "the webhook target %q: %w", t.Name, err)
		}
	}
	return c, nil
}

func (t *target) checkURL() (err error) {
	// The error of Parse would show the URL, which may have a password or a token in it.
	if t.url, err = url.Parse(t.URL); err != nil {
		return errors.New("its URL cannot be understood")
	}
	switch {
	case t.url.Scheme != "http" && t.url.Scheme != "https", t.url.Hostname() == "":
		return errors.New("its URL must be of the form https://host/path (or http)")
	case t.url.User != nil:
		return errors.New("its URL has a user or password; receivers know the sender by the signature, or by a header of yours")
	}
	t.url.Fragment, t.url.RawFragment = "", ""
	if ip, err := netip.ParseAddr(t.url.Hostname()); err == nil && !t.AllowPrivate {
		return checkAddr(ip.Unmap())
	}
	return nil
}

func (t *target) checkSecrets() (err error) {
	t.signers, err = signersOf(t.Secrets)
	return err
}

func (t *target) checkFilters() error {
	for _, glob := range t.Events {
		if !slices.ContainsFunc(eventTypes(), func(typ string) bool { return hubbub.Match(glob, typ) }) {
			return fmt.Errorf("there are no events %q; there are %s", glob, strings.Join(eventTypes(), ", "))
		}
	}
	if slices.Contains(t.Rooms, "") {
		return errors.New("the name of a room is empty; leave the list of rooms out for all of them")
	}
	return nil
}

func (t *target) checkHeaders() error {
	t.header = http.Header{"Content-Type": {"application/json"}, "User-Agent": {"hubbub-webhook"}}
	for name, value := range t.Headers {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			return fmt.Errorf("the header %q has a name that HTTP does not allow", name)
		case !httpguts.ValidHeaderFieldValue(value):
			return fmt.Errorf("the header %q has a value that HTTP does not allow", name)
		case strings.HasPrefix(canonical, "Webhook-") || slices.Contains(ownHeaders(), canonical):
			return fmt.Errorf("the header %q cannot be set: it is the sender's own", name)
		}
		t.header[canonical] = []string{value}
	}
	return nil
}

// ownHeaders are those that HTTP needs, or that belong to one connection.
func ownHeaders() []string {
	return []string{"Host", "Content-Length", "Content-Type", "Transfer-Encoding", "Connection", "Keep-Alive", "Te", "Trailer", "Upgrade",
		"Expect", "Proxy-Connection"}
}

func (t *target) checkNumbers() error {
	switch {
	case t.Timeout < 0 || t.Timeout > maxTimeout:
		return fmt.Errorf("a timeout of %v is not possible; at most %v are", t.Timeout, maxTimeout)
	case t.Concurrency < 0 || t.Concurrency > maxConcurrency:
		return fmt.Errorf("%d requests at a time are not possible; at most %d are", t.Concurrency, maxConcurrency)
	case t.RetryFor < 0:
		return fmt.Errorf("to try again for %v is not possible", t.RetryFor)
	}
	t.Timeout = cmp.Or(t.Timeout, 10*time.Second)
	t.Concurrency = cmp.Or(t.Concurrency, 64)
	t.RetryFor = cmp.Or(t.RetryFor, 24*time.Hour)
	return nil
}

// wants tells whether the target is told of an event; room is "" for one that is not about a room.
func (t *target) wants(typ, room string) bool {
	return matches(t.Events, typ) && (room == "" || matches(t.Rooms, room))
}

func matches(globs []string, name string) bool {
	return len(globs) == 0 || slices.ContainsFunc(globs, func(glob string) bool { return hubbub.Match(glob, name) })
}
