package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/inbox"
)

// swept runs a test in a world whose time is that of synctest, with the sweeper on.
func swept(t *testing.T, wrap func(inbox.Store) inbox.Store, test func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := openWorld(t, time.Now, wrap)
		w.arrive("ann")
		w.Start()
		defer func() {
			if err := w.Close(w.ctx); err != nil {
				t.Error(err)
			}
		}()
		test(t, w)
	})
}

// late is how late the sweeper may be.
const late = time.Second

// pass lets time go by, and then the sweeper do what it has to.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestScheduledPublicationsComeInTime(t *testing.T) {
	swept(t, nil, func(t *testing.T, w *world) {
		e := w.listen("", "ann", "user7")
		later := func(p *hubbub.Publication) { p.Time = time.Now().Add(time.Minute) }
		var many []string
		for i := range 1200 {
			many = append(many, fmt.Sprint("user", i))
		}
		for title, to := range map[string]hubbub.Recipients{"one": users("ann"), "many": users(many...), "all": everybody()} {
			if out := w.publish(title, to, later); !out.Scheduled || !out.Time.Equal(time.Now().Add(time.Minute)) {
				t.Errorf("published is %+v, want it scheduled", out)
			}
		}
		pass(time.Minute - time.Millisecond)
		wantEvents(t, e)
		w.wantInbox("ann", "")

		pass(late)
		titles := make(map[string]int)
		for _, event := range e.take() {
			switch event := event.(type) {
			case hubbub.Noticed:
				titles[event.Notice.Title]++
			case hubbub.Announced:
				titles[event.Notice.Title]++
			}
		}
		if titles["one"] != 1 || titles["many"] != 1 || titles["all"] != 1 {
			t.Errorf("told of %v, want each once", titles)
		}
		if n := len(w.all("ann", inbox.Query{})); n != 2 {
			t.Errorf("ann has %d notices, want 2", n)
		}
		w.wantRecount("ann")
		w.wantInbox("user1199", "many unseen")
	})
}

func TestWhatExpiresGoesInTime(t *testing.T) {
	swept(t, nil, func(t *testing.T, w *world) {
		minute := func(p *hubbub.Publication) { p.Expires = time.Now().Add(time.Minute) }
		w.publish("short", users("ann"), minute)
		out := w.publish("short for all", everybody(), minute)
		pass(time.Millisecond)
		w.publish("long", users("ann"), func(p *hubbub.Publication) { p.Expires = time.Now().Add(2 * time.Minute) })
		w.mark("ann", inbox.Mark{State: "read", IDs: []string{out.ID}})
		e := w.listen("", "ann")
		pass(time.Minute - 2*time.Millisecond)
		wantEvents(t, e)
		if n := len(w.all("ann", inbox.Query{})); n != 3 {
			t.Errorf("ann has %d notices, want 3", n)
		}
		pass(late + time.Millisecond)
		heard := e.take()
		if len(heard) != 3 || heard[0] != hubbub.Event(hubbub.InboxChanged{User: "ann"}) || heard[1] != hubbub.Event(hubbub.NoticeRemoved{ID: out.ID}) ||
			heard[2] != hubbub.Event(hubbub.InboxChanged{}) {
			t.Errorf("heard %+v, want that ann's and everybody's counts have changed, and that %s is gone", heard, out.ID)
		}
		w.wantInbox("ann", "long unseen")
		pass(time.Minute + late)
		w.wantInbox("ann", "")
	})
}

// dying is a store whose process dies between the steps of a delivery: what is called after the first is never done.
type dying struct {
	inbox.Store
	dead atomic.Bool
}

func (d *dying) Deliver(ctx context.Context, id string) (hubbub.Step, error) {
	if d.dead.Load() {
		return hubbub.Step{}, errors.New("the disk is full")
	}
	return d.Store.Deliver(ctx, id)
}

func TestDeliveriesThatWereCutOffGoOn(t *testing.T) {
	var d *dying
	swept(t, func(s inbox.Store) inbox.Store { d = &dying{Store: s}; return d }, func(t *testing.T, w *world) {
		var many []string
		for i := range 1200 {
			many = append(many, fmt.Sprint("user", i))
		}
		e := w.listen(many...)
		d.dead.Store(true)
		if out := w.publish("hi", users(many...), nil); out.Recipients != len(many) {
			t.Errorf("published is %+v, want %d recipients", out, len(many))
		}
		if n := len(e.take()); n != hubbub.DeliveryStep {
			t.Fatalf("%d were told by the first step, want %d", n, hubbub.DeliveryStep)
		}
		d.dead.Store(false)
		pass(late)
		if n := len(e.take()); n != len(many)-hubbub.DeliveryStep {
			t.Errorf("%d were told by the sweeper, want %d", n, len(many)-hubbub.DeliveryStep)
		}
		for _, user := range []string{"user0", "user999", "user1199"} {
			w.wantInbox(user, "hi unseen")
		}
	})
}

