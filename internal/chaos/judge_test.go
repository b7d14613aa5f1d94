package chaos_test

import (
	"context"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/client"
)

// calm waits until everybody has finished what was begun, and judges, while nobody acts.
func (w *world) calm() {
	w.ear.patient.Store(true)
	defer w.ear.patient.Store(false)
	locked := make(chan bool)
	go func() {
		w.gate.Lock()
		close(locked)
	}()
	select {
	case <-locked:
	case <-time.After(3 * patience):
		w.t.Fatalf("%s somebody cannot finish what was begun; never right: %s", w.clock(), strings.Join(w.never(), "\n"))
	}
	defer w.gate.Unlock()
	w.soon("everybody to be seen as they are", w.unlike)
	w.probe()
	w.soon("the streams to be as they should", w.unheard)
	w.soon("the inboxes to be as they should", w.unpublished)
	w.soon("everything to be told", w.untold)
	w.soon("everybody to be seen as they are, still", w.unlike)
	for _, wrong := range w.never() {
		w.report("never right: %s", wrong)
	}
	w.explain(w.never())
	for name := range w.streams {
		for _, f := range w.followers(name) {
			f.forget()
		}
	}
}

// soon asks until nothing is wrong any more, but not for ever.
func (w *world) soon(what string, wrong func() []string) {
	began := time.Now()
	for deadline := began.Add(w.patience); ; {
		all := wrong()
		if len(all) == 0 {
			break
		}
		if time.Now().After(deadline) || !wait(w.ctx, 100*time.Millisecond) {
			w.report("%s waited in vain for %s:\n%s", w.clock(), what, strings.Join(all[:min(len(all), 40)], "\n"))
			w.explain(all[:min(len(all), 40)])
			w.patience = min(w.patience, 5*time.Second) // for what else is wrong
			return
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		w.note("waited %.1f s for %s", took.Seconds(), what)
	}
}

// unlike compares what each gateway, and the journal, say of who is here with what is.
func (w *world) unlike() (wrong []string) {
	now := w.truth()
	var users []string
	for _, s := range w.solos {
		users = append(users, s.user)
	}
	wrong = now.crowded(users)
	for _, s := range append(slices.Clone(w.seats), w.keeper) {
		if _, connected := s.now(); !connected && s.goes() {
			wrong = append(wrong, fmt.Sprintf("%s does not get a connection", s))
		}
	}
	w.mu.Lock()
	wrong = append(wrong, now.ended(w.ended, w.blocked())...)
	w.mu.Unlock()
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, n := range w.nodes {
		all.Go(func() {
			v, err := w.view(n, now)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				wrong = append(wrong, fmt.Sprintf("%s does not say who is here: %v", n.name, err))
				return
			}
			wrong = append(wrong, v.differs(now)...)
		})
	}
	all.Wait()
	if w.servers.journal != nil && len(wrong) == 0 {
		j, err := w.servers.journal()
		if err != nil {
			return []string{"the journal cannot be read: " + err.Error()}
		}
		wrong = j.differs(now)
	}
	if len(wrong) > 0 {
		return wrong
	}
	return w.lapsed()
}

func (w *world) blocked() map[string]bool {
	all := map[string]bool{}
	for _, o := range w.outlaws {
		all[o.user] = o.blocked
	}
	return all
}

// view asks a node who is here.
func (w *world) view(n *node, now truth) (view, error) {
	ctx, stop := context.WithTimeout(w.ctx, 5*time.Second)
	defer stop()
	v := view{node: n.name, devices: map[string]string{}, present: map[string]map[string]bool{}, rooms: map[string]int{}}
	counts, err := n.api.Count(ctx)
	if err != nil {
		return v, err
	}
	v.users, v.sessions = int(counts.Users), int(counts.Sessions)
	online, err := n.api.Online(ctx, hubbub.Filter{}, "", 1000)
	if err != nil {
		return v, err
	}
	for _, p := range online.Users {
		devices := map[string]int{}
		for _, d := range p.Devices {
			devices[d.Device+"/"+d.Platform] = int(d.Sessions)
		}
		v.devices[p.User] = written(devices)
	}
	rooms, err := n.api.Rooms(ctx, "", 1000)
	if err != nil {
		return v, err
	}
	for _, r := range rooms.Rooms {
		v.rooms[r.Room] = int(r.Users)
	}
	for room := range now.rooms() {
		page, err := n.api.Room(ctx, room, "", 1000)
		if err != nil {
			return v, err
		}
		v.present[room] = map[string]bool{}
		for _, p := range page.Users {
			v.present[room][p.User] = true
		}
	}
	return v, nil
}

