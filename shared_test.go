package hubbub_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/internal/fleet"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// node is a hub with its instance of the driver.
type node struct {
	*hubbub.Hub
	driver *fleet.Driver
}

// herald takes down what is handed over.
type herald struct {
	mu  sync.Mutex
	all []hubbub.Transition
}

func (h *herald) tell(_ context.Context, t hubbub.Transition) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, t)
	return nil
}

// told is what was handed over of a user. What is told again, since the server was away when it was to be confirmed, has the same id.
func (h *herald) told(user string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var words []string
	known := map[string]bool{}
	for _, t := range h.all {
		if t.User == user && !known[t.ID] {
			known[t.ID] = true
			words = append(words, strings.TrimSpace(fmt.Sprint(t.Kind, " ", t.Why)))
		}
	}
	return strings.Join(words, ", ")
}

// id is that of the last transition of a kind that was handed over.
func (h *herald) id(kind hubbub.TransitionKind) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	id := ""
	for _, t := range h.all {
		if t.Kind == kind {
			id = t.ID
		}
	}
	return id
}

const (
	lease = 10 * time.Second
	grace = 5 * time.Second
)

func newFleet() *fleet.Fleet { return fleet.New(memory.Options{Lease: lease, Grace: grace}) }

// nodes starts two hubs of a fleet, a and b in the order of their names.
func nodes(t *testing.T, o hubbub.Options) (f *fleet.Fleet, a, b node) {
	t.Helper()
	f = newFleet()
	return f, join(t, f, "a", o), join(t, f, "b", o)
}

// join starts a hub of a fleet.
func join(t *testing.T, f *fleet.Fleet, name string, o hubbub.Options) node {
	t.Helper()
	d := f.Driver()
	o.Driver, o.Node = d, name
	return node{start(t, o), d}
}

// sessions are the ids that the registry has of a user's sessions.
func (n node) sessions(t *testing.T, user string) []string {
	t.Helper()
	all, err := n.driver.SessionsOf(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, s := range all {
		ids = append(ids, s.ID)
	}
	slices.Sort(ids)
	return ids
}

// present are the users that the registry has in a room.
func (n node) present(t *testing.T, room string) string {
	t.Helper()
	page, err := n.driver.Online(t.Context(), hubbub.Filter{Room: room}, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	var users []string
	for _, p := range page.Users {
		users = append(users, p.User)
	}
	return strings.Join(users, " ")
}

func sorted(ids ...string) []string {
	slices.Sort(ids)
	return ids
}

func TestNodesTellHowTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := nodes(t, hubbub.Options{Version: "1.2.3"})
		began := time.Now()
		open(t, a.Hub, "ann").join(t, "lobby", nil)
		open(t, a.Hub, "bob")
		pass(lease)
		all, err := b.Nodes(t.Context())
		if err != nil || len(all) != 2 || all[0].Node != a.Node() || all[1].Node != b.Node() {
			t.Fatalf("the nodes are %+v, %v", all, err)
		}
		if s := all[0]; s.Sessions != 2 || s.Rooms != 1 || s.Version != "1.2.3" || !s.Started.Equal(began) || s.Memory <= 0 {
			t.Errorf("node a is %+v", s)
		}
	})
}

func TestOneNodeTellsHowItIs(t *testing.T) {
	const often = 60 * time.Millisecond
	h := start(t, hubbub.Options{Driver: memory.New(memory.Options{Lease: often}), Lease: often, Version: "v"})
	open(t, h, "ann")
	testkit.Eventually(t, "a node that is busy", func() bool {
		for i := range 100_000 {
			_ = fmt.Sprint(i)
		}
		all, err := h.Nodes(t.Context())
		return err == nil && len(all) == 1 && all[0].Node == h.Node() && all[0].Sessions == 1 && all[0].CPU > 0.01 && all[0].Memory > 1<<16
	})
}

