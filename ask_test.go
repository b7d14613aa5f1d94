package hubbub_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// TestWhoIsAskedBeforeJoining refuses, and after a new token has the session leave; a failure is none of both.
func TestWhoIsAskedBeforeJoining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		answers := map[string]error{"closed": hubbub.Errorf(hubbub.Forbidden, "not you")}
		h := start(t, hubbub.Options{MayJoin: func(_ context.Context, s *hubbub.Session, room string) error {
			asked = append(asked, s.Identity().User+" "+room)
			return answers[room]
		}, Rooms: []hubbub.RoomRule{{Match: "backends", Join: hubbub.AccessBackend}, {Match: "*"}}})
		ann := open(t, h, "ann")
		for _, room := range []string{"lobby", "den", "attic"} {
			ann.join(t, room, nil)
		}
		ann.join(t, "lobby", nil) // is there already: nobody is asked
		for _, room := range []string{"closed", "backends"} {
			err := ann.Join(t.Context(), room, hubbub.JoinOptions{}, func(hubbub.JoinResult) { t.Errorf("joined %s", room) })
			wantReason(t, err, hubbub.Forbidden)
		}
		if got, want := fmt.Sprint(asked), "[ann lobby ann den ann attic ann closed]"; got != want {
			t.Errorf("asked was %s, want %s", got, want)
		}
		answers["den"] = hubbub.Errorf(hubbub.Forbidden, "not any more")
		answers["attic"] = hubbub.Errorf(hubbub.Unavailable, "nobody knows")
		left, err := ann.Refresh(t.Context(), as("ann"))
		if err != nil || fmt.Sprint(left) != "[den]" {
			t.Errorf("after a new token: left %v, %v", left, err)
		}
	})
}

// TestWhoIsAskedBeforeSending allows, refuses, and changes what is sent. A key stands for what the client said.
func TestWhoIsAskedBeforeSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		h := start(t, hubbub.Options{MaySend: func(_ context.Context, s hubbub.Sending) (json.RawMessage, error) {
			n++
			switch string(s.Data) {
			case `"fine"`:
				return nil, nil
			case `"bad"`:
				return nil, hubbub.Errorf(hubbub.Forbidden, "no bad words")
			case `"garbage"`:
				return json.RawMessage(`{"a"`), nil
			case `"huge"`:
				return json.RawMessage(`"` + strings.Repeat("x", 20<<10) + `"`), nil
			}
			return json.Marshal(fmt.Sprintf("%s to %s%s by %s of %s, key %s, try %d", s.Data, s.Room, s.To, s.From.User, s.Session, s.Key, n))
		}})
		ann, bob := open(t, h, "ann"), open(t, h, "bob")
		ann.join(t, "lobby", nil)
		bob.join(t, "lobby", nil)
		ann.say(t, "lobby", "fine")
		for said, reason := range map[string]hubbub.Reason{"bad": hubbub.Forbidden, "garbage": hubbub.Unavailable, "huge": hubbub.Unavailable} {
			_, err := ann.SendRoom(t.Context(), "lobby", text(said))
			wantReason(t, err, reason)
			_, err = ann.SendUser(t.Context(), "bob", text(said))
			wantReason(t, err, reason)
		}
		if got := fmt.Sprint(heard(bob)); got != `["fine"]` {
			t.Errorf("Bob heard %s", got)
		}
		n = 0
		m := text("hello")
		m.Key = "k"
		var ids []string
		for range 2 {
			sent, err := ann.SendRoom(t.Context(), "lobby", m)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, sent.ID)
		}
		if ids[0] != ids[1] {
			t.Errorf("one key made the messages %s", ids)
		}
		want := fmt.Sprintf("[%q]", fmt.Sprintf(`"hello" to lobby by ann of %s, key k, try 1`, ann.ID()))
		if got := fmt.Sprint(heard(bob)); got != want {
			t.Errorf("Bob heard %s, want %s", got, want)
		}
		m = text("another")
		m.Key = "k"
		_, err := ann.SendRoom(t.Context(), "lobby", m)
		wantReason(t, err, hubbub.Conflict)
		if _, err := ann.SendUser(t.Context(), "bob", text("psst")); err != nil {
			t.Fatal(err)
		}
		want = fmt.Sprintf("[%q]", fmt.Sprintf(`"psst" to bob by ann of %s, key , try 4`, ann.ID()))
		if got := fmt.Sprint(heard(bob)); got != want {
			t.Errorf("Bob heard %s, want %s", got, want)
		}
		if _, err := h.SendRoom(t.Context(), "lobby", "shop", text("bad")); err != nil {
			t.Errorf("a backend was asked about: %v", err)
		}
	})
}

// TestNobodyWaitsForAHookThatHangs has one answer never come: others go on, and the wait ends with the conn.
func TestNobodyWaitsForAHookThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context, user string) error {
			if user != "ann" {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}
		h := start(t, hubbub.Options{
			MayJoin: func(ctx context.Context, s *hubbub.Session, _ string) error { return hang(ctx, s.Identity().User) },
			MaySend: func(ctx context.Context, s hubbub.Sending) (json.RawMessage, error) { return nil, hang(ctx, s.From.User) },
		})
		for name, call := range map[string]func(client) error{
			"joining": func(c client) error {
				return c.Join(context.Background(), "lobby", hubbub.JoinOptions{}, func(hubbub.JoinResult) {})
			},
			"sending": func(c client) error {
				_, err := c.SendUser(context.Background(), "bob", text("x"))
				return err
			},
		} {
			ann, bob := open(t, h, "ann"), open(t, h, "bob")
			result := make(chan error, 1)
			go func() { result <- call(ann) }()
			pass(time.Minute)
			bob.join(t, "lobby", nil)
			bob.say(t, "lobby", "still here")
			if len(result) != 0 {
				t.Errorf("%s ended with %v before the conn did", name, <-result)
			}
			ann.Closed()
			wantReason(t, <-result, hubbub.NotFound)
			bob.Closed()
			synctest.Wait()
			if n := h.Len(); n != 0 {
				t.Errorf("after %s there are %d sessions", name, n)
			}
		}
	})
}
