package gateway_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hubbub-dev/hubbub/gateway"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// TestRecovery cuts a client at random moments while others talk in rooms and to its user, and compares what it has got in
// the end with what the senders were told is accepted. HUBBUB_RECOVERY=5m goes on for as long.
func TestRecovery(t *testing.T) {
	off := gateway.RateConfig{PerSecond: -1}
	g := serve(t, gateway.Config{Dev: true, Devices: gateway.DevicesConfig{Limit: -1},
		Rooms:   []gateway.RoomConfig{{Match: "*", Rate: off, Quiet: true}},
		Private: gateway.PrivateConfig{Rate: off},
		Limits:  gateway.LimitsConfig{RequestsPerSession: off, RequestsPerUser: off}})
	until := time.Now()
	if d, err := time.ParseDuration(os.Getenv("HUBBUB_RECOVERY")); err == nil {
		until = until.Add(d)
	}
	var run atomic.Int64
	for more := true; more && !t.Failed(); more = time.Now().Before(until) {
		rapid.Check(t, func(rt *rapid.T) {
			plan := plan{
				name:    fmt.Sprint("r", run.Add(1)),
				senders: rapid.IntRange(1, 4).Draw(rt, "senders"),
				each:    rapid.IntRange(1, 60).Draw(rt, "messages of each"),
				flight:  rapid.IntRange(1, 8).Draw(rt, "in flight"),
				page:    rapid.IntRange(1, 20).Draw(rt, "page"),
				cuts:    rapid.SliceOfN(rapid.IntRange(0, 40), 1, 12).Draw(rt, "frames until each cut"),
			}
			if wrong := plan.run(t, g); wrong != "" {
				rt.Fatal(wrong)
			}
		})
	}
}

// plan is one run. Frames of the client are cut off after the numbers in cuts; then it stays until it has all.
type plan struct {
	name                        string
	senders, each, flight, page int
	cuts                        []int
}

func (p plan) run(t *testing.T, g running) string {
	streams := []*followed{
		{params: `"room":"` + p.name + `-a"`, room: p.name + "-a"},
		{params: `"room":"` + p.name + `-b"`, room: p.name + "-b"},
		{params: `"user":"` + p.name + `-0"`, peer: p.name + "-0"},
	}
	first := &follower{plan: p, user: p.name + "-client", streams: streams}
	first.begin(t, g)

	var accepted [3]acceptedList
	var talking sync.WaitGroup
	for i := range p.senders {
		talking.Go(func() { p.talk(t, g, i, &accepted) })
	}
	talked := make(chan struct{})
	go func() {
		talking.Wait()
		close(talked)
	}()
	for _, frames := range p.cuts {
		first.follow(t, g, func() bool { frames--; return frames < 0 })
	}
	<-talked
	want := make([][]string, len(streams))
	for i := range accepted {
		want[i] = accepted[i].inOrder()
	}
	deadline := time.Now().Add(testkit.Patience)
	first.follow(t, g, func() bool {
		for i, s := range streams {
			if len(s.got) < len(want[i]) && time.Now().Before(deadline) {
				return false
			}
		}
		return true
	})
	for i, s := range streams {
		if s.wrong != "" || !slices.Equal(s.got, want[i]) {
			return fmt.Sprintf("%s: %s\nit has %d: %s\naccepted were %d: %s", s.params, s.wrong, len(s.got), s.got, len(want[i]), want[i])
		}
	}
	return ""
}

// acceptedList is what senders were told is accepted in a stream.
type acceptedList struct {
	mu  sync.Mutex
	all []accepted
}

type accepted struct {
	ID       string
	Position place
}

type place struct {
	Epoch  string `json:"epoch"`
	Offset uint64 `json:"offset"`
}

func (l *acceptedList) add(a accepted) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, a)
}

func (l *acceptedList) inOrder() []string {
	slices.SortFunc(l.all, func(a, b accepted) int { return int(a.Position.Offset) - int(b.Position.Offset) })
	ids := make([]string, 0, len(l.all))
	for _, a := range l.all {
		ids = append(ids, a.ID)
	}
	return ids
}

