package sqlite_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// childVariable names what this program does in place of its tests, when a test has started it.
const childVariable = "HUBBUB_SQLITE_CHILD"

// worker is one of those that write at the same time. It has rooms, users and targets of its own, which nobody else touches, so
// that it is known what must be in them.
type worker struct {
	life, number int
}

const workers = 16

func (w worker) name(i int) string { return fmt.Sprintf("%d-%d-%d", w.life, w.number, i) }
func (w worker) user() string      { return fmt.Sprintf("user-%d-%d", w.life, w.number) }
func (w worker) room() string      { return fmt.Sprintf("room-%d-%d", w.life, w.number/4) } // four share one
func (w worker) club() string      { return fmt.Sprintf("club-%d-%d", w.life, w.number) }
func (w worker) target() string    { return fmt.Sprintf("target-%d", w.number) }
func (w worker) facts() string     { return fmt.Sprintf("facts-%d", w.number) }
func (w worker) item(i int) hubbub.OutboxItem {
	return hubbub.OutboxItem{ID: w.name(i), Target: w.target(), Order: fmt.Sprint(i % 3), Payload: []byte(w.name(i))}
}

// fact is an item that belongs to something else that is written.
func (w worker) fact(what string, i int) []hubbub.OutboxItem {
	return []hubbub.OutboxItem{{ID: what + " " + w.name(i), Target: w.facts(), Order: w.user(), Payload: []byte(what)}}
}

func (w worker) draft(i int) hubbub.Draft {
	return hubbub.Draft{Key: w.name(i), Author: w.user(), Report: func(hubbub.Message) []hubbub.OutboxItem { return w.fact("message", i) }, Message: hubbub.Message{ID: w.name(i), Stream: hubbub.RoomStream(w.room()),
		From: hubbub.Sender{User: w.user()}, Data: json.RawMessage(strconv.Quote(w.name(i))), Time: time.Now()}}
}

func (w worker) publication(i int) hubbub.Publication {
	return hubbub.Publication{ID: w.name(i), Key: w.name(i), Author: "shop", Time: time.Now(),
		Content: hubbub.NoticeContent{Category: fmt.Sprint("category", i%3), Title: w.name(i)},
		To:      hubbub.Recipients{Users: []string{w.user(), w.user() + "-too"}}}
}

func (w worker) began(i int) hubbub.Transition {
	s := hubbub.SessionRecord{ID: w.name(i), User: w.user(), Node: fmt.Sprint("node", w.life), Connected: time.Now()}
	return hubbub.Transition{ID: hubbub.TransitionID(hubbub.SessionConnected, s.User, s.ID), Kind: hubbub.SessionConnected,
		User: s.User, Session: s, Time: s.Connected}
}

func (w worker) ended(i int) hubbub.Transition {
	t := w.began(i)
	t.ID, t.Kind = hubbub.TransitionID(hubbub.SessionDisconnected, t.User, t.Session.ID), hubbub.SessionDisconnected
	return t
}

// round writes some of everything, and prints what was acknowledged as soon as it was.
func (w worker) round(ctx context.Context, s *sqlite.Store, i int) error {
	for what, do := range []func() error{
		func() error { _, err := s.Append(ctx, w.draft(i)); return err },
		func() error {
			_, err := s.SetMember(ctx, w.club(), hubbub.Member{User: w.name(i), Role: hubbub.RoleMember, Since: time.Now()}, false)
			return err
		},
		func() error { _, err := s.Publish(ctx, w.publication(i)); return err },
		func() error {
			state := []hubbub.NoticeState{hubbub.NoticeSeen, hubbub.NoticeRead, hubbub.NoticeArchived}[i%3]
			_, _, err := s.MarkNotices(ctx, w.user(), hubbub.NoticeMark{State: state, IDs: []string{w.name(i)}, Limit: 1})
			return err
		},
		func() error { return s.Put(ctx, []hubbub.OutboxItem{w.item(i)}) },
		func() error { return s.Record(ctx, []hubbub.Transition{w.began(i)}, w.fact("began", i)) },
		func() error {
			if i%2 == 0 {
				return nil // stays open
			}
			return s.Record(ctx, []hubbub.Transition{w.ended(i)}, w.fact("ended", i))
		},
	} {
		if err := do(); err != nil {
			return fmt.Errorf("%s, step %d: %w", w.name(i), what, err)
		}
		os.Stdout.WriteString(fmt.Sprintf("did %d %d %d\n", w.number, i, what)) // in one piece
	}
	return nil
}

