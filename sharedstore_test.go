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
)

// archive is what of a store the tests of several nodes need, in memory. What is not there is not called.
type archive struct {
	hubbub.Store
	streams *memory.Driver

	mu       sync.Mutex
	nodes    []string            // of OpenNodes
	lost     []hubbub.Transition // what Lost returns
	asked    []string            // the nodes that Lost was asked about, "" for none, each time
	idle     time.Time           // that Lost was asked with last
	recorded []hubbub.Transition
	occupied map[string]bool
	wrote    []string // what SetOccupied has changed
	between  func()   // called once, before SetOccupied writes
	revoked  []hubbub.Revocation
	blocks   map[string]time.Time
	looked   int    // how often KeptAgainst was asked
	then     func() // called once, after the store has a block or forgets it
}

func newArchive() *archive {
	return &archive{streams: memory.New(memory.Options{}), occupied: map[string]bool{}, blocks: map[string]time.Time{}}
}

func (a *archive) Append(ctx context.Context, d hubbub.Draft) (hubbub.Appended, error) {
	return a.streams.Append(ctx, d)
}

func (a *archive) After(ctx context.Context, s hubbub.Stream, p hubbub.Position, n int) (hubbub.Page, error) {
	return a.streams.After(ctx, s, p, n)
}

func (a *archive) Before(ctx context.Context, s hubbub.Stream, p hubbub.Position, n int) (hubbub.Page, error) {
	return a.streams.Before(ctx, s, p, n)
}

func (a *archive) Conversations(ctx context.Context, user, before string, n int) (hubbub.ConversationPage, error) {
	return a.streams.Conversations(ctx, user, before, n)
}

func (a *archive) MarkRead(ctx context.Context, user string, s hubbub.Stream, p hubbub.Position) (bool, error) {
	return a.streams.MarkRead(ctx, user, s, p)
}

func (a *archive) Trim(context.Context, int) (bool, error)      { return false, nil }
func (a *archive) Arrive(context.Context, hubbub.Visitor) error { return nil }

func (a *archive) KeptRevocations(context.Context, string, int) ([]hubbub.Revocation, string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.revoked, "", nil
}

func (a *archive) KeepBlock(_ context.Context, user string, until time.Time) error {
	a.mu.Lock()
	a.blocks[user] = until
	a.mu.Unlock()
	a.afterwards()
	return nil
}

func (a *archive) ForgetBlocks(_ context.Context, user string) error {
	a.mu.Lock()
	delete(a.blocks, user)
	a.mu.Unlock()
	a.afterwards()
	return nil
}

// KeptAgainst knows of blocks, and of all that was revoked of a user.
func (a *archive) KeptAgainst(_ context.Context, s hubbub.SessionRecord) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.looked++
	_, blocked := a.blocks[s.User]
	return blocked || slices.ContainsFunc(a.revoked, func(r hubbub.Revocation) bool {
		return r.User == s.User && (r.Device == "" || r.Device == s.Device) && (r.Token == "" || r.Token == s.Token)
	}), nil
}

func (a *archive) KeptBlock(_ context.Context, user string) (blocked bool, until time.Time, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	until, blocked = a.blocks[user]
	return blocked, until, nil
}

// afterwards does what is to be done in between.
func (a *archive) afterwards() {
	a.mu.Lock()
	then := a.then
	a.then = nil
	a.mu.Unlock()
	if then != nil {
		then()
	}
}

func (a *archive) Record(_ context.Context, ts []hubbub.Transition, _ []hubbub.OutboxItem) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.recorded = append(a.recorded, ts...)
	return nil
}

func (a *archive) Endings(_ context.Context, ids []string) (map[string]hubbub.EndReason, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	ended := map[string]hubbub.EndReason{}
	for _, tr := range a.recorded {
		if tr.Kind == hubbub.SessionDisconnected && slices.Contains(ids, tr.Session.ID) {
			ended[tr.Session.ID] = tr.Why
		}
	}
	return ended, nil
}

