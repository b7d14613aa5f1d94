package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// Connection is somebody who wants to connect.
type Connection struct {
	Header   http.Header // of the handshake; the rule says what is told of it
	Query    url.Values  // without credentials: the caller takes out tokens and tickets
	Path     string
	Address  string           // where it comes from
	Identity *hubbub.Identity // who has been signed in; nil means that nobody has
}

// maxExtras is how many bytes the attrs and rooms that an answer names may have together.
const maxExtras = 16 << 10

// handshake is what a backend is asked about a Connection.
type handshake struct {
	Hook     string      `json:"hook"`
	Identity *identity   `json:"identity,omitempty"`
	Headers  http.Header `json:"headers"`
	Query    url.Values  `json:"query"`
	Path     string      `json:"path"`
	Address  string      `json:"address"`
}

// identity is how a backend is told who has been signed in.
type identity struct {
	User      string             `json:"user"`
	Device    string             `json:"device,omitempty"`
	Platform  string             `json:"platform,omitempty"`
	Info      json.RawMessage    `json:"info,omitempty"`
	Attrs     map[string]string  `json:"attrs,omitempty"`
	Rooms     hubbub.Permissions `json:"rooms,omitzero"`
	Expires   int64              `json:"expires,omitempty"` // Unix milliseconds
	Anonymous bool               `json:"anonymous,omitempty"`
}

// Connect returns who somebody is, and what they may do, as the rule on connect has it; without one, the identity as it is. Its error is
// the refusal: Unauthorized or Forbidden as the backend says, or Unavailable.
func (h *Hooks) Connect(ctx context.Context, c Connection) (hubbub.Identity, error) {
	var who hubbub.Identity
	if c.Identity != nil {
		who = *c.Identity
	}
	if r := h.find(OnConnect, ""); r != nil {
		answered, err := r.decide(ctx, r.handshake(c), c.Identity, "", func(a answer) error {
			said, err := a.identify(c.Identity, time.Now())
			if err == nil {
				who = said
			}
			return err
		})
		if err != nil {
			return hubbub.Identity{}, err
		}
		if !answered && c.Identity == nil {
			return hubbub.Identity{}, hubbub.Errorf(hubbub.Unavailable, "who you are cannot be found out right now; try again")
		}
	}
	if who.User == "" {
		return hubbub.Identity{}, hubbub.Errorf(hubbub.Unauthorized, "nobody has signed in here")
	}
	return who, nil
}

func (r *rule) handshake(c Connection) handshake {
	told := make(http.Header, len(r.Headers))
	for _, name := range r.Headers {
		if values := c.Header[name]; len(values) > 0 {
			told[name] = values
		}
	}
	q := handshake{Hook: OnConnect, Headers: told, Query: c.Query, Path: c.Path, Address: c.Address}
	if q.Query == nil {
		q.Query = url.Values{}
	}
	if id := c.Identity; id != nil {
		q.Identity = &identity{User: id.User, Device: id.Device, Platform: id.Platform, Info: id.Info, Attrs: id.Attrs, Rooms: id.Rooms,
			Anonymous: id.Anonymous}
		if !id.Expires.IsZero() {
			q.Identity.Expires = id.Expires.UnixMilli()
		}
	}
	return q
}

// identify returns who an answer says that somebody is who has been signed in as known, if known is not nil.
func (a answer) identify(known *hubbub.Identity, now time.Time) (hubbub.Identity, error) {
	who := hubbub.Identity{Issued: now}
	if known != nil {
		who = *known
	}
	if err := a.name(&who, now); err != nil {
		return hubbub.Identity{}, err
	}
	if len(a.fields["attrs"])+len(a.fields["rooms"]) > maxExtras {
		return hubbub.Identity{}, fmt.Errorf("the attrs and rooms of its answer have more than %d bytes", maxExtras)
	}
	var info json.RawMessage // not that of known, which would be written over
	var attrs attributes
	var rooms *hubbub.Permissions
	var expires *int64
	err := errors.Join(a.read("info", &info), a.read("attrs", &attrs), a.read("rooms", &rooms), a.read("expires", &expires))
	if err != nil {
		return hubbub.Identity{}, err
	}
	if info != nil {
		who.Info = info
	}
	if attrs != nil {
		who.Attrs = attrs
	}
	if rooms != nil {
		who.Rooms = *rooms
	}
	if expires != nil {
		if err := shorten(&who, *expires, now); err != nil {
			return hubbub.Identity{}, err
		}
	}
	if who.Check() != nil {
		return hubbub.Identity{}, errors.New("its answer names a user, device, platform or info that cannot be: see hubbub.Identity")
	}
	return who, nil
}

// name reads who an answer says that somebody is.
func (a answer) name(who *hubbub.Identity, now time.Time) error {
	var user, device, platform string
	if err := errors.Join(a.read("user", &user), a.read("device", &device), a.read("platform", &platform)); err != nil {
		return err
	}
	if who.Anonymous && user != "" && user != who.User {
		who.User, who.Anonymous, who.Issued = user, false, now
	}
	for _, field := range []struct {
		name string
		has  *string
		says string
	}{{"user", &who.User, user}, {"device", &who.Device, device}, {"platform", &who.Platform, platform}} {
		switch {
		case *field.has == "":
			*field.has = field.says
		case field.says != "" && field.says != *field.has:
			return fmt.Errorf("its answer names another %s than the one that has been signed in", field.name)
		}
	}
	if who.User == "" {
		return errors.New("its answer does not say who it is, and nobody has been signed in")
	}
	return nil
}

// shorten sets when a session ends, if that is earlier than it would.
func shorten(who *hubbub.Identity, expires int64, now time.Time) error {
	end := time.UnixMilli(expires)
	if !end.After(now) {
		return errors.New("the field expires of its answer is in the past: it counts in Unix milliseconds")
	}
	if who.Expires.IsZero() || end.Before(who.Expires) {
		who.Expires = end
	}
	return nil
}
