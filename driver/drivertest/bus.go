package drivertest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hubbub-dev/hubbub"
)

// ear is a subscriber that remembers what it hears, on one topic or on several.
type ear struct {
	r *rig

	mu    sync.Mutex
	heard []hubbub.Event
}

func (e *ear) Receive(event hubbub.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, event)
}

// Missed is not counted: a driver may lose its connection while it is tested.
func (e *ear) Missed() {}

// earOf is an ear for one subscription, whose calls come one at a time.
type earOf struct {
	*ear
	calling atomic.Bool
}

func (e *earOf) Receive(event hubbub.Event) {
	if e.calling.Swap(true) {
		e.r.Errorf("a subscriber was called twice at once")
	}
	e.ear.Receive(event)
	runtime.Gosched() // so that who calls at once is noticed
	e.calling.Store(false)
}

// listen subscribes a new ear to topics.
func (r *rig) listen(topics ...hubbub.Topic) *ear {
	r.Helper()
	e := &ear{r: r}
	for _, topic := range topics {
		_, err := r.Subscribe(r.Context(), topic, &earOf{ear: e})
		r.must(err)
	}
	return e
}

func (r *rig) publish(topic hubbub.Topic, e hubbub.Event) {
	r.Helper()
	r.must(r.Publish(r.Context(), topic, e))
}

// wait returns what was heard once it is n events.
func (e *ear) wait(n int) []hubbub.Event {
	e.r.Helper()
	var heard []hubbub.Event
	e.r.eventually(fmt.Sprintf("%d events", n), func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		heard = slices.Clone(e.heard)
		return len(heard) >= n
	})
	if len(heard) > n {
		e.r.Fatalf("heard %d events, want %d: %+v", len(heard), n, heard)
	}
	return heard
}

func inRoom(name string) hubbub.Topic { return hubbub.Topic{Kind: hubbub.TopicRoom, Name: name} }
func ofUser(name string) hubbub.Topic { return hubbub.Topic{Kind: hubbub.TopicUser, Name: name} }

// word is an event that says something, and can be compared.
func word(s string) hubbub.Event { return hubbub.Read{Stream: lobby, User: s} }

func busTests() []test[*rig] {
	return []test[*rig]{
		{"events arrive as they were", eventsArrive},
		{"each topic has its own subscribers", ownSubscribers},
		{"unsubscribing ends one subscription", unsubscribing},
		{"all subscribers hear the same order", sameOrder},
		{"subscribing and publishing at once", subscribeAtOnce},
	}
}

func eventsArrive(r *rig) {
	now := r.clock.Now()
	at := hubbub.Position{Epoch: "e", Offset: 1 << 60}
	info, data := json.RawMessage(`{"name":"Ann"}`), json.RawMessage(`[1,"<é>"]`)
	from := hubbub.Sender{User: "ann", Device: "phone", Info: info}
	record := hubbub.SessionRecord{ID: "s1", User: "ann", Device: "phone", Platform: "ios", Info: info,
		Attrs: map[string]string{"plan": "pro"}, Token: "t", Issued: now, Connected: now, Address: "[::1]:1", Node: "n"}
	pair := hubbub.PairStream("ann", "bob")
	events := []hubbub.Event{
		hubbub.Posted{Message: hubbub.Message{ID: "m", Stream: pair, From: from, Data: data, Time: now, Position: at,
			Except: "phone", Collapse: "c"}, Previous: 7},
		hubbub.Posted{Message: hubbub.Message{ID: "m", Stream: lobby, Data: data, Time: now}},
		hubbub.Direct{To: "ann", Device: "phone", ID: "d", Data: data, Time: now},
		hubbub.Broadcast{ID: "b", Data: data, Time: now},
		hubbub.Joined{Room: "lobby", User: "ann", Info: info, Count: 3},
		hubbub.Left{Room: "lobby", User: "ann", Info: info, Count: 2},
		hubbub.Read{Stream: pair, User: "ann", Position: at},
		hubbub.Typing{Stream: lobby, From: from, Active: true},
		hubbub.PresenceChanged{Presence: hubbub.Presence{User: "ann"}},
		hubbub.Ended{Sessions: []string{"s1", "s2"}, User: "ann", Why: hubbub.EndReplaced, By: &record},
		hubbub.Ended{Sessions: []string{"s1"}, User: "ann", Why: hubbub.EndRevoked},
	}
	e := r.listen(ofUser("ann"))
	for _, event := range events {
		r.publish(ofUser("ann"), event)
	}
	for i, got := range e.wait(len(events)) {
		if !reflect.DeepEqual(utc(got), utc(events[i])) {
			r.Errorf("published\n%+v, heard\n%+v", events[i], got)
		}
	}
}

