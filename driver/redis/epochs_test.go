package redis_test

import (
	"encoding/json"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/redis"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

var lobby = hubbub.RoomStream("lobby")

// raw is a client that speaks to a server directly.
func raw(t testing.TB, addr string) rueidis.Client {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: true, ForceSingleClient: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// command sends a command.
func command(t testing.TB, c rueidis.Client, words ...string) rueidis.RedisResult {
	t.Helper()
	r := c.Do(t.Context(), c.B().Arbitrary(words...).Build())
	if err := r.Error(); err != nil && !rueidis.IsRedisNil(err) {
		t.Fatalf("%q: %v", words, err)
	}
	return r
}

// chat is a driver under test, with what a test of messages says again and again.
type chat struct {
	testing.TB
	*redis.Driver
	keep hubbub.Retention
}

func (c *chat) draft(s hubbub.Stream, from string, data any) hubbub.Draft {
	c.Helper()
	b, err := json.Marshal(data)
	if err != nil {
		c.Fatal(err)
	}
	return hubbub.Draft{Retention: c.keep, Message: hubbub.Message{ID: fmt.Sprint("id of ", len(b)), Stream: s, Data: b, Time: time.Now(),
		From: hubbub.Sender{User: from, Device: "phone"}}}
}

func (c *chat) say(s hubbub.Stream, from string, data any) hubbub.Position {
	c.Helper()
	return c.append(c.draft(s, from, data)).Message.Position
}

func (c *chat) append(d hubbub.Draft) hubbub.Appended {
	c.Helper()
	a, err := c.Append(c.Context(), d)
	if err != nil {
		c.Fatal(err)
	}
	return a
}

func (c *chat) after(s hubbub.Stream, p hubbub.Position, limit int) hubbub.Page {
	c.Helper()
	page, err := c.After(c.Context(), s, p, limit)
	if err != nil {
		c.Fatal(err)
	}
	return page
}

// says are the data of the messages of a page.
func says(p hubbub.Page) string {
	all := []string{}
	for _, m := range p.Messages {
		all = append(all, string(m.Data))
	}
	return fmt.Sprint(all)
}

// talks are the conversations of a user.
func (c *chat) talks(user string) []hubbub.Conversation {
	c.Helper()
	page, err := c.Conversations(c.Context(), user, "", 1000)
	if err != nil {
		c.Fatal(err)
	}
	return page.Conversations
}

func chatAt(t testing.TB, addr string) *chat {
	t.Helper()
	return &chat{TB: t, Driver: openWith(t, redis.Options{Addrs: []string{addr}})}
}

// TestWhatARestartLosesIsANewEpoch kills a server that has saved a part of a stream, and starts it again.
func TestWhatARestartLosesIsANewEpoch(t *testing.T) {
	t.Parallel()
	addr, dir := testkit.FreeAddr(t), t.TempDir()
	p := testkit.RedisAt(t, addr, dir)
	c := chatAt(t, addr)
	var at []hubbub.Position
	for i := range 5 {
		at = append(at, c.say(lobby, "ann", i))
	}
	command(t, raw(t, addr), "SAVE")
	for i := range 3 {
		at = append(at, c.say(lobby, "ann", 5+i))
	}
	if _, err := c.MarkRead(t.Context(), "bob", lobby, at[4]); err != nil {
		t.Fatal(err)
	}
	p.Kill()
	testkit.RedisAt(t, addr, dir)
	other := chatAt(t, addr) // also a node that knows nothing of it
	if page := other.after(lobby, at[7], 10); page.Complete || len(page.Messages) > 0 {
		t.Errorf("after what was lost comes %+v", page)
	}
	page := other.after(lobby, hubbub.Position{}, 10)
	if got := says(page); got != "[0 1 2 3 4]" || page.Head.Epoch == at[0].Epoch || page.Head.Offset != at[4].Offset {
		t.Errorf("the stream has %s, and its head is %v, after that it was %v", got, page.Head, at[7])
	}
	fresh := other.say(lobby, "bob", "new")
	if fresh.Epoch != page.Head.Epoch || fresh.Offset != at[5].Offset {
		t.Errorf("the first message after it is at %v, and the head was %v", fresh, page.Head)
	}
	testkit.Eventually(t, "the first node goes on", func() bool {
		page, err := c.After(t.Context(), lobby, page.Head, 10)
		return err == nil && page.Complete && says(page) == `["new"]`
	})
	if page := c.after(lobby, at[4], 10); page.Complete {
		t.Errorf("a position of the old epoch is good")
	}
}

// TestARestartWithAllDataKeepsIt kills a server that has written all to its disk. Its epoch is new nevertheless, since nobody can know that.
func TestARestartWithAllDataKeepsIt(t *testing.T) {
	t.Parallel()
	addr, dir := testkit.FreeAddr(t), t.TempDir()
	args := []string{"--appendonly", "yes", "--appendfsync", "always"}
	p := testkit.RedisAt(t, addr, dir, args...)
	c := chatAt(t, addr)
	d := c.draft(lobby, "ann", 1)
	d.Key, d.Author = "k", "ann"
	first := c.append(d)
	last := c.say(lobby, "ann", 2)
	if changed, err := c.MarkRead(t.Context(), "bob", lobby, first.Message.Position); err != nil || !changed {
		t.Fatal(changed, err)
	}
	p.Kill()
	testkit.RedisAt(t, addr, dir, args...)
	c = chatAt(t, addr)
	again := c.append(d)
	if p := again.Message.Position; !again.Repeated || p.Offset != first.Message.Position.Offset || p.Epoch == last.Epoch {
		t.Errorf("the key stands for %+v, which was %+v", again, first)
	}
	if got := says(c.after(lobby, again.Message.Position, 10)); got != "[2]" {
		t.Errorf("after it comes %s", got)
	}
	talks := c.talks("bob")
	if len(talks) != 1 || talks[0].Unread != 1 || talks[0].Read != again.Message.Position {
		t.Errorf("bob has %+v", talks)
	}
}

// TestAPromotedReplicaThatLacksTheTail has a replica that was cut off, and takes over.
func TestAPromotedReplicaThatLacksTheTail(t *testing.T) {
	t.Parallel()
	addr, master := testkit.Redis(t)
	addr2, _ := testkit.Redis(t)
	replica := raw(t, addr2)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	command(t, replica, "REPLICAOF", host, port)
	c := chatAt(t, addr)
	kept := c.say(lobby, "ann", 1)
	testkit.Eventually(t, "the replica has the message", func() bool {
		n, err := command(t, raw(t, addr), "WAIT", "1", "1000").AsInt64()
		return err == nil && n == 1
	})
	command(t, replica, "REPLICAOF", "NO", "ONE")
	lost := c.say(lobby, "ann", 2)
	if lost.Epoch != kept.Epoch {
		t.Errorf("what goes on has the epoch %q after %q", lost.Epoch, kept.Epoch)
	}
	master.Kill()
	c = chatAt(t, addr2)
	fresh := c.say(lobby, "bob", 3)
	if fresh.Offset != lost.Offset || fresh.Epoch == lost.Epoch {
		t.Errorf("the message is at %v, and one that was lost was at %v", fresh, lost)
	}
	if page := c.after(lobby, lost, 10); page.Complete || len(page.Messages) > 0 {
		t.Errorf("after what was lost comes %+v", page)
	}
	if got := says(c.after(lobby, hubbub.Position{}, 10)); got != "[1 3]" {
		t.Errorf("the stream has %s", got)
	}
}

// TestAReceiptForWhatWasLost marks as read what is lost then, on a replica that has the receipt and not the message: its slot may be saved later.
func TestAReceiptForWhatWasLost(t *testing.T) {
	t.Parallel()
	addr, dir := testkit.FreeAddr(t), t.TempDir()
	p := testkit.RedisAt(t, addr, dir)
	c := chatAt(t, addr)
	c.say(lobby, "ann", 1)
	second := c.say(lobby, "ann", 2)
	if _, err := c.MarkRead(t.Context(), "bob", lobby, second); err != nil {
		t.Fatal(err)
	}
	// As if the second message were lost: what is known of the stream is that of before it.
	r := raw(t, addr)
	key := "hubbub:{room:lobby}"
	state, err := command(t, r, "GET", key+"state").ToString()
	if err != nil {
		t.Fatal(err)
	}
	b := []byte(state)
	copy(b[18:26], "\x00\x00\x00\x00\x00\x00\xf0\x3f") // head is 1
	command(t, r, "SET", key+"state", string(b))
	command(t, r, "XDEL", key+"log", "2-1")
	command(t, r, "XSETID", key+"log", "1-0")
	command(t, r, "SAVE")
	p.Kill()
	testkit.RedisAt(t, addr, dir)
	c = chatAt(t, addr)
	c.say(lobby, "ann", 3)
	talks := c.talks("bob")
	if len(talks) != 1 || talks[0].Unread != 1 || talks[0].Read.Offset != 1 {
		t.Errorf("bob has %+v", talks)
	}
}
