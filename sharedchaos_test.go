package hubbub_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/internal/fleet"
)

// visit is a session that a test keeps, and what must be true of it.
type visit struct {
	client
	rooms map[string]bool
}

// TestRestoringWhileSessionsComeAndGo has many sessions of two nodes come, join, leave and go while the registry is emptied, doubted and cut
// off again and again. In the end the registry knows what the nodes have, and every end was told once.
func TestRestoringWhileSessionsComeAndGo(t *testing.T) {
	for seed := range uint64(6) {
		synctest.Test(t, func(t *testing.T) { restoringAtRandom(t, seed) })
	}
}

func restoringAtRandom(t *testing.T, seed uint64) {
	var heard herald
	f, a, b := nodes(t, hubbub.Options{OnTransition: heard.tell})
	both := []node{a, b}
	stop := make(chan struct{})
	var trouble, people sync.WaitGroup
	trouble.Go(func() {
		rng := rand.New(rand.NewPCG(seed, 1))
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(rng.IntN(3000)) * time.Millisecond):
			}
			n := both[rng.IntN(2)]
			switch rng.IntN(4) {
			case 0:
				f.Empty()
			case 1:
				n.driver.Doubt(n.Node())
			default:
				n.driver.Cut(false)
				time.Sleep(time.Duration(rng.IntN(4000)) * time.Millisecond)
				n.driver.Heal(n.Node())
			}
		}
	})
	var mu sync.Mutex
	var visits []*visit
	for i := range 12 {
		people.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(i+2)))
			var mine []*visit
			for range 60 {
				time.Sleep(time.Duration(rng.IntN(500)) * time.Millisecond)
				mine = step(t.Context(), rng, both[rng.IntN(2)].Hub, fmt.Sprint("user", i%5), mine)
			}
			mu.Lock()
			defer mu.Unlock()
			visits = append(visits, mine...)
		})
	}
	people.Wait()
	close(stop)
	trouble.Wait()
	pass(4 * lease)
	wantAsVisited(t, a, visits)
	for _, v := range visits {
		v.Closed()
	}
	pass(4 * lease)
	heard.wantInOrder(t, seed)
}

// wantInOrder fails the test unless sessions and users began and then ended, each once: what is told again has the id that it had. Only
// that a user is online may be told anew, when the user comes to an emptied registry before other sessions are restored.
func (h *herald) wantInOrder(t *testing.T, seed uint64) {
	t.Helper()
	known, began := map[string]bool{}, map[string]bool{}
	for i, tr := range h.all {
		if known[tr.ID] {
			continue
		}
		known[tr.ID] = true
		what := "session " + tr.Session.ID
		if tr.Session.ID == "" {
			what = tr.User
		}
		begins := tr.Kind == hubbub.SessionConnected || tr.Kind == hubbub.UserOnline
		if began[what] == begins && tr.Kind != hubbub.UserOnline {
			t.Errorf("seed %d: number %d says %s of %s, and so it was already", seed, i, tr.Kind, what)
		}
		began[what] = begins
	}
	for what, open := range began {
		if open {
			t.Errorf("seed %d: that %s has ended was never told", seed, what)
		}
	}
	if len(began) < 50 {
		t.Errorf("seed %d: only %d sessions and users have come", seed, len(began))
	}
}

// step does something at random, and returns the visits that are left.
func step(ctx context.Context, rng *rand.Rand, h *hubbub.Hub, user string, mine []*visit) []*visit {
	if len(mine) == 0 || len(mine) < 4 && rng.IntN(3) == 0 {
		if c, err := arrive(ctx, h, as(user)); err == nil {
			mine = append(mine, &visit{c, map[string]bool{}})
		}
		return mine
	}
	v := mine[rng.IntN(len(mine))]
	room := fmt.Sprint("room", rng.IntN(4))
	switch rng.IntN(6) {
	case 0:
		v.Closed()
		return slices.DeleteFunc(mine, func(other *visit) bool { return other == v })
	case 1:
		if err := v.Leave(ctx, room); err == nil {
			delete(v.rooms, room)
		}
	default:
		if err := v.Join(ctx, room, hubbub.JoinOptions{}, func(hubbub.JoinResult) {}); err == nil {
			v.rooms[room] = true
		}
	}
	return mine
}

// wantAsVisited fails the test unless the registry knows all visits that were not ended, and their rooms.
func wantAsVisited(t *testing.T, n node, visits []*visit) {
	t.Helper()
	sessions, rooms := map[string][]string{}, map[string]map[string]bool{}
	for _, v := range visits {
		if v.closed() != "" {
			continue
		}
		user := v.Identity().User
		sessions[user] = append(sessions[user], v.ID())
		for room := range v.rooms {
			if rooms[room] == nil {
				rooms[room] = map[string]bool{}
			}
			rooms[room][user] = true
		}
	}
	for i := range 5 {
		user := fmt.Sprint("user", i)
		if got := n.sessions(t, user); !slices.Equal(got, sorted(append([]string{}, sessions[user]...)...)) {
			t.Errorf("%s has the sessions %v, want %v", user, got, sessions[user])
		}
	}
	for room, users := range rooms {
		have := map[string]bool{}
		for user := range strings.FieldsSeq(n.present(t, room)) {
			have[user] = true
		}
		for user := range users { // whom a node could not take out while it was cut off is there until the session ends
			if !have[user] {
				t.Errorf("%s is not in %s, only %v", user, room, have)
			}
		}
	}
}