func (a *archive) RecordBy(_ context.Context, ts []hubbub.Transition,
	tell func(map[string]hubbub.Standing) ([]hubbub.Transition, []hubbub.OutboxItem)) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	told, _ := tell(a.standings(ts))
	a.recorded = append(a.recorded, told...)
	return nil
}

// standings follows what was recorded, each transition once.
func (a *archive) standings(ts []hubbub.Transition) map[string]hubbub.Standing {
	all, known := map[string]hubbub.Standing{}, map[string]bool{}
	for _, tr := range a.recorded {
		u := all[tr.User]
		if known[tr.ID] || !slices.ContainsFunc(ts, func(other hubbub.Transition) bool { return other.User == tr.User }) {
			continue
		}
		known[tr.ID] = true
		switch tr.Kind {
		case hubbub.SessionConnected:
			u.Open = append(u.Open, tr.Session.ID)
			if !u.Online {
				u.Online, u.Turn, u.Turned = true, hubbub.TransitionID(hubbub.UserOnline, tr.User, tr.Session.ID), tr.Time
			}
		case hubbub.SessionDisconnected:
			u.Open, u.LastSeen = slices.DeleteFunc(u.Open, func(id string) bool { return id == tr.Session.ID }), tr.Time
			u.Ended = append(u.Ended, tr.Session.ID)
		default:
			u.Online, u.Turn, u.Turned = tr.Kind == hubbub.UserOnline, tr.ID, tr.Time
		}
		all[tr.User] = u
	}
	return all
}

func (a *archive) OpenNodes(context.Context) ([]string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.nodes, nil
}

func (a *archive) Lost(_ context.Context, nodes []string, idle time.Time) ([]hubbub.Transition, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked, a.idle = append(a.asked, strings.Join(nodes, " ")), idle
	lost := a.lost
	a.lost = nil
	return slices.Clone(lost), nil
}

func (a *archive) SetOccupied(_ context.Context, room string, occupied bool, _ []hubbub.OutboxItem) (bool, error) {
	a.mu.Lock()
	between := a.between
	a.between = nil
	a.mu.Unlock()
	if between != nil {
		between()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.occupied[room] == occupied {
		return false, nil
	}
	a.occupied[room] = occupied
	a.wrote = append(a.wrote, fmt.Sprint(room, " ", occupied))
	return true, nil
}

func (a *archive) OccupiedRooms(_ context.Context, after string, _ int) ([]string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var rooms []string
	for room, occupied := range a.occupied {
		if occupied && room > after {
			rooms = append(rooms, room)
		}
	}
	slices.Sort(rooms)
	return rooms, nil
}

// questions are the nodes that Lost was asked about since it was looked at last.
func (a *archive) questions() string {
	synctest.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	asked := a.asked
	a.asked = nil
	return fmt.Sprintf("%q", asked)
}

func (a *archive) open(nodes ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.nodes = nodes
}

// story is what was recorded.
func (a *archive) story() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var words []string
	for _, tr := range a.recorded {
		words = append(words, strings.TrimSpace(fmt.Sprint(tr.Kind, " ", tr.User, " ", tr.Why)))
	}
	return strings.Join(words, ", ")
}

// rooms is what was told of rooms.
func (a *archive) rooms() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.wrote, ", ")
}

// settled is how long it takes until a node knows who is lost.
const settled = lease + lease/3 + time.Second

