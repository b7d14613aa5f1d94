package hubbub_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
)

// unruly is a driver that cannot append and publish in one step, and whose calls take a random time: so messages are published
// out of order, some twice, and reading fails now and then. Nothing is lost, as the contract says.
type unruly struct {
	hubbub.Driver

	mu  sync.Mutex
	rng *rand.Rand
}

func (u *unruly) roll(n int) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.rng.IntN(n)
}

// wait is the time that a call takes. (Not in a bubble of synctest: its clock stands still while the hub waits for a mutex.)
func (u *unruly) wait() { time.Sleep(time.Duration(u.roll(300)) * time.Microsecond) }

func (u *unruly) Publish(ctx context.Context, topic hubbub.Topic, e hubbub.Event) error {
	u.wait()
	if _, ok := e.(hubbub.Posted); ok && u.roll(5) == 0 {
		if err := u.Driver.Publish(ctx, topic, e); err != nil {
			return err
		}
		u.wait()
	}
	return u.Driver.Publish(ctx, topic, e)
}

func (u *unruly) After(ctx context.Context, s hubbub.Stream, p hubbub.Position, limit int) (hubbub.Page, error) {
	u.wait()
	if u.roll(10) == 0 {
		return hubbub.Page{}, errors.New("the log is away")
	}
	page, err := u.Driver.After(ctx, s, p, limit)
	u.wait()
	return page, err
}

func (u *unruly) Before(ctx context.Context, s hubbub.Stream, p hubbub.Position, limit int) (hubbub.Page, error) {
	u.wait()
	page, err := u.Driver.Before(ctx, s, p, limit)
	u.wait()
	return page, err
}

// eager is an unruly driver that is a Pipeline: who has sent a message knows that it is accepted before, or after, the bus brings it.
type eager struct{ *unruly }

// BeginPost implements [hubbub.Pipeline].
func (d eager) BeginPost(ctx context.Context, draft hubbub.Draft, done func(hubbub.Appended, error)) {
	a, err := d.Append(ctx, draft)
	if err == nil && d.roll(2) == 0 {
		err = d.Publish(ctx, hubbub.Topic{Kind: hubbub.TopicRoom, Name: a.Message.Stream.Room}, hubbub.Posted{Message: a.Message, Previous: a.Previous})
		done(a, err)
		return
	}
	done(a, err)
	if err == nil { // later than the bus otherwise would
		d.wait()
		_ = d.Publish(ctx, hubbub.Topic{Kind: hubbub.TopicRoom, Name: a.Message.Stream.Room}, hubbub.Posted{Message: a.Message, Previous: a.Previous})
	}
}

// TestOrderOnAnUnrulyBus has clients come and go in a room where others talk. Whatever happens, each has all messages
// since it first came, once and in order.
func TestOrderOnAnUnrulyBus(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			talk(t, seed)
		})
	}
}

const talkers, each, visitors = 4, 40, 6

func talk(t *testing.T, seed uint64) {
	d := &unruly{Driver: memory.New(memory.Options{}), rng: rand.New(rand.NewPCG(seed, 1))}
	o := hubbub.Options{Driver: d, Rooms: []hubbub.RoomRule{{Match: "*", Quiet: true, Rate: hubbub.Rate{PerSecond: -1}}}}
	if seed%2 == 1 {
		o.Driver = eager{d}
	}
	nodes := []*hubbub.Hub{start(t, o), start(t, o)}
	var talking, visiting sync.WaitGroup
	done := make(chan struct{})
	for i := range talkers {
		talking.Go(func() {
			c := open(t, nodes[i%2], fmt.Sprint("talker", i))
			c.join(t, "lobby", nil)
			for n := range each {
				c.BeginSendRoom(t.Context(), "lobby", text(fmt.Sprint(i, " ", n)), func(_ hubbub.Message, err error) {
					if err != nil {
						t.Error(err)
					}
				})
				d.wait()
			}
		})
	}
	found := make([]*visitor, visitors)
	for i := range visitors {
		found[i] = &visitor{}
		visiting.Go(func() { found[i].run(t, nodes[i%2], d, done) })
	}
	talking.Wait()
	close(done)
	visiting.Wait()

	page, err := d.Driver.After(t.Context(), hubbub.RoomStream("lobby"), hubbub.Position{}, 1000)
	if err != nil || len(page.Messages) != talkers*each {
		t.Fatalf("the log has %d messages, %v", len(page.Messages), err)
	}
	for i, v := range found {
		want := page.Messages[v.first:]
		if len(v.got) != len(want) {
			t.Errorf("visitor %d has %d messages from %d on, and should have %d", i, len(v.got), v.first, len(want))
			continue
		}
		for n := range want {
			if v.got[n].Position != want[n].Position {
				t.Errorf("visitor %d has %v as number %d, and should have %v", i, v.got[n].Position, n, want[n].Position)
				break
			}
		}
	}
}

// forgetful is a driver whose bus loses the first message, and whose log takes until answer to tell it.
type forgetful struct {
	hubbub.Driver
	lost   atomic.Bool
	answer chan struct{}
}

