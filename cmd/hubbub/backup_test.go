package main_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/client"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// devServer is a server in development mode with one key for backends, which can be started again on the same store.
type devServer struct {
	dir string
	api client.API
	url string // for people; a user's name is to be added
	p   *testkit.Process
}

func startDev(t *testing.T, dir string, args ...string) *devServer {
	t.Helper()
	cmd := command(t, append([]string{"serve", "--dev", "--addr", "127.0.0.1:0", "--set", "devices.limit=off"}, args...)...)
	cmd.Dir = dir
	s := &devServer{dir: dir, p: testkit.Start(t, cmd)}
	s.api.URL = strings.TrimSuffix(s.p.Line(t, "  Open  "), "/")
	s.api.Key, _, _ = strings.Cut(s.p.Line(t, "  Key   "), " ")
	s.url = "ws" + strings.TrimPrefix(s.api.URL, "http") + "/ws?user="
	return s
}

// dial signs in.
func (s *devServer) dial(t *testing.T, user, device string, h client.Handlers) *client.Client {
	t.Helper()
	c, err := client.Dial(t.Context(), client.Options{URL: s.url + user, Device: device, Handlers: h})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		<-c.Done()
	})
	return c
}

// in is a command in the server's directory.
func (s *devServer) in(t *testing.T, args ...string) string {
	t.Helper()
	cmd := command(t, args...)
	cmd.Dir = s.dir
	cmd.Env = append(cmd.Env, "HUBBUB_URL="+s.api.URL, "HUBBUB_API_KEY="+s.api.Key)
	return printed(t, cmd)
}

// TestBackup copies the store of a server that is busy, looks at the copy, and has a server go on with it.
func TestBackup(t *testing.T) {
	s := startDev(t, t.TempDir())
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var mu sync.Mutex
	accepted := map[string]bool{}
	var last hubbub.Position
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(accepted)
	}
	var busy sync.WaitGroup
	for range 4 {
		busy.Go(func() {
			for ctx.Err() == nil {
				sent, err := s.api.SendToRoom(ctx, "lobby", "x", client.SendOptions{})
				if err == nil {
					_, err = s.api.PublishNotice(ctx, client.NewNotice{To: client.NoticeFor{Users: []string{"ann"}}, NoticeContent: hubbub.NoticeContent{Title: "x"}})
				}
				if err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				if err != nil {
					return
				}
				mu.Lock()
				accepted[sent.ID] = true
				if sent.Position.Offset > last.Offset {
					last = sent.Position
				}
				mu.Unlock()
			}
		})
	}
	testkit.Eventually(t, "some messages", func() bool { return count() >= 100 || t.Failed() })
	mu.Lock()
	before := make([]string, 0, len(accepted))
	for id := range accepted {
		before = append(before, id)
	}
	mu.Unlock()
	copied := filepath.Join(t.TempDir(), "copy.db")
	out := s.in(t, "backup", copied)
	if !strings.Contains(out, copied) || !strings.Contains(out, "To restore it: stop the gateway") {
		t.Errorf("it prints\n%s", out)
	}
	during := count()
	testkit.Eventually(t, "the server to go on", func() bool { return count() > during || t.Failed() })
	stop()
	busy.Wait()

	again := command(t, "backup", "--store", filepath.Join(s.dir, "hubbub.db"), copied)
	if out := fails(t, again); !strings.Contains(out, "exists already") {
		t.Errorf("a second backup to the same file prints\n%s", out)
	}
	intact(t, copied)
	restored := startDev(t, t.TempDir(), "--set", "store.path="+copied)
	checkRestored(t, restored, before, last)
}

// intact has SQLite look at all of a file.
func intact(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var says string
	if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&says); err != nil || says != "ok" {
		t.Errorf("the copy is not intact: %s %v", says, err)
	}
}

