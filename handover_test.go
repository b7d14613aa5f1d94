package hubbub_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// moody is a store in a file whose writes of facts do what the test wants, where a function is set: it gets what writes.
type moody struct {
	*sqlite.Store
	mu   sync.Mutex
	mood func(write func() error) error
}

func (m *moody) set(mood func(write func() error) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mood = mood
}

func (m *moody) do(write func() error) error {
	m.mu.Lock()
	mood := m.mood
	m.mu.Unlock()
	if mood == nil {
		return write()
	}
	return mood(write)
}

func (m *moody) Record(ctx context.Context, ts []hubbub.Transition, items []hubbub.OutboxItem) error {
	return m.do(func() error { return m.Store.Record(ctx, ts, items) })
}

func (m *moody) Put(ctx context.Context, items []hubbub.OutboxItem) error {
	return m.do(func() error { return m.Store.Put(ctx, items) })
}

func (m *moody) SetOccupied(ctx context.Context, room string, occupied bool, items []hubbub.OutboxItem) (changed bool, err error) {
	err = m.do(func() (err error) {
		changed, err = m.Store.SetOccupied(ctx, room, occupied, items)
		return err
	})
	return changed, err
}

var errFull = errors.New("the disk is full")

// broken fails each write.
func broken(func() error) error { return errFull }

// deaf writes, but nobody hears of it.
func deaf(write func() error) error {
	if err := write(); err != nil {
		return err
	}
	return errFull
}

// openMoody opens the store of a file.
func openMoody(t *testing.T, path string) *moody {
	t.Helper()
	store, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return &moody{Store: store}
}

// report makes an item for the target "all" of each fact, with a word that says what it is.
func report(f hubbub.Fact) []hubbub.OutboxItem {
	item := hubbub.OutboxItem{Target: "all"}
	switch f := f.(type) {
	case hubbub.Transition:
		item.ID, item.Order, item.Time = f.ID, "user "+f.User, f.Time
		item.Payload = []byte(strings.TrimSpace(fmt.Sprint(f.Kind, " ", f.Session.ID)))
	case hubbub.RoomChanged:
		item.ID, item.Order, item.Time = f.ID, "room "+f.Room, f.Time
		item.Payload = fmt.Appendf(nil, "occupied %v", f.Occupied)
	case hubbub.Sent:
		item.ID, item.Order, item.Time = f.Message.ID, "stream "+fmt.Sprint(f.Message.Stream), f.Message.Time
		item.Payload = f.Message.Data
	}
	return []hubbub.OutboxItem{item}
}

// outbox takes all items out of the outbox, and returns what they say by their order.
func outbox(t *testing.T, store hubbub.Outbox) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for {
		some, err := store.Claim(t.Context(), "all", 1000, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if len(some) == 0 {
			return all
		}
		var done []hubbub.Settlement
		for _, item := range some {
			all[item.Order] = append(all[item.Order], string(item.Payload))
			done = append(done, hubbub.Settlement{Target: "all", ID: item.ID, Outcome: hubbub.OutcomeDelivered})
		}
		if err := store.Settle(t.Context(), done); err != nil {
			t.Fatal(err)
		}
	}
}

// spy is a driver that notes what it decides, for each user in the order of the decisions.
type spy struct {
	*memory.Driver
	mu      sync.Mutex
	decided map[string][]string
}

func newSpy(grace time.Duration) *spy {
	return &spy{Driver: memory.New(memory.Options{Grace: grace}), decided: map[string][]string{}}
}

func (s *spy) OnDecision(f func([]hubbub.Transition)) {
	s.Driver.OnDecision(func(all []hubbub.Transition) {
		s.mu.Lock()
		for _, tr := range all {
			item := report(tr)[0]
			s.decided[item.Order] = append(s.decided[item.Order], string(item.Payload))
		}
		s.mu.Unlock()
		f(all)
	})
}