func TestSessionsAreRestoredIntoAnEmptiedRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard herald
		f, a, b := nodes(t, hubbub.Options{OnTransition: heard.tell, Devices: hubbub.DeviceLimit{Max: 2}})
		ann := open(t, a.Hub, "ann/phone")
		annToo, bob := open(t, b.Hub, "ann/laptop"), open(t, b.Hub, "bob/phone")
		for _, c := range []client{ann, annToo, bob} {
			c.join(t, "lobby", nil)
		}
		pass(lease)
		before := heard.told("ann") + heard.told("bob")
		for _, c := range []client{ann, annToo, bob} {
			told[hubbub.Event](c)
		}
		for range 2 {
			f.Empty()
			pass(lease)
			if got := a.sessions(t, "ann"); !slices.Equal(got, sorted(ann.ID(), annToo.ID())) {
				t.Fatalf("ann has the sessions %v", got)
			}
			if got := a.present(t, "lobby"); got != "ann bob" {
				t.Fatalf("in the lobby are %q", got)
			}
		}
		for _, c := range []client{ann, annToo, bob} {
			if some := told[hubbub.Event](c); len(some) > 0 || c.closed() != "" {
				t.Errorf("a session was told %+v, and closed for %q", some, c.closed())
			}
		}
		if after := heard.told("ann") + heard.told("bob"); after != before {
			t.Errorf("it was told that %s, and before %s", after, before)
		}
		third := open(t, a.Hub, "ann/tablet") // of the three devices one gives way
		synctest.Wait()
		if ann.closed()+annToo.closed() != hubbub.EndReplaced || third.closed() != "" {
			t.Errorf("closed are %q, %q and %q", ann.closed(), annToo.closed(), third.closed())
		}
		for _, c := range []client{ann, annToo, third} {
			c.Closed()
		}
		pass(lease)
		came := hubbub.TransitionID(hubbub.UserOnline, "ann", ann.ID())
		if got, want := heard.id(hubbub.UserOffline), hubbub.TransitionID(hubbub.UserOffline, "ann", came); got != want {
			t.Errorf("the offline that ends the online of the first session has the id %s, want %s", got, want)
		}
	})
}

// TestWhatHappensBetweenEmptyingAndNoticing has sessions come, join, refresh and go before their node knows that the registry is empty.
func TestWhatHappensBetweenEmptyingAndNoticing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard herald
		f, a, b := nodes(t, hubbub.Options{OnTransition: heard.tell})
		ann, bob, cid := open(t, a.Hub, "ann"), open(t, b.Hub, "bob"), open(t, a.Hub, "cid")
		pass(time.Second)
		f.Empty()
		if _, err := a.driver.Renew(t.Context(), hubbub.NodeStatus{Node: a.Node()}); err != nil { // so that there is a lease
			t.Fatal(err)
		}
		ann.Closed()
		cid.join(t, "lobby", nil)
		if _, err := cid.Refresh(t.Context(), as("cid")); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if got := heard.told("ann"); got != "session.connected, user.online, session.disconnected closed" {
			t.Errorf("of ann was told %s", got)
		}
		pass(lease)
		if got := heard.told("ann"); got != "session.connected, user.online, session.disconnected closed, user.offline" {
			t.Errorf("of ann was told %s", got)
		}
		if got := a.present(t, "lobby"); got != "cid" || len(b.sessions(t, "bob")) != 1 || bob.closed() != "" || cid.closed() != "" {
			t.Errorf("in the lobby are %q, bob has the sessions %v", got, b.sessions(t, "bob"))
		}
	})
}

func TestANodeLearnsWhatItMissedWhileItWasCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard herald
		_, a, b := nodes(t, hubbub.Options{OnTransition: heard.tell, Devices: hubbub.DeviceLimit{Max: 1}})
		stays, leaves, kicked, moved := open(t, a.Hub, "stays"), open(t, a.Hub, "leaves"), open(t, a.Hub, "kicked"), open(t, a.Hub, "moves/phone")
		for _, c := range []client{stays, leaves} {
			c.join(t, "lobby", nil)
		}
		a.driver.Cut(false)
		pass(time.Second)
		leaves.Closed()
		if n, err := b.End(t.Context(), hubbub.Target{User: "kicked"}, hubbub.EndLoggedOut); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		open(t, b.Hub, "moves/laptop")
		pass(5 * time.Second)
		if a.Healthy() == nil || stays.closed() != "" || kicked.closed() != "" {
			t.Errorf("cut off the node is healthy: %v", a.Healthy())
		}
		a.driver.Heal(a.Node())
		pass(lease)
		if err := a.Healthy(); err != nil {
			t.Error(err)
		}
		if stays.closed() != "" || kicked.closed() != hubbub.EndLoggedOut || moved.closed() != hubbub.EndReplaced {
			t.Errorf("closed are %q, %q, %q", stays.closed(), kicked.closed(), moved.closed())
		}
		if got := b.present(t, "lobby"); got != "stays" {
			t.Errorf("in the lobby are %q", got)
		}
		pass(lease)
		if got := heard.told("leaves"); got != "session.connected, user.online, session.disconnected closed, user.offline" {
			t.Errorf("of who has left was told %s", got)
		}
	})
}

