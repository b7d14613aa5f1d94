package main_test

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/client"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// TestKilledWebhooks kills the server with SIGKILL at random moments while people come and go, talk in a room that is reported and read
// notices, and somebody is told of it who sometimes answers with 500. In the end that one has heard of everything that was
// acknowledged, of each thing once but for repetitions, in order, and of nobody leaving who has not come. HUBBUB_KILLS=300 kills
// more often.
func TestKilledWebhooks(t *testing.T) {
	kills := 5
	if n, err := strconv.Atoi(os.Getenv("HUBBUB_KILLS")); err == nil {
		kills = n
	}
	s := newStage(t)
	s.start()
	testkit.Listening(t, s.addr, s.server)
	var actors sync.WaitGroup
	for _, name := range people {
		g := &guest{stage: s, name: name}
		actors.Go(func() {
			for !s.over.Load() && s.ctx.Err() == nil {
				g.visit()
			}
		})
	}
	actors.Go(s.publish)
	for range kills {
		wait := time.NewTimer(time.Duration(20+mathrand.IntN(600)) * time.Millisecond)
		<-wait.C
		s.server.Kill()
		s.start()
		if mathrand.IntN(4) == 0 { // perhaps before it has told of what the one before left open
			wait.Reset(time.Duration(mathrand.IntN(80)) * time.Millisecond)
			<-wait.C
			s.server.Kill()
			s.start()
		}
		testkit.Listening(t, s.addr, s.server)
	}
	s.over.Store(true)
	done := make(chan bool, 1)
	go func() {
		actors.Wait()
		done <- true
	}()
	testkit.Receive(t, "everybody to leave", done)
	s.settle()
	s.ear.check(t, &s.acked)
	t.Logf("%d kills, %d attempts to tell, of %d events", kills, len(s.ear.heard), len(s.ear.first()))
}

// stage is a server that dies, those who come and go there, and who is told of it.
type stage struct {
	t         *testing.T
	ctx       context.Context
	dir, addr string
	api       client.API
	cmd       *exec.Cmd
	server    *testkit.Process // runs cmd
	ear       *ear
	over      atomic.Bool
	acked     acked
}

// acked is what people were told to have happened.
type acked struct {
	mu       sync.Mutex
	sessions map[string]string // by id: whose
	messages map[string]bool
	read     map[string]string // notices, by id: whose
}

func newStage(t *testing.T) *stage {
	s := &stage{t: t, ctx: t.Context(), dir: t.TempDir(), addr: testkit.FreeAddr(t), ear: listen(t),
		acked: acked{sessions: map[string]string{}, messages: map[string]bool{}, read: map[string]string{}}}
	const key = "a key of the backends"
	s.api = client.API{URL: "http://" + s.addr, Key: key}
	config := fmt.Sprintf(`dev: true
addr: %s
api: {keys: [{name: backends, key: %s}]}
devices: {limit: off}
presence: {grace: 100ms}
rooms: [{match: "*", report: true, rate: {per_second: off}}]
webhooks: [{name: ear, url: "%s", secrets: [%s]}]
`, s.addr, key, s.ear.url, earSecret)
	if err := os.WriteFile(filepath.Join(s.dir, "hubbub.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// start starts a server on what the one before has left.
func (s *stage) start() {
	s.cmd = command(s.t, "serve")
	s.cmd.Dir = s.dir
	s.server = testkit.Start(s.t, s.cmd)
}

// publish puts notices into inboxes.
func (s *stage) publish() {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !s.over.Load() && s.ctx.Err() == nil {
		n := client.NewNotice{Key: rand.Text(), To: client.NoticeFor{Users: []string{pick(people)}}}
		n.Title, n.Category = rand.Text(), "news"
		if mathrand.IntN(5) == 0 {
			n.To = client.NoticeFor{All: true}
		}
		// One that is not acknowledged is read or not, as anything else that nobody has heard of.
		_, _ = s.api.PublishNotice(s.ctx, n)
		<-tick.C
	}
}

// settle waits until there is nothing left to tell, and everybody is known to be offline.
func (s *stage) settle() {
	s.t.Helper()
	s.ear.patient.Store(true)
	testkit.Eventually(s.t, "everything to be told", func() bool {
		targets, err := s.api.Webhooks(s.ctx)
		if err != nil || len(targets) != 1 || targets[0].Waiting > 0 {
			return false
		}
		online, err := s.api.Count(s.ctx)
		return err == nil && online.Users == 0 && s.ear.allOffline()
	})
}

// guest is a user who comes and goes.
type guest struct {
	*stage
	name string
}

// visit comes, does something, and goes.
func (g *guest) visit() {
	o := client.Options{
		URL: "ws://" + g.addr + "/ws?user=" + g.name, Device: "laptop", Retry: true, MinDelay: 5 * time.Millisecond, MaxDelay: 50 * time.Millisecond,
	}
	c, err := client.Dial(g.ctx, o)
	if err != nil {
		g.t.Errorf("%s cannot come: %v", g.name, err)
		g.over.Store(true)
		return
	}
	defer func() {
		c.Close()
		<-c.Done()
	}()
	room, err := c.Join(g.ctx, "lobby", client.RoomHandler{Limit: -1})
	if err != nil {
		return // the server is away; the next visit tries again
	}
	for range mathrand.IntN(8) {
		if mathrand.IntN(3) > 0 {
			g.say(c, room)
		} else {
			g.readInbox(c)
		}
	}
}

// say sends a message. That it is accepted means that the session is known, too; the welcome alone does not wait for the disk.
func (g *guest) say(c *client.Client, to *client.Room) {
	before := c.Session().Session
	sent, err := to.Send(g.ctx, rand.Text(), client.SendOptions{Key: rand.Text()})
	if err != nil {
		return
	}
	g.acked.mu.Lock()
	defer g.acked.mu.Unlock()
	g.acked.messages[sent.ID] = true
	if c.Session().Session == before {
		g.acked.sessions[before] = g.name
	}
}

// readInbox marks all notices as read, some of them by their ids.
func (g *guest) readInbox(c *client.Client) {
	page, err := c.Inbox(g.ctx, client.InboxQuery{State: "unread", Limit: 1000})
	if err != nil || len(page.Notices) == 0 {
		return
	}
	m := client.InboxMark{State: "read", All: true}
	if mathrand.IntN(2) == 0 {
		m = client.InboxMark{State: "read"}
		for _, n := range page.Notices {
			m.IDs = append(m.IDs, n.ID)
		}
	}
	if _, err := c.MarkInbox(g.ctx, m); err != nil {
		return
	}
	g.acked.mu.Lock()
	defer g.acked.mu.Unlock()
	for _, n := range page.Notices {
		g.acked.read[n.ID+" "+g.name] = g.name
	}
}