func TestTheFirstNodeEndsInTheStoreWhatNobodyKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newArchive()
		end := func(user string) hubbub.Transition {
			return hubbub.Transition{ID: "end " + user, Kind: hubbub.SessionDisconnected, User: user, Why: hubbub.EndNodeLost,
				Session: hubbub.SessionRecord{ID: "s-" + user, User: user}}
		}
		offline := func(user string) hubbub.Transition {
			return hubbub.Transition{ID: "offline " + user, Kind: hubbub.UserOffline, User: user}
		}
		store.nodes = []string{"0-dead"}
		store.lost = []hubbub.Transition{end("ann"), offline("ann"), end("bob"), offline("bob")}
		_, a, b := nodes(t, hubbub.Options{Store: store})
		store.open("0-dead", a.Node(), b.Node())
		open(t, b.Hub, "ann") // who has signed in again meanwhile
		pass(lease)
		if got := store.questions(); got != "[]" {
			t.Fatalf("before a lease has passed it was asked who is lost: %s", got)
		}
		pass(settled - lease)
		if got := store.questions(); got != `["0-dead"]` {
			t.Fatalf("it was asked who is lost with %s", got)
		}
		store.mu.Lock()
		idle := store.idle
		store.mu.Unlock()
		if want := time.Now().Add(-grace - 2*lease); idle.Before(want.Add(-2*time.Second)) || idle.After(want) {
			t.Errorf("idle is %v, want %v", idle, want)
		}
		want := "session.connected ann, user.online ann, session.disconnected ann node_lost, session.disconnected bob node_lost, user.offline bob"
		if got := store.story(); got != want {
			t.Errorf("recorded is\n%s, want\n%s", got, want)
		}
		store.open(a.Node(), b.Node())
		pass(grace + 2*lease + settled)
		if got := store.questions(); got != `[""]` {
			t.Errorf("when all who had left before are idle, it was asked %s", got)
		}
		pass(9 * time.Minute)
		if got := store.questions(); got != "[]" {
			t.Errorf("without a reason it was asked who is lost: %s", got)
		}
		pass(time.Minute + settled)
		if got := store.questions(); got != `[""]` {
			t.Errorf("as a safety net it was asked %s", got)
		}
	})
}

func TestNobodyIsTakenForLostDuringADoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newArchive()
		store.nodes = []string{"0-dead"}
		f, a, b := nodes(t, hubbub.Options{Store: store})
		store.open("0-dead", a.Node(), b.Node())
		for range 5 { // no look is followed by another one
			pass(lease)
			f.Empty()
			pass(time.Second)
		}
		if got := store.questions(); got != "[]" {
			t.Fatalf("during a doubt it was asked who is lost: %s", got)
		}
		pass(settled + lease)
		if got := store.questions(); got != `["0-dead"]` {
			t.Errorf("after it, it was asked who is lost with %s", got)
		}
		a.driver.Cut(false) // the other node is the first now, and a is lost
		pass(10*time.Minute + settled + lease)
		if got := store.questions(); got != fmt.Sprintf("[%q]", "0-dead "+a.Node()) {
			t.Errorf("when the first node was lost, it was asked %s", got)
		}
		a.driver.Heal(a.Node())
		pass(lease)
	})
}

func TestWhatWasRevokedIsLoadedAfterADoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newArchive()
		f, a, b := nodes(t, hubbub.Options{Store: store})
		ann, bob := open(t, a.Hub, "ann"), open(t, b.Hub, "bob")
		pass(time.Second)
		f.Empty()
		store.mu.Lock()
		store.revoked = []hubbub.Revocation{{User: "ann"}}
		store.blocks["ann"] = time.Time{}
		store.mu.Unlock()
		pass(lease)
		if ann.closed() != hubbub.EndRevoked || bob.closed() != "" {
			t.Errorf("closed are %q and %q", ann.closed(), bob.closed())
		}
		_, err := arrive(t.Context(), b.Hub, as("ann"))
		wantReason(t, err, hubbub.Unauthorized)
	})
}

