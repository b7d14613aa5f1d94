package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/redis"
)

var errFault = errors.New("the connection was lost")

// fault lets a number of steps pass and then fails all, as for a process that has lost its connection, or dies.
type fault struct {
	mu     sync.Mutex
	left   int  // steps until it fails; negative for never
	answer bool // the first step to fail is done, and only its answer is lost
	failed bool
}

func (f *fault) step(op string, before bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.failed:
		return errFault
	case strings.HasPrefix(op, "list") || strings.HasPrefix(op, "look") || strings.HasPrefix(op, "read"): // changes nothing
		return nil
	case before && f.left == 0 && !f.answer, !before && f.left == 0:
		f.failed = true
		return errFault
	case !before:
		f.left--
	}
	return nil
}

// tale is what nodes tell of users, as a store takes it: each transition once.
type tale struct {
	t     *testing.T
	known map[string]bool
	all   []hubbub.Transition
}

func (l *tale) hear(all []hubbub.Transition) {
	for _, t := range all {
		if !l.known[t.ID] {
			l.known[t.ID] = true
			l.all = append(l.all, t)
		}
	}
}

// check fails the test unless all that began has ended, each once.
func (l *tale) check(ctx string) {
	l.t.Helper()
	balance := map[string]int{}
	for _, t := range l.all {
		switch t.Kind {
		case hubbub.SessionConnected:
			balance[t.Session.ID]++
		case hubbub.SessionDisconnected:
			balance[t.Session.ID]--
		case hubbub.UserOnline:
			balance["user "+t.User]++
		case hubbub.UserOffline:
			balance["user "+t.User]--
		}
	}
	for of, n := range balance {
		if n != 0 {
			l.t.Errorf("%s: of %s begins and ends do not match: %d", ctx, of, n)
		}
	}
}

const lostNode, keptNode = "node-a-1", "node-b-1"

func recordOf(user, device, id, node string, clock *drivertest.Clock) hubbub.SessionRecord {
	return hubbub.SessionRecord{ID: id, User: user, Device: device, Platform: "web", Node: node, Connected: clock.Now(), Issued: clock.Now()}
}

// faultyActs are what a node does until its connection is lost. Each is given what was told.
func faultyActs(ctx context.Context, d *redis.Driver, clock *drivertest.Clock, hear func([]hubbub.Transition)) []func() error {
	one := hubbub.DeviceLimit{Max: 1}
	open := func(user, device, id string) func() error {
		return func() error {
			o, err := d.Open(ctx, recordOf(user, device, id, lostNode, clock), one)
			hear(o.Transitions)
			return err
		}
	}
	enter := func(room, user, id string) func() error {
		return func() error { _, _, err := d.Enter(ctx, room, user, id); return err }
	}
	return []func() error{
		open("ann", "phone", "a1"), open("bob", "phone", "b1"), enter("lobby", "ann", "a1"), enter("lobby", "bob", "b1"),
		enter("other", "ann", "a1"), open("ann", "laptop", "a2"), // in the place of a1
		enter("lobby", "ann", "a2"),
		func() error { _, _, err := d.Leave(ctx, "lobby", "bob", "b1"); return err },
		func() error {
			all, err := d.End(ctx, hubbub.Target{User: "ann"}, hubbub.EndLoggedOut)
			hear(all)
			return err
		},
		open("cid", "phone", "c1"), enter("lobby", "cid", "c1"),
		func() error {
			all, err := d.Release(ctx, lostNode)
			hear(all)
			return err
		},
	}
}

// TestFaults has a node lose its connection for good at each step of what it does, and another one clear up after it: nobody stays online or
// in a room, and what has begun has ended, once.
func TestFaults(t *testing.T) {
	t.Parallel()
	step := 0
	for ; faultAt(t, step, true); step++ {
	}
	if step < 20 {
		t.Fatalf("there were only %d steps", step)
	}
	// What is kept when a step is not done is what is kept when the answer of the step before is lost.
	for step := 0; faultAt(t, step, false); step += 3 {
	}
}