// TestANodeThatWasCutOffFindsPairsThatWereSilent has somebody written to for the first time while the bus brings nothing.
func TestANodeThatWasCutOffFindsPairsThatWereSilent(t *testing.T) {
	for kind, o := range map[string]hubbub.Options{"in memory": {}, "in the store": lasting()} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if kind == "in the store" {
					o.Store, o.Private.History = newArchive(), hubbub.HistoryDurable
				}
				_, a, b := nodes(t, o)
				ann, early := open(t, a.Hub, "ann"), open(t, a.Hub, "cid")
				for _, word := range []string{"long ago", "before"} { // bob comes, which is nothing for him
					pass(time.Minute)
					if _, err := ann.SendUser(t.Context(), "bob", text(word)); err != nil {
						t.Fatal(err)
					}
				}
				pass(time.Minute)
				bob, other := open(t, b.Hub, "bob"), open(t, b.Hub, "ann/other")
				pass(time.Minute)
				b.driver.Cut(false)
				for _, word := range []string{"one", "two"} {
					pass(time.Second)
					if _, err := ann.SendUser(t.Context(), "bob", text(word)); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := early.SendUser(t.Context(), "bob", text("three")); err != nil {
					t.Fatal(err)
				}
				if got := heard(bob); len(got) != 0 {
					t.Fatalf("cut off bob heard %s", got)
				}
				b.driver.Heal(b.Node())
				pass(lease)
				got := heard(bob)
				slices.Sort(got)
				if want := []string{`"one"`, `"three"`, `"two"`}; !slices.Equal(got, want) {
					t.Errorf("bob heard %s, want %s", got, want)
				}
				if got := strings.Join(heard(other), " "); got != `"one" "two"` {
					t.Errorf("ann's other device heard %s", got)
				}
				if _, err := ann.SendUser(t.Context(), "bob", text("four")); err != nil {
					t.Fatal(err)
				}
				if got := strings.Join(heard(bob), " "); got != `"four"` {
					t.Errorf("then bob heard %s", got)
				}
			})
		})
	}
}

func TestClientsOfANodeThatWasLostComeBackWithinAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard herald
		_, a, b := nodes(t, hubbub.Options{OnTransition: heard.tell})
		ann := open(t, a.Hub, "ann")
		pass(time.Second)
		a.driver.Cut(true)
		pass(2*lease + grace)
		if got := b.sessions(t, "ann"); len(got) != 0 {
			t.Fatalf("ann has the sessions %v", got)
		}
		if _, err := arrive(t.Context(), a.Hub, as("bob")); hubbub.AsError(err).Reason != hubbub.Unavailable {
			t.Errorf("at a node that is cut off bob arrives with %v", err)
		}
		a.driver.Heal(a.Node())
		pass(lease)
		if ann.closed() != hubbub.EndNodeLost || ann.retry.Max < time.Second {
			t.Errorf("ann's session was closed for %q, to come back within %v", ann.closed(), ann.retry)
		}
		ann.Closed()
		again := open(t, a.Hub, "ann")
		pass(lease)
		if got := b.sessions(t, "ann"); !slices.Equal(got, []string{again.ID()}) || again.closed() != "" {
			t.Errorf("ann has the sessions %v", got)
		}
		want := "session.connected, user.online, session.disconnected node_lost, user.offline, session.connected, user.online"
		if got := heard.told("ann"); got != want {
			t.Errorf("of ann was told\n%s, want\n%s", got, want)
		}
	})
}

func TestStraySessionsEndAfterADoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := nodes(t, hubbub.Options{})
		here := open(t, a.Hub, "ann")
		for i := range 250 {
			s := hubbub.SessionRecord{ID: fmt.Sprint("stray", i), User: fmt.Sprint("user", i), Device: "d", Platform: "web", Node: a.Node()}
			if _, err := b.driver.Open(t.Context(), s, hubbub.DeviceLimit{}); err != nil {
				t.Fatal(err)
			}
		}
		a.driver.Doubt(a.Node())
		pass(lease)
		left, _, err := b.driver.SessionsOn(t.Context(), a.Node(), "")
		if err != nil || len(left) != 1 || left[0].ID != here.ID() {
			t.Errorf("left are %v, %v", left, err)
		}
	})
}

