package chaos_test

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/client"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
)

const (
	talkers  = 12 // users who talk, every third with two devices, and every fourth with two tabs
	contests = 4  // users with two devices of one platform, of which one has to give way
	bandits  = 2  // users who are blocked and let in again
	backends = 2
)

// populate signs everybody in, and lets them live.
func (w *world) populate() {
	for _, name := range slices.Concat(durable, memory) {
		w.streams[name] = newStream(name, slices.Contains(durable, name))
	}
	for i := range talkers {
		user := fmt.Sprint("talker", i)
		w.notices[user] = map[string]string{}
		for j := range i {
			pair := pairOf(user, fmt.Sprint("talker", j))
			w.streams[pair] = newStream(pair, true)
		}
		w.seats = append(w.seats, w.newSeat(user, "laptop", "web"))
		if i%3 == 0 {
			w.seats = append(w.seats, w.newSeat(user, "phone", "ios"))
		}
		if i%4 == 0 {
			tab := w.newSeat(user, "laptop", "web")
			tab.tab = 1
			w.seats = append(w.seats, tab)
		}
	}
	for i := range contests {
		user := fmt.Sprint("solo", i)
		w.solos = append(w.solos, &solo{world: w, user: user, devices: [2]*seat{w.newSeat(user, "left", "web"), w.newSeat(user, "right", "web")}})
	}
	for i := range bandits {
		w.outlaws = append(w.outlaws, &outlaw{seat: w.newSeat(fmt.Sprint("outlaw", i), "horse", "web")})
	}
	w.keeper = w.newSeat("keeper", "desk", "web")
	var all sync.WaitGroup
	for _, s := range append(slices.Clone(w.seats), w.keeper) {
		all.Go(s.come)
	}
	all.Wait()
	for _, s := range w.seats {
		w.live(s.act)
	}
	w.live(w.keeper.come)
	for _, s := range w.solos {
		w.live(s.act)
	}
	for _, o := range w.outlaws {
		w.live(o.act)
	}
	for range backends {
		w.live(w.publish)
	}
}

// come signs in, if the seat is not, and enters the rooms.
func (s *seat) come() {
	if s.client != nil && !s.goes() {
		if code := closeCode(s.client.Err()); code != rpc.CodeLoggedOut || !s.wasExpelled() {
			s.violate("%s was ended for good: %v", s, s.client.Err())
		}
		s.signOut()
	}
	if s.client == nil {
		if err := s.signIn(s.ctx, true); err != nil {
			if s.always() && closeCode(err) != rpc.CodeLoggedOut {
				s.violate("%s cannot sign in: %v", s, err)
			}
			return
		}
	}
	for _, name := range slices.Concat(durable, memory) {
		if s.rooms[name] == nil && !s.enter(s.ctx, name) {
			return
		}
	}
}

// act does one thing.
func (s *seat) act() {
	if s.come(); !s.goes() || len(s.rooms) < len(durable)+len(memory) {
		return
	}
	switch n := mathrand.IntN(100); {
	case n < 60:
		s.talk(pick(slices.Concat(durable, memory)))
	case n < 80:
		if peer := fmt.Sprint("talker", mathrand.IntN(talkers)); peer != s.user {
			s.whisper(peer)
		}
	case n < 92:
		s.shop()
	case n < 98:
		s.signOut()
	default:
		s.expelOthers()
	}
}

// talk says something in a room.
func (s *seat) talk(room string) { s.speak(room, s.rooms[room].Stream) }

// whisper says something to somebody, and tells whether it was accepted.
func (s *seat) whisper(peer string) bool { return s.speak(pairOf(s.user, peer), s.client.User(peer)) }

// speak sends to a stream. Who waits for too long for that signs out, to come back elsewhere, and never learns whether it was accepted.
func (s *seat) speak(stream string, to client.Stream) bool {
	until := time.Now().Add(time.Second + time.Duration(mathrand.IntN(20_000))*time.Millisecond)
	done := s.say(stream, s.user, func() bool { return s.goes() && time.Now().Before(until) }, func(ctx context.Context, data, key string) (string, hubbub.Position, error) {
		sent, err := to.Send(ctx, data, client.SendOptions{Key: key})
		return sent.ID, sent.Position, err
	})
	if !done && s.goes() {
		s.signOut()
	}
	return done
}

// shop enters or leaves a room for a moment.
func (s *seat) shop() {
	name := pick(shops)
	if s.rooms[name] != nil {
		s.leave(s.ctx, name)
		return
	}
	s.enter(s.ctx, name)
}

