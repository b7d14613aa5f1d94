package hook

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/time/rate"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/backend"
)

// What a rule can be about.
const (
	OnConnect  = "connect"   // somebody wants to connect
	OnRoomJoin = "room.join" // a session wants to join a room
	OnRoomSend = "room.send" // a session wants to send to a room
	OnUserSend = "user.send" // a session wants to send to a user
)

// What happens when a backend fails to answer.
const (
	Refuse = "refuse"
	Allow  = "allow"
)

// How a question ends.
const (
	Allowed = "allowed"
	Refused = "refused"
	Failed  = "failed" // OnFailure decided
)

// Options are what [Hooks] are made of.
type Options struct {
	Rules    []Rule                      // the first that matches decides
	Backends map[string]*backend.Backend // by the names that rules call them by
	// Observe is told how each question ended: Allowed, Refused or Failed, for figures. It is called concurrently and must not block. nil
	// means that nobody counts.
	Observe func(on, outcome string)
	Logger  *slog.Logger // nil means slog.Default()
}

// Rule says which backend is asked about what.
type Rule struct {
	On        string        // OnConnect, OnRoomJoin, OnRoomSend or OnUserSend
	Rooms     []string      // globs of the rooms that it is about, for room.join and room.send, see [hubbub.Match]; none means all
	Backend   string        // the backend's name
	Path      string        // what is called there
	Timeout   time.Duration // 0 means 1 s; the backend's own timeout holds too
	OnFailure string        // Refuse or Allow; "" means Refuse
	Headers   []string      // of the handshake, told to the backend; for connect alone. Cookie and Authorization are, if they are listed
}

// Hooks asks backends by rules. It may be used concurrently.
type Hooks struct {
	// Immutable.
	rules []*rule
}

// rule is a Rule that can be asked.
type rule struct {
	// Immutable.
	Rule
	to      *backend.Backend
	log     *slog.Logger
	observe func(on, outcome string)
	// Safe for concurrent use.
	failures atomic.Uint64
	logging  rate.Sometimes
}

// New makes Hooks. Its errors say which rule is wrong.
func New(o Options) (*Hooks, error) {
	if o.Observe == nil {
		o.Observe = func(string, string) {}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	h := &Hooks{}
	for i, r := range o.Rules {
		r.Timeout = cmp.Or(r.Timeout, time.Second)
		r.OnFailure = cmp.Or(r.OnFailure, Refuse)
		if err := h.check(&r); err != nil {
			return nil, fmt.Errorf("hooks[%d]: %w", i, err)
		}
		to := o.Backends[r.Backend]
		if to == nil {
			return nil, fmt.Errorf("hooks[%d]: there is no backend %q: name one of the list backends", i, r.Backend)
		}
		r.Headers = slices.Clone(r.Headers)
		for i, name := range r.Headers {
			r.Headers[i] = http.CanonicalHeaderKey(name)
		}
		h.rules = append(h.rules, &rule{Rule: r, to: to, observe: o.Observe, log: o.Logger, logging: rate.Sometimes{Interval: 10 * time.Second}})
	}
	return h, nil
}

// check says what is wrong with a rule that has its defaults and comes behind those of h.
func (h *Hooks) check(r *Rule) error {
	rooms := r.On == OnRoomJoin || r.On == OnRoomSend
	switch {
	case !rooms && r.On != OnConnect && r.On != OnUserSend:
		return fmt.Errorf("on: %q is unknown; write connect, room.join, room.send or user.send", r.On)
	case len(r.Rooms) > 0 && !rooms:
		return fmt.Errorf("rooms: a rule on %s is not about rooms", r.On)
	case len(r.Headers) > 0 && r.On != OnConnect:
		return fmt.Errorf("headers: only a handshake has headers, and this rule is on %s", r.On)
	case r.Timeout < 0:
		return fmt.Errorf("timeout: it must not be negative")
	case r.OnFailure != Refuse && r.OnFailure != Allow:
		return fmt.Errorf("on_failure: %q is unknown; write refuse or allow", r.OnFailure)
	}
	for _, name := range r.Headers {
		if !httpguts.ValidHeaderFieldName(name) {
			return fmt.Errorf("headers: %q cannot be the name of a header", name)
		}
	}
	if err := backend.CheckPath(r.Path); err != nil {
		return fmt.Errorf("path: %w", err)
	}
	for _, before := range h.rules {
		if before.On == r.On && len(before.Rooms) == 0 {
			return fmt.Errorf("it would never be asked: an earlier rule on %s decides about everything", r.On)
		}
	}
	return nil
}

// find returns the first rule about something in a room, or nil.
func (h *Hooks) find(on, room string) *rule {
	for _, r := range h.rules {
		if r.On == on && (len(r.Rooms) == 0 || slices.ContainsFunc(r.Rooms, func(glob string) bool { return hubbub.Match(glob, room) })) {
			return r
		}
	}
	return nil
}

// has tells whether there is a rule about something.
func (h *Hooks) has(on string) bool {
	return slices.ContainsFunc(h.rules, func(r *rule) bool { return r.On == on })
}

// question is what a backend is asked about a session.
type question struct {
	Hook     string            `json:"hook"`
	User     string            `json:"user"`
	Device   string            `json:"device"`
	Platform string            `json:"platform"`
	Session  string            `json:"session"`
	Info     json.RawMessage   `json:"info,omitempty"`
	Attrs    map[string]string `json:"attrs,omitempty"`
	Room     string            `json:"room,omitempty"`
	To       string            `json:"to,omitempty"`
	Data     json.RawMessage   `json:"data,omitempty"`
	Key      string            `json:"key,omitempty"`
}

func ask(on string, id *hubbub.Identity, session string) question {
	return question{Hook: on, User: id.User, Device: id.Device, Platform: id.Platform, Session: session, Info: id.Info, Attrs: id.Attrs}
}

// MayJoin returns what hubbub.Options.MayJoin can be, or nil if no rule is about joining.
func (h *Hooks) MayJoin() func(ctx context.Context, s *hubbub.Session, room string) error {
	if !h.has(OnRoomJoin) {
		return nil
	}
	return func(ctx context.Context, s *hubbub.Session, room string) error {
		r := h.find(OnRoomJoin, room)
		if r == nil {
			return nil
		}
		id := s.Identity()
		q := ask(OnRoomJoin, &id, s.ID())
		q.Room = room
		_, err := r.decide(ctx, q, &id, s.ID(), func(answer) error { return nil })
		return err
	}
}

// MaySend returns what hubbub.Options.MaySend can be, or nil if no rule is about sending.
func (h *Hooks) MaySend() func(context.Context, hubbub.Sending) (json.RawMessage, error) {
	if !h.has(OnRoomSend) && !h.has(OnUserSend) {
		return nil
	}
	return func(ctx context.Context, s hubbub.Sending) (json.RawMessage, error) {
		on := OnRoomSend
		if s.Room == "" {
			on = OnUserSend
		}
		r := h.find(on, s.Room)
		if r == nil {
			return nil, nil
		}
		q := ask(on, &s.From, s.Session)
		q.Room, q.To, q.Data, q.Key = s.Room, s.To, s.Data, s.Key
		var data json.RawMessage
		_, err := r.decide(ctx, q, &s.From, s.Session, func(a answer) error { return a.read("data", &data) })
		if err != nil {
			return nil, err
		}
		return data, nil
	}
}