// hung is a driver whose restoring does not end before the test lets it.
type hung struct {
	*fleet.Driver
	free    chan struct{}
	renewed atomic.Int32
}

func (h *hung) Restore(ctx context.Context, s hubbub.SessionRecord, was hubbub.Opened, l hubbub.DeviceLimit) (hubbub.Restored, error) {
	select {
	case <-h.free:
	case <-ctx.Done():
		return hubbub.Restored{}, ctx.Err()
	}
	return h.Driver.Restore(ctx, s, was, l)
}

func (h *hung) Renew(ctx context.Context, n hubbub.NodeStatus) (hubbub.Renewal, error) {
	h.renewed.Add(1)
	return h.Driver.Renew(ctx, n)
}

func TestTheLeaseIsRenewedWhileSessionsAreRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		d := &hung{Driver: f.Driver(), free: make(chan struct{})}
		h := start(t, hubbub.Options{Driver: d})
		ann := open(t, h, "ann")
		d.Doubt(h.Node())
		before := d.renewed.Load()
		pass(6 * lease)
		if n := d.renewed.Load() - before; n < 15 {
			t.Errorf("the lease was renewed %d times", n)
		}
		if err := h.Healthy(); err == nil || !strings.Contains(err.Error(), "restore") {
			t.Errorf("the node that cannot restore its sessions is healthy: %v", err)
		}
		close(d.free)
		pass(lease)
		if err := h.Healthy(); err != nil || ann.closed() != "" {
			t.Errorf("then the node is not healthy: %v, and ann is closed for %q", err, ann.closed())
		}
	})
}

// loose is a driver whose bus brings private messages when the test says so.
type loose struct {
	*fleet.Driver
	mu   sync.Mutex
	late []hubbub.Posted
}

func (l *loose) Post(ctx context.Context, d hubbub.Draft) (hubbub.Appended, error) {
	a, err := l.Append(ctx, d)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.late = append(l.late, hubbub.Posted{Message: a.Message, Previous: a.Previous})
	return a, err
}

// bring publishes what was posted to a user, in an order.
func (l *loose) bring(t *testing.T, user string, order ...int) {
	t.Helper()
	for _, i := range order {
		if err := l.Publish(t.Context(), hubbub.Topic{Kind: hubbub.TopicUser, Name: user}, l.late[i]); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
	}
}

func TestFirstPrivateMessagesComeInOrder(t *testing.T) {
	for _, order := range [][]int{{2, 3, 4}, {4, 3, 2}, {3, 2, 4}, {4, 2, 3, 2, 4}, {3, 4, 2}, {4}} {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet()
			d := &loose{Driver: f.Driver()}
			h := start(t, hubbub.Options{Driver: d})
			ann := open(t, h, "ann")
			send := func(words ...string) {
				for _, word := range words {
					if _, err := ann.SendUser(t.Context(), "bob", text(word)); err != nil {
						t.Fatal(err)
					}
				}
			}
			send("old 1", "old 2") // before bob is here
			pass(time.Minute)
			bob := open(t, h, "bob")
			send("one", "two", "three")
			d.bring(t, "bob", order...)
			if got := strings.Join(heard(bob), " "); got != `"one" "two" "three"` {
				t.Errorf("in the order %v bob heard %s", order, got)
			}
			pass(time.Minute)
			send("four", "five")
			d.bring(t, "bob", 6, 5)
			if got := strings.Join(heard(bob), " "); got != `"four" "five"` {
				t.Errorf("then bob heard %s", got)
			}
		})
	}
}

// quiet is a driver whose bus may be away while all else works.
type quiet struct {
	*fleet.Driver
	away atomic.Bool
}

func (q *quiet) Publish(ctx context.Context, t hubbub.Topic, e hubbub.Event) error {
	if q.away.Load() {
		return hubbub.Errorf(hubbub.Unavailable, "the bus is away")
	}
	return q.Driver.Publish(ctx, t, e)
}

func TestSessionsHereAreEndedWithoutTheBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &quiet{Driver: newFleet().Driver()}
		h := start(t, hubbub.Options{Driver: d, Devices: hubbub.DeviceLimit{Max: 2}})
		first, second := open(t, h, "ann/a"), open(t, h, "ann/b")
		d.away.Store(true)
		third := open(t, h, "ann/c")
		if first.closed() != hubbub.EndReplaced {
			t.Errorf("the first device was closed for %q", first.closed())
		}
		if n, err := third.EndSessions(t.Context(), hubbub.Target{Except: third.ID()}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if second.closed() != hubbub.EndLoggedOut || third.closed() != "" {
			t.Errorf("closed are %q and %q", second.closed(), third.closed())
		}
	})
}