// expelOthers signs out all other devices of the user.
func (s *seat) expelOthers() {
	var gone []string
	for _, other := range s.seats {
		if other.device != s.device && other.user == s.user {
			if id := other.expel(); id != "" {
				gone = append(gone, id)
			}
		}
	}
	ctx, stop := context.WithTimeout(s.ctx, 5*time.Second)
	defer stop()
	if _, err := s.client.EndOthers(ctx); err == nil {
		s.goneFor(gone)
	}
	for _, other := range s.seats {
		if other.device != s.device && other.user == s.user {
			other.expel() // perhaps it came meanwhile
		}
	}
}

// goneFor notes sessions that were ended for good.
func (w *world) goneFor(sessions []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range sessions {
		w.ended[id] = true
	}
}

// solo is a user who may have one device, and has two that sign in at the same time.
type solo struct {
	*world
	user    string
	devices [2]*seat
}

// act signs in, on two gateways, with each device that is not.
func (s *solo) act() {
	var both sync.WaitGroup
	at := mathrand.IntN(len(s.nodes))
	for i, d := range s.devices {
		if d.client != nil && !d.goes() {
			if code := closeCode(d.client.Err()); code != rpc.CodeReplaced {
				s.violate("%s was ended for good: %v", d, d.client.Err())
			}
			d.signOut()
		}
		if d.client != nil {
			continue
		}
		n := s.nodes[(at+i)%len(s.nodes)]
		d.first = func() *node { return n }
		both.Go(func() {
			if err := d.signIn(s.ctx, true); err != nil && s.always() && closeCode(err) != rpc.CodeReplaced {
				s.violate("%s cannot sign in: %v", d, err)
			}
		})
	}
	both.Wait()
	wait(s.ctx, time.Duration(mathrand.IntN(1500))*time.Millisecond)
}

// outlaw is a user who is blocked and let in again.
type outlaw struct {
	*seat
	blocked bool // only changed while it acts
	lapses  int  // how often it got in although it was blocked; that must not last
}

func (o *outlaw) act() {
	if o.client != nil && !o.goes() {
		code, reason := closeCode(o.client.Err()), reasonOf(o.client.Err())
		refused := code == 0 && (reason == hubbub.Forbidden || reason == hubbub.Unauthorized) // when it came again
		if code != rpc.CodeNotAllowed && code != rpc.CodeLoggedOut && !refused || !o.wasExpelled() {
			o.violate("%s was ended for good: %v", o, o.client.Err())
		}
		o.signOut()
	}
	if mathrand.IntN(4) == 0 {
		o.turn()
	}
	if o.client != nil {
		return
	}
	ctx, stop := context.WithTimeout(o.ctx, 4*time.Second)
	defer stop()
	err := o.signIn(ctx, false)
	switch reason := reasonOf(err); {
	case err == nil && o.blocked:
		o.expel()
		o.lapses++
		o.note("%s is let in by %s although it is blocked", o, o.client.Session().Node)
	case err != nil && !o.blocked && (reason == hubbub.Forbidden || reason == hubbub.Unauthorized):
		o.violate("%s is not let in, and is not blocked: %v", o, err)
	}
}

// turn blocks the user, or lets it in.
func (o *outlaw) turn() {
	if o.blocked {
		if o.insist("let in "+o.user, o.always, func() error { _, err := o.api().Unblock(o.ctx, o.user); return err }) {
			o.blocked = false
		}
		return
	}
	id := o.expel()
	if o.insist("block "+o.user, o.always, func() error { _, err := o.api().Block(o.ctx, o.user, time.Time{}); return err }) {
		o.blocked = true
		o.goneFor([]string{id})
	}
}

// publish is what a backend does: it sends, publishes notices, and signs people out.
func (w *world) publish() {
	switch n := mathrand.IntN(10); {
	case n < 5:
		w.announce(pick(slices.Concat(durable, memory)), nil)
	case n < 9:
		w.notify()
	case mathrand.IntN(5) == 0:
		s := pick(w.seats)
		id := s.expel()
		if id != "" && w.insist("end a session", w.always, func() error { _, err := w.api().EndSession(w.ctx, s.user, id); return err }) {
			w.goneFor([]string{id})
		}
	}
}

// announce sends to a room through a gateway; nil means any.
func (w *world) announce(room string, at *node) bool {
	return w.say(room, "", w.always, func(ctx context.Context, data, key string) (string, hubbub.Position, error) {
		api := w.api()
		if at != nil {
			api = at.api
		}
		sent, err := api.SendToRoom(ctx, room, data, client.SendOptions{Key: key})
		return sent.ID, sent.Position, err
	})
}

// notify publishes a notice.
func (w *world) notify() {
	user, key := fmt.Sprint("talker", mathrand.IntN(talkers)), rand.Text()
	n := client.NewNotice{To: client.NoticeFor{Users: []string{user}}}
	n.Title = rand.Text()
	var id string
	if w.insist("publish", w.always, func() error {
		done, err := w.api().Once(key).PublishNotice(w.ctx, n)
		id = done.ID
		return err
	}) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.notices[user][id] = n.Title
	}
}
