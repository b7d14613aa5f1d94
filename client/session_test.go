package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/client"
	"github.com/hubbub-dev/hubbub/ws"
)

// reasonOf is the reason of an error, "" for none.
func reasonOf(err error) hubbub.Reason {
	if e, ok := errors.AsType[*hubbub.Error](err); ok {
		return e.Reason
	}
	return ""
}

// codeOf is the close code in an error's chain, 0 for none.
func codeOf(err error) ws.Code {
	info, _ := errors.AsType[ws.CloseInfo](err)
	return info.Code
}

func TestDialTellsWhyItWasRefused(t *testing.T) {
	inBubble(t, hubbub.Options{}, func(t *testing.T, b bubble) {
		_, err := client.Dial(t.Context(), b.options("bad"))
		refused, ok := errors.AsType[*ws.HandshakeError](err)
		if reasonOf(err) != hubbub.Unauthorized || err.Error() != "the token is bad" || !ok || refused.Status != 401 {
			t.Errorf("a bad token gives %v, with the reason %q and %v", err, reasonOf(err), refused)
		}

		b.down.Store(true)
		if _, err := client.Dial(t.Context(), b.options("ann")); reasonOf(err) != hubbub.Unavailable {
			t.Errorf("a gateway that is down gives %v", err)
		}

		o := b.options("ann")
		o.Token = func(context.Context) (string, error) { return "", errors.New("no login service") }
		if _, err := client.Dial(t.Context(), o); err == nil || !strings.Contains(err.Error(), "no login service") {
			t.Errorf("a token that cannot be made gives %v", err)
		}

		o = b.options("ann")
		o.Retry = true
		time.AfterFunc(time.Second, func() { b.down.Store(false) })
		dial(t, o)
	})
}

func TestDialEndsWithItsContext(t *testing.T) {
	inBubble(t, hubbub.Options{}, func(t *testing.T, b bubble) {
		b.down.Store(true)
		o := b.options("ann")
		o.Retry = true
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := client.Dial(ctx, o); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Dial returns %v", err)
		}
	})
}

func TestOneDeviceTooMany(t *testing.T) {
	inBubble(t, hubbub.Options{Devices: hubbub.DeviceLimit{Max: 1, Refuse: true}}, func(t *testing.T, b bubble) {
		dial(t, b.options("ann"))
		_, err := client.Dial(t.Context(), b.options("ann"))
		if reasonOf(err) != hubbub.Conflict || codeOf(err) != 4503 {
			t.Errorf("a device too many gives %v, with the reason %q and the code %d", err, reasonOf(err), codeOf(err))
		}
	})
}