// faultAt is false if there are no more steps.
func faultAt(t *testing.T, step int, answer bool) bool {
	name := fmt.Sprintf("step %d, only the answer lost: %v", step, answer)
	clock, prefix := drivertest.NewClock(), freshPrefix()
	a, b := quiet(t, clock, prefix), quiet(t, clock, prefix)
	defer a.Close()
	defer b.Close()
	renew := func(d *redis.Driver, node string) {
		if _, err := d.Renew(t.Context(), hubbub.NodeStatus{Node: node}); err != nil {
			t.Fatal(err)
		}
	}
	renew(a, lostNode)
	renew(b, keptNode)
	told := &tale{t: t, known: map[string]bool{}}
	f := &fault{left: step, answer: answer}
	a.SetHook(f.step)
	for _, act := range faultyActs(t.Context(), a, clock, told.hear) {
		if err := act(); err != nil {
			break // what fails is done by nobody else
		}
	}
	confirm := func(all []hubbub.Transition) {
		told.hear(all)
		for _, one := range all {
			if _, err := b.Confirm(t.Context(), one.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 10 { // a lease, the time of a claim, and graces
		clock.Advance(drivertest.Lease / 2)
		renew(b, keptNode)
		all, err := b.Reap(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		confirm(all)
	}
	told.check(name)
	checkEmpty(t, name, b)
	if b.Entries(t) > 0 {
		t.Errorf("%s: %d things are still due", name, b.Entries(t))
	}
	return f.failed
}

// checkEmpty fails the test if somebody is online or in a room.
func checkEmpty(t *testing.T, name string, d *redis.Driver) {
	t.Helper()
	if c, err := d.Count(t.Context()); err != nil || c != (hubbub.Counts{}) {
		t.Errorf("%s: online are %+v, %v", name, c, err)
	}
	if page, err := d.Online(t.Context(), hubbub.Filter{}, "", 10); err != nil || len(page.Users) > 0 || page.Total != 0 {
		t.Errorf("%s: online are %+v, %v", name, page, err)
	}
	if page, err := d.Occupied(t.Context(), "", 10); err != nil || len(page.Rooms) > 0 {
		t.Errorf("%s: occupied are %+v, %v", name, page.Rooms, err)
	}
	if nodes, err := d.Nodes(t.Context()); err != nil || len(nodes) != 1 {
		t.Errorf("%s: the nodes are %+v, %v", name, nodes, err)
	}
}

// TestReaperFaults has a node die, and the one that clears up after it lose its connection at each step of that. A third one goes on.
func TestReaperFaults(t *testing.T) {
	t.Parallel()
	for _, answer := range []bool{false, true} {
		for step := 0; reapFaultAt(t, step, answer); step += 3 {
		}
	}
}

func reapFaultAt(t *testing.T, step int, answer bool) bool {
	name := fmt.Sprintf("step %d, only the answer lost: %v", step, answer)
	clock, prefix := drivertest.NewClock(), freshPrefix()
	var all []*redis.Driver
	told := &tale{t: t, known: map[string]bool{}}
	for i := range 3 {
		d := quiet(t, clock, prefix)
		defer d.Close()
		all = append(all, d)
		if _, err := d.Renew(t.Context(), hubbub.NodeStatus{Node: fmt.Sprint("n", i)}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 6 {
		user := fmt.Sprint("u", i)
		o, err := all[0].Open(t.Context(), recordOf(user, "d", fmt.Sprint("s", i), "n0", clock), hubbub.DeviceLimit{})
		if err != nil {
			t.Fatal(err)
		}
		told.hear(o.Transitions)
		if _, _, err := all[0].Enter(t.Context(), "lobby", user, fmt.Sprint("s", i)); err != nil {
			t.Fatal(err)
		}
	}
	f := &fault{left: step, answer: answer}
	all[1].SetHook(f.step)
	for round := range 12 {
		clock.Advance(drivertest.Lease / 2)
		for i, d := range all[1:] {
			if _, err := d.Renew(t.Context(), hubbub.NodeStatus{Node: fmt.Sprint("n", i+1)}); err != nil {
				continue // with the connection
			}
			if i == 1 && round < 4 {
				continue // so that the other one finds something to do
			}
			some, err := d.Reap(t.Context())
			if err != nil && i == 1 {
				t.Fatalf("%s: %v", name, err)
			}
			told.hear(some)
			for _, one := range some {
				_, _ = d.Confirm(t.Context(), one.ID) // what fails is told again
			}
		}
	}
	told.check(name)
	if page, err := all[2].Occupied(t.Context(), "", 10); err != nil || len(page.Rooms) > 0 {
		t.Errorf("%s: occupied are %+v, %v", name, page.Rooms, err)
	}
	if c, err := all[2].Count(t.Context()); err != nil || c != (hubbub.Counts{}) {
		t.Errorf("%s: online are %+v, %v", name, c, err)
	}
	return f.failed
}
