package ws_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
	"github.com/hubbub-dev/hubbub/ws/wstest"
)

// reconnects is a Reconnecting in a bubble, against a server in memory.
type reconnects struct {
	*ws.Reconnecting
	server *ws.Server
	events []ws.ReconnectEvent
	times  []time.Time // of events
	cancel context.CancelCauseFunc
	done   chan error
}

// reconnecting prepares one. handle answers each attempt, counted from 1; nil makes it a conn.
func reconnecting(t *testing.T, handle func(attempt int, srv *ws.Server, w http.ResponseWriter, r *http.Request)) *reconnects {
	srv := ws.NewServer(ws.Options{})
	attempts := 0
	s := wstest.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		attempts++
		handle(attempts, srv, w, r)
	}))
	r := &reconnects{server: srv, done: make(chan error, 1)}
	r.Reconnecting = &ws.Reconnecting{
		URL:     s.URL,
		Options: ws.DialOptions{NetDial: s.NetDial, Logger: slog.New(slog.DiscardHandler)},
		OnEvent: func(e ws.ReconnectEvent) {
			r.events = append(r.events, e)
			r.times = append(r.times, time.Now())
		},
	}
	return r
}

// start runs it until the test ends, or it stops by itself.
func (r *reconnects) start(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	r.cancel = cancel
	go func() {
		r.done <- r.Run(ctx)
		close(r.done)
	}()
	t.Cleanup(func() {
		cancel(nil)
		for range r.done {
		}
		r.server.Shutdown(context.Background())
	})
}

// states lists the events' states.
func (r *reconnects) states() string {
	var all []string
	for _, e := range r.events {
		all = append(all, e.State.String())
	}
	return strings.Join(all, " ")
}

// waits lists what the waiting events say.
func (r *reconnects) waits() []ws.ReconnectEvent {
	return slices.DeleteFunc(slices.Clone(r.events), func(e ws.ReconnectEvent) bool { return e.State != ws.ReconnectWaiting })
}

// accept makes a conn and closes it after a while, unless the code is 0.
func accept(srv *ws.Server, w http.ResponseWriter, r *http.Request, code ws.Code, reason string, after time.Duration) {
	c, err := srv.Upgrade(w, r)
	if err != nil || code == 0 {
		return
	}
	time.AfterFunc(after, func() { c.Close(code, reason) })
}

func TestReconnectingBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := reconnecting(t, nil)
		down := errors.New("network is down")
		r.Options.NetDial = func(context.Context, string, string) (net.Conn, error) { return nil, down }
		r.start(t)
		time.Sleep(10 * time.Minute)
		synctest.Wait()

		waits := r.waits()
		if len(waits) < 15 {
			t.Fatalf("%d attempts in 10 minutes", len(waits))
		}
		for i, e := range waits {
			limit := min(time.Second<<min(i, 10), 30*time.Second)
			if e.Delay < 0 || e.Delay > limit || e.Failures != i+1 || !errors.Is(e.Err, down) {
				t.Errorf("event %d: %+v, want a delay up to %v", i, e, limit)
			}
		}
		for i, e := range r.events[:len(r.events)-1] {
			if passed := r.times[i+1].Sub(r.times[i]); passed != e.Delay {
				t.Errorf("%v passed after event %d, %+v", passed, i, e)
			}
		}
	})
}

func TestReconnectingHonoursTheReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := reconnecting(t, func(n int, srv *ws.Server, w http.ResponseWriter, req *http.Request) {
			accept(srv, w, req, 4003, "draining retry=60000-70000", 0)
		})
		r.start(t)
		time.Sleep(time.Hour)
		synctest.Wait()
		waits := r.waits()
		if len(waits) < 50 || len(waits) > 60 {
			t.Errorf("%d conns in an hour", len(waits))
		}
		for _, e := range waits {
			if e.Delay < time.Minute || e.Delay > 70*time.Second {
				t.Errorf("waits %v for a window of 60 to 70 s", e.Delay)
			}
			var why ws.CloseInfo
			if !errors.As(e.Err, &why) || why.Code != 4003 {
				t.Errorf("waits because of %v", e.Err)
			}
		}
	})
}

// A server that accepts and closes at once must not be called in a loop, and one that was there for a while is not to
// blame.
func TestReconnectingBeginsWithTheWindowThatItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := reconnecting(t, func(n int, srv *ws.Server, w http.ResponseWriter, req *http.Request) {
			if n == 1 || n > 4 {
				accept(srv, w, req, 4000, "", 0)
				return
			}
			http.Error(w, "down", http.StatusServiceUnavailable)
		})
		asked := 0
		r.FirstDelay = func() (least, most time.Duration) {
			asked++
			return time.Minute, 2 * time.Minute
		}
		r.start(t)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		waits := r.waits()
		if asked != 1 || len(waits) < 5 {
			t.Fatalf("asked %d times, and waits %+v", asked, waits)
		}
		if first := waits[0].Delay; first < time.Minute || first > 2*time.Minute {
			t.Errorf("waits %v after the first conn", first)
		}
		for _, e := range waits[1:] {
			if e.Delay > 30*time.Second {
				t.Errorf("waits %v after %d failures", e.Delay, e.Failures)
			}
		}
	})
}

