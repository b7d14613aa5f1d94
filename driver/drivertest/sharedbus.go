package drivertest

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/hubbub-dev/hubbub"
)

func busAcrossTests() []test[*sharedRig] {
	return []test[*sharedRig]{
		{"events of each kind reach the other instance", eventsAcross},
		{"each topic has its own subscribers on both", topicsAcross},
		{"the events of one publisher arrive in order on both", orderAcross},
		{"unsubscribing on one instance leaves the other one alone", unsubscribingAcross},
		{"subscribing and unsubscribing again and again", resubscribing},
	}
}

// keen is an ear that also knows whether it may have missed something.
type keen struct {
	ear
	missed atomic.Int32
}

func (k *keen) Missed() { k.missed.Add(1) }

func (r *rig) keen(topics ...hubbub.Topic) *keen {
	r.Helper()
	k := &keen{ear: ear{r: r}}
	for _, topic := range topics {
		_, err := r.Subscribe(r.Context(), topic, k)
		r.must(err)
	}
	return k
}

// calm fails the test if somebody was told that something may be missing: nothing has happened.
func (k *keen) calm() {
	k.r.Helper()
	if n := k.missed.Load(); n > 0 {
		k.r.Errorf("a subscriber is told %d times that it may have missed something", n)
	}
}

func eventsAcross(r *sharedRig) {
	// What is published on an instance by itself is compared in full by the tests of one instance. Here it must be the same on both.
	now := r.clock.Now()
	notice := hubbub.Notice{ID: "n", Time: now, NoticeContent: hubbub.NoticeContent{
		Category: "c", Title: "t", Body: "b", Data: []byte(`{"a":1}`), Actions: []hubbub.NoticeAction{{Label: "l", Link: "/"}}}}
	events := []hubbub.Event{
		hubbub.Noticed{User: "ann", Notice: notice},
		hubbub.Announced{Notice: notice, To: hubbub.Audiences{Attrs: map[string]string{"plan": "pro"}, Newcomers: true}, Revision: 7},
		hubbub.NoticesMarked{User: "ann", Mark: hubbub.NoticeMark{State: hubbub.NoticeRead, IDs: []string{"n"}, Until: now}},
		hubbub.NoticeRemoved{User: "ann", ID: "n"},
		hubbub.InboxChanged{User: "ann"},
		hubbub.MemberChanged{Room: "lobby", User: "ann", Role: hubbub.RoleAdmin, By: "bob"},
		hubbub.Joined{Room: "lobby", User: "ann", Info: []byte(`{}`), Count: 2},
		hubbub.Ended{Sessions: []string{"s1"}, User: "ann", Why: hubbub.EndLoggedOut},
		word("the end"),
	}
	here, there := r.a.keen(ofUser("ann")), r.b.keen(ofUser("ann"))
	for _, e := range events {
		r.a.publish(ofUser("ann"), e)
	}
	own, other := here.wait(len(events)), there.wait(len(events))
	for i, e := range events {
		for _, got := range []hubbub.Event{own[i], other[i]} {
			if plainEvent(got) != plainEvent(e) {
				r.Errorf("published\n%+v, heard\n%+v", e, got)
			}
		}
	}
	here.calm()
	there.calm()
}

// plainEvent is what an event says, whatever the zone of its times, and whether what is empty is nil.
func plainEvent(e hubbub.Event) string {
	switch e := e.(type) {
	case hubbub.Noticed:
		e.Notice = plainNotice(e.Notice)
		return fmt.Sprintf("%T %+v", e, e)
	case hubbub.Announced:
		e.Notice = plainNotice(e.Notice)
		return fmt.Sprintf("%T %+v", e, e)
	case hubbub.NoticesMarked:
		e.Mark.Until = e.Mark.Until.UTC()
		return fmt.Sprintf("%T %+v", e, e)
	}
	return fmt.Sprintf("%T %+v", e, utc(e))
}

func plainNotice(n hubbub.Notice) hubbub.Notice {
	n.Time, n.Expires = n.Time.UTC(), n.Expires.UTC()
	return n
}

func topicsAcross(r *sharedRig) {
	topics := []hubbub.Topic{
		{Kind: hubbub.TopicAll}, inRoom("ann"), ofUser("ann"), {Kind: hubbub.TopicPresence, Name: "ann"},
		{Kind: hubbub.TopicPresence}, inRoom("Ann"),
	}
	var ears []*keen
	for _, topic := range topics {
		ears = append(ears, r.a.keen(topic), r.b.keen(topic))
	}
	for i, topic := range topics {
		r.a.publish(topic, word(fmt.Sprint("a", i)))
		r.b.publish(topic, word(fmt.Sprint("b", i)))
	}
	for i, e := range ears {
		heard := e.wait(2)
		for _, from := range []string{"a", "b"} {
			if !slices.Contains(heard, word(fmt.Sprint(from, i/2))) {
				r.Errorf("a subscriber of %v heard %+v", topics[i/2], heard)
			}
		}
		e.calm()
	}
}

func orderAcross(r *sharedRig) {
	const publishers, each = 4, 200
	ears := []*keen{r.a.keen(inRoom("lobby")), r.b.keen(inRoom("lobby")), r.b.keen(inRoom("lobby"))}
	atOnce(publishers, func(p int) {
		on := []*rig{r.a, r.b}[p%2]
		for i := range each {
			if err := on.Publish(r.Context(), inRoom("lobby"), word(fmt.Sprintf("%d %d", p, i))); err != nil {
				r.Errorf("%v", err)
			}
		}
	})
	for _, e := range ears {
		var next [publishers]int
		for _, event := range e.wait(publishers * each) {
			var p, i int
			if _, err := fmt.Sscan(event.(hubbub.Read).User, &p, &i); err != nil || i != next[p] {
				r.Fatalf("of one publisher came %+v before number %d", event, next[p])
			}
			next[p]++
		}
		e.calm()
	}
}

