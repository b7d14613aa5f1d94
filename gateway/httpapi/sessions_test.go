package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// end makes a call that must end n sessions.
func (s *stand) end(n int, method, path, body string) {
	s.t.Helper()
	if got := ok[httpapi.Ended](s, method, path, body); got.Ended != n {
		s.t.Errorf("%s %s %s ended %d sessions, want %d", method, path, body, got.Ended, n)
	}
}

// ended waits for the end of a session.
func (c *seat) ended(t *testing.T, want hubbub.EndReason) {
	t.Helper()
	if why := testkit.Receive(t, "the end of a session", c.closed); why != want {
		t.Errorf("the session ended with %s, want %s", why, want)
	}
}

func TestEndSessions(t *testing.T) {
	s := start(t, set{})
	phone := s.sit(hubbub.Identity{User: "ann", Device: "phone"})
	tab1 := s.sit(hubbub.Identity{User: "ann", Device: "laptop"})
	tab2 := s.sit(hubbub.Identity{User: "ann", Device: "laptop"})
	watch := s.sit(hubbub.Identity{User: "ann", Device: "watch"})
	bob := s.sit(hubbub.Identity{User: "bob"})

	s.end(0, "DELETE", "/users/bob/sessions/"+phone.session.ID(), "") // it is ann's
	s.end(1, "DELETE", "/users/ann/sessions/"+phone.session.ID(), "")
	s.end(0, "DELETE", "/users/ann/sessions/"+phone.session.ID(), "")
	phone.ended(t, hubbub.EndLoggedOut)
	s.end(2, "DELETE", "/users/ann/devices/laptop", "")
	tab1.ended(t, hubbub.EndLoggedOut)
	tab2.ended(t, hubbub.EndLoggedOut)
	s.end(0, "DELETE", "/users/ann/devices/laptop", "")
	tablet := s.sit(hubbub.Identity{User: "ann", Device: "tablet"})
	s.end(1, "DELETE", "/users/ann/sessions?except="+watch.session.ID(), "")
	tablet.ended(t, hubbub.EndLoggedOut)
	s.end(1, "DELETE", "/users/ann/sessions", "")
	watch.ended(t, hubbub.EndLoggedOut)
	s.end(1, "DELETE", "/users/bob/sessions", "")
	bob.ended(t, hubbub.EndLoggedOut)

	s.refuse(refused{422, hubbub.Invalid, "user"}, "DELETE", "/users/a%20b/sessions", "")
	s.refuse(refused{422, hubbub.Invalid, "device"}, "DELETE", "/users/ann/devices/a%20b", "")
	s.refuse(refused{422, hubbub.Invalid, "query.exept"}, "DELETE", "/users/ann/sessions?exept=1", "")
}

func TestRevoke(t *testing.T) {
	s := start(t, set{})
	now := time.Now()
	identity := func(user, device, token string, issued time.Duration) hubbub.Identity {
		return hubbub.Identity{User: user, Device: device, Token: token, Issued: now.Add(issued)}
	}
	valid := func(want bool, id hubbub.Identity) {
		t.Helper()
		err := s.hub.Check(t.Context(), id)
		e, _ := errors.AsType[*hubbub.Error](err)
		if want != (err == nil) || err != nil && (e == nil || e.Reason != hubbub.Unauthorized) {
			t.Errorf("%+v: %v, want valid %v", id, err, want)
		}
	}

	old := s.sit(identity("ann", "phone", "t1", -time.Minute))
	s.end(1, "POST", "/users/ann/revoke", `{}`)
	old.ended(t, hubbub.EndRevoked)
	valid(false, identity("ann", "phone", "t1", -time.Minute))
	valid(true, identity("ann", "phone", "t2", time.Minute))

	phone, laptop := s.sit(identity("bob", "phone", "t1", 0)), s.sit(identity("bob", "laptop", "t2", 0))
	s.end(1, "POST", "/users/bob/revoke", `{"device": "phone"}`)
	phone.ended(t, hubbub.EndRevoked)
	valid(true, identity("bob", "laptop", "t2", 0))
	s.end(1, "POST", "/users/bob/revoke", `{"token": "t2"}`)
	laptop.ended(t, hubbub.EndRevoked)
	valid(false, identity("bob", "laptop", "t2", time.Minute))
	valid(true, identity("bob", "laptop", "t3", 0))

	s.end(0, "POST", "/users/carol/revoke", fmt.Sprintf(`{"before": %d}`, now.Add(-time.Hour).UnixMilli()))
	valid(true, identity("carol", "phone", "t1", 0))
	valid(false, identity("carol", "phone", "t1", -2*time.Hour))

	s.end(0, "POST", "/users/dave/revoke", fmt.Sprintf(`{"block": true, "until": %d}`, in(time.Hour)))
	valid(false, identity("dave", "phone", "t1", time.Minute))

	s.refuse(refused{422, hubbub.Invalid, "exclude"}, "POST", "/users/ann/revoke", `{"block": true, "before": 1}`)
	s.refuse(refused{422, hubbub.Invalid, "body.before"}, "POST", "/users/ann/revoke", `{"before": "2026-01-01"}`)
	s.refuse(refused{422, hubbub.Invalid, "body.until"}, "POST", "/users/ann/revoke", `{"until": 0}`)
	s.refuse(refused{422, hubbub.Invalid, "device"}, "POST", "/users/ann/revoke", `{"device": "a b"}`)
	s.refuse(refused{422, hubbub.Invalid, "user"}, "POST", "/users/a%20b/revoke", `{}`)
	s.refuse(refused{400, hubbub.Invalid, "body"}, "POST", "/users/ann/revoke", ``)
}

