package auth_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/auth"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

func TestTicketsAreGoodOnce(t *testing.T) {
	clock := newClock()
	tickets := auth.NewTickets(auth.NewMemoryTickets(0, clock.Now), clock.Now)
	a := start(t, auth.Config{Tickets: tickets, Now: clock.Now})
	want := hubbub.Identity{User: "ann", Device: "d1", Attrs: map[string]string{"plan": "pro"}, Expires: clock.Now().Add(time.Hour)}
	ticket, expires, err := tickets.Issue(t.Context(), want, 0)
	if err != nil || len(ticket) < 26 || !expires.Equal(clock.Now().Add(auth.DefaultTicketTTL)) {
		t.Fatalf("%d characters until %s, %v", len(ticket), expires, err)
	}
	results := make(chan error, 50)
	for range cap(results) {
		go func() {
			got, err := a.Authenticate(get("ticket=" + ticket))
			id := got.Identity
			if err == nil && (id.User != "ann" || id.Device != "d1" || id.Attrs["plan"] != "pro" || !id.Expires.Equal(want.Expires) ||
				!id.Issued.Equal(clock.Now()) || got.Ambient) {
				err = errors.New("another identity")
			}
			results <- err
		}()
	}
	good := 0
	for range cap(results) {
		switch err := testkit.Receive(t, "a redeemer", results); {
		case err == nil:
			good++
		case reason(err) != hubbub.Unauthorized:
			t.Error(err)
		}
	}
	if good != 1 {
		t.Errorf("the ticket was good %d times", good)
	}
}

func TestTicketsExpire(t *testing.T) {
	clock := newClock()
	tickets := auth.NewTickets(auth.NewMemoryTickets(0, clock.Now), clock.Now)
	issue := func(ttl time.Duration) string {
		ticket, _, err := tickets.Issue(t.Context(), hubbub.Identity{User: "ann"}, ttl)
		if err != nil {
			t.Fatal(err)
		}
		return ticket
	}
	in, out := issue(time.Minute), issue(time.Minute)
	clock.Add(time.Minute - 1)
	if _, err := tickets.Redeem(t.Context(), in); err != nil {
		t.Error(err)
	}
	clock.Add(1)
	if _, err := tickets.Redeem(t.Context(), out); reason(err) != hubbub.Unauthorized {
		t.Errorf("an expired ticket: %v", err)
	}
	for _, never := range []string{"", "x", in} {
		if _, err := tickets.Redeem(t.Context(), never); reason(err) != hubbub.Unauthorized {
			t.Errorf("%q: %v", never, err)
		}
	}
	for _, ttl := range []time.Duration{-1, auth.MaxTicketTTL + 1} {
		if _, _, err := tickets.Issue(t.Context(), hubbub.Identity{User: "ann"}, ttl); reason(err) != hubbub.Invalid {
			t.Errorf("for %s: %v", ttl, err)
		}
	}
	if _, _, err := tickets.Issue(t.Context(), hubbub.Identity{User: "a b"}, 0); reason(err) != hubbub.Invalid {
		t.Error(err)
	}
}

func TestTicketsAreBounded(t *testing.T) {
	clock := newClock()
	tickets := auth.NewTickets(auth.NewMemoryTickets(10, clock.Now), clock.Now)
	issue := func(i int) error {
		_, _, err := tickets.Issue(t.Context(), hubbub.Identity{User: "user-" + strconv.Itoa(i)}, 30*time.Second)
		return err
	}
	for i := range 10 {
		if err := issue(i); err != nil {
			t.Fatal(err)
		}
	}
	if err := issue(10); reason(err) != hubbub.Unavailable || hubbub.AsError(err).RetryAfter <= 0 {
		t.Errorf("a full store: %v", err)
	}
	clock.Add(30 * time.Second)
	for i := range 10 {
		if err := issue(i); err != nil {
			t.Fatalf("expired tickets take the place of new ones: %v", err)
		}
	}
}

// broken is a store that is not reached.
type broken struct{}

func (broken) Put(context.Context, auth.TicketKey, hubbub.Identity, time.Time) error {
	return errors.New("dial redis: refused")
}

func (broken) Take(context.Context, auth.TicketKey) (hubbub.Identity, bool, error) {
	return hubbub.Identity{}, false, errors.New("dial redis: refused")
}

func TestAStoreOfTicketsThatIsNotReached(t *testing.T) {
	tickets := auth.NewTickets(broken{}, nil)
	if _, _, err := tickets.Issue(t.Context(), hubbub.Identity{User: "ann"}, 0); reason(err) != hubbub.Unavailable {
		t.Error(err)
	}
	p, h := refused(t, start(t, auth.Config{Tickets: tickets}), get("ticket=x"), 503)
	if p.Reason != hubbub.Unavailable || p.Detail == "dial redis: refused" || h.Get("WWW-Authenticate") != "" {
		t.Errorf("%+v %v", p, h)
	}
}