// The steps of a round.
const (
	didAppend = iota
	didMember
	didPublish
	didMark
	didPut
	didBegin
	didEnd
)

// writeUntilKilled is the child: it writes as fast as it can.
func writeUntilKilled() {
	ctx := context.Background()
	life, _ := strconv.Atoi(os.Getenv("HUBBUB_LIFE"))
	s, err := sqlite.Open(ctx, sqlite.Options{Path: os.Getenv("HUBBUB_PATH"), Readers: 1})
	if err != nil {
		fmt.Println("failed", err)
		return
	}
	fmt.Println("ready")
	var all sync.WaitGroup
	for n := range workers {
		all.Go(func() {
			w := worker{life, n}
			for i := 0; ; i++ {
				if err := w.round(ctx, s, i); err != nil {
					fmt.Println("failed", err)
					return
				}
			}
		})
	}
	all.Wait()
}

// TestKill kills a process that writes, again and again. What it has acknowledged must be there, all of it once.
func TestKill(t *testing.T) {
	t.Parallel() // most of it is waiting
	lives, err := strconv.Atoi(cmp.Or(os.Getenv("HUBBUB_KILLS"), "20"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "hubbub.db")
	all := make([]*life, lives)
	total := 0
	for n := range all {
		all[n] = live(t, path, n)
		total += all[n].acknowledged
		all[n].check(t, path)
		if t.Failed() {
			return
		}
	}
	s := open(t, sqlite.Options{Path: path})
	for _, l := range all { // also after all that came later
		for n := range workers {
			l.checkMessages(t, s, n, len(l.did[n]))
			l.checkInbox(t, s, n, len(l.did[n]))
		}
	}
	if total < lives*workers {
		t.Errorf("in %d lives only %d writes were acknowledged", lives, total)
	}
	t.Logf("%d writes were acknowledged in %d lives", total, lives)
}

// life is what a process has acknowledged until it was killed: of each worker how many steps of each round. A round after the
// last may have begun.
type life struct {
	number       int
	did          [workers][]int
	acknowledged int
}

// live starts a process and kills it.
func live(t *testing.T, path string, number int) *life {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=kill", "HUBBUB_PATH="+path, fmt.Sprint("HUBBUB_LIFE=", number))
	p := testkit.Start(t, cmd)
	p.Line(t, "ready")
	<-time.After(50*time.Millisecond + rand.N(150*time.Millisecond))
	p.Kill()
	l := &life{number: number}
	for line := range strings.Lines(p.Output()) {
		var w, round, step int
		if strings.HasPrefix(line, "failed") {
			t.Fatalf("life %d: %s", number, line)
		}
		if n, _ := fmt.Sscanf(line, "did %d %d %d\n", &w, &round, &step); n == 3 && strings.HasSuffix(line, "\n") {
			if step == 0 {
				l.did[w] = append(l.did[w], 0)
			}
			l.did[w][round] = step + 1
			l.acknowledged++
		}
	}
	return l
}

// check looks at everything that the process has written.
func (l *life) check(t *testing.T, path string) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, Readers: 1})
	if err != nil {
		t.Fatalf("after life %d: %v", l.number, err)
	}
	defer s.Close()
	for n := range workers {
		l.repeat(t, s, n)
		rounds := len(l.did[n]) + 1 // with what repeat has finished
		l.checkMessages(t, s, n, rounds)
		l.checkMembers(t, s, n)
		l.checkInbox(t, s, n, rounds)
		l.checkOutbox(t, s, n, rounds)
	}
	l.checkFacts(t, s)
	l.checkSessions(t, s)
}

