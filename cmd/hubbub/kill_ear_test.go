package main_test

import (
	"encoding/json"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const earSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// told is one attempt to tell of an event.
type told struct {
	id       string
	Type     string
	Sequence uint64
	Data     struct {
		User, Room, Session, ID, Reason string
		Notices                         []string
	}
	taken bool // it was answered with 200
}

// order is what the event is in one order with.
func (e told) order() string {
	if e.Data.User != "" {
		return "user " + e.Data.User
	}
	return "room " + e.Data.Room
}

// ear is told what happens.
type ear struct {
	url    string
	verify *standardwebhooks.Webhook

	patient atomic.Bool // it takes everything

	mu    sync.Mutex
	heard []told // in the order of their arrival, with all repetitions
	wrong []string
}

func listen(t *testing.T) *ear {
	verify, err := standardwebhooks.NewWebhook(earSecret)
	if err != nil {
		t.Fatal(err)
	}
	e := &ear{verify: verify}
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	e.url = srv.URL
	return e
}

// ServeHTTP hears an event, and takes it most of the time.
func (e *ear) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the server was killed while it told
	}
	heard := told{id: r.Header.Get("webhook-id"), taken: e.patient.Load() || mathrand.IntN(10) > 0}
	err = e.verify.Verify(body, r.Header)
	if err == nil {
		err = json.Unmarshal(body, &heard)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		e.wrong = append(e.wrong, err.Error()+": "+string(body))
	}
	e.heard = append(e.heard, heard)
	if !heard.taken {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// first are the events without repetitions, in the order in which they were first told.
func (e *ear) first() []told {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []told
	seen := map[string]bool{}
	for _, h := range e.heard {
		if !seen[h.id] {
			seen[h.id] = true
			all = append(all, h)
		}
	}
	return all
}

// allOffline tells whether the last that was told of each user is that.
func (e *ear) allOffline() bool {
	last := map[string]string{}
	for _, h := range e.first() {
		if h.Type == "user.online" || h.Type == "user.offline" {
			last[h.Data.User] = h.Type
		}
	}
	for _, typ := range last {
		if typ != "user.offline" {
			return false
		}
	}
	return true
}

// check compares what was told with what has happened.
func (e *ear) check(t *testing.T, a *acked) {
	t.Helper()
	for _, w := range e.wrong {
		t.Errorf("told wrongly: %s", w)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	e.checkRepetitions(t)
	world := audience{t: t, open: map[string]string{}, online: map[string]bool{}, occupied: map[string]bool{}, sequence: map[string]uint64{},
		sessions: map[string]bool{}, messages: map[string]bool{}, read: map[string]bool{}}
	for _, h := range e.first() {
		world.happen(h)
	}
	for id, user := range a.sessions {
		if !world.sessions[id] {
			t.Errorf("the session %s of %s has sent something, and nobody told of it", id, user)
		}
	}
	for id := range a.messages {
		if !world.messages[id] {
			t.Errorf("the message %s was accepted, and nobody told of it", id)
		}
	}
	for id := range a.read {
		if !world.read[id] {
			t.Errorf("the notice %s was read, and nobody told of it", id)
		}
	}
	for id, user := range world.open {
		t.Errorf("nobody told that the session %s of %s has ended", id, user)
	}
	for room, occupied := range world.occupied {
		if occupied {
			t.Errorf("nobody told that %s is empty", room)
		}
	}
}

// checkRepetitions makes sure that what is told again is the same, and that each event was taken in the end.
func (e *ear) checkRepetitions(t *testing.T) {
	byID := map[string][]told{}
	for _, h := range e.heard {
		byID[h.id] = append(byID[h.id], h)
	}
	for id, all := range byID {
		if !slices.ContainsFunc(all, func(h told) bool { return h.taken }) {
			t.Errorf("%s %s was told %d times, and never taken", all[0].Type, id, len(all))
		}
		for _, h := range all[1:] {
			if h.Type != all[0].Type || h.Sequence != all[0].Sequence || h.order() != all[0].order() {
				t.Errorf("%s was told as %+v and as %+v", id, all[0], h)
			}
		}
	}
}

// audience is the world as who is told of it sees it.
type audience struct {
	t                        *testing.T
	open                     map[string]string // sessions: whose
	online, occupied         map[string]bool
	sequence                 map[string]uint64 // of the newest, by order
	sessions, messages, read map[string]bool   // that were told of
}

// happen follows an event that is told for the first time.
func (w *audience) happen(h told) {
	wrong := func(why string) { w.t.Errorf("%s: %+v", why, h) }
	if last := w.sequence[h.order()]; h.Sequence <= last {
		wrong("it comes after one that is newer")
	}
	w.sequence[h.order()] = h.Sequence
	user, room := h.Data.User, h.Data.Room
	once := func(of map[string]bool, id string) {
		if of[id] {
			wrong("told twice, as two events")
		}
		of[id] = true
	}
	switch h.Type {
	case "session.connected":
		once(w.sessions, h.Data.Session)
		w.open[h.Data.Session] = user
	case "session.disconnected":
		if w.open[h.Data.Session] != user {
			wrong("it ends before it has begun, or twice")
		}
		delete(w.open, h.Data.Session)
	case "user.online", "user.offline":
		here := h.Type == "user.online"
		if w.online[user] == here {
			wrong("told twice in a row")
		}
		for _, of := range w.open {
			if of == user && !here {
				wrong("somebody with a session is offline")
			}
		}
		w.online[user] = here
	case "room.occupied", "room.vacated":
		here := h.Type == "room.occupied"
		if w.occupied[room] == here {
			wrong("told twice in a row")
		}
		w.occupied[room] = here
	case "message.sent":
		once(w.messages, h.Data.ID)
	case "notice.read":
		for _, id := range h.Data.Notices {
			once(w.read, id+" "+user)
		}
	default:
		wrong("there is no such event")
	}
}
