package main_test

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/client"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// TestKilled kills the server with SIGKILL at random moments, while people talk, read, mark notices, sign in and out, and backends
// publish and change who is a member. Each call is repeated until it is acknowledged, and a model knows what was. In the end
// nothing of it is missing, nothing is there twice, and every number is that of a count. HUBBUB_KILLS=300 kills more often.
func TestKilled(t *testing.T) {
	kills := 6
	if n, err := strconv.Atoi(os.Getenv("HUBBUB_KILLS")); err == nil {
		kills = n
	}
	w := newWorld(t)
	w.populate()
	for n := range kills {
		wait := time.NewTimer(time.Duration(20+rand.IntN(380)) * time.Millisecond)
		<-wait.C
		w.server.Kill()
		w.start()
		if rand.IntN(4) == 0 { // perhaps before it has ended what the one before left open
			wait.Reset(time.Duration(rand.IntN(60)) * time.Millisecond)
			<-wait.C
			w.server.Kill()
			w.start()
		}
		testkit.Listening(t, w.addr, w.server)
		if n%3 == 0 {
			w.pause(func() { w.checkSome() })
		}
		if t.Failed() {
			break
		}
	}
	w.rest()
	w.checkAll()
	w.checkOpenSessions()
	t.Logf("%d kills, %d calls acknowledged", kills, w.calls.Load())
}

// start starts a server on what the one before has left.
func (w *world) start() {
	w.cmd = command(w.t, "serve")
	w.cmd.Dir = w.dir
	w.server = testkit.Start(w.t, w.cmd)
}

// populate signs everybody in once, so that they get announcements, and has them live until rest.
func (w *world) populate() {
	w.start()
	testkit.Listening(w.t, w.addr, w.server)
	w.insist("the first member", func(ctx context.Context) error {
		_, err := w.api.SetMember(ctx, club, "keeper", hubbub.RoleOwner)
		return err
	})
	for _, name := range everybody() {
		p := &person{world: w, name: name, box: w.boxes[name], heard: map[string][]client.Message{}}
		p.signIn()
		if name == away {
			p.signOut()
			continue
		}
		w.people = append(w.people, p)
	}
	for _, p := range w.people {
		w.live(p.act)
	}
	for n := range backends {
		b := &backend{world: w, n: n}
		w.live(b.act)
	}
	w.keeper = &keeper{world: w, members: map[string]hubbub.Role{"keeper": hubbub.RoleOwner}}
	w.live(w.keeper.act)
}

// live has somebody act again and again until rest, each time to the end.
func (w *world) live(act func()) {
	w.lives.Go(func() {
		for w.ctx.Err() == nil && !w.over.Load() {
			act()
		}
	})
}

// rest lets everybody finish what they have begun. What was scheduled is delivered by then, and what expires is gone.
func (w *world) rest() {
	w.over.Store(true)
	done := make(chan bool, 1)
	go func() {
		w.lives.Wait()
		done <- true
	}()
	testkit.Receive(w.t, "everybody to finish", done)
}

// insist makes a call until it is acknowledged; it must be one that may be repeated. Anything but that the server is away is
// wrong.
func (w *world) insist(what string, call func(ctx context.Context) error) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for w.ctx.Err() == nil {
		w.gate.RLock()
		err := call(w.ctx)
		w.gate.RUnlock()
		if err == nil {
			w.calls.Add(1)
			return
		}
		if reasonOf(err) != hubbub.Unavailable && w.ctx.Err() == nil {
			w.t.Errorf("%s: %v", what, err)
			w.over.Store(true)
			return
		}
		select {
		case <-tick.C:
		case <-w.ctx.Done():
		}
	}
}

func reasonOf(err error) hubbub.Reason {
	if e, ok := errors.AsType[*hubbub.Error](err); ok {
		return e.Reason
	}
	return ""
}

// pause runs f while no call is under way.
func (w *world) pause(f func()) {
	w.gate.Lock()
	defer w.gate.Unlock()
	f()
}

// checkOpenSessions looks into the store which sessions it takes for open: those of the people, and after a shutdown none.
func (w *world) checkOpenSessions() {
	w.t.Helper()
	for deadline := time.Now().Add(testkit.Patience); ; {
		backup := w.t.TempDir() + "/copy.db"
		cmd := command(w.t, "backup", backup)
		cmd.Dir = w.dir
		printed(w.t, cmd)
		open, want := w.openSessions(backup), map[string]int{}
		for _, p := range w.people {
			want[p.client.Session().Session] = 1
		}
		if maps.Equal(open, want) {
			break
		}
		if time.Now().After(deadline) {
			w.t.Errorf("the store takes %v for open, and it is %v", open, want)
			break
		}
	}
	var all sync.WaitGroup
	for _, p := range w.people {
		all.Go(p.signOut)
	}
	all.Wait()
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		w.t.Fatal(err)
	}
	w.server.Succeed(w.t)
	if open := w.openSessions(w.dir + "/hubbub.db"); len(open) > 0 {
		w.t.Errorf("sessions are open still: %v", open)
	}
}

// openSessions counts how often a store that nobody uses takes a session for open.
func (w *world) openSessions(path string) map[string]int {
	w.t.Helper()
	store, err := sqlite.Open(w.t.Context(), sqlite.Options{Path: path})
	if err != nil {
		w.t.Fatal(err)
	}
	defer store.Close()
	transitions, err := drivertest.LostTo(w.t.Context(), store, "nobody", time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	open := map[string]int{}
	for _, tr := range transitions {
		if tr.Kind == hubbub.SessionDisconnected {
			open[tr.Session.ID]++
		}
	}
	return open
}