func TestKeptMessagesReachThoseHereWithoutTheBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := lasting()
		o.Store = newArchive()
		f := newFleet()
		here, there := &quiet{Driver: f.Driver()}, &quiet{Driver: f.Driver()}
		o.Driver = here
		a := start(t, o)
		o.Driver = there
		b := start(t, o)
		ann, bob, cid := open(t, a, "ann"), open(t, a, "bob"), open(t, b, "cid")
		for _, c := range []client{ann, bob, cid} {
			c.join(t, "lobby", nil)
		}
		ann.say(t, "lobby", "one")
		here.away.Store(true)
		ann.say(t, "lobby", "two")
		m := ann.say(t, "lobby", "three")
		for _, word := range []string{"for bob", "once more"} {
			if _, err := ann.SendUser(t.Context(), "bob", text(word)); err != nil {
				t.Fatal(err)
			}
		}
		if err := bob.MarkRead(t.Context(), hubbub.RoomStream("lobby"), m.Position); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(heard(bob), " "); got != `"one" "two" "three" "for bob" "once more"` {
			t.Errorf("bob heard %s", got)
		}
		if got := told[hubbub.Read](ann); len(got) != 1 || got[0].Position != m.Position {
			t.Errorf("ann was told of what bob has read: %+v", got)
		}
		if got := strings.Join(heard(cid), " "); got != `"one"` {
			t.Errorf("cid, elsewhere, heard %s", got)
		}
		here.away.Store(false)
		ann.say(t, "lobby", "four")
		for _, c := range []client{bob, cid} {
			heardBefore := map[string]string{"bob": "", "cid": `"two" "three" `}[c.Identity().User]
			if got := strings.Join(heard(c), " "); got != heardBefore+`"four"` {
				t.Errorf("then %s heard %s", c.Identity().User, got)
			}
		}
	})
}

// TestOthersHearWhatANodeKeptWhileItWasCutOff has a node alone lose the bus, so that nobody tells the other one that it has missed something.
func TestOthersHearWhatANodeKeptWhileItWasCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := lasting()
		o.Store = newArchive()
		f := newFleet()
		here := &quiet{Driver: f.Driver()}
		o.Driver = here
		a := start(t, o)
		b := join(t, f, "b", o)
		ann, bob, cid := open(t, a, "ann"), open(t, b.Hub, "bob"), open(t, b.Hub, "cid")
		ann.join(t, "lobby", nil)
		cid.join(t, "lobby", nil)
		here.away.Store(true)
		ann.say(t, "lobby", "to all")
		for _, word := range []string{"one", "two"} {
			if _, err := ann.SendUser(t.Context(), "bob", text(word)); err != nil {
				t.Fatal(err)
			}
		}
		pass(2 * lease)
		if got := append(heard(bob), heard(cid)...); len(got) > 0 {
			t.Fatalf("without the bus others heard %s", got)
		}
		here.away.Store(false)
		pass(lease)
		if got := strings.Join(heard(bob), " "); got != `"one" "two"` {
			t.Errorf("bob heard %s", got)
		}
		if got := strings.Join(heard(cid), " "); got != `"to all"` {
			t.Errorf("cid heard %s", got)
		}
		if got := strings.Join(heard(ann), " "); got != `"to all" "one" "two"` {
			t.Errorf("ann, who has sent them, heard %s", got)
		}
	})
}

func TestTwoNodesAgreeOnWhichRoomsAreOccupied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newArchive()
		store.occupied["forgotten"] = true // by nodes that died
		_, a, b := nodes(t, hubbub.Options{Store: store, Report: report})
		ann := open(t, a.Hub, "ann")
		store.mu.Lock()
		store.between = func() { // node a has seen ann, and before it says so she is gone, which node b has seen and told
			if _, _, err := b.driver.Leave(context.Background(), "lobby", "ann", ann.ID()); err != nil {
				t.Error(err)
			}
		}
		store.mu.Unlock()
		ann.join(t, "lobby", nil)
		synctest.Wait()
		if got := store.rooms(); got != "lobby true, lobby false" { // nor is any room looked at before it is known who lives
			t.Errorf("it was told that %s", got)
		}
		pass(settled)
		if got := store.rooms(); got != "lobby true, lobby false, forgotten false" {
			t.Errorf("in the end it was told that %s", got)
		}
	})
}

