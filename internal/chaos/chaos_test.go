package chaos_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// servers is what gateways stand on.
type servers struct {
	gateways int
	settle   func(n *node)            // adds what it needs to the gateway's settings
	faults   []fault                  // that can happen to it, and to gateways because of it
	short    [][]string               // the faults of each round of a short run
	journal  func() (journal, error)  // what the store takes for open; nil if nobody but a gateway may look into it
	kept     func(user string) string // what the store has of a user, for people to read; nil if nobody but a gateway may look into it
	*world                            // set before any fault happens
}

// sets are the sets of servers, each with what starts it.
var sets = []struct {
	name  string
	short bool // it is in the short run
	start func(t *testing.T) *servers
}{
	{"one", false, onOneFile},
	{"redis", true, onRedis},
	{"sentinel", true, onSentinel},
	{"cluster", true, onCluster},
}

// TestChaos lets people live while faults happen, on each set of servers. Without HUBBUB_CHAOS it is short: each set has rounds with
// some faults of its own. HUBBUB_CHAOS=10m goes on for as long in all, HUBBUB_CHAOS_SEED repeats the faults of a run,
// HUBBUB_CHAOS_SERVERS and HUBBUB_CHAOS_FAULTS name sets and parts of the names of faults, with commas.
func TestChaos(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if n, err := strconv.ParseUint(os.Getenv("HUBBUB_CHAOS_SEED"), 10, 64); err == nil {
		seed = n
	}
	length, err := time.ParseDuration(os.Getenv("HUBBUB_CHAOS"))
	if err != nil && os.Getenv("HUBBUB_CHAOS") != "" {
		t.Fatal(err)
	}
	only := os.Getenv("HUBBUB_CHAOS_SERVERS")
	if _, err := binary(); err != nil { // which takes its time, before anybody is started
		t.Fatal(err)
	}
	var chosen []int
	for i, set := range sets {
		if only == "" && (set.short || length > 0) || slices.Contains(strings.Split(only, ","), set.name) {
			chosen = append(chosen, i)
		}
	}
	for _, i := range chosen {
		t.Run(sets[i].name, func(t *testing.T) {
			t.Logf("HUBBUB_CHAOS_SEED=%d", seed)
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			run(newWorld(t, sets[i].start(t)), r, length/time.Duration(len(chosen)))
		})
	}
}

// run has the rounds of a short run, and then further ones until the time is over, in which faults happen in turn, in a new random
// order each time, two or three in a round.
func run(w *world, r *rand.Rand, length time.Duration) {
	possible := slices.Concat(ofGateways, w.servers.faults)
	var next []fault
	short := w.servers.short
	if words := os.Getenv("HUBBUB_CHAOS_FAULTS"); words != "" {
		possible, short = choose(possible, words), nil
	}
	until := time.Now().Add(length)
	for round := 0; !w.t.Failed() && (round < len(short) || time.Now().Before(until)); round++ {
		var now []fault
		if round < len(short) {
			now = choose(possible, strings.Join(short[round], ","))
		} else {
			if len(next) < 3 {
				r.Shuffle(len(possible), func(i, j int) { possible[i], possible[j] = possible[j], possible[i] })
				next = append(next, possible...)
			}
			count := min(2+r.IntN(2), len(next))
			now, next = next[:count], next[count:]
		}
		w.note("round %d", round+1)
		w.round(r, now)
	}
	w.over.Store(true)
	for _, name := range slices.Sorted(maps.Keys(w.faults)) {
		w.note("%s: %d times", name, w.faults[name])
	}
	losses := 0
	for _, s := range w.streams {
		losses += s.losses
	}
	w.note("%d calls acknowledged, %d attempts to tell of events, %d times somebody was told of a loss", w.calls.Load(), w.ear.attempts, losses)
}

// round lets faults happen, heals, and judges.
func (w *world) round(r *rand.Rand, faults []fault) {
	var all sync.WaitGroup
	for _, f := range faults {
		begin, own := between(r, 0, 4*time.Second), rand.New(rand.NewPCG(r.Uint64(), 0))
		all.Go(func() {
			if wait(w.ctx, begin) {
				f.do(w, own)
			}
		})
	}
	all.Wait()
	for _, n := range w.nodes {
		testkit.Eventually(w.t, n.name+" to be ready after all", n.ready)
	}
	w.calm()
}

// TestChaosNotices loses what must last, and wants that to be noticed.
func TestChaosNotices(t *testing.T) {
	w := newWorld(t, onOneFile(t))
	var wrong []string
	w.patience, w.report = 2*time.Second, func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	testkit.Eventually(t, "people to have said something", func() bool { return w.calls.Load() > 200 })
	n := w.nodes[0]
	n.kill()
	files, err := filepath.Glob(filepath.Join(n.dir, "hubbub.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the gateway has the files %v, %v", files, err)
	}
	for _, name := range files {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	n.start()
	testkit.Eventually(t, "the gateway to be ready", n.ready)
	w.calm()
	for _, words := range []string{"is durable", "is not in the inbox", "is not in the history"} {
		if !strings.Contains(strings.Join(wrong, "\n"), words) {
			t.Errorf("everything is lost, and nobody says that something %s:\n%s", words, strings.Join(wrong, "\n"))
		}
	}
}