// done tells whether a step of a round was acknowledged.
func (l *life) done(n, round, step int) bool { return round < len(l.did[n]) && l.did[n][round] > step }

// repeat does what a sender does that has got no answer: the last round, and the one that may have begun, are done once more.
func (l *life) repeat(t *testing.T, s *sqlite.Store, n int) {
	t.Helper()
	w := worker{l.number, n}
	for i := max(0, len(l.did[n])-1); i <= len(l.did[n]); i++ {
		a, err := s.Append(t.Context(), w.draft(i))
		if err != nil || !a.Repeated && l.done(n, i, didAppend) || a.Message.ID != w.name(i) {
			t.Errorf("%s was appended again: %+v, %v", w.name(i), a, err)
		}
		p, err := s.Publish(t.Context(), w.publication(i))
		if err != nil || !p.Repeated && l.done(n, i, didPublish) || p.Publication.ID != w.name(i) {
			t.Errorf("%s was published again: %+v, %v", w.name(i), p, err)
		}
		if err := s.Put(t.Context(), []hubbub.OutboxItem{w.item(i)}); err != nil {
			t.Error(err)
		}
	}
}

// checkMessages wants each message of a worker once, and those of each worker in their order.
func (l *life) checkMessages(t *testing.T, s *sqlite.Store, n, rounds int) {
	t.Helper()
	w := worker{l.number, n}
	page, err := s.After(t.Context(), hubbub.RoomStream(w.room()), hubbub.Position{}, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	next := 0
	for _, m := range page.Messages {
		if m.From.User != w.user() {
			continue
		}
		if m.ID != w.name(next) || string(m.Data) != strconv.Quote(w.name(next)) {
			t.Fatalf("there is the message %s that says %s, want %s", m.ID, m.Data, w.name(next))
		}
		next++
	}
	if next < rounds {
		t.Fatalf("of %s are %d messages there, want %d", w.user(), next, rounds)
	}
}

func (l *life) checkMembers(t *testing.T, s *sqlite.Store, n int) {
	t.Helper()
	w := worker{l.number, n}
	page, err := s.Members(t.Context(), w.club(), "", 1_000_000)
	if err != nil || page.Total != len(page.Members) {
		t.Fatalf("%s has %d members and counts %d, %v", w.club(), len(page.Members), page.Total, err)
	}
	members := map[string]bool{}
	for _, m := range page.Members {
		members[m.User] = true
	}
	for i := range l.did[n] {
		if l.done(n, i, didMember) && !members[w.name(i)] {
			t.Fatalf("%s is no member of %s", w.name(i), w.club())
		}
	}
}

// checkInbox wants each notice of a worker once in two inboxes, marked in one, and all counts right.
func (l *life) checkInbox(t *testing.T, s *sqlite.Store, n, rounds int) {
	t.Helper()
	w := worker{l.number, n}
	for _, user := range []string{w.user(), w.user() + "-too"} {
		states := map[string]hubbub.NoticeState{}
		for _, notice := range drivertest.Recount(t, s, user) {
			states[notice.ID] = notice.State
		}
		if len(states) < rounds {
			t.Fatalf("%s has %d notices, want %d", user, len(states), rounds)
		}
		for i := range rounds {
			want := hubbub.NoticeUnseen
			if l.done(n, i, didMark) && user == w.user() {
				want = []hubbub.NoticeState{hubbub.NoticeSeen, hubbub.NoticeRead, hubbub.NoticeArchived}[i%3]
			}
			got, ok := states[w.name(i)]
			if begun := !l.done(n, i, didMark) && user == w.user(); !ok || got != want && !begun {
				t.Fatalf("the notice %s of %s is %q, want %q", w.name(i), user, got, want)
			}
		}
	}
}

// checkOutbox delivers what there is, and wants each item once.
func (l *life) checkOutbox(t *testing.T, s *sqlite.Store, n, rounds int) {
	t.Helper()
	w := worker{l.number, n}
	got := deliverAll(t, s, w.target())
	for i := range rounds {
		if !got[w.name(i)] {
			t.Fatalf("%s is not in the outbox", w.name(i))
		}
		delete(got, w.name(i))
	}
	if len(got) > 1 { // the round that had begun may be one further
		t.Fatalf("in the outbox are also %v", got)
	}
}

// checkFacts wants the item of each message and session that was written, and of no other.
func (l *life) checkFacts(t *testing.T, s *sqlite.Store) {
	t.Helper()
	transitions, err := drivertest.LostTo(t.Context(), s, "now", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	open := map[string]bool{}
	for _, lost := range transitions {
		open[lost.Session.ID] = true
	}
	for n := range workers {
		w := worker{l.number, n}
		got := deliverAll(t, s, w.facts())
		page, err := s.After(t.Context(), hubbub.RoomStream(w.room()), hubbub.Position{}, 1_000_000)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Messages {
			if m.From.User == w.user() && !got["message "+m.ID] {
				t.Fatalf("the message %s has no item", m.ID)
			}
			delete(got, "message "+m.ID)
		}
		for i := range len(l.did[n]) + 1 {
			began, ended := got["began "+w.name(i)], got["ended "+w.name(i)]
			if open[w.name(i)] != (began && !ended) || l.done(n, i, didBegin) && !began || l.done(n, i, didEnd) && i%2 > 0 && !ended {
				t.Fatalf("the session %s is open: %v; its items are there: began %v, ended %v", w.name(i), open[w.name(i)], began, ended)
			}
			delete(got, "began "+w.name(i))
			delete(got, "ended "+w.name(i))
		}
		if len(got) > 0 {
			t.Fatalf("in the outbox are also %v", got)
		}
	}
}

// deliverAll delivers what there is for a target, and wants each item once.
func deliverAll(t *testing.T, s *sqlite.Store, target string) map[string]bool {
	t.Helper()
	got := map[string]bool{}
	for {
		items, err := s.Claim(t.Context(), target, 100, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if len(items) == 0 {
			return got
		}
		var done []hubbub.Settlement
		for _, item := range items {
			if got[item.ID] || item.Attempts > 0 {
				t.Fatalf("%s is delivered twice: %+v", item.ID, item)
			}
			got[item.ID] = true
			done = append(done, hubbub.Settlement{Target: item.Target, ID: item.ID})
		}
		if err := s.Settle(t.Context(), done); err != nil {
			t.Fatal(err)
		}
	}
}

// checkSessions wants all open sessions to end, each once.
func (l *life) checkSessions(t *testing.T, s *sqlite.Store) {
	t.Helper()
	lost, err := drivertest.LostTo(t.Context(), s, "now", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ended, offline := map[string]bool{}, map[string]bool{}
	for _, lt := range lost {
		id := lt.Session.ID
		if lt.Kind == hubbub.UserOffline {
			offline[lt.User] = true
			continue
		}
		if ended[id] || offline[lt.User] {
			t.Fatalf("%s ends twice, or after %s went offline", id, lt.User)
		}
		ended[id] = true
	}
	for n := range workers {
		w := worker{l.number, n}
		for i := range l.did[n] {
			open := l.done(n, i, didBegin) && i%2 == 0
			if open != ended[w.name(i)] && (open || l.done(n, i, didEnd)) {
				t.Fatalf("the session %s is lost: %v, want %v", w.name(i), ended[w.name(i)], open)
			}
		}
		if began := len(l.did[n]) > 0 && l.done(n, 0, didBegin); began && !offline[w.user()] {
			t.Fatalf("%s does not go offline", w.user())
		}
	}
	if err := s.Record(t.Context(), lost, nil); err != nil {
		t.Fatal(err)
	}
	if again, err := drivertest.LostTo(t.Context(), s, "now", time.Now()); err != nil || len(again) > 0 {
		t.Fatalf("%d are lost a second time, %v", len(again), err)
	}
}
