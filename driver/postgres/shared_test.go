package postgres_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/postgres"
)

// openTwo opens two stores on one new database, as two nodes do.
func openTwo(t testing.TB, clock *drivertest.Clock) [2]*postgres.Store {
	t.Helper()
	o := postgres.Options{URL: server.Database(t, server.template), MaxConns: 8}
	if clock != nil {
		o.Now = clock.Now
	}
	return [2]*postgres.Store{openWith(t, o), openWith(t, o)}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// noDeadlocks fails the test if the database had to end a transaction since others waited for it in a circle.
func noDeadlocks(t *testing.T, url string) {
	t.Helper()
	c := connect(t, url)
	var n int
	// What others have counted is seen a little later than they are done, by those who ask anew.
	if err := c.QueryRow(t.Context(), "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(&n); err != nil || n > 0 {
		t.Errorf("there were %d deadlocks, %v", n, err)
	}
}

func item(target, order, id string) hubbub.OutboxItem {
	return hubbub.OutboxItem{ID: id, Target: target, Order: order, Payload: []byte(id)}
}

func ids(items []hubbub.OutboxItem) (all []string) {
	for _, i := range items {
		all = append(all, i.ID)
	}
	return all
}

// TestOverlappingRecords has two nodes record some of the same transitions of many users at the same time, one all and one the beginning.
func TestOverlappingRecords(t *testing.T) {
	t.Parallel()
	stores := openTwo(t, nil)
	const rounds, users = 12, 8
	for round := range rounds {
		var ts [][]hubbub.Transition
		for u := range users {
			ts = append(ts, story(fmt.Sprint("user", u), fmt.Sprint("s", round, "-", u)))
		}
		var wg sync.WaitGroup
		for u := range users {
			for i, n := range []int{len(ts[u]), 1 + round%2} {
				wg.Go(func() {
					some := slices.Clone(ts[u][:n])
					other := ts[(u+1)%users] // of two users at once, in either order
					some = append(some, other[:n]...)
					if err := stores[(i+u)%2].Record(t.Context(), some, itemsOf(some)); err != nil {
						t.Error(err)
					}
				})
			}
		}
		wg.Wait()
		for u := range users {
			for _, want := range ts[u] {
				items, err := stores[round%2].Claim(t.Context(), "hook "+ts[u][0].User, 10, time.Minute)
				if err != nil || len(items) != 1 || items[0].ID != want.ID {
					t.Fatalf("next is %q, %v; want %s", ids(items), err, want.ID)
				}
				must(t, stores[u%2].Settle(t.Context(), nil))
				must(t, stores[round%2].Settle(t.Context(), []hubbub.Settlement{{Target: items[0].Target, ID: items[0].ID}}))
			}
		}
	}
	if lost, err := stores[0].Lost(t.Context(), nil, time.Now().Add(time.Hour)); err != nil || len(lost) != 0 {
		t.Errorf("lost are %v, %v", lost, err)
	}
}

// story is a session from its beginning to its end.
func story(user, session string) []hubbub.Transition {
	s := hubbub.SessionRecord{ID: session, User: user, Node: "one", Connected: time.Now()}
	of := func(kind hubbub.TransitionKind, of string) hubbub.Transition {
		return hubbub.Transition{ID: hubbub.TransitionID(kind, user, of), Kind: kind, User: user, Session: s, Time: time.Now()}
	}
	online := of(hubbub.UserOnline, session)
	return []hubbub.Transition{of(hubbub.SessionConnected, session), online, of(hubbub.SessionDisconnected, session), of(hubbub.UserOffline, online.ID)}
}

func itemsOf(ts []hubbub.Transition) (items []hubbub.OutboxItem) {
	for _, one := range ts {
		items = append(items, item("hook "+one.User, "user "+one.User, one.ID))
	}
	return items
}

// TestNodesShareTheOutbox has two nodes put, append, record and deliver the same orders. No order is the work of two at a
// time, and none gets ahead of itself.
func TestNodesShareTheOutbox(t *testing.T) {
	t.Parallel()
	clock := drivertest.NewClock()
	o := postgres.Options{URL: server.Database(t, server.template), MaxConns: 10, Now: clock.Now}
	stores := [2]*postgres.Store{openWith(t, o), openWith(t, o)}
	const orders, each, workers = 12, 15, 3
	var putters, receivers sync.WaitGroup
	for i, s := range stores {
		putters.Go(func() { putInOrders(t, s, i, orders, each) })
		putters.Go(func() { appendWithItems(t, s, i, 20) })
	}
	d := deliveries{next: map[string]int{}, busy: map[string]bool{}, left: 2 * orders * each}
	for _, s := range stores {
		for range workers {
			receivers.Go(func() { d.work(t, s, clock) })
		}
	}
	putters.Wait()
	receivers.Wait()
	noDeadlocks(t, o.URL)
}

// putInOrders puts the next item of each order, by lists that have the orders in another order each time.
func putInOrders(t *testing.T, s *postgres.Store, node, orders, each int) {
	for n := range each {
		var all []hubbub.OutboxItem
		for _, o := range rand.Perm(orders) {
			order := fmt.Sprint(node, "-", o)
			all = append(all, item("hook", order, fmt.Sprint(order, ":", n)))
			all = append(all, item("other", fmt.Sprint(o), fmt.Sprint(order, ":", n)))
		}
		if err := s.Put(t.Context(), all); err != nil {
			t.Error(err)
		}
	}
}

// appendWithItems appends messages to a room that both nodes have, each with items in orders that others put into, too.
func appendWithItems(t *testing.T, s *postgres.Store, node, n int) {
	for i := range n {
		id := fmt.Sprint("m", node, "-", i)
		_, err := s.Append(t.Context(), hubbub.Draft{
			Message: hubbub.Message{ID: id, Stream: hubbub.RoomStream("lobby"), From: hubbub.Sender{User: "ann"}, Data: []byte("1"), Time: time.Now()},
			Report: func(hubbub.Message) []hubbub.OutboxItem {
				return []hubbub.OutboxItem{item("other", "room", id), item("other", fmt.Sprint(i%12), id), item("other", fmt.Sprint(i%5), "again "+id)}
			},
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// deliveries are what the receivers of two nodes have done.
type deliveries struct {
	mu   sync.Mutex
	next map[string]int // item of each order
	busy map[string]bool
	left int
}

// work delivers until nothing is left. Now and then it asks for another attempt.
func (d *deliveries) work(t *testing.T, s *postgres.Store, clock *drivertest.Clock) {
	deadline := time.Now().Add(time.Minute)
	for !d.done() && time.Now().Before(deadline) {
		items, err := s.Claim(t.Context(), "hook", 4, time.Hour)
		if err != nil {
			t.Error(err)
			return
		}
		var done []hubbub.Settlement
		for i, item := range items {
			d.begin(t, item)
			if (i+item.Attempts)%4 == 1 {
				d.end(item, false)
				done = append(done, hubbub.Settlement{Target: "hook", ID: item.ID, Outcome: hubbub.OutcomeRetry, Retry: clock.Now()})
				continue
			}
			d.end(item, true)
			done = append(done, hubbub.Settlement{Target: "hook", ID: item.ID})
		}
		if err := s.Settle(t.Context(), done); err != nil {
			t.Error(err)
			return
		}
	}
	if !d.done() {
		t.Error("not all is delivered")
	}
}

func (d *deliveries) done() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.left == 0
}

func (d *deliveries) begin(t *testing.T, item hubbub.OutboxItem) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, number, _ := strings.Cut(item.ID, ":")
	if d.busy[item.Order] || number != fmt.Sprint(d.next[item.Order]) {
		t.Errorf("claimed %s while %v; the next is %d", item.ID, d.busy[item.Order], d.next[item.Order])
	}
	d.busy[item.Order] = true
}

// end says before it is settled that an item is not worked at any more.
func (d *deliveries) end(item hubbub.OutboxItem, delivered bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy[item.Order] = false
	if delivered {
		d.next[item.Order]++
		d.left--
	}
}

func TestLateSettlementsDoNoHarm(t *testing.T) {
	t.Parallel()
	for _, outcome := range []hubbub.Outcome{hubbub.OutcomeDelivered, hubbub.OutcomeRetry, hubbub.OutcomeDead} {
		clock := drivertest.NewClock()
		stores := openTwo(t, clock)
		slow, other := stores[0], stores[1]
		must(t, slow.Put(t.Context(), []hubbub.OutboxItem{item("hook", "a", "1"), item("hook", "a", "2"), item("hook", "a", "3")}))
		claim := func(s *postgres.Store, want ...string) {
			t.Helper()
			if items, err := s.Claim(t.Context(), "hook", 10, time.Minute); err != nil || !slices.Equal(ids(items), want) {
				t.Fatalf("claimed %q, %v; want %q", ids(items), err, want)
			}
		}
		late := []hubbub.Settlement{{Target: "hook", ID: "1", Outcome: outcome, Retry: clock.Now(), Error: "late\x00\xff"}}
		claim(slow, "1")
		claim(other)
		clock.Advance(time.Minute)
		claim(other, "1")
		must(t, slow.Settle(t.Context(), late))
		claim(slow) // the other one is still at it
		claim(other)
		if dead, err := slow.Dead(t.Context(), "hook", 0, 10); err != nil || len(dead) != 0 {
			t.Fatalf("dead are %q, %v", ids(dead), err)
		}
		must(t, other.Settle(t.Context(), []hubbub.Settlement{{Target: "hook", ID: "1"}}))
		must(t, slow.Settle(t.Context(), late))
		claim(slow, "2")
		clock.Advance(time.Hour) // and nobody else has claimed it
		must(t, slow.Settle(t.Context(), []hubbub.Settlement{{Target: "hook", ID: "2"}}))
		claim(other, "3")
	}
}

// TestPartlyLateSettlement settles two items at once, one of which another store has claimed meanwhile: that one alone is passed over.
func TestPartlyLateSettlement(t *testing.T) {
	t.Parallel()
	clock := drivertest.NewClock()
	stores := openTwo(t, clock)
	slow, other := stores[0], stores[1]
	claim := func(s *postgres.Store, want ...string) {
		t.Helper()
		if items, err := s.Claim(t.Context(), "hook", 10, time.Minute); err != nil || !slices.Equal(ids(items), want) {
			t.Fatalf("claimed %q, %v; want %q", ids(items), err, want)
		}
	}
	must(t, slow.Put(t.Context(), []hubbub.OutboxItem{item("hook", "a", "a1"), item("hook", "a", "a2")}))
	claim(slow, "a1")
	clock.Advance(30 * time.Second)
	must(t, slow.Put(t.Context(), []hubbub.OutboxItem{item("hook", "b", "b1"), item("hook", "b", "b2")}))
	claim(slow, "b1")
	clock.Advance(30 * time.Second)
	claim(other, "a1")
	must(t, slow.Settle(t.Context(), []hubbub.Settlement{{Target: "hook", ID: "a1"}, {Target: "hook", ID: "b1"}}))
	claim(slow, "b2")
	must(t, other.Settle(t.Context(), []hubbub.Settlement{{Target: "hook", ID: "a1"}}))
	claim(slow, "a2")
}

// TestReplayedWhileAnotherNodeDelivers replays an item before one that the other node has: the order stays the work of that one.
func TestReplayedWhileAnotherNodeDelivers(t *testing.T) {
	t.Parallel()
	clock := drivertest.NewClock()
	stores := openTwo(t, clock)
	claim := func(s *postgres.Store, want ...string) {
		t.Helper()
		if items, err := s.Claim(t.Context(), "hook", 10, time.Minute); err != nil || !slices.Equal(ids(items), want) {
			t.Fatalf("claimed %q, %v; want %q", ids(items), err, want)
		}
	}
	settle := func(s *postgres.Store, id string, o hubbub.Outcome) {
		t.Helper()
		must(t, s.Settle(t.Context(), []hubbub.Settlement{{Target: "hook", ID: id, Outcome: o, Retry: clock.Now()}}))
	}
	for _, o := range []hubbub.Outcome{hubbub.OutcomeDelivered, hubbub.OutcomeRetry, hubbub.OutcomeDead} {
		name := func(n int) string { return fmt.Sprint(o, "-", n) }
		must(t, stores[0].Put(t.Context(), []hubbub.OutboxItem{item("hook", "a", name(1)), item("hook", "a", name(2))}))
		claim(stores[0], name(1))
		settle(stores[0], name(1), hubbub.OutcomeDead)
		claim(stores[1], name(2))
		if n, err := stores[0].Replay(t.Context(), "hook", []string{name(1)}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		claim(stores[0])
		settle(stores[0], name(2), hubbub.OutcomeDelivered) // it is not this one's
		claim(stores[0])
		settle(stores[1], name(2), o)
		claim(stores[0], name(1))
		settle(stores[0], name(1), hubbub.OutcomeDelivered)
		if o == hubbub.OutcomeRetry {
			claim(stores[1], name(2))
			settle(stores[1], name(2), hubbub.OutcomeDelivered)
		}
		claim(stores[0])
	}
}

// TestRoomsChangeInTurns has two nodes tell whether a room is occupied. Each change is told once, and they alternate.
func TestRoomsChangeInTurns(t *testing.T) {
	t.Parallel()
	stores := openTwo(t, nil)
	var mu sync.Mutex
	balance, changes := 0, 0
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 20 {
				occupied := rand.IntN(2) == 0
				id := fmt.Sprint(i, "-", n, " ", occupied)
				changed, err := stores[i%2].SetOccupied(t.Context(), "lobby", occupied, []hubbub.OutboxItem{item("hook", "room lobby", id)})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				if changed {
					changes++
					balance++
					if !occupied {
						balance -= 2
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	rooms, err := stores[0].OccupiedRooms(t.Context(), "", 10)
	if err != nil || len(rooms) != balance {
		t.Fatalf("occupied are %q after %d more beginnings than ends, %v", rooms, balance, err)
	}
	want := "true"
	for range changes {
		items, err := stores[1].Claim(t.Context(), "hook", 10, time.Minute)
		if err != nil || len(items) != 1 || !strings.HasSuffix(items[0].ID, want) {
			t.Fatalf("then is told %q, %v; want one that is %s", ids(items), err, want)
		}
		want = map[string]string{"true": "false", "false": "true"}[want]
		must(t, stores[1].Settle(t.Context(), []hubbub.Settlement{{Target: "hook", ID: items[0].ID}}))
	}
}

// TestRevocationsOfTwoNodes keeps blocks of one user at the same time: one is left, and none after they were forgotten.
func TestRevocationsOfTwoNodes(t *testing.T) {
	t.Parallel()
	stores := openTwo(t, nil)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			until := time.Now().Add(time.Duration(i+1) * time.Hour)
			if err := stores[i%2].KeepBlock(t.Context(), "ann", until); err != nil {
				t.Error(err)
			}
			if err := stores[i%2].KeepRevocation(t.Context(), hubbub.Revocation{User: "ann", Token: fmt.Sprint(i / 4)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	blocks, tokens := 0, map[string]bool{}
	all, _, err := stores[0].KeptRevocations(t.Context(), "", 100)
	must(t, err)
	for _, r := range all {
		if r.Token == "" {
			blocks++
		} else {
			tokens[r.Token] = true
		}
	}
	if blocks != 1 || len(tokens) != 4 {
		t.Fatalf("there are %d blocks, and the tokens %v", blocks, tokens)
	}
}