// talk is one sender: it sends to both rooms, and the first of them privately too, with several requests in flight.
func (p plan) talk(t *testing.T, g running, i int, accept *[3]acceptedList) {
	c := g.connect(t, fmt.Sprint(p.name, "-", i))
	defer c.conn.Terminate()
	targets := []string{`"room":"` + p.name + `-a"`, `"room":"` + p.name + `-b"`}
	for _, room := range targets {
		c.call(t, "room.join", `{`+room+`}`)
	}
	if i == 0 {
		targets = append(targets, `"user":"`+p.name+`-client"`)
	}
	var flying sync.WaitGroup
	slots := make(chan struct{}, p.flight)
	for n := range p.each {
		at := n % len(targets)
		method := "room.send"
		if at == 2 {
			method = "user.send"
		}
		slots <- struct{}{}
		flying.Go(func() {
			raw := c.call(t, method, fmt.Sprintf(`{%s,"data":%d}`, targets[at], n))
			accept[at].add(decode[accepted](t, raw))
			<-slots
		})
	}
	flying.Wait()
}

// followed is a stream as the client knows it.
type followed struct {
	params     string // that name it in a request
	room, peer string // one of them
	last       place
	got        []string
	wrong      string
	paged      bool // what came live since the last join may have been fetched, too
}

// message is a message as the client gets it.
type message struct {
	ID         string
	Room, Peer string
	Position   place
}

func (f *followed) take(m message) {
	if m.Position.Epoch != f.last.Epoch || m.Position.Offset <= f.last.Offset {
		f.wrong = fmt.Sprintf("%+v comes after %+v", m, f.last)
	}
	f.last = m.Position
	f.got = append(f.got, m.ID)
}

func (f *followed) after() string {
	raw, err := json.Marshal(f.last)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// follower is the client that is cut.
type follower struct {
	plan    plan
	user    string
	streams []*followed
}

// begin finds out where the streams begin.
func (f *follower) begin(t *testing.T, g running) {
	c := g.connect(t, f.user)
	defer c.conn.Terminate()
	for _, s := range f.streams {
		if s.peer != "" {
			// There is no join for a pair. A first message of our own tells where it is.
			s.last = decode[accepted](t, c.call(t, "user.send", `{`+s.params+`,"data":"begin"}`)).Position
			continue
		}
		s.last = decode[struct{ Position place }](t, c.call(t, "room.join", `{`+s.params+`}`)).Position
	}
}

// follow connects, fetches what it has missed, and listens until cut tells true, which it asks before each message.
func (f *follower) follow(t *testing.T, g running, cut func() bool) {
	c := g.connect(t, f.user)
	defer c.conn.Terminate()
	for _, s := range f.streams {
		if cut() || !f.catchUp(t, c, s, cut) {
			return
		}
	}
	for !cut() {
		select {
		case m := <-c.told:
			f.live(t, m)
		case <-time.After(10 * time.Millisecond): // asks cut again
		}
	}
}

// catchUp takes what a stream has had since. Notifications that come meanwhile wait in c.told.
func (f *follower) catchUp(t *testing.T, c *peer, s *followed, cut func() bool) bool {
	type page struct {
		Messages  []message
		More      bool
		Recovered bool
		Complete  bool
		Position  place
	}
	method := "user.history"
	if s.room != "" {
		joined := decode[page](t, c.call(t, "room.join", fmt.Sprintf(`{%s,"since":%s,"limit":%d}`, s.params, s.after(), f.plan.page)))
		if !joined.Recovered {
			s.wrong = "not recovered"
			return false
		}
		for _, m := range joined.Messages {
			s.take(m)
		}
		s.paged = joined.More
		if !joined.More {
			return true
		}
		method = "room.history"
	}
	for !cut() {
		more := decode[page](t, c.call(t, method, fmt.Sprintf(`{%s,"after":%s,"limit":%d}`, s.params, s.after(), f.plan.page)))
		if !more.Complete {
			s.wrong = "not complete"
			return false
		}
		for _, m := range more.Messages {
			s.take(m)
		}
		if !more.More {
			return true
		}
	}
	return false
}

// live takes a message that was not fetched before.
func (f *follower) live(t *testing.T, m frame) {
	if m.Method != "room.message" && m.Method != "user.message" {
		return
	}
	got := decode[message](t, m.Params)
	for _, s := range f.streams {
		if s.room != got.Room || s.peer != got.Peer {
			continue
		}
		// In a pair, and after paging, what was fetched may come again, and its position tells. In a room it must not.
		if overlap := s.peer != "" || s.paged; overlap && got.Position.Offset <= s.last.Offset {
			continue
		}
		s.take(got)
	}
}