func unsubscribingAcross(r *sharedRig) {
	stays := r.b.keen(inRoom("lobby"))
	var gone []*ear
	for i := range 3 {
		goes := &ear{r: r.a} // which may hear the end of the round before
		unsubscribe, err := r.a.Subscribe(r.Context(), inRoom("lobby"), goes)
		r.must(err)
		r.b.publish(inRoom("lobby"), word(fmt.Sprint("one", i)))
		r.eventually("what the other instance publishes", func() bool { return goes.has(word(fmt.Sprint("one", i))) })
		unsubscribe()
		r.a.publish(inRoom("lobby"), word(fmt.Sprint("two", i)))
		stays.wait(2*i + 2)
		gone = append(gone, goes)
	}
	stays.calm()
	for i, goes := range gone {
		if goes.has(word(fmt.Sprint("two", i))) {
			r.Fatalf("who has unsubscribed in round %d has heard %+v", i, goes.heard)
		}
	}
}

// has tells whether an ear has heard an event.
func (e *ear) has(event hubbub.Event) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Contains(e.heard, event)
}

func resubscribing(r *sharedRig) {
	atOnce(8, func(w int) {
		own, topic := word(fmt.Sprint("w", w)), inRoom(fmt.Sprint("room", w%3))
		for range 15 {
			k := &keen{ear: ear{r: r.a}}
			unsubscribe, err := r.a.Subscribe(r.Context(), topic, k)
			if err != nil {
				r.Errorf("%v", err)
				return
			}
			if err := r.b.Publish(r.Context(), topic, own); err != nil {
				r.Errorf("%v", err)
			}
			r.eventually("what the other instance has published after subscribing", func() bool {
				k.mu.Lock()
				defer k.mu.Unlock()
				return slices.Contains(k.heard, own)
			})
			unsubscribe()
			k.calm()
		}
	})
}

// postAcrossTests are for drivers that are a [hubbub.Poster].
func postAcrossTests() []test[*sharedRig] {
	return []test[*sharedRig]{
		{"posts of both instances arrive in the order of their positions", postBoth},
		{"posts of a pair reach both users on both instances", postPairAcross},
		{"a repeated post is published again on both", postAgainAcross},
	}
}

func postBoth(r *sharedRig) {
	const writers, each = 6, 40
	ears := []*keen{r.a.keen(inRoom("lobby")), r.b.keen(inRoom("lobby"))}
	atOnce(writers, func(w int) {
		on := []*rig{r.a, r.b}[w%2]
		for i := range each {
			if _, err := on.post(on.draft(lobby, w*1000+i)); err != nil {
				r.Errorf("%v", err)
			}
		}
	})
	page := r.a.after(lobby, hubbub.Position{}, writers*each+1)
	for _, e := range ears {
		previous := uint64(0)
		for i, p := range e.posted(writers * each) {
			if p.Previous != previous {
				r.Fatalf("post %d is said to come after %d, and comes after %d", i, p.Previous, previous)
			}
			r.a.same(p.Message, page.Messages[i])
			previous = p.Message.Position.Offset
		}
		e.calm()
	}
}

func postPairAcross(r *sharedRig) {
	const n = 40
	pair := hubbub.PairStream("ann", "bob")
	ears := []*keen{r.a.keen(ofUser("ann")), r.b.keen(ofUser("ann")), r.a.keen(ofUser("bob")), r.b.keen(ofUser("bob"))}
	atOnce(n, func(i int) {
		on := []*rig{r.a, r.b}[i%2]
		if _, err := on.post(on.draft(pair, i)); err != nil {
			r.Errorf("%v", err)
		}
	})
	page := r.b.after(pair, hubbub.Position{}, n+1)
	for _, e := range ears {
		all := e.posted(n) // in any order: the channels of users are elsewhere than the stream
		slices.SortFunc(all, func(a, b hubbub.Posted) int {
			return int(a.Message.Position.Offset) - int(b.Message.Position.Offset)
		})
		previous := uint64(0)
		for i, p := range all {
			r.a.same(p.Message, page.Messages[i])
			if p.Previous != previous {
				r.Errorf("post %d is said to come after %d, and comes after %d", i, p.Previous, previous)
			}
			previous = p.Message.Position.Offset
		}
	}
}

func postAgainAcross(r *sharedRig) {
	ears := []*keen{r.a.keen(inRoom("lobby")), r.b.keen(inRoom("lobby"))}
	first, err := r.a.post(r.a.keyed(1, "k", hubbub.Retention{}))
	r.must(err)
	again, err := r.b.post(r.b.keyed(1, "k", hubbub.Retention{}))
	r.must(err)
	if first.Repeated || !again.Repeated {
		r.Fatalf("repeated: %v, then %v", first.Repeated, again.Repeated)
	}
	_, err = r.b.post(r.b.keyed(2, "k", hubbub.Retention{}))
	r.refused(err, hubbub.Conflict)
	for _, e := range ears {
		for _, p := range e.posted(2) {
			r.a.same(p.Message, first.Message)
		}
	}
}
