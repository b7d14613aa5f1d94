package main_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/client"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

const (
	backends = 2
	club     = "club:1" // a room of members
	away     = "eve"    // who was here once
)

var (
	people     = []string{"ann", "bob", "cid", "dan"}
	rooms      = []string{"lobby", "hall"}
	categories = []string{"general", "news", "bills"}
)

// world is a server that dies, and everybody who uses it.
type world struct {
	t         *testing.T
	ctx       context.Context
	dir, addr string
	api       client.API
	cmd       *exec.Cmd
	server    *testkit.Process // runs cmd

	people []*person
	keeper *keeper
	lives  sync.WaitGroup
	over   atomic.Bool
	calls  atomic.Int64
	gate   sync.RWMutex // held for reading while a call is under way

	*model
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, ctx: t.Context(), dir: t.TempDir(), addr: testkit.FreeAddr(t), model: newModel()}
	const key = "a key of the backends"
	w.api = client.API{URL: "http://" + w.addr, Key: key}
	config := fmt.Sprintf(`dev: true
addr: %s
api: {keys: [{name: backends, key: %s}]}
devices: {limit: off}
rooms:
  - {match: "club:*", join: member}
  - {match: "*", rate: {per_second: off}}
private: {rate: {per_second: off}}
limits: {requests_per_session: {per_second: off}, requests_per_user: {per_second: off}}
`, w.addr, key)
	if err := os.WriteFile(filepath.Join(w.dir, "hubbub.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// everybody are those who have a box: the people, and one who is never online again.
func everybody() []string { return append([]string{away}, people...) }

func pick[T any](from []T) T { return from[mathrand.IntN(len(from))] }

// person is a user with one device, signed in most of the time.
type person struct {
	*world
	name   string
	box    *box
	client *client.Client
	rooms  map[string]*client.Room

	mu    sync.Mutex
	heard map[string][]client.Message // by room: all that was handed over, by all clients together
}

// signIn opens a session. It hears what was said in the rooms since the one before.
func (p *person) signIn() {
	o := client.Options{
		URL: "ws://" + p.addr + "/ws?user=" + p.name, Device: "laptop", Retry: true, MinDelay: 5 * time.Millisecond, MaxDelay: 50 * time.Millisecond,
		Handlers: client.Handlers{
			Message: func(client.Message) {}, // so that it follows them
			Lost:    func(user string) { p.t.Errorf("%s: the conversation with %s is said to be lost", p.name, user) },
		},
	}
	c, err := client.Dial(p.ctx, o)
	if err != nil {
		p.t.Errorf("%s cannot sign in: %v", p.name, err)
		return
	}
	p.client, p.rooms = c, map[string]*client.Room{}
	p.t.Cleanup(func() {
		c.Close()
		<-c.Done()
	})
	for _, name := range rooms {
		p.insist("join "+name, func(ctx context.Context) error {
			r, err := c.Join(ctx, name, p.listen(name))
			if err == nil {
				p.rooms[name] = r
			}
			return err
		})
	}
}

// listen collects what is said in a room.
func (p *person) listen(room string) client.RoomHandler {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := client.RoomHandler{Limit: 1000}
	if heard := p.heard[room]; len(heard) > 0 {
		h.Since = heard[len(heard)-1].Position
	}
	h.Message = func(m client.Message) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.heard[room] = append(p.heard[room], m)
	}
	h.Lost = func() { p.t.Errorf("%s: %s is said to be lost", p.name, room) }
	return h
}

func (p *person) signOut() {
	p.client.Close()
	<-p.client.Done()
}

// act does one thing.
func (p *person) act() {
	if len(p.rooms) < len(rooms) {
		return // it went wrong, which was told
	}
	switch n := mathrand.IntN(100); {
	case n < 40:
		room := pick(rooms)
		p.say(p.rooms[room].Stream, room)
	case n < 60:
		if other := pick(people); other != p.name {
			p.say(p.client.User(other), pairOf(p.name, other))
		}
	case n < 72:
		p.read()
	case n < 97:
		p.mark(p.box, inboxOf{
			list: p.client.Inbox,
			mark: func(ctx context.Context, m client.InboxMark) error { _, err := p.client.MarkInbox(ctx, m); return err },
		})
	default:
		p.signOut()
		p.signIn()
	}
}

// say sends a message to what the model calls stream.
func (p *person) say(to client.Stream, stream string) {
	data, key := rand.Text(), rand.Text()
	var sent client.Sent
	p.insist("send to "+stream, func(ctx context.Context) (err error) {
		sent, err = to.Send(ctx, data, client.SendOptions{Key: key})
		return err
	})
	p.streams[stream].accept(message{id: sent.ID, from: p.name, data: data, position: sent.Position})
}

// read marks everything in a stream as read that was accepted so far.
func (p *person) read() {
	name, stream := "", client.Stream{}
	if name = pick(rooms); mathrand.IntN(2) == 0 {
		stream = p.rooms[name].Stream
	} else if other := pick(people); other != p.name {
		name, stream = pairOf(p.name, other), p.client.User(other)
	} else {
		return
	}
	s := p.streams[name]
	position := s.newest()
	if position == (hubbub.Position{}) {
		return
	}
	p.insist("read "+name, func(ctx context.Context) error { return stream.MarkRead(ctx, position) })
	s.markRead(p.name, position)
}

// backend publishes.
type backend struct {
	*world
	n    int
	kept []string // publications that may be withdrawn
}

func (b *backend) act() {
	switch n := mathrand.IntN(100); {
	case n < 20:
		b.say()
	case n < 50:
		b.remember(b.notify(client.NewNotice{}))
	case n < 60:
		b.notify(client.NewNotice{Collapse: fmt.Sprint("c", b.n, "-", mathrand.IntN(3))})
	case n < 66:
		b.notify(client.NewNotice{At: time.Now().Add(time.Duration(mathrand.IntN(1000)) * time.Millisecond)})
	case n < 72:
		b.notify(client.NewNotice{Expires: time.Now().Add(time.Duration(1+mathrand.IntN(2000)) * time.Millisecond)})
	case n < 80:
		b.remember(b.publish(client.NewNotice{To: client.NoticeFor{All: true}}, everybody()))
	case n < 85:
		b.withdraw()
	case b.n == 0:
		b.mark(b.boxes[away], inboxOf{
			list: func(ctx context.Context, q client.InboxQuery) (client.InboxPage, error) {
				return b.api.InboxOf(ctx, away, q)
			},
			mark: func(ctx context.Context, m client.InboxMark) error { _, err := b.api.MarkOf(ctx, away, m); return err },
		})
	}
}

// notify publishes a notice to some of those who have a box.
func (b *backend) notify(n client.NewNotice) (id string) {
	all := everybody()
	mathrand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	n.To.Users = all[:1+mathrand.IntN(len(all))]
	return b.publish(n, n.To.Users)
}

// remember keeps a publication for withdraw.
func (b *backend) remember(id string) { b.kept = append(b.kept, id) }

func (b *backend) say() {
	room, data, key := pick(rooms), rand.Text(), rand.Text()
	var sent client.Published
	b.insist("send to "+room, func(ctx context.Context) (err error) {
		sent, err = b.api.SendToRoom(ctx, room, data, client.SendOptions{Key: key})
		return err
	})
	b.streams[room].accept(message{id: sent.ID, data: data, position: sent.Position})
}

// withdraw takes back something that was published. It may be repeated although it was done.
func (b *backend) withdraw() {
	if len(b.kept) == 0 {
		return
	}
	i := mathrand.IntN(len(b.kept))
	id := b.kept[i]
	b.kept = append(b.kept[:i], b.kept[i+1:]...)
	b.vanish(id, false)
	tried := false
	b.insist("withdraw", func(ctx context.Context) error {
		err := b.api.WithdrawNotice(ctx, id)
		if tried && reasonOf(err) == hubbub.NotFound {
			return nil
		}
		tried = true
		return err
	})
	b.vanish(id, true)
}

// publish publishes a notice with a key, and notes it in the boxes of those who get it.
func (w *world) publish(n client.NewNotice, to []string) (id string) {
	n.Title, n.Key, n.Category = rand.Text(), rand.Text(), pick(categories)
	began := w.publishing(n, to)
	w.insist("publish", func(ctx context.Context) error {
		done, err := w.api.PublishNotice(ctx, n)
		if !n.Expires.IsZero() && time.Now().After(n.Expires.Add(-time.Millisecond)) && reasonOf(err) == hubbub.Invalid {
			return nil // too late to repeat it; whether it was accepted or not, it is gone
		}
		id = done.ID
		return err
	})
	if id != "" {
		w.published(n, to, id, began)
	}
	return id
}

// keeper changes who is a member of the club, and publishes to it.
type keeper struct {
	*world
	members map[string]hubbub.Role
}

func (k *keeper) act() {
	user := pick(append(everybody(), "m1", "m2", "m3", "m4", "m5"))
	switch mathrand.IntN(5) {
	case 0, 1:
		role := pick([]hubbub.Role{hubbub.RoleMember, hubbub.RoleAdmin})
		k.insist("add a member", func(ctx context.Context) error {
			_, err := k.api.SetMember(ctx, club, user, role)
			return err
		})
		k.members[user] = role
	case 2:
		k.insist("remove a member", func(ctx context.Context) error {
			_, err := k.api.RemoveMember(ctx, club, user)
			return err
		})
		delete(k.members, user)
	case 3:
		var to []string
		for _, name := range everybody() {
			if k.members[name] != "" {
				to = append(to, name)
			}
		}
		k.publish(client.NewNotice{To: client.NoticeFor{Room: club}}, to)
	case 4:
		k.check()
	}
}

// check compares the list of members.
func (k *keeper) check() {
	found := map[string]hubbub.Role{}
	k.insist("list members", func(ctx context.Context) error {
		page, err := k.api.Members(ctx, club, "", 1000)
		clear(found)
		for _, m := range page.Members {
			found[m.User] = m.Role
		}
		return err
	})
	if !maps.Equal(found, k.members) {
		k.t.Errorf("members are %v, and should be %v", found, k.members)
	}
}