func TestTwoNodesAgreeOnWhoIsBlocked(t *testing.T) {
	soon := time.Hour
	for name, acts := range map[string][2]func(*testing.T, *hubbub.Hub){
		"unblock during a block":  {blocks(0), unblocks},
		"block during an unblock": {unblocks, blocks(0)},
		"a shorter block":         {blocks(0), blocks(soon)},
		"a longer block":          {blocks(soon), blocks(0)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newArchive()
				_, a, b := nodes(t, hubbub.Options{Store: store})
				blocks(2*soon)(t, b.Hub)
				store.then = func() { acts[1](t, b.Hub) } // while node a has told the store, and not yet the registry
				acts[0](t, a.Hub)
				kept, until, _ := store.KeptBlock(t.Context(), "ann")
				for _, n := range []node{a, b} {
					if blocked, known, err := n.Blocked(t.Context(), "ann"); blocked != kept || !known.Equal(until) || err != nil {
						t.Errorf("blocked is %v until %v, %v; kept is %v until %v", blocked, known, err, kept, until)
					}
				}
			})
		})
	}
}

// A failover may lose that a block was taken back.
func TestABlockThatOnlyTheRegistryHasKeepsNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newArchive()
		_, a, b := nodes(t, hubbub.Options{Store: store})
		blocks(0)(t, a.Hub)
		unblocks(t, a.Hub)
		for _, r := range []hubbub.Revocation{{User: "ann"}, {User: "bob", Device: "phone"}} {
			if err := b.driver.Revoke(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Check(t.Context(), as("ann")); err != nil {
			t.Errorf("who is not blocked any more is refused: %v", err)
		}
		if err := b.driver.Revoke(t.Context(), hubbub.Revocation{User: "ann"}); err != nil {
			t.Fatal(err)
		}
		if _, err := arrive(t.Context(), b.Hub, as("ann")); err != nil {
			t.Errorf("who is not blocked any more cannot sign in: %v", err)
		}
		_, err := arrive(t.Context(), b.Hub, as("bob/phone"))
		wantReason(t, err, hubbub.Unauthorized)
	})
}

// blocks blocks ann for a while, or for ever if it is 0.
func blocks(long time.Duration) func(*testing.T, *hubbub.Hub) {
	return func(t *testing.T, h *hubbub.Hub) {
		var until time.Time
		if long > 0 {
			until = time.Now().Add(long)
		}
		if _, err := h.Block(t.Context(), "ann", until); err != nil {
			t.Error(err)
		}
	}
}

func unblocks(t *testing.T, h *hubbub.Hub) {
	if _, err := h.Unblock(t.Context(), "ann"); err != nil {
		t.Error(err)
	}
}

func TestABlockThatIsTakenBackWhileRevocationsAreLoaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newArchive()
		f, a, b := nodes(t, hubbub.Options{Store: store})
		blocks(0)(t, a.Hub)
		listed := &listing{archive: store, then: func() { unblocks(t, b.Hub) }}
		c := join(t, f, "c", hubbub.Options{Store: listed})
		pass(time.Second)
		for _, n := range []node{a, b, c} {
			if blocked, _, err := n.Blocked(t.Context(), "ann"); blocked || err != nil {
				t.Errorf("ann is blocked: %v, %v", blocked, err)
			}
		}
	})
}

// listing is a store with the blocks among the revocations, where something happens once after they are listed.
type listing struct {
	*archive
	then func()
}

func (l *listing) KeptRevocations(context.Context, string, int) (rs []hubbub.Revocation, next string, err error) {
	l.mu.Lock()
	for user, until := range l.blocks {
		rs = append(rs, hubbub.Revocation{User: user, Until: until})
	}
	l.mu.Unlock()
	then := l.then
	if l.then = nil; then != nil {
		then()
	}
	return rs, "", nil
}