// TestDecisionsReachTheOutboxInTheirOrder has users come and go on many goroutines, while the store fails now and then, before or after
// it has written.
func TestDecisionsReachTheOutboxInTheirOrder(t *testing.T) {
	store, driver := openMoody(t, storeFile(t)), newSpy(-1)
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(1, 2))
	store.set(func(write func() error) error {
		mu.Lock()
		roll := rng.IntN(8)
		mu.Unlock()
		switch roll {
		case 0:
			return broken(write)
		case 1:
			return deaf(write)
		}
		return write()
	})
	h, err := hubbub.New(t.Context(), hubbub.Options{Driver: driver, Store: store, Report: report, Grace: -1,
		Devices: hubbub.DeviceLimit{Max: 2}})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 12 {
				c := open(t, h, fmt.Sprintf("user-%d/device-%d", n%3, i))
				if n%2 == 0 {
					c.Closed()
				}
			}
		})
	}
	all.Wait()
	store.set(nil)
	if err := h.Close(context.Background()); err != nil {
		t.Error(err)
	}
	got := outbox(t, store)
	for user, want := range driver.decided {
		if !slices.Equal(got[user], want) {
			t.Errorf("of %s the outbox got\n%s, and decided was\n%s", user, got[user], want)
		}
		if n := len(want); n < 12 {
			t.Errorf("of %s only %d transitions were decided", user, n)
		}
	}
	if len(got) != len(driver.decided) {
		t.Errorf("the outbox has %d orders, decided was about %d users", len(got), len(driver.decided))
	}
}

// TestNothingIsLostOrTwiceWhenTheProcessDies has the process die before a decision is recorded, or after that and before it is
// confirmed: a store that fails from then on is all that the next process has of it.
func TestNothingIsLostOrTwiceWhenTheProcessDies(t *testing.T) {
	for name, dying := range map[string]func(func() error) error{"before": broken, "after": deaf} {
		t.Run(name, func(t *testing.T) {
			path := storeFile(t)
			store := openMoody(t, path)
			o := hubbub.Options{Driver: memory.New(memory.Options{}), Store: store, Report: report}
			h, err := hubbub.New(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			ann, bob := open(t, h, "ann"), open(t, h, "bob")
			testkit.Eventually(t, "the beginnings", func() bool {
				lost, err := drivertest.LostTo(t.Context(), store, "another node", time.Now())
				return err == nil && len(lost) == 4
			})
			store.set(dying)
			cid := open(t, h, "cid")
			ann.Closed()
			if err := h.Close(context.Background()); !errors.Is(err, errFull) {
				t.Errorf("the hub closed with %v", err)
			}
			store.Close()

			store = openMoody(t, path)
			o.Driver, o.Store = memory.New(memory.Options{Grace: -1}), store
			o.Grace = -1
			if h, err = hubbub.New(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			again := open(t, h, "ann")
			again.Closed()
			if err := h.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
			// A life is what is told of a user with one session.
			life := func(c client) []string {
				return []string{"session.connected " + c.ID(), "user.online", "session.disconnected " + c.ID(), "user.offline"}
			}
			want := map[string][]string{"user ann": append(life(ann), life(again)...), "user bob": life(bob)}
			if name == "after" {
				want["user cid"] = life(cid)
			}
			if got := outbox(t, store); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("the outbox has\n%v, want\n%v", got, want)
			}
		})
	}
}

// TestAnEarlierDecisionIsNotHandedOverTwice has the registry tell again what waits: the store, which was away for long, gets it once.
func TestAnEarlierDecisionIsNotHandedOverTwice(t *testing.T) {
	store := openMoody(t, storeFile(t))
	var mu sync.Mutex
	told := map[string]int{}
	o := hubbub.Options{Driver: memory.New(memory.Options{Lease: 60 * time.Millisecond}), Lease: 60 * time.Millisecond, Store: store,
		Report: func(f hubbub.Fact) []hubbub.OutboxItem {
			mu.Lock()
			defer mu.Unlock()
			told[f.(hubbub.Transition).ID]++
			return nil
		}}
	var tries sync.WaitGroup
	tries.Add(6) // which take longer than the registry waits before it tells again
	left := 6
	store.set(func(write func() error) error {
		mu.Lock()
		defer mu.Unlock()
		if left--; left < 0 {
			return nil
		}
		tries.Done()
		if left == 0 {
			clear(told)
		}
		return errFull
	})
	h := start(t, o)
	open(t, h, "ann")
	tries.Wait()
	if err := h.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for id, n := range told {
		if n != 1 {
			t.Errorf("%s was handed over %d times", id, n)
		}
	}
	if len(told) < 3 {
		t.Errorf("%d transitions were handed over", len(told))
	}
}
