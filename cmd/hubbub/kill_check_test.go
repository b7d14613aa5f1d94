package main_test

import (
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/client"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// checkSome looks at one user's inbox and streams, while nobody calls. What is not acknowledged may be there or not.
func (w *world) checkSome() {
	name := pick(everybody())
	w.checkInbox(name, false)
	w.checkStreams(name, false)
}

// checkAll looks at everything, after everybody has finished.
func (w *world) checkAll() {
	if w.t.Failed() {
		return
	}
	for _, b := range w.boxes {
		b.settle()
	}
	for _, name := range everybody() {
		w.checkInbox(name, true)
		w.checkStreams(name, true)
	}
	w.keeper.check()
	for _, p := range w.people {
		p.checkHeard()
	}
}

// checkInbox compares an inbox with the model, and its counts with the list. What is scheduled or expires may change it meanwhile.
func (w *world) checkInbox(user string, final bool) {
	var wrong []string
	deadline := time.Now().Add(testkit.Patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if wrong = w.inboxWrong(user, final); len(wrong) == 0 {
			return
		}
		if time.Now().After(deadline) {
			w.t.Errorf("inbox of %s:\n%s", user, strings.Join(wrong, "\n"))
			return
		}
		<-tick.C
	}
}

func (w *world) inboxWrong(user string, final bool) (wrong []string) {
	found, recount := map[string]client.Notice{}, hubbub.InboxCounts{Categories: map[string]hubbub.CategoryCounts{}}
	for _, state := range []string{"", "archived"} {
		for q := (client.InboxQuery{State: state, Limit: 1 + mathrand.IntN(1000)}); ; {
			page, err := w.api.InboxOf(w.ctx, user, q)
			if err != nil {
				return []string{"list: " + err.Error()}
			}
			for _, n := range page.Notices {
				if _, double := found[n.ID]; double {
					wrong = append(wrong, fmt.Sprintf("it is there twice: %+v", n))
				}
				found[n.ID] = n
				count(&recount, n)
			}
			if q.Before = page.Next; q.Before == "" {
				break
			}
		}
	}
	counts, err := w.api.CountsOf(w.ctx, user)
	if err != nil {
		return []string{"counts: " + err.Error()}
	}
	if got, want := fmt.Sprint(counts.Unread, counts.Unseen, counts.Categories), fmt.Sprint(recount.Unread, recount.Unseen, recount.Categories); got != want {
		wrong = append(wrong, "counts are "+got+", and counted again "+want)
	}
	return append(wrong, w.boxes[user].compare(found, final)...)
}

// count counts a notice.
func count(c *hubbub.InboxCounts, n client.Notice) {
	state := slices.Index(states, n.State)
	if state >= read {
		return
	}
	of := c.Categories[n.Category]
	c.Unread++
	of.Unread++
	if state == unseen {
		c.Unseen++
		of.Unseen++
	}
	c.Categories[n.Category] = of
}

// checkStreams compares all that a user can read with the model.
func (w *world) checkStreams(user string, final bool) {
	w.t.Helper()
	c, err := client.Dial(w.ctx, client.Options{URL: "ws://" + w.addr + "/ws?user=" + user, Device: "check"})
	if err != nil {
		w.t.Errorf("%s cannot sign in: %v", user, err)
		return
	}
	defer func() {
		c.Close()
		<-c.Done()
	}()
	kept := map[string][]client.Message{}
	for _, name := range rooms {
		r, err := c.Join(w.ctx, name, client.RoomHandler{Limit: -1})
		if err != nil {
			w.t.Errorf("%s cannot join %s: %v", user, name, err)
			return
		}
		kept[name] = w.checkStream(name, r.Stream, final)
	}
	for _, other := range people {
		if other != user {
			kept[pairOf(user, other)] = w.checkStream(pairOf(user, other), c.User(other), final)
		}
	}
	w.checkUnread(user, c, kept, final)
}

// checkStream compares the messages of a stream with the model, and returns them.
func (w *world) checkStream(name string, s client.Stream, final bool) []client.Message {
	var all []client.Message
	for q := (client.HistoryQuery{Limit: 1 + mathrand.IntN(1000)}); ; {
		page, err := s.History(w.ctx, q)
		if err != nil || !page.Complete {
			w.t.Errorf("history of %s: %v, complete %v", name, err, page.Complete)
			return nil
		}
		all = append(slices.Clone(page.Messages), all...)
		if !page.More {
			break
		}
		q.Before = all[0].Position
	}
	accepted := w.streams[name].inOrder()
	place := map[string]int{}
	for i, m := range all {
		if i > 0 && (m.Position.Offset <= all[i-1].Position.Offset || m.Position.Epoch != all[0].Position.Epoch) {
			w.t.Errorf("%s: %+v comes after %+v", name, m, all[i-1])
		}
		place[m.ID] = i
	}
	if len(place) != len(all) {
		w.t.Errorf("%s: %d messages, but %d ids", name, len(all), len(place))
	}
	for _, want := range accepted {
		i, found := place[want.id]
		if !found {
			w.t.Errorf("%s: %+v is missing", name, want)
			continue
		}
		got := message{id: all[i].ID, data: strings.Trim(string(all[i].Data), `"`), position: all[i].Position}
		if all[i].From != nil {
			got.from = all[i].From.User
		}
		if got != want {
			w.t.Errorf("%s: is %+v, and was accepted as %+v", name, got, want)
		}
	}
	if final && len(all) != len(accepted) {
		w.t.Errorf("%s: %d messages, of which %d were accepted", name, len(all), len(accepted))
	}
	return all
}

// checkUnread compares what a user has not read of each stream with a count of it.
func (w *world) checkUnread(user string, c *client.Client, kept map[string][]client.Message, final bool) {
	listed := map[string]client.Conversation{}
	for before := ""; ; {
		page, err := c.Conversations(w.ctx, before, 3)
		if err != nil {
			w.t.Errorf("conversations of %s: %v", user, err)
			return
		}
		for _, conv := range page.Conversations {
			name := conv.Room
			if name == "" {
				name = pairOf(user, conv.User)
			}
			listed[name] = conv
		}
		if before = page.Next; before == "" {
			break
		}
	}
	for name, messages := range kept {
		conv, here := listed[name]
		read := w.streams[name].readBy(user)
		takesPart := read.Offset > 0 || strings.Contains(name, " and ") && len(messages) > 0
		if !here && takesPart {
			w.t.Errorf("%s does not see %s in the list of conversations", user, name)
		}
		if !here {
			continue
		}
		if conv.Read.Offset < read.Offset || final && conv.Read != read {
			w.t.Errorf("%s has read %s up to %v, and it says %v", user, name, read, conv.Read)
		}
		unread := 0
		for _, m := range messages {
			if m.Position.Offset > conv.Read.Offset && (m.From == nil || m.From.User != user) {
				unread++
			}
		}
		if conv.Unread != min(unread, 1000) {
			w.t.Errorf("%s has %d unread in %s, and counted again %d", user, conv.Unread, name, unread)
		}
	}
}

// checkHeard compares what the person was handed over live, through all kills, with what is in the rooms.
func (p *person) checkHeard() {
	for _, room := range rooms {
		want := p.streams[room].inOrder()
		testkit.Eventually(p.t, fmt.Sprintf("%s to hear everything in %s", p.name, room), func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return len(p.heard[room]) >= len(want)
		})
		p.mu.Lock()
		for i, m := range p.heard[room] {
			if i >= len(want) || m.ID != want[i].id {
				p.t.Errorf("%s has heard in %s as number %d: %+v; %d messages are accepted", p.name, room, i, m, len(want))
				break
			}
		}
		p.mu.Unlock()
	}
}
