package chaos_test

import (
	"math/rand/v2"
	"strings"
	"syscall"
	"time"

	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// fault is something that happens to the world, and is over when do returns.
type fault struct {
	name string
	do   func(w *world, r *rand.Rand)
}

// between is a random time.
func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)))
}

// victim is a gateway that no other fault happens to until it is released; nil if there is none.
func (w *world) victim(r *rand.Rand) *node {
	for _, i := range r.Perm(len(w.nodes)) {
		if n := w.nodes[i]; n.busy.TryLock() {
			return n
		}
	}
	return nil
}

// toNode makes a fault of what happens to a gateway.
func toNode(name string, do func(w *world, n *node, r *rand.Rand)) fault {
	return fault{name, func(w *world, r *rand.Rand) {
		n := w.victim(r)
		if n == nil {
			return
		}
		defer n.busy.Unlock()
		w.happens(name, n.name)
		do(w, n, r)
		w.note("%s: %s: over", name, n.name)
	}}
}

// ofGateways are the faults that there are whatever gateways stand on.
var ofGateways = []fault{
	toNode("a gateway is killed", func(w *world, n *node, r *rand.Rand) {
		n.kill()
		wait(w.ctx, between(r, 0, 4*time.Second))
		n.start()
		n.await()
	}),
	toNode("a gateway is killed again and again", func(w *world, n *node, r *rand.Rand) {
		for range 3 {
			n.kill()
			n.start()
			wait(w.ctx, between(r, 0, time.Second))
		}
		n.await()
	}),
	toNode("a gateway stands still", func(w *world, n *node, r *rand.Rand) {
		n.signal(syscall.SIGSTOP)
		wait(w.ctx, between(r, time.Second, 8*time.Second))
		n.signal(syscall.SIGCONT)
	}),
	toNode("a gateway is shut down and started", func(w *world, n *node, r *rand.Rand) {
		n.drain()
		n.await()
	}),
	{"all gateways are upgraded", func(w *world, r *rand.Rand) {
		w.happens("all gateways are upgraded", "")
		for _, n := range w.nodes {
			if !n.busy.TryLock() {
				continue
			}
			n.drain()
			n.await()
			n.busy.Unlock()
		}
	}},
	{"all gateways are killed", func(w *world, r *rand.Rand) {
		w.happens("all gateways are killed", "")
		var held []*node
		for _, n := range w.nodes {
			if n.busy.TryLock() {
				n.kill()
				held = append(held, n)
			}
		}
		wait(w.ctx, between(r, 0, 4*time.Second))
		for _, n := range held {
			n.start()
		}
		for _, n := range held {
			n.await()
			n.busy.Unlock()
		}
	}},
}

// drain shuts the gateway down as an operator does, and starts it again.
func (n *node) drain() {
	n.signal(syscall.SIGTERM)
	testkit.Eventually(n.t, n.name+" to shut down", n.ended)
	n.start()
}

// await waits for a gateway that was started. It may not become ready while its servers are away, and must be up.
func (n *node) await() {
	for deadline := time.Now().Add(testkit.Patience); time.Now().Before(deadline); {
		if n.ready() {
			return
		}
		if n.ended() {
			n.start() // what it stands on was away
		}
		wait(n.t.Context(), 50*time.Millisecond)
	}
}

// happens tells of a fault, and counts it.
func (w *world) happens(name, to string) {
	w.note("%s %s", name, to)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults[name]++
}

// linkFault is a fault of the links of gateways to the server that the number names: 0 is the first, -1 the last.
func linkFault(name string, which int, m manner, least, most time.Duration) fault {
	return toNode(name, func(w *world, n *node, r *rand.Rand) {
		l := n.links[(which+len(n.links))%len(n.links)]
		l.be(m)
		wait(w.ctx, between(r, least, most))
		l.be(open)
	})
}

// choose picks faults by their names, with commas; a name with * at its end is the beginning of some.
func choose(all []fault, names string) (some []fault) {
	for _, f := range all {
		for name := range strings.SplitSeq(names, ",") {
			if begin, glob := strings.CutSuffix(name, "*"); f.name == name || glob && strings.HasPrefix(f.name, begin) {
				some = append(some, f)
				break
			}
		}
	}
	return some
}