func TestReconnectingCountsShortConns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := reconnecting(t, func(n int, srv *ws.Server, w http.ResponseWriter, req *http.Request) {
			after := time.Duration(0)
			if n == 5 {
				after = 10 * time.Second
			}
			accept(srv, w, req, ws.CodeNormal, "", after)
		})
		var failures []int
		r.OnEvent = func(e ws.ReconnectEvent) {
			if e.State != ws.ReconnectWaiting {
				return
			}
			if failures = append(failures, e.Failures); len(failures) == 8 {
				r.cancel(nil)
			}
		}
		r.start(t)
		<-r.done
		if got := fmt.Sprint(failures); got != "[1 2 3 4 0 1 2 3]" {
			t.Errorf("failures in a row: %v", got)
		}
	})
}

func TestReconnectingStops(t *testing.T) {
	refuse := func(status int) func(int, *ws.Server, http.ResponseWriter, *http.Request) {
		return func(_ int, _ *ws.Server, w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", status) }
	}
	for name, tt := range map[string]struct {
		handle func(int, *ws.Server, http.ResponseWriter, *http.Request)
		change func(*ws.Reconnecting)
		want   string
	}{
		"200": {handle: refuse(200), want: "200"},
		"302": {handle: refuse(302), want: "302"},
		"400": {handle: refuse(400), want: "400"},
		"401": {handle: refuse(401), want: "401"},
		"403": {handle: refuse(403), want: "403"},
		"404": {handle: refuse(404), want: "404"},
		"426": {handle: refuse(426), want: "426"},
		"501": {handle: refuse(501), want: "501"},
		"4501": {
			handle: func(_ int, srv *ws.Server, w http.ResponseWriter, r *http.Request) {
				accept(srv, w, r, 4501, "replaced retry=1-2", 0)
			},
			want: "4501: replaced",
		},
		"subprotocol": {
			handle: func(_ int, srv *ws.Server, w http.ResponseWriter, r *http.Request) { accept(srv, w, r, 0, "", 0) },
			change: func(r *ws.Reconnecting) { r.Options.Subprotocols = []string{"chat"} },
			want:   "none of the offered subprotocols",
		},
		"url":    {handle: refuse(500), change: func(r *ws.Reconnecting) { r.URL = "ftp://example.com" }, want: "use ws://"},
		"header": {handle: refuse(500), change: func(r *ws.Reconnecting) { r.Options.Header = http.Header{"Upgrade": {"x"}} }, want: "leave it out"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := reconnecting(t, tt.handle)
				if tt.change != nil {
					tt.change(r.Reconnecting)
				}
				r.start(t)
				err := <-r.done
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("Run: %v, want something with %q", err, tt.want)
				}
				last := r.events[len(r.events)-1]
				if last.State != ws.ReconnectStopped || last.Err != err || len(r.waits()) > 0 {
					t.Errorf("events: %s", r.states())
				}
			})
		})
	}
}

func TestReconnectingGoesOn(t *testing.T) {
	for _, status := range []int{408, 421, 425, 429, 500, 502, 503, 504, 520} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := reconnecting(t, func(n int, srv *ws.Server, w http.ResponseWriter, req *http.Request) {
					if n < 3 {
						w.Header().Set("Retry-After", "120")
						http.Error(w, "later", status)
						return
					}
					accept(srv, w, req, 0, "", 0)
				})
				r.start(t)
				time.Sleep(5 * time.Minute)
				synctest.Wait()
				if got := r.states(); got != "dialing waiting dialing waiting dialing open" {
					t.Fatalf("events: %s", got)
				}
				for i, e := range r.waits() {
					least, most := 120*time.Second, 120*time.Second+time.Second<<i
					if e.Delay < least || e.Delay > most {
						t.Errorf("waits %v, want %v to %v", e.Delay, least, most)
					}
				}
				if c := r.Conn(); c == nil || c.State() != ws.Open {
					t.Error("has no open conn")
				}
			})
		})
	}
}

