package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// PresenceHandler is told who comes and goes. Each of its functions may be nil. They are called one at a time, by the goroutine
// of [API.WatchPresence]. While one blocks, changes are told together afterwards.
type PresenceHandler struct {
	// Ready is called when the stream has begun, and after a lost one each time that it has begun again. What was known of everybody
	// before may be out of date then; list it anew with [API.Online]. Users who were named are told again.
	Ready func()
	// Presence is told how a user is now.
	Presence func(Presence)
	// Lost is told that the stream was lost, and when the next attempt is.
	Lost func(err error, again time.Duration)
}

const (
	quiet    = 45 * time.Second // without a byte, though there is a heartbeat every 15 s: the stream is dead
	maxLine  = 1 << 20          // bytes of a line of the stream
	minDelay = time.Second
	maxDelay = 30 * time.Second
)

// WatchPresence follows who comes and goes: of these users, at most 1000, first how each is now; of everybody if none is named. It
// connects again when the stream is lost, until ctx ends, whose cause it returns then, or until the gateway refuses it for good, which
// is a [hubbub.Error]. Timeout does not hold for it.
func (a API) WatchPresence(ctx context.Context, users []string, h PresenceHandler) error {
	target := path("presence", "stream")
	if len(users) > 0 {
		target += asQuery(url.Values{"user": users})
	}
	for delay := minDelay; ; delay = min(2*delay, maxDelay) {
		began, err := a.watchOnce(ctx, target, h)
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		e := hubbub.AsError(err)
		if e.Reason != hubbub.Unavailable && e.Reason != hubbub.RateLimited {
			return err
		}
		if began {
			delay = minDelay
		}
		wait := max(e.RetryAfter, delay/2+rand.N(delay/2))
		if h.Lost != nil {
			h.Lost(err, wait)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

// watchOnce reads one stream, and tells whether it has begun.
func (a API) watchOnce(ctx context.Context, target string, h PresenceHandler) (began bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := a.request(ctx, http.MethodGet, target, nil)
	if err != nil {
		return false, err
	}
	req.Header.Set("Accept", "text/event-stream")
	silence := time.AfterFunc(quiet, cancel)
	defer silence.Stop()
	hc := *a.http()
	hc.Timeout = 0 // it would end the stream
	res, err := hc.Do(req)
	if err != nil {
		return false, hubbub.Errorf(hubbub.Unavailable, "the gateway at %s cannot be reached: %w", req.URL.Host, withoutURL(err))
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		content, _ := io.ReadAll(io.LimitReader(res.Body, maxLine)) // the status says enough
		return false, fromHTTP(res.StatusCode, content, nil)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxLine)
	var event, data string
	for lines.Scan() {
		silence.Reset(quiet)
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "event":
			event = value
		case "data":
			data = value
		case "":
			if lines.Text() != "" {
				continue // a comment
			}
			silence.Stop() // handlers may take their time
			began = began || event == "ready"
			if err := h.handle(event, data); err != nil {
				return began, err
			}
			event, data = "", ""
			silence.Reset(quiet)
		}
	}
	return began, hubbub.Errorf(hubbub.Unavailable, "the stream of presence ended: %w", errors.Join(io.EOF, lines.Err()))
}

func (h PresenceHandler) handle(event, data string) error {
	switch {
	case event == "ready" && h.Ready != nil:
		h.Ready()
	case event == "presence" && h.Presence != nil:
		var p Presence
		if err := json.Unmarshal([]byte(data), &p); err != nil {
			return hubbub.Errorf(hubbub.Unavailable, "the gateway sends a presence that cannot be understood: %w", err)
		}
		h.Presence(p)
	}
	return nil
}