// failing is a store that cannot look for what is due while it is broken.
type failing struct {
	inbox.Store
	broken atomic.Bool
	tries  atomic.Int32
}

func (f *failing) Due(ctx context.Context, limit int) ([]string, error) {
	f.tries.Add(1)
	if f.broken.Load() {
		return nil, errors.New("the disk is full")
	}
	return f.Store.Due(ctx, limit)
}

// logbook keeps what is logged.
type logbook struct {
	mu    sync.Mutex
	lines strings.Builder
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.String()
}

func TestTroublesOfTheSweeperAreLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, book := &failing{}, &logbook{}
		w := openWorld(t, time.Now, func(s inbox.Store) inbox.Store { f.Store = s; return f })
		w.Inbox = inbox.New(inbox.Options{Store: f, Bus: w.bus, Logger: slog.New(slog.NewTextHandler(book, nil))})
		w.Start()
		defer func() {
			if err := w.Close(w.ctx); err != nil {
				t.Error(err)
			}
		}()
		expiring := w.publish("old", users("ann"), func(p *hubbub.Publication) { p.Expires = time.Now().Add(time.Second) })
		w.publish("new", users("ann"), func(p *hubbub.Publication) { p.Time = time.Now().Add(time.Second) })
		for trouble := 1; trouble <= 2; trouble++ {
			f.broken.Store(true)
			pass(10 * time.Second)
			if n := strings.Count(book.String(), "the disk is full"); n != trouble {
				t.Errorf("the trouble was logged %d times, want %d:\n%s", n, trouble, book)
			}
			f.broken.Store(false)
			pass(10 * time.Second)
			if n := strings.Count(book.String(), "works again"); n != trouble {
				t.Errorf("that it works again was logged %d times, want %d:\n%s", n, trouble, book)
			}
		}
		if n := f.tries.Load(); n < 60 {
			t.Errorf("tried %d times in 40 seconds, want every half second", n)
		}
		w.wantInbox("ann", "new unseen")
		wantError(t, w.Withdraw(w.ctx, expiring.ID), hubbub.NotFound, "")
	})
}

func TestExpiryGoesOnWhileDeliveryFails(t *testing.T) {
	f := &failing{}
	f.broken.Store(true)
	swept(t, func(s inbox.Store) inbox.Store { f.Store = s; return f }, func(t *testing.T, w *world) {
		w.publish("old", users("ann"), func(p *hubbub.Publication) { p.Expires = time.Now().Add(time.Second) })
		pass(time.Second + late)
		w.wantInbox("ann", "")
	})
}

// deafBus is a bus that does not work.
type deafBus struct{}

func (deafBus) Publish(context.Context, hubbub.Topic, hubbub.Event) error {
	return errors.New("the bus is gone")
}

func TestTroublesOfTheBusAreLoggedOnceAndLoseNothing(t *testing.T) {
	w, book := newWorld(t), &logbook{}
	w.arrive("ann")
	w.Inbox = inbox.New(inbox.Options{Store: w.store, Bus: deafBus{}, Now: w.clock.Now, Logger: slog.New(slog.NewTextHandler(book, nil))})
	w.news("ann", "n:x a:x n:x")
	w.mark("ann", inbox.Mark{State: "seen", All: true})
	w.wantInbox("ann", "n3 seen, a2 seen, n1 seen")
	if n := strings.Count(book.String(), "the bus is gone"); n != 1 {
		t.Errorf("the trouble was logged %d times, want once:\n%s", n, book)
	}
}

func TestCloseWithoutStart(t *testing.T) {
	in := inbox.New(inbox.Options{Store: nothing{}, Bus: memory.New(memory.Options{})})
	if err := in.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// stuck is a store whose sweeps wait until they are let go.
type stuck struct {
	inbox.Store
	entered, leave chan struct{}
}

func (s stuck) Due(context.Context, int) ([]string, error) {
	close(s.entered)
	<-s.leave
	return nil, errors.New("too late")
}

func (s stuck) Expire(context.Context, int) (hubbub.Removed, error) { return hubbub.Removed{}, nil }

func TestCloseWaits(t *testing.T) {
	s := stuck{entered: make(chan struct{}), leave: make(chan struct{})}
	book := &logbook{}
	in := inbox.New(inbox.Options{Store: s, Bus: memory.New(memory.Options{}), Logger: slog.New(slog.NewTextHandler(book, nil))})
	in.Start()
	<-s.entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := in.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Close returned %v while the sweeper was busy", err)
	}
	close(s.leave)
	if err := in.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if book.String() != "" {
		t.Errorf("closing was logged as a trouble:\n%s", book)
	}
}
