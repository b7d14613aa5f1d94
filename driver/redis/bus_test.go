package redis_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/redis"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// ear is a subscriber that remembers what it hears.
type ear struct {
	t       testing.TB
	calling atomic.Bool

	mu     sync.Mutex
	heard  []string
	missed int
}

func (e *ear) Receive(event hubbub.Event) {
	e.call(func() { e.heard = append(e.heard, event.(hubbub.Read).User) })
}
func (e *ear) Missed() { e.call(func() { e.missed++ }) }

func (e *ear) call(note func()) {
	if e.calling.Swap(true) {
		e.t.Errorf("a subscriber was called twice at once")
	}
	e.mu.Lock()
	note()
	e.mu.Unlock()
	e.calling.Store(false)
}

func (e *ear) has(word string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Contains(e.heard, word)
}

func (e *ear) misses() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.missed
}

func word(s string) hubbub.Event { return hubbub.Read{User: s} }

func room(name string) hubbub.Topic { return hubbub.Topic{Kind: hubbub.TopicRoom, Name: name} }

// audience is many topics, each with a subscriber of one driver, and another driver that publishes.
type audience struct {
	t      *testing.T
	from   *redis.Driver
	to     *redis.Driver
	topics []hubbub.Topic
	ears   []*ear
	words  int
}

// listen subscribes to n topics.
func listen(t *testing.T, from, to *redis.Driver, n int) *audience {
	t.Helper()
	to.Settle(time.Hour) // so that how often somebody is told is known
	a := &audience{t: t, from: from, to: to, topics: []hubbub.Topic{{Kind: hubbub.TopicAll}}}
	for i := len(a.topics); i < n; i++ {
		kinds := []hubbub.TopicKind{hubbub.TopicRoom, hubbub.TopicUser, hubbub.TopicPresence}
		a.topics = append(a.topics, hubbub.Topic{Kind: kinds[i%len(kinds)], Name: fmt.Sprint("name", i)})
	}
	a.ears = make([]*ear, n)
	var wg sync.WaitGroup
	for i, topic := range a.topics {
		a.ears[i] = &ear{t: t}
		wg.Go(func() {
			if _, err := to.Subscribe(t.Context(), topic, a.ears[i]); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return a
}

// hears publishes on each topic until its subscriber hears it: what is published while connections are made anew may be lost.
func (a *audience) hears() {
	a.t.Helper()
	a.words++
	said := fmt.Sprint("word ", a.words)
	deadline := time.Now().Add(testkit.Patience)
	var wg sync.WaitGroup
	for i, topic := range a.topics {
		wg.Go(func() {
			tick := time.NewTicker(200 * time.Millisecond)
			defer tick.Stop()
			for ; !a.ears[i].has(said); <-tick.C {
				if err := a.from.Publish(a.t.Context(), topic, word(said)); err != nil {
					isUnavailable(a.t, err)
				}
				if time.Now().After(deadline) {
					a.t.Errorf("the subscriber of %v waits in vain for %s", topic, said)
					return
				}
			}
		})
	}
	wg.Wait()
}

// missed waits until those subscribers that are meant were told once that they may have missed something, and the others never.
func (a *audience) missed(meant func(hubbub.Topic) bool) {
	a.t.Helper()
	for i, topic := range a.topics {
		want := 0
		if meant(topic) {
			want = 1
			testkit.Eventually(a.t, "Missed", func() bool { return a.ears[i].misses() > 0 })
		}
		if n := a.ears[i].misses(); n != want {
			a.t.Errorf("the subscriber of %v was told %d times that it may have missed something, want %d", topic, n, want)
		}
	}
}

func all(hubbub.Topic) bool { return true }

func isUnavailable(t testing.TB, err error) {
	t.Helper()
	var e *hubbub.Error
	if !errors.As(err, &e) || e.Reason != hubbub.Unavailable || !strings.HasPrefix(e.Message, "cannot ") {
		t.Errorf("want an error that says unavailable, got %v", err)
	}
}

func TestSubscribers(t *testing.T) {
	t.Parallel()
	prefix := freshPrefix()
	a, b := openAt(t, nil, prefix), openAt(t, nil, prefix)
	crowd := listen(t, a, b, 1000)
	crowd.hears()
	second := &ear{t: t}
	unsubscribe, err := b.Subscribe(t.Context(), crowd.topics[1], second)
	if err != nil {
		t.Fatal(err)
	}
	crowd.hears()
	if !second.has("word 2") {
		t.Error("of two subscribers of a topic one does not hear")
	}
	unsubscribe()
	unsubscribe()
	crowd.hears()
	if second.has("word 3") {
		t.Error("who has unsubscribed hears")
	}
	crowd.missed(func(hubbub.Topic) bool { return false })
}

func TestSubscribingAndUnsubscribingAtOnce(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 50 {
				e, own := &ear{t: t}, fmt.Sprint(w, i)
				unsubscribe, err := d.Subscribe(t.Context(), room("lobby"), e)
				if err == nil {
					err = d.Publish(t.Context(), room("lobby"), word(own))
				}
				if err != nil {
					t.Error(err)
					return
				}
				testkit.Eventually(t, "what was published after subscribing", func() bool { return e.has(own) })
				unsubscribe()
			}
		})
	}
	wg.Wait()
	testkit.Eventually(t, "the channel to be left", func() bool { return subscribersOf(t, d.Channel(room("lobby"))) == 0 })
}

// subscribersOf asks the common server how many connections are subscribed to a channel.
func subscribersOf(t *testing.T, channel string) int64 {
	t.Helper()
	answer, _ := server.Do("PUBSUB", "SHARDNUMSUB", channel).([]any)
	if len(answer) != 2 {
		t.Fatalf("PUBSUB SHARDNUMSUB: %v", answer)
	}
	return answer[1].(int64)
}

func TestSubscribingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Subscribe(ctx, room("lobby"), &ear{t: t}); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAClosedBusRefuses(t *testing.T) {
	t.Parallel()
	d, err := redis.Open(t.Context(), redis.Options{Addrs: []string{server.Addr}, Prefix: freshPrefix()})
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	_, err = d.Subscribe(t.Context(), room("lobby"), &ear{t: t})
	isUnavailable(t, err)
	isUnavailable(t, d.Publish(t.Context(), room("lobby"), word("x")))
}

// TestPublishAll publishes many events together, some of them on the same topics, which hear them in their order.
func TestPublishAll(t *testing.T) {
	t.Parallel()
	prefix := freshPrefix()
	from := openAt(t, nil, prefix)
	a := listen(t, from, openAt(t, nil, prefix), 10)
	var all []hubbub.Tiding
	want := make([][]string, len(a.topics))
	for i := range 500 {
		k := i * 7 % len(a.topics)
		all = append(all, hubbub.Tiding{Topic: a.topics[k], Event: word(fmt.Sprint(i))})
		want[k] = append(want[k], fmt.Sprint(i))
	}
	if err := from.PublishAll(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := from.PublishAll(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	for k, e := range a.ears {
		testkit.Eventually(t, "all to be heard on a topic", func() bool { return e.has(want[k][len(want[k])-1]) })
		e.mu.Lock()
		if !slices.Equal(e.heard, want[k]) {
			t.Errorf("on %v were heard %v", a.topics[k], e.heard)
		}
		e.mu.Unlock()
	}
}