func TestSignedInElsewhere(t *testing.T) {
	inBubble(t, hubbub.Options{Devices: hubbub.DeviceLimit{Max: 1}}, func(t *testing.T, b bubble) {
		var j journal
		o := b.options("ann")
		o.Device = "old"
		o.Handlers.Replaced = func(r client.Replaced) { j.add("replaced by " + r.By.Device) }
		o.Handlers.State = func(s client.State) { j.add(fmt.Sprint("connected:", s.Connected, " final:", s.Final)) }
		old := dial(t, o)
		o = b.options("ann")
		o.Device = "new"
		dial(t, o)

		<-old.Done()
		if err := old.Err(); codeOf(err) != 4501 {
			t.Errorf("it has ended with %v", err)
		}
		j.expect(t, "connected:true final:false replaced by new connected:false final:true")
		for what, err := range map[string]error{
			"Ping": second(old.Ping(t.Context())),
			"Send": second(old.User("bob").Send(t.Context(), "hi", client.SendOptions{})),
			"Join": second(old.Join(t.Context(), "lobby", client.RoomHandler{})),
		} {
			if !errors.Is(err, client.ErrDisconnected) || codeOf(err) != 4501 {
				t.Errorf("%s of a client that has ended gives %v", what, err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestCallsWithoutAConnection(t *testing.T) {
	inBubble(t, hubbub.Options{}, func(t *testing.T, b bubble) {
		o, l := b.lined("ann")
		ann := dial(t, o)
		var j journal
		lobby, err := ann.Join(t.Context(), "lobby", j.room())
		if err != nil {
			t.Fatal(err)
		}
		sent := make(chan error, 1)
		joined := make(chan error, 1)
		b.away(l, func() {
			if _, err := ann.Ping(t.Context()); reasonOf(err) != hubbub.Unavailable || !errors.Is(err, client.ErrDisconnected) {
				t.Errorf("Ping without a connection gives %v", err)
			}
			go func() { sent <- second(lobby.Send(t.Context(), "waited", client.SendOptions{})) }()
			go func() { joined <- second(ann.Join(t.Context(), "hall", client.RoomHandler{})) }()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := lobby.Send(ctx, "gave up", client.SendOptions{}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Send gives %v when its context ends", err)
			}
			if _, err := ann.Join(ctx, "attic", client.RoomHandler{}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Join gives %v when its context ends", err)
			}
		})
		if err := errors.Join(<-sent, <-joined); err != nil {
			t.Error(err)
		}
		j.expect(t, `"waited"`)
		if _, err := ann.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestTokensAreRenewed lets a session live for an hour with tokens of a minute.
func TestTokensAreRenewed(t *testing.T) {
	inBubble(t, hubbub.Options{}, func(t *testing.T, b bubble) {
		asked := 0
		o := b.options("ann")
		o.Token = func(context.Context) (string, error) {
			asked++
			return fmt.Sprint("ann until ", time.Now().Add(time.Minute).UnixMilli()), nil
		}
		dial(t, o)
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := b.opened.Load(); n != 1 || asked < 60 || asked > 120 {
			t.Errorf("%d connections and %d tokens in an hour", n, asked)
		}
	})
}

// TestATokenThatIsNotRenewedInTime comes back with a new one after 4001.
func TestATokenThatIsNotRenewedInTime(t *testing.T) {
	inBubble(t, hubbub.Options{}, func(t *testing.T, b bubble) {
		expires := time.Now().Add(time.Minute)
		o := b.options("ann")
		var j journal
		o.Handlers.State = func(s client.State) { j.add(fmt.Sprint(s.Connected, codeOf(s.Err))) }
		o.Token = func(context.Context) (string, error) {
			if time.Now().Before(expires) {
				return fmt.Sprint("ann until ", expires.UnixMilli()), nil
			}
			return "ann", nil
		}
		dial(t, o)
		time.Sleep(time.Hour)
		synctest.Wait()
		j.expect(t, "true 0 false 4001 true 0")
	})
}

func TestARoomThatANewTokenDoesNotPermit(t *testing.T) {
	inBubble(t, hubbub.Options{Rooms: []hubbub.RoomRule{{Match: "*", Join: hubbub.AccessToken}}}, func(t *testing.T, b bubble) {
		o, l := b.lined("")
		var token atomic.Value
		token.Store("ann+lobby")
		o.Token = func(context.Context) (string, error) { return token.Load().(string), nil }
		ann := dial(t, o)
		var j journal
		if _, err := ann.Join(t.Context(), "hall", j.room()); reasonOf(err) != hubbub.Forbidden {
			t.Errorf("a join that is not permitted gives %v", err)
		}
		join := func() {
			t.Helper()
			if _, err := ann.Join(t.Context(), "lobby", j.room()); err != nil {
				t.Fatal(err)
			}
		}
		join()
		if _, err := ann.Join(t.Context(), "lobby", j.room()); reasonOf(err) != hubbub.Conflict {
			t.Errorf("a second join gives %v", err)
		}
		if _, err := ann.Refresh(t.Context(), "ann+attic"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := j.take(); !strings.HasPrefix(got, "ended: ") {
			t.Errorf("after a refresh the room is told %q", got)
		}
		if _, err := ann.Refresh(t.Context(), "ann+lobby"); err != nil {
			t.Fatal(err)
		}
		join()
		b.away(l, func() { token.Store("ann+attic") })
		if got := j.take(); !strings.HasPrefix(got, "ended: ") {
			t.Errorf("after a reconnect the room is told %q", got)
		}
	})
}