// lapsed tries at each gateway to get in as somebody who is blocked.
func (w *world) lapsed() (wrong []string) {
	for _, o := range w.outlaws {
		for _, n := range w.nodes {
			if !o.blocked {
				continue
			}
			o.first = func() *node { return n }
			ctx, stop := context.WithTimeout(w.ctx, 5*time.Second)
			err := o.signIn(ctx, false)
			stop()
			if err == nil {
				o.signOut()
				wrong = append(wrong, fmt.Sprintf("%s is let in by %s, and is blocked", o, n.name))
			}
			if reason := reasonOf(err); err != nil && reason != hubbub.Forbidden && reason != hubbub.Unauthorized {
				wrong = append(wrong, fmt.Sprintf("%s is blocked, and %s does not say so: %v", o, n.name, err))
			}
		}
		o.first = nil
	}
	return wrong
}

// probe sends one more message to each room, through each gateway, and to each pair of which somebody is here, so that everybody
// who follows has something to hear that is new.
func (w *world) probe() {
	for _, room := range slices.Concat(durable, memory) {
		for _, n := range w.nodes {
			w.announce(room, n)
		}
	}
	for i, s := range w.seats {
		next := w.seats[(i+1)%len(w.seats)]
		if _, here := s.now(); here && next.user != s.user {
			s.whisper(next.user)
		}
	}
}

// unheard reads each stream, and compares it with what was accepted and with what those have heard who follow it.
func (w *world) unheard() (wrong []string) {
	readers := map[string]client.Stream{} // by stream
	for _, s := range append(slices.Clone(w.seats), w.keeper) {
		if _, here := s.now(); !here {
			continue
		}
		for name, r := range s.rooms {
			if w.streams[name] != nil && (readers[name] == client.Stream{} || mathrand.IntN(3) == 0) {
				readers[name] = r.Stream
			}
		}
		for i := range talkers {
			if peer := fmt.Sprint("talker", i); s != w.keeper && peer != s.user {
				readers[pairOf(s.user, peer)] = s.client.User(peer)
			}
		}
	}
	for name, stream := range w.streams {
		reader, found := readers[name]
		if !found {
			continue // both of the pair are out, and come to read it in another round
		}
		history, err := w.read(reader)
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s cannot be read: %v", name, err))
			continue
		}
		epoch := ""
		if len(history) > 0 {
			epoch = history[0].at.Epoch
		}
		wrong = append(wrong, stream.history(epoch, history)...)
		for _, f := range w.followers(name) {
			if !stream.durable && f.begins() {
				w.announce(name, pick(w.nodes))
			}
			wrong = append(wrong, f.missing(history)...)
		}
	}
	return wrong
}

// followers are those to whom a stream is handed over now. Who has just begun to follow a pair knows nothing of what was before.
func (w *world) followers(name string) (all []*follower) {
	for _, s := range append(slices.Clone(w.seats), w.keeper) {
		if _, here := s.now(); !here {
			continue
		}
		if f := s.follows[name]; f != nil {
			all = append(all, f)
		}
		s.mu.Lock()
		for _, f := range s.pairs {
			if f.name == name {
				all = append(all, f)
			}
		}
		s.mu.Unlock()
	}
	return all
}

// read reads all of a stream.
func (w *world) read(s client.Stream) (all []message, err error) {
	ctx, stop := context.WithTimeout(w.ctx, 20*time.Second)
	defer stop()
	for q := (client.HistoryQuery{Limit: 1000}); ; {
		page, err := s.History(ctx, q)
		if err != nil {
			return nil, err
		}
		if !page.Complete {
			return nil, errors.New("what is between its pages is lost")
		}
		var older []message
		for _, m := range page.Messages {
			older = append(older, seen(m))
		}
		all = append(older, all...)
		if !page.More {
			return all, nil
		}
		q.Before = page.Messages[0].Position
	}
}

// unpublished compares the inboxes at any gateway with what was published.
func (w *world) unpublished() (wrong []string) {
	ctx, stop := context.WithTimeout(w.ctx, 30*time.Second)
	defer stop()
	for user, published := range w.notices {
		var found [][2]string
		api := w.api()
		for q := (client.InboxQuery{Limit: 200}); ; {
			page, err := api.InboxOf(ctx, user, q)
			if err != nil {
				return append(wrong, fmt.Sprintf("the inbox of %s cannot be read: %v", user, err))
			}
			for _, n := range page.Notices {
				found = append(found, [2]string{n.ID, n.Title})
			}
			if q.Before = page.Next; q.Before == "" {
				break
			}
		}
		counts, err := api.CountsOf(ctx, user)
		if err != nil {
			return append(wrong, fmt.Sprintf("the notices of %s cannot be counted: %v", user, err))
		}
		wrong = append(wrong, inbox(user, found, int(counts.Unread), published)...)
	}
	return wrong
}

// untold compares what was told with what is.
func (w *world) untold() []string {
	var reported []*stream
	for _, name := range durable {
		if strings.HasPrefix(name, "told-") {
			reported = append(reported, w.streams[name])
		}
	}
	return w.ear.differs(w.truth(), reported)
}
