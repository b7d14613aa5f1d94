package chaos_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub/client"
	"github.com/hubbub-dev/hubbub/ws"
)

// seat is a device of a user, who is signed in with it most of the time. Only its own actor acts with it.
type seat struct {
	*world
	user, device, platform string
	tab                    int          // which of those of the device, from 0
	first                  func() *node // which gateway to try first; nil means any

	trail   trail // of its connections
	client  *client.Client
	rooms   map[string]*client.Room
	follows map[string]*follower // rooms, for as long as the test

	mu        sync.Mutex
	connected bool
	welcome   client.Welcome
	pairs     map[string]*follower // by peer, for as long as the client
	expelled  time.Time            // when somebody has signed it out, which a gateway may learn late
}

func (w *world) newSeat(user, device, platform string) *seat {
	return &seat{world: w, user: user, device: device, platform: platform, rooms: map[string]*client.Room{}, follows: map[string]*follower{}}
}

func (s *seat) String() string {
	if s.tab > 0 {
		return fmt.Sprintf("%s/%s.%d", s.user, s.device, s.tab)
	}
	return s.user + "/" + s.device
}

// signIn opens a session on any gateway, and enters the rooms, where it hears what was said since it was there before. It tells whether
// it has got so far; otherwise the reason is that of the client, unless the context has ended.
func (s *seat) signIn(ctx context.Context, retry bool) error {
	s.mu.Lock()
	s.pairs, s.connected = map[string]*follower{}, false
	s.mu.Unlock()
	c, err := client.Dial(ctx, client.Options{
		URL: "ws://gateway/ws?user=" + s.user, Device: s.device, Platform: s.platform,
		Retry: retry, MinDelay: 50 * time.Millisecond, MaxDelay: 500 * time.Millisecond,
		Dial:     ws.DialOptions{NetDial: s.dial, Timeout: 3 * time.Second, Ping: 2 * time.Second, PongTimeout: 2 * time.Second, CloseTimeout: time.Second},
		Handlers: client.Handlers{State: s.state, Message: s.message, Lost: s.lost},
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.client = c
	s.rooms = map[string]*client.Room{}
	s.mu.Unlock()
	return nil
}

// dial connects to the gateway that is to be tried first, or to any; to another one if that does not listen.
func (s *seat) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	nodes := slices.Clone(s.nodes)
	rand.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	if s.first != nil {
		nodes = append([]*node{s.first()}, nodes...)
	}
	var failed error
	for _, n := range nodes {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, network, n.addr)
		if err == nil {
			return conn, nil
		}
		failed = err
	}
	return nil, failed
}

func (s *seat) state(now client.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connected = now.Connected
	s.trail.add("%s is connected: %t, with %s at %s, %v", s, now.Connected, now.Welcome.Session, now.Welcome.Node, now.Err)
	if now.Connected {
		s.welcome = now.Welcome
	}
}

// message hears a private message.
func (s *seat) message(m client.Message) {
	if m.Peer != "" {
		s.pair(m.Peer).hear(seen(m))
	}
}

func (s *seat) lost(peer string) { s.pair(peer).lose() }

func (s *seat) pair(peer string) *follower {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.pairs[peer]
	if f == nil {
		f = &follower{stream: s.streams[pairOf(s.user, peer)], who: s.String()}
		s.pairs[peer] = f
	}
	return f
}

func pairOf(a, b string) string { return min(a, b) + " and " + max(a, b) }

// seen is a message as the model has it.
func seen(m client.Message) message {
	got := message{id: m.ID, at: m.Position}
	if err := json.Unmarshal(m.Data, &got.data); err != nil {
		got.data = string(m.Data)
	}
	if m.From != nil {
		got.from = m.From.User
	}
	return got
}

// enter joins a room, and tells whether that was possible: it is not once the client has ended.
func (s *seat) enter(ctx context.Context, name string) bool {
	h := client.RoomHandler{Limit: -1}
	if stream := s.streams[name]; stream != nil {
		f := s.follows[name]
		if f == nil {
			f = &follower{stream: stream, who: s.String()}
			s.follows[name] = f
		}
		h.Since = f.since()
		h.Message = func(m client.Message) { f.hear(seen(m)) }
		h.Lost = f.lose
		f.trail.add("%s enters since %v", s, h.Since)
	}
	h.Ended = func(err error) { s.violate("%s: %s is left for good: %v", s, name, err) }
	return s.insist(fmt.Sprintf("%s joins %s", s, name), s.goes, func() error {
		ctx, stop := context.WithTimeout(ctx, patience)
		defer stop()
		r, err := s.client.Join(ctx, name, h)
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.rooms[name] = r
		s.mu.Unlock()
		return nil
	})
}

// leave leaves a room.
func (s *seat) leave(ctx context.Context, name string) {
	r := s.rooms[name]
	s.mu.Lock()
	delete(s.rooms, name)
	s.mu.Unlock()
	if err := r.Leave(ctx); err != nil && !errors.Is(err, client.ErrDisconnected) {
		// The client does not join it again; but as long as the session lasts it is in the room.
		s.signOut()
	}
}

// goes tells whether the client has not ended.
func (s *seat) goes() bool { return s.client != nil && s.client.Err() == nil }

// signOut closes the session, if there is one, and waits until nothing is heard any more.
func (s *seat) signOut() {
	if s.client == nil {
		return
	}
	s.client.Close()
	<-s.client.Done()
	s.mu.Lock()
	s.client, s.connected, s.rooms = nil, false, map[string]*client.Room{}
	s.mu.Unlock()
}

// closeCode is the code with which the server has ended a client for good, or 0.
func closeCode(err error) ws.Code {
	if why, ok := errors.AsType[ws.CloseInfo](err); ok {
		return why.Code
	}
	return 0
}

// now is the session that the seat is connected with.
func (s *seat) now() (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client == nil || !s.connected || s.client.Err() != nil {
		return session{}, false
	}
	return session{id: s.welcome.Session, user: s.user, device: s.device, platform: s.platform, node: s.welcome.Node,
		in: slices.Sorted(maps.Keys(s.rooms))}, true
}

// expel notes that somebody is about to sign the seat out, and returns its session, if it is connected.
func (s *seat) expel() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expelled = time.Now()
	if !s.connected {
		return ""
	}
	return s.welcome.Session
}

// wasExpelled tells whether it is no wonder that the seat was signed out.
func (s *seat) wasExpelled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.expelled) < 3*time.Minute
}