func TestTickets(t *testing.T) {
	type issued struct {
		id  hubbub.Identity
		ttl time.Duration
	}
	got := make(chan issued, 1)
	expires := time.Now().Add(time.Minute)
	s := start(t, set{api: httpapi.Options{
		IssueTicket: func(_ context.Context, id hubbub.Identity, ttl time.Duration) (string, time.Time, error) {
			if ttl > time.Minute {
				return "", time.Time{}, hubbub.Errorf(hubbub.Invalid, "at most a minute")
			}
			got <- issued{id, ttl}
			return "once", expires, nil
		}}})

	want := httpapi.Ticket{Ticket: "once", Expires: expires.UnixMilli()}
	if ticket := ok[httpapi.Ticket](s, "POST", "/tickets", `{"user": "ann"}`); ticket != want {
		t.Errorf("the ticket is %+v", ticket)
	}
	least := testkit.Receive(t, "the ticket", got)
	if least.ttl != 0 || least.id.Issued.IsZero() || !least.id.Expires.IsZero() {
		t.Errorf("asked for %+v", least)
	}

	ends := in(time.Hour)
	ok[httpapi.Ticket](s, "POST", "/tickets", fmt.Sprintf(`{"user": "ann", "device": "phone", "platform": "ios", "info": {"name":"Ann"},
		"attrs": {"plan": "pro"}, "rooms": {"join": ["eu/*"], "send": ["eu/north"]}, "session_expires": %d, "ttl_ms": 5000}`, ends))
	all := testkit.Receive(t, "the ticket", got)
	all.id.Issued = time.Time{}
	if want := (issued{ttl: 5 * time.Second, id: hubbub.Identity{User: "ann", Device: "phone", Platform: "ios",
		Info: json.RawMessage(`{"name":"Ann"}`), Attrs: map[string]string{"plan": "pro"}, Expires: time.UnixMilli(ends),
		Rooms: hubbub.Permissions{Join: []string{"eu/*"}, Send: []string{"eu/north"}}}}); !reflect.DeepEqual(all, want) {
		t.Errorf("asked for %+v, want %+v", all, want)
	}

	for body, says := range map[string]string{
		`{}`:                                      "user",
		`{"user": "a b"}`:                         "user",
		`{"user": "ann", "info": 7}`:              "info",
		`{"user": "ann", "ttl_ms": 5}`:            "body.ttl_ms",
		`{"user": "ann", "ttl_ms": 3600000}`:      "at most a minute",
		`{"user": "ann", "attrs": {"a": 1}}`:      "body.attrs.a",
		`{"user": "ann", "rooms": {"jion": []}}`:  "body.rooms.jion",
		`{"user": "ann", "session_expires": 1.5}`: "body.session_expires",
	} {
		s.refuse(refused{422, hubbub.Invalid, says}, "POST", "/tickets", body)
	}

	without := start(t, set{})
	without.refuse(refused{404, hubbub.NotFound, "no such call"}, "POST", "/tickets", `{"user": "ann"}`)
}