// A token may have expired just now; the next one may be good. Two that are refused one after the other are a refusal.
func TestReconnectingAsksForAFreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := reconnecting(t, func(n int, srv *ws.Server, w http.ResponseWriter, req *http.Request) {
			switch n {
			case 1, 4, 5:
				http.Error(w, "expired", http.StatusUnauthorized)
			case 2:
				if got := req.URL.Query().Get("token"); got != "3" {
					t.Errorf("second attempt has token %q, want 3", got)
				}
				accept(srv, w, req, 4001, "expired", time.Second)
			case 3:
				http.Error(w, "overloaded", http.StatusServiceUnavailable)
			}
		})
		tokens, target, options := 0, r.URL, r.Options
		r.URL = ""
		r.Target = func(context.Context) (string, ws.DialOptions, error) {
			if tokens++; tokens == 2 {
				return "", ws.DialOptions{}, io.ErrUnexpectedEOF
			}
			return fmt.Sprintf("%s/?token=%d", target, tokens), options, nil
		}
		r.start(t)
		err := <-r.done
		var refused *ws.HandshakeError
		if !errors.As(err, &refused) || refused.Status != 401 || tokens != 6 {
			t.Errorf("Run: %v after %d tokens", err, tokens)
		}
		want := "dialing waiting dialing waiting dialing open waiting dialing waiting dialing waiting dialing stopped"
		if got := r.states(); got != want {
			t.Errorf("events: %s", got)
		}
	})
}

func TestReconnectingEndsWithItsContext(t *testing.T) {
	enough := errors.New("enough")
	for name, tt := range map[string]struct {
		netDial func(context.Context, string, string) (net.Conn, error)
		want    string
	}{
		"open": {want: "dialing open stopped"},
		"waiting": {
			netDial: func(context.Context, string, string) (net.Conn, error) { return nil, io.EOF },
			want:    "dialing waiting stopped",
		},
		"dialing": {
			netDial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			},
			want: "dialing stopped",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := reconnecting(t, func(n int, srv *ws.Server, w http.ResponseWriter, req *http.Request) {
					accept(srv, w, req, 0, "", 0)
				})
				if tt.netDial != nil {
					r.Options.NetDial = tt.netDial
				}
				r.MinDelay, r.MaxDelay = 1000*time.Hour, 1000*time.Hour
				closed := false
				r.OnConnect = func(c *ws.Conn) {
					c.OnClose(func(why ws.CloseInfo) { closed = why.Code == ws.CodeNormal && why.Err == nil })
				}
				r.start(t)
				synctest.Wait()
				r.cancel(enough)
				if err := <-r.done; err != enough {
					t.Errorf("Run: %v, want the context's cause", err)
				}
				if got := r.states(); got != tt.want {
					t.Errorf("events: %s", got)
				}
				if closed != (name == "open") {
					t.Errorf("closed with 1000: %v", closed)
				}
				if r.Conn() != nil {
					t.Error("has a conn still")
				}
			})
		})
	}
}

// What is sent at once reaches the handlers that OnConnect sets, and a conn's last handler has returned when the next
// is made.
func TestReconnectingHandsOverInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := reconnecting(t, func(n int, srv *ws.Server, w http.ResponseWriter, req *http.Request) {
			if c, err := srv.Upgrade(w, req); err == nil {
				c.Send(ws.Text(fmt.Sprintf("hello %d", n)))
				c.Close(4000, "again retry=0-0")
			}
		})
		var story []string
		r.OnConnect = func(c *ws.Conn) {
			time.Sleep(time.Second) // long after the conn has ended
			n := len(story)
			c.OnMessage(func(m ws.Message) { story = append(story, m.String()) })
			c.OnClose(func(why ws.CloseInfo) {
				time.Sleep(time.Second)
				story = append(story, fmt.Sprint(why.Code))
			})
			if n >= 4 {
				r.cancel(nil)
			}
		}
		r.start(t)
		<-r.done
		if got := strings.Join(story, ", "); got != "hello 1, 4000, hello 2, 4000, hello 3, 4000" {
			t.Errorf("heard %s", got)
		}
	})
}

func TestReconnectingWithALoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := reconnecting(t, func(n int, srv *ws.Server, w http.ResponseWriter, req *http.Request) {
			if c, err := srv.Upgrade(w, req); err == nil {
				c.Send(ws.Text(fmt.Sprint(n)))
				if n < 3 {
					c.Close(4000, "again")
				}
			}
		})
		var heard []string
		r.OnConnect = func(c *ws.Conn) {
			for m := range c.Messages(c.Context()) {
				heard = append(heard, m.String())
			}
		}
		r.start(t)
		time.Sleep(time.Minute)
		synctest.Wait()
		r.cancel(nil)
		<-r.done
		if fmt.Sprint(heard) != "[1 2 3]" {
			t.Errorf("heard %v", heard)
		}
	})
}

func TestReconnectingSurvivesPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := reconnecting(t, func(n int, srv *ws.Server, w http.ResponseWriter, req *http.Request) {
			accept(srv, w, req, 0, "", 0)
		})
		connected := 0
		r.OnConnect = func(*ws.Conn) {
			if connected++; connected == 1 {
				panic("first")
			}
		}
		r.start(t)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := r.states(); got != "dialing open waiting dialing open" {
			t.Fatalf("events: %s", got)
		}
		var why ws.CloseInfo
		if !errors.As(r.waits()[0].Err, &why) || why.Code != ws.CodeInternal {
			t.Errorf("waits because of %v", r.waits()[0].Err)
		}
	})
}