// checkRestored looks for what was accepted before the backup began. Who comes back with a position of the time after it must be
// told that it is not the same stream any more, since other messages have got these positions.
func checkRestored(t *testing.T, s *devServer, before []string, last hubbub.Position) {
	t.Helper()
	kept := map[string]bool{}
	lost := make(chan bool, 1)
	c := s.dial(t, "ann", "laptop", client.Handlers{})
	r, err := c.Join(t.Context(), "lobby", client.RoomHandler{Since: last, Lost: func() { lost <- true }})
	if err != nil {
		t.Fatal(err)
	}
	testkit.Receive(t, "the news that the position is of another stream", lost)
	for q := (client.HistoryQuery{Limit: 1000}); ; {
		page, err := r.History(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Messages {
			kept[m.ID] = true
		}
		if !page.More {
			break
		}
		q.Before = page.Messages[0].Position
	}
	for _, id := range before {
		if !kept[id] {
			t.Errorf("the message %s is not in the copy", id)
		}
	}
	counts, err := c.InboxCounts(t.Context())
	if err != nil || counts.Unread < len(before) {
		t.Errorf("the inbox has %d unread, %v; %d were accepted", counts.Unread, err, len(before))
	}
}

func TestBackupExplains(t *testing.T) {
	for says, args := range map[string][]string{
		"there is no store at ":                 {},
		"store.path is off":                     {"--set", "store.path=off"},
		"did you mean store.path?":              {"--set", "store.pth=x"},
		"there is no store at /does/not/exist:": {"--store", "/does/not/exist"},
	} {
		if out := fails(t, command(t, append([]string{"backup", "copy.db"}, args...)...)); !strings.Contains(out, says) {
			t.Errorf("hubbub backup %s prints\n%s", args, out)
		}
	}
	damaged := command(t, "backup", "copy.db")
	put(t, damaged.Dir, "hubbub.db", strings.Repeat("this is no database ", 1000))
	if out := fails(t, damaged); !strings.Contains(out, "hubbub.db") {
		t.Errorf("of a file that is none it says\n%s", out)
	}
	if _, err := os.Stat(filepath.Join(damaged.Dir, "copy.db")); err == nil {
		t.Error("there is a copy of a file that is no store")
	}
}

// TestEverythingIsWhereItWas does what a new user would do: start, sign in twice, publish with one command, see the dot on both,
// read on one and watch it go on the other, kill the server, start it again, and find everything where it was.
func TestEverythingIsWhereItWas(t *testing.T) {
	s := startDev(t, t.TempDir())
	dots := [2]chan int{make(chan int, 100), make(chan int, 100)}
	var devices [2]*client.Client
	for i, device := range []string{"laptop", "phone"} {
		devices[i] = s.dial(t, "ann", device, client.Handlers{Counts: func(c hubbub.InboxCounts) { dots[i] <- c.Unread }})
		if in := devices[i].Session().Inbox; in == nil || in.Unread != 0 {
			t.Fatalf("the welcome of %s has the counts %+v", device, in)
		}
	}
	for _, title := range []string{"Your order has shipped", "Your invoice"} {
		s.in(t, "publish", "--user", "ann", "--title", title, "--category", "orders")
	}
	for i := range dots {
		seesDot(t, dots[i], 2)
	}
	page, err := devices[0].Inbox(t.Context(), client.InboxQuery{})
	if err != nil || len(page.Notices) != 2 || page.Notices[1].Title != "Your order has shipped" {
		t.Fatalf("the list is %+v, %v", page, err)
	}
	if _, err := devices[0].MarkInbox(t.Context(), client.InboxMark{State: client.MarkRead, IDs: []string{page.Notices[1].ID}}); err != nil {
		t.Fatal(err)
	}
	seesDot(t, dots[1], 1)

	bob := s.dial(t, "bob", "", client.Handlers{})
	lobby, err := bob.Join(t.Context(), "lobby", client.RoomHandler{})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		for _, to := range []client.Stream{lobby.Stream, bob.User("ann")} {
			if _, err := to.Send(t.Context(), fmt.Sprint("to ", to.Name(), " ", n), client.SendOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	was := everythingOf(t, devices[0])
	if !strings.Contains(was, "to lobby 2") || !strings.Contains(was, "to ann 2") || !strings.Contains(was, "unread 3") {
		t.Fatalf("before the kill there is\n%s", was)
	}
	s.p.Kill()

	s = startDev(t, s.dir)
	for _, device := range []string{"laptop", "phone"} {
		c := s.dial(t, "ann", device, client.Handlers{})
		if is := everythingOf(t, c); is != was {
			t.Errorf("%s finds\n%s\nand before the kill there was\n%s", device, is, was)
		}
		if in := c.Session().Inbox; in == nil || in.Unread != 1 {
			t.Errorf("the welcome of %s has the counts %+v", device, in)
		}
	}
}

// seesDot waits until a device was told a number of unread notices.
func seesDot(t *testing.T, dot <-chan int, want int) {
	t.Helper()
	for testkit.Receive(t, fmt.Sprintf("the dot with %d", want), dot) != want {
	}
}

// everythingOf describes what a user finds: inbox, conversations with what is unread, and what was said.
func everythingOf(t *testing.T, c *client.Client) string {
	t.Helper()
	var b strings.Builder
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	page, err := c.Inbox(ctx, client.InboxQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range page.Notices {
		fmt.Fprintln(&b, "notice", n.ID, n.State, n.Category, n.Title, n.Time.UnixMilli())
	}
	lobby, err := c.Join(ctx, "lobby", client.RoomHandler{})
	if err != nil {
		t.Fatal(err)
	}
	streams := []client.Stream{lobby.Stream}
	conversations, err := c.Conversations(ctx, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, conv := range conversations.Conversations {
		fmt.Fprintln(&b, "conversation with", conv.User, "unread", conv.Unread)
		if conv.User != "" {
			streams = append(streams, c.User(conv.User))
		}
	}
	for _, stream := range streams {
		history, err := stream.History(ctx, client.HistoryQuery{})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range history.Messages {
			fmt.Fprintln(&b, stream.Name(), m.ID, m.Position, m.Time.UnixMilli(), string(m.Data))
		}
	}
	if err := lobby.Leave(ctx); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