// utc returns the event as it is told on: times are compared by what they say, not by how they are kept.
func utc(e hubbub.Event) any {
	switch e := e.(type) {
	case hubbub.Posted:
		e.Message.Time = e.Message.Time.UTC()
		return e
	case hubbub.Direct:
		e.Time = e.Time.UTC()
		return e
	case hubbub.Broadcast:
		e.Time = e.Time.UTC()
		return e
	case hubbub.Ended:
		if e.By != nil {
			by := *e.By
			by.Issued, by.Connected = by.Issued.UTC(), by.Connected.UTC()
			e.By = &by
		}
		return e
	}
	return e
}

func ownSubscribers(r *rig) {
	topics := []hubbub.Topic{
		{Kind: hubbub.TopicAll}, inRoom("ann"), ofUser("ann"), {Kind: hubbub.TopicPresence, Name: "ann"}, inRoom("Ann"),
	}
	var ears []*ear
	for _, topic := range topics {
		ears = append(ears, r.listen(topic), r.listen(topic))
	}
	both := r.listen(topics[1], topics[2])
	for i, topic := range topics {
		r.publish(topic, word(fmt.Sprint(i)))
	}
	r.publish(inRoom("nobody"), word("nobody listens"))
	for _, topic := range topics {
		r.publish(topic, word("the end"))
	}
	for i, e := range ears {
		if heard := e.wait(2); heard[0] != word(fmt.Sprint(i/2)) || heard[1] != word("the end") {
			r.Errorf("a subscriber of %v heard %+v", topics[i/2], heard)
		}
	}
	both.wait(4)
}

func unsubscribing(r *rig) {
	stays, goes := r.listen(inRoom("lobby")), &ear{r: r}
	for i := range 3 {
		unsubscribe, err := r.Subscribe(r.Context(), inRoom("lobby"), &earOf{ear: goes})
		r.must(err)
		r.publish(inRoom("lobby"), word("one"))
		goes.wait(i + 1)
		unsubscribe()
		r.publish(inRoom("lobby"), word("two"))
		stays.wait(2*i + 2)
	}
	goes.wait(3)
}

func sameOrder(r *rig) {
	const publishers, each = 6, 40
	a, b := r.listen(inRoom("lobby")), r.listen(inRoom("lobby"))
	atOnce(publishers, func(p int) {
		for i := range each {
			if err := r.Publish(r.Context(), inRoom("lobby"), word(fmt.Sprintf("%d %d", p, i))); err != nil {
				r.Errorf("%v", err)
			}
		}
	})
	heard := a.wait(publishers * each)
	if !reflect.DeepEqual(heard, b.wait(publishers*each)) {
		r.Fatalf("two subscribers of a topic heard different orders")
	}
	var next [publishers]int
	for _, e := range heard {
		var p, i int
		if _, err := fmt.Sscan(e.(hubbub.Read).User, &p, &i); err != nil || i != next[p] {
			r.Fatalf("of one publisher came %+v before number %d", e, next[p])
		}
		next[p]++
	}
}

func subscribeAtOnce(r *rig) {
	atOnce(8, func(w int) {
		own := word(strings.Repeat("w", w+1))
		for range 20 {
			e := &ear{r: r}
			unsubscribe, err := r.Subscribe(r.Context(), inRoom("lobby"), &earOf{ear: e})
			if err != nil {
				r.Errorf("%v", err)
				return
			}
			if err := r.Publish(r.Context(), inRoom("lobby"), own); err != nil {
				r.Errorf("%v", err)
			}
			r.eventually("what was published after subscribing", func() bool {
				e.mu.Lock()
				defer e.mu.Unlock()
				return slices.Contains(e.heard, own)
			})
			unsubscribe()
		}
	})
}