// TestCallsEndWhileTheServerHangs also shows that what a call may have done before it was given up is undone.
func TestCallsEndWhileTheServerHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := nodes(t, hubbub.Options{})
		ann := open(t, a.Hub, "ann")
		ann.join(t, "lobby", nil)
		a.driver.Cut(true)
		for _, limit := range []time.Duration{5 * time.Second, time.Second} {
			for what, call := range map[string]func() error{
				"send": func() error { _, err := ann.SendRoom(t.Context(), "lobby", text("x")); return err },
				"join": func() error { return ann.Join(t.Context(), "other", hubbub.JoinOptions{}, func(hubbub.JoinResult) {}) },
				"look": func() error { _, err := a.Count(t.Context()); return err },
				"open": func() error { _, err := arrive(t.Context(), a.Hub, as("bob")); return err },
			} {
				began := time.Now()
				wantReason(t, call(), hubbub.Unavailable)
				if took := time.Since(began); took > limit {
					t.Errorf("to %s took %v, want %v at most", what, took, limit)
				}
			}
			pass(lease) // in which a renewal fails
		}
		if err := a.Healthy(); err == nil || !strings.Contains(err.Error(), "lease") {
			t.Errorf("the node is healthy: %v", err)
		}
		a.driver.Heal(a.Node())
		pass(lease)
		if got := b.sessions(t, "bob"); len(got) != 0 {
			t.Errorf("bob, who was refused, has the sessions %v", got)
		}
		if err := a.Healthy(); err != nil {
			t.Error(err)
		}
	})
}

// TestRoomsThatWereLeftAreLeftAgain: the registry did not hear of it, or has lost it.
func TestRoomsThatWereLeftAreLeftAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := nodes(t, hubbub.Options{Rooms: []hubbub.RoomRule{{Match: "*"}}})
		ann, bob := open(t, a.Hub, "ann"), open(t, b.Hub, "bob")
		for _, room := range []string{"lobby", "bar"} {
			ann.join(t, room, nil)
			bob.join(t, room, nil)
		}
		if err := ann.Leave(t.Context(), "bar"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := a.driver.Enter(t.Context(), "bar", "ann", ann.ID()); err != nil { // the leave is lost
			t.Fatal(err)
		}
		if got := b.present(t, "bar"); got != "ann bob" {
			t.Fatalf("in the bar are %s", got)
		}
		a.driver.Doubt(a.Node())
		pass(lease)
		if bar, lobby := b.present(t, "bar"), b.present(t, "lobby"); bar != "bob" || lobby != "ann bob" {
			t.Errorf("in the bar are %s, in the lobby %s", bar, lobby)
		}
	})
}

// amnesiac is a driver that knows no session.
type amnesiac struct {
	*fleet.Driver
	restored hubbub.Restored
	fails    error
}

func (f *amnesiac) Enter(context.Context, string, string, string) (bool, int, error) {
	return false, 0, hubbub.Errorf(hubbub.NotFound, "there is no such session")
}

func (f *amnesiac) Restore(context.Context, hubbub.SessionRecord, hubbub.Opened, hubbub.DeviceLimit) (hubbub.Restored, error) {
	return f.restored, f.fails
}

// TestASessionThatIsAboutToBeClosed: its client may come back, and is told to try again.
func TestASessionThatIsAboutToBeClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &amnesiac{Driver: newFleet().Driver()}
		ann := open(t, start(t, hubbub.Options{Driver: d, Rooms: []hubbub.RoomRule{{Match: "*"}}}), "ann")
		try := func() error { return ann.Join(t.Context(), "lobby", hubbub.JoinOptions{}, func(hubbub.JoinResult) {}) }
		d.fails = hubbub.Errorf(hubbub.Unavailable, "Redis is away")
		wantReason(t, try(), hubbub.Unavailable)
		if why := ann.closed(); why != "" {
			t.Errorf("ann is closed for %q, and nobody knows why", why)
		}
		d.fails, d.restored.Ended = nil, hubbub.EndNodeLost
		wantReason(t, try(), hubbub.Unavailable)
		if why := ann.closed(); why != hubbub.EndNodeLost {
			t.Errorf("ann is closed for %q", why)
		}
		wantReason(t, try(), hubbub.Unavailable)
		ann.Closed()
		wantReason(t, try(), hubbub.NotFound)
	})
}
