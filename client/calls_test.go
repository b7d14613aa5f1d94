package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/client"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
)

// must returns the value of a call that has to succeed.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestTypedCalls(t *testing.T) {
	inBubble(t, hubbub.Options{ListPresence: true}, func(t *testing.T, b bubble) {
		var j journal
		o := b.options("ann")
		o.Device, o.Platform = "laptop", "desktop"
		o.Handlers = client.Handlers{
			Message:   func(m client.Message) { j.add("message from " + m.From.User) },
			Read:      func(r client.Read) { j.add(fmt.Sprint("read by ", r.Reader, " of ", r.Room, r.User)) },
			Typing:    func(y client.Typing) { j.add(fmt.Sprint("typing ", y.From.User, y.Room, " ", y.Active)) },
			Presence:  func(p client.Presence) { j.add(fmt.Sprint("presence ", p.User, " ", p.Online)) },
			Broadcast: func(x client.Broadcast) { j.add("broadcast " + string(x.Data)) },
		}
		ann := dial(t, o)
		if w := ann.Session(); w.User != "ann" || w.Device != "laptop" || w.Platform != "desktop" || w.Session == "" {
			t.Errorf("the session is %+v", w)
		}
		bob := dial(t, b.options("bob"))
		h := j.room()
		h.Joined = func(e client.Entry) { j.add(fmt.Sprint(e.User, " in ", e.Count)) }
		h.Left = func(e client.Entry) { j.add(fmt.Sprint(e.User, " out ", e.Count)) }
		lobby := b.join(ann, h)
		bobs := b.join(bob, client.RoomHandler{})
		b.send(bobs.Stream, 1)
		j.expect(t, "bob in 2 1")

		page := must[client.Page](t)(lobby.History(t.Context(), client.HistoryQuery{Limit: 5}))
		if len(page.Messages) != 1 || page.Messages[0].From.User != "bob" || page.Messages[0].Position != lobby.Position() {
			t.Errorf("the history is %+v", page)
		}
		if p := must[client.PresentPage](t)(lobby.Present(t.Context(), "", 0)); p.Count != 2 || p.Users[0].Devices[0] != "desktop" {
			t.Errorf("present are %+v", p)
		}
		b.send(bob.User("ann"), "psst")
		last := must[client.Page](t)(bob.User("ann").History(t.Context(), client.HistoryQuery{})).Messages[0].Position
		for _, err := range []error{
			bobs.Typing(t.Context(), true), bob.User("ann").Typing(t.Context(), false),
			bobs.MarkRead(t.Context(), lobby.Position()), bob.User("ann").MarkRead(t.Context(), last),
		} {
			if err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		j.expect(t, "message from bob typing boblobby true typing bob false read by bob of lobby read by bob of bob")

		conversations := must[client.ConversationPage](t)(ann.Conversations(t.Context(), "", 0)).Conversations
		if len(conversations) != 1 || conversations[0].User != "bob" || conversations[0].Unread != 1 || conversations[0].PeerRead != last {
			t.Errorf("the conversations are %+v", conversations)
		}
		if people := must[[]client.Presence](t)(ann.Presence(t.Context(), "bob", "cid")); !people[0].Online || people[1].Online {
			t.Errorf("the presence is %+v", people)
		}
		online := must[client.PresencePage](t)(ann.Online(t.Context(), hubbub.Filter{Platform: "desktop"}, "", 10))
		if online.Count != 1 || online.Users[0].User != "ann" {
			t.Errorf("online are %+v", online)
		}
		if c := must[hubbub.Counts](t)(ann.Count(t.Context())); c.Users != 2 || c.Sessions != 2 {
			t.Errorf("the counts are %+v", c)
		}
		if now := must[time.Time](t)(ann.Ping(t.Context())); !now.Equal(time.Now().Truncate(time.Millisecond)) {
			t.Errorf("the server's time is %v, not %v", now, time.Now())
		}
		var echo map[string]int
		if err := ann.Call(t.Context(), "bff.echo", map[string]int{"x": 1}, &echo); err != nil || echo["x"] != 1 {
			t.Errorf("a method of its own answers %v, %v", echo, err)
		}
		if err := ann.Call(t.Context(), "no.such", nil, nil); reasonOf(err) != hubbub.NotFound {
			t.Errorf("an unknown method gives %v", err)
		}
		if err := bobs.Leave(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		j.expect(t, "bob out 1")
	})
}

func TestWatchingGoesOn(t *testing.T) {
	inBubble(t, hubbub.Options{Grace: -1}, func(t *testing.T, b bubble) {
		var j journal
		o, l := b.lined("ann")
		o.Handlers.Presence = func(p client.Presence) { j.add(fmt.Sprint(p.User, " ", p.Online, len(p.Devices))) }
		ann := dial(t, o)
		if people := must[[]client.Presence](t)(ann.Watch(t.Context(), "bob", "cid")); len(people) != 2 {
			t.Errorf("watching tells %+v", people)
		}
		if err := ann.Unwatch(t.Context(), "cid"); err != nil {
			t.Error(err)
		}
		b.away(l, func() {})
		j.expect(t, "bob false 0")
		dial(t, b.options("bob"))
		dial(t, b.options("cid"))
		synctest.Wait()
		j.expect(t, "bob true 1")
		if err := ann.Unwatch(t.Context()); err != nil {
			t.Error(err)
		}
		b.away(l, func() {})
		j.expect(t, "")
	})
}

func TestOwnSessions(t *testing.T) {
	inBubble(t, hubbub.Options{}, func(t *testing.T, b bubble) {
		open := func(device string) *client.Client {
			o := b.options("ann")
			o.Device = device
			return dial(t, o)
		}
		main, tab, phone, tablet := open("laptop"), open("laptop"), open("phone"), open("tablet")
		devices := must[[]client.Device](t)(main.Devices(t.Context()))
		if len(devices) != 3 || !devices[0].This || len(devices[0].Sessions) != 2 || devices[1].This {
			t.Errorf("the devices are %+v", devices)
		}
		count := must[int](t)
		if n := count(main.EndSession(t.Context(), tab.Session().Session)); n != 1 {
			t.Errorf("%d sessions were ended", n)
		}
		if n := count(main.EndDevice(t.Context(), "phone")); n != 1 {
			t.Errorf("%d sessions were ended", n)
		}
		if n := count(main.EndOthers(t.Context())); n != 1 {
			t.Errorf("%d sessions were ended", n)
		}
		for _, c := range []*client.Client{tab, phone, tablet} {
			<-c.Done()
			if codeOf(c.Err()) != 4502 {
				t.Errorf("it has ended with %v", c.Err())
			}
		}
		main.Close()
		<-main.Done()
		if err := main.Err(); !errors.Is(err, client.ErrClosed) {
			t.Errorf("after Close the error is %v", err)
		}
	})
}

// TestAPI makes each call of the HTTP API.
func TestAPI(t *testing.T) {
	inBubble(t, hubbub.Options{Grace: -1}, func(t *testing.T, b bubble) {
		var j journal
		o := b.options("ann")
		o.Device = "d/1"
		o.Handlers.Message = func(m client.Message) { j.add("to me " + string(m.Data)) }
		o.Handlers.Broadcast = func(x client.Broadcast) { j.add("to all " + string(x.Data)) }
		ann := dial(t, o)
		b.join(ann, j.room())
		api := b.api(t)
		ctx := t.Context()

		sent := must[client.Published](t)(api.SendToRoom(ctx, "lobby", "room", client.SendOptions{Key: "k"}))
		again := must[client.Published](t)(api.SendToRoom(ctx, "lobby", "room", client.SendOptions{Key: "k"}))
		if sent.ID == "" || sent.ID != again.ID || sent.Position != again.Position || sent.Position == (hubbub.Position{}) {
			t.Errorf("the same key gives %+v and %+v", sent, again)
		}
		must[client.Published](t)(api.SendToUser(ctx, "ann", "d/1", 1))
		must[client.Published](t)(api.Broadcast(ctx, map[string]bool{"all": true}))
		synctest.Wait()
		j.expect(t, `"room" to me 1 to all {"all":true}`)

		if c := must[hubbub.Counts](t)(api.Count(ctx)); c.Users != 1 {
			t.Errorf("the counts are %+v", c)
		}
		if p := must[client.PresencePage](t)(api.Online(ctx, hubbub.Filter{Room: "lobby", Platform: "go"}, "", 1)); p.Count != 1 {
			t.Errorf("online are %+v", p)
		}
		if u := must[client.UserDetails](t)(api.User(ctx, "ann")); !u.Online || len(u.Sessions) != 1 || u.Sessions[0].Device != "d/1" {
			t.Errorf("the user is %+v", u)
		}
		if p := must[[]client.Presence](t)(api.Presence(ctx, "bob", "ann")); p[0].Online || !p[1].Online {
			t.Errorf("the presence is %+v", p)
		}
		if p := must[client.RoomPage](t)(api.Rooms(ctx, "", 0)); len(p.Rooms) != 1 || p.Rooms[0].Room != "lobby" {
			t.Errorf("the rooms are %+v", p)
		}
		if p := must[client.PresencePage](t)(api.Room(ctx, "lobby", "", 0)); p.Count != 1 || p.Users[0].User != "ann" {
			t.Errorf("in the room are %+v", p)
		}
		ticket, expires, err := api.Ticket(ctx, client.TicketFor{User: "eve", Rooms: hubbub.Permissions{Join: []string{"*"}}, TTL: time.Minute})
		if err != nil || ticket != "ticket of eve" || !expires.Equal(time.Now().Add(time.Minute).Truncate(time.Millisecond)) {
			t.Errorf("the ticket is %q until %v, %v", ticket, expires, err)
		}

		ended := must[int](t)
		if n := ended(api.EndUser(ctx, "ann", ann.Session().Session)); n != 0 {
			t.Errorf("%d sessions were ended", n)
		}
		if n := ended(api.EndSession(ctx, "ann", ann.Session().Session)); n != 1 {
			t.Errorf("%d sessions were ended", n)
		}
		<-ann.Done()
		dial(t, o)
		if n := ended(api.EndDevice(ctx, "ann", "d/1")); n != 1 {
			t.Errorf("%d sessions were ended", n)
		}
		dial(t, b.options("ann"))
		if n := ended(api.Revoke(ctx, "ann", client.Revocation{Block: true, Until: time.Now().Add(time.Hour)})); n != 1 {
			t.Errorf("%d sessions were ended", n)
		}
		if _, err := client.Dial(ctx, b.options("ann")); codeOf(err) != 4503 {
			t.Errorf("a blocked user signs in with %v", err)
		}
	})
}

func TestErrorsOfTheAPI(t *testing.T) {
	inBubble(t, hubbub.Options{}, func(t *testing.T, b bubble) {
		api := b.api(t)
		if _, err := api.SendToUser(t.Context(), "nobody", "", 1); reasonOf(err) != hubbub.NotFound {
			t.Errorf("a message to nobody gives %v", err)
		}
		if _, err := api.Broadcast(t.Context(), func() {}); reasonOf(err) != hubbub.Invalid {
			t.Errorf("data that is no JSON gives %v", err)
		}
		api.Key = "wrong"
		if _, err := api.Count(t.Context()); reasonOf(err) != hubbub.Unauthorized {
			t.Errorf("a wrong key gives %v", err)
		}
		b.down.Store(true) // answers without a problem document
		if _, err := api.Count(t.Context()); reasonOf(err) != hubbub.Unavailable {
			t.Errorf("a gateway that is down gives %v", err)
		}
		api.URL = "http://%zz"
		if _, err := api.Count(t.Context()); reasonOf(err) != hubbub.Invalid {
			t.Errorf("a bad URL gives %v", err)
		}
	})
}

func issueTicket(_ context.Context, id hubbub.Identity, ttl time.Duration) (string, time.Time, error) {
	return "ticket of " + id.User, time.Now().Add(ttl), nil
}

// api is the HTTP API of the bubble's gateway.
func (b bubble) api(t *testing.T) client.API {
	t.Helper()
	secret, key, err := httpapi.NewKey("tests", httpapi.Scopes()...)
	if err != nil {
		t.Fatal(err)
	}
	api, err := httpapi.New(httpapi.Options{Hub: b.hub, Inbox: b.inbox, Keys: []httpapi.Key{key}, IssueTicket: issueTicket})
	if err != nil {
		t.Fatal(err)
	}
	b.gateway.api.Store(api)
	transport := &http.Transport{DialContext: b.http.NetDial}
	t.Cleanup(transport.CloseIdleConnections)
	return client.API{URL: "http://memory/", Key: secret, HTTP: &http.Client{Transport: transport}}
}