func (f *forgetful) Publish(ctx context.Context, topic hubbub.Topic, e hubbub.Event) error {
	if _, ok := e.(hubbub.Posted); ok && !f.lost.Swap(true) {
		return nil
	}
	return f.Driver.Publish(ctx, topic, e)
}

func (f *forgetful) After(ctx context.Context, s hubbub.Stream, p hubbub.Position, limit int) (hubbub.Page, error) {
	page, err := f.Driver.After(ctx, s, p, limit)
	<-f.answer
	return page, err
}

// TestMoreComesThanCanWait has more messages come than are kept while those before them are read, and none after that.
func TestMoreComesThanCanWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &forgetful{Driver: memory.New(memory.Options{}), answer: make(chan struct{})}
		h := start(t, hubbub.Options{Driver: d, Rooms: []hubbub.RoomRule{{Match: "*", Rate: hubbub.Rate{PerSecond: -1}}}})
		ann := open(t, h, "ann")
		ann.join(t, "lobby", nil)
		const all = 600
		for i := range all {
			ann.say(t, "lobby", fmt.Sprint(i))
			synctest.Wait()
		}
		close(d.answer)
		synctest.Wait()
		got := told[hubbub.Posted](ann)
		if len(got) != all {
			t.Fatalf("%d of %d messages came", len(got), all)
		}
		for i, e := range got {
			if e.Message.Position.Offset != uint64(i+1) {
				t.Fatalf("number %d is %v", i, e.Message.Position)
			}
		}
	})
}

// mute is a driver whose bus brings no messages and says so when it is asked to.
type mute struct {
	forgetful
	mu   sync.Mutex
	ears []hubbub.Subscriber
}

func (d *mute) Subscribe(ctx context.Context, t hubbub.Topic, s hubbub.Subscriber) (func(), error) {
	d.mu.Lock()
	d.ears = append(d.ears, s)
	d.mu.Unlock()
	return d.forgetful.Subscribe(ctx, t, s)
}

func (d *mute) Publish(ctx context.Context, topic hubbub.Topic, e hubbub.Event) error {
	if _, ok := e.(hubbub.Posted); ok {
		return nil
	}
	return d.forgetful.Publish(ctx, topic, e)
}

func (d *mute) miss() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.ears {
		e.Missed()
	}
}

// TestWhatIsLostWhileReading has the bus lose a message when what it has lost before was read, and is not delivered yet.
func TestWhatIsLostWhileReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &mute{forgetful: forgetful{Driver: memory.New(memory.Options{}), answer: make(chan struct{})}}
		h := start(t, hubbub.Options{Driver: d})
		ann := open(t, h, "ann")
		ann.join(t, "lobby", nil)
		ann.say(t, "lobby", "one")
		d.miss()
		synctest.Wait() // it has read the first
		ann.say(t, "lobby", "two")
		d.miss()
		close(d.answer)
		synctest.Wait()
		if got := strings.Join(heard(ann), " "); got != `"one" "two"` {
			t.Errorf("ann heard %s", got)
		}
	})
}

// visitor comes and goes, and keeps what it gets.
type visitor struct {
	came  bool
	first uint64 // offset at which it came first
	last  hubbub.Position
	got   []hubbub.Message
}

func (v *visitor) run(t *testing.T, h *hubbub.Hub, d *unruly, done chan struct{}) {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		v.visit(t, h, d)
		select {
		case <-done:
			// What a room fetches may still be on its way to it.
			if v.last.Offset == talkers*each {
				return
			}
		default:
		}
	}
}

// visit joins, stays a while and leaves again.
func (v *visitor) visit(t *testing.T, h *hubbub.Hub, d *unruly) {
	c := open(t, h, "visitor")
	defer c.Closed()
	var since *hubbub.Position
	if v.came {
		since = &v.last
	}
	var r hubbub.JoinResult
	for {
		err := c.Join(t.Context(), "lobby", hubbub.JoinOptions{Since: since, Limit: 3}, func(got hubbub.JoinResult) { r = got })
		if err == nil {
			break
		}
	}
	if !v.came {
		v.came, v.first, v.last = true, r.Position.Offset, r.Position
	} else {
		if !r.Recovered {
			t.Errorf("not recovered from %v: %+v", v.last, r)
		}
		v.take(t, r.Messages)
	}
	for v.last.Offset < r.Position.Offset {
		page, err := c.History(t.Context(), hubbub.RoomStream("lobby"), hubbub.HistoryQuery{After: &v.last, Limit: 3})
		if err != nil {
			continue
		}
		for len(page.Messages) > 0 && page.Messages[len(page.Messages)-1].Position.Offset > r.Position.Offset {
			page.Messages = page.Messages[:len(page.Messages)-1]
		}
		v.take(t, page.Messages)
	}
	for range d.roll(20) {
		d.wait()
	}
	if err := c.Leave(t.Context(), "lobby"); err != nil {
		t.Error(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.events {
		if posted, ok := e.(hubbub.Posted); ok {
			v.take(t, []hubbub.Message{posted.Message})
		}
	}
}

func (v *visitor) take(t *testing.T, messages []hubbub.Message) {
	for _, m := range messages {
		if m.Position.Offset <= v.last.Offset {
			t.Errorf("%v comes after %v", m.Position, v.last)
		}
		v.last = m.Position
		v.got = append(v.got, m)
	}
}
