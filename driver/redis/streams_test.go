package redis_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/redis"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// twoChats are two nodes on the server of all tests, and their prefix.
func twoChats(t *testing.T, clock *drivertest.Clock) (a, b *chat, prefix string) {
	prefix = freshPrefix()
	return &chat{TB: t, Driver: openAt(t, clock, prefix)}, &chat{TB: t, Driver: openAt(t, clock, prefix)}, prefix
}

// TestTwoNodesAppendAtOnce has many write to one stream by two nodes. Each position is given once, and each node is told of its own in order.
func TestTwoNodesAppendAtOnce(t *testing.T) {
	t.Parallel()
	a, b, _ := twoChats(t, nil)
	const writers, each = 16, 40
	for _, s := range []hubbub.Stream{lobby, hubbub.PairStream("ann", "bob")} {
		var wg sync.WaitGroup
		var mu sync.Mutex
		accepted := map[*chat][]hubbub.Appended{}
		for w := range writers {
			node := []*chat{a, b}[w%2]
			wg.Go(func() {
				for i := range each {
					d := node.draft(s, "ann", w*1000+i)
					d.Accepted = func(a hubbub.Appended) {
						mu.Lock()
						defer mu.Unlock()
						accepted[node] = append(accepted[node], a)
					}
					send := []func() (hubbub.Appended, error){
						func() (hubbub.Appended, error) { return node.Append(t.Context(), d) },
						func() (hubbub.Appended, error) { return node.Post(t.Context(), d) },
					}[i%2]
					if _, err := send(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		page := b.after(s, hubbub.Position{}, 1000)
		if len(page.Messages) != writers*each || page.More {
			t.Fatalf("%v has %d messages, want %d", s, len(page.Messages), writers*each)
		}
		next := map[int]int{}
		for i, m := range page.Messages {
			var n int
			if err := json.Unmarshal(m.Data, &n); err != nil {
				t.Fatal(err)
			}
			if m.Position.Offset != uint64(i+1) || n%1000 != next[n/1000] {
				t.Fatalf("at %d is message %d of writer %d, want %d", m.Position.Offset, n%1000, n/1000, next[n/1000])
			}
			next[n/1000]++
		}
		for _, all := range accepted {
			if len(all) != writers*each/2 || !slices.IsSortedFunc(all, func(a, b hubbub.Appended) int {
				return int(a.Message.Position.Offset) - int(b.Message.Position.Offset)
			}) {
				t.Errorf("a node was told of %d messages, in the order of their positions or not", len(all))
			}
		}
	}
}

// TestLargeMessages reads back messages as large as they may be, in pages that end before they have them all.
func TestLargeMessages(t *testing.T) {
	t.Parallel()
	c := &chat{TB: t, Driver: open(t, nil), keep: hubbub.Retention{Bytes: 20 << 20}}
	const n, size = 60, 256<<10 - 2
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { c.say(lobby, "", strings.Repeat(string(rune('a'+i%26)), size)) })
	}
	wg.Wait()
	var at hubbub.Position
	var all []hubbub.Message
	for more, pages := true, 0; more; pages++ {
		page := c.after(lobby, at, 1000)
		if len(page.Messages) == 0 || !page.Complete || pages > n {
			t.Fatalf("page %d has %d messages, complete: %v", pages, len(page.Messages), page.Complete)
		}
		all, more = append(all, page.Messages...), page.More
		at = all[len(all)-1].Position
	}
	if len(all) != n {
		t.Fatalf("%d messages came back, want %d", len(all), n)
	}
	for i, m := range all {
		if m.Position.Offset != uint64(i+1) || len(m.Data) != size+2 || !bytes.Equal(m.Data[1:10], bytes.Repeat(m.Data[1:2], 9)) {
			t.Errorf("message %d at %v has %d bytes, which begin with %s", i, m.Position, len(m.Data), m.Data[:10])
		}
	}
	back, err := c.Before(t.Context(), lobby, hubbub.Position{}, 1000)
	if err != nil || !back.More || back.Messages[len(back.Messages)-1].Position != all[n-1].Position {
		t.Errorf("the newest page has %d messages, more: %v, %v", len(back.Messages), back.More, err)
	}
	c.keep.Bytes = 3 * (size + 2)
	c.say(lobby, "", strings.Repeat("z", size))
	if page := c.after(lobby, hubbub.Position{}, 1000); len(page.Messages) != 3 || page.Messages[0].Position.Offset != n-1 {
		t.Errorf("%d messages are kept, want 3", len(page.Messages))
	}
}

func TestAPageOfAThousand(t *testing.T) {
	t.Parallel()
	c := &chat{TB: t, Driver: open(t, nil), keep: hubbub.Retention{Messages: 1000, Bytes: 4 << 20, Age: 24 * time.Hour}}
	var wg sync.WaitGroup
	for w := range 40 {
		wg.Go(func() {
			for i := range 30 {
				c.say(lobby, "", w*100+i)
			}
		})
	}
	wg.Wait()
	page := c.after(lobby, hubbub.Position{}, 1000)
	if len(page.Messages) != 1000 || page.More || page.Messages[0].Position.Offset != 201 || page.Head.Offset != 1200 {
		t.Errorf("the page has %d messages, more: %v, the head is %v", len(page.Messages), page.More, page.Head)
	}
}

// TestNamesWithEveryByte uses all that may be in names, and much that other parts would take for their own.
func TestNamesWithEveryByte(t *testing.T) {
	t.Parallel()
	c := &chat{TB: t, Driver: open(t, nil)}
	var ascii []byte
	for b := byte('!'); b < 0x7f; b++ {
		if !strings.ContainsRune("{}*", rune(b)) {
			ascii = append(ascii, b)
		}
	}
	names := []string{string(ascii), "room", "pair:a", "-1-2", "1-1", "%d", `"`, `\`, "é\u2028😀", strings.Repeat("ü", 64), "0", "+", "(", "state", "a-b|c:d"}
	for i, name := range names {
		for _, s := range []hubbub.Stream{hubbub.RoomStream(name), hubbub.PairStream(name, "bob"), hubbub.PairStream(name, name)} {
			d := c.draft(s, name, i)
			d.Key, d.Author, d.Message.ID, d.Message.Collapse = name, name, "an id "+name, name
			first := c.append(d)
			if again := c.append(d); !again.Repeated || again.Message.ID != d.Message.ID || again.Message.Position != first.Message.Position {
				t.Errorf("%v: again it is %+v, first it was %+v", s, again, first)
			}
			page := c.after(s, hubbub.Position{}, 10)
			if len(page.Messages) != 1 || page.Messages[0].From.User != name || page.Messages[0].Stream != s || page.Messages[0].ID != d.Message.ID {
				t.Errorf("%v has %+v", s, page.Messages)
			}
			if _, err := c.MarkRead(t.Context(), name, s, first.Message.Position); err != nil {
				t.Errorf("%v: %v", s, err)
			}
		}
		talks := c.talks(name)
		if len(talks) != 3 || talks[0].Read.Offset != 1 || talks[0].Unread != 0 {
			t.Errorf("%q has %d conversations", name, len(talks))
		}
		for more := true; more; {
			var err error
			if more, err = c.Erase(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		if talks := c.talks(name); len(talks) > 0 {
			t.Errorf("%q has conversations when erased: %+v", name, talks)
		}
		if page := c.after(hubbub.RoomStream(name), hubbub.Position{}, 10); len(page.Messages) > 0 {
			t.Errorf("what %q has sent to a room is there when erased", name)
		}
	}
}

// TestRedisForgetsByItself looks at how long Redis keeps what nobody uses any more.
func TestRedisForgetsByItself(t *testing.T) {
	t.Parallel()
	prefix := freshPrefix()
	c := &chat{TB: t, Driver: openAt(t, nil, prefix)}
	r := raw(t, server.Addr)
	lives := func(key string) time.Duration {
		n, err := command(t, r, "PTTL", prefix+key).AsInt64()
		if err != nil || n == -2 {
			t.Fatalf("%s: %d, %v", key, n, err)
		}
		return time.Duration(n) * time.Millisecond
	}
	expect := func(key string, least, most time.Duration) {
		t.Helper()
		if got := lives(key); got < least || got > most {
			t.Errorf("%s lives for %v, want %v to %v", key, got, least, most)
		}
	}
	const forever = -time.Millisecond
	day, pair := 24*time.Hour, hubbub.PairStream("ann", "bob")
	c.after(lobby, hubbub.Position{}, 1)
	expect("{room:lobby}state", time.Hour, 2*time.Hour)
	c.keep = hubbub.Retention{Age: day}
	at := c.say(lobby, "ann", 1)
	c.say(pair, "ann", 2)
	if _, err := c.MarkRead(t.Context(), "bob", lobby, at); err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"{room:lobby}", "{pair:ann bob}"} {
		expect(tag+"log", day, day+4*time.Hour)
		expect(tag+"state", day+time.Hour, day+3*time.Hour)
	}
	expect("{room:lobby}read", day+time.Hour, day+3*time.Hour)
	d := c.draft(lobby, "ann", 3)
	d.Key = "k"
	c.append(d)
	keys, err := command(t, r, "KEYS", prefix+"*").AsStrSlice()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		switch key = strings.TrimPrefix(key, prefix); {
		case strings.HasPrefix(key, "{room:lobby}key:"):
			expect(key, hubbub.KeyLife-time.Minute, hubbub.KeyLife+2*time.Minute)
		case strings.Contains(key, "}streams:"):
			expect(key, day, day+3*time.Hour)
		case strings.Contains(key, "}sent:"):
			expect(key, day, day+2*time.Hour)
		}
	}
	c.keep = hubbub.Retention{Messages: 10}
	at = c.say(lobby, "ann", 4)
	expect("{room:lobby}log", forever, forever)
	expect("{room:lobby}state", forever, forever)
	if _, err := c.MarkRead(t.Context(), "bob", lobby, at); err != nil {
		t.Fatal(err)
	}
	expect("{room:lobby}read", forever, forever)
	c.keep = hubbub.Retention{Age: time.Hour}
	c.say(lobby, "ann", 5)
	expect("{room:lobby}log", time.Hour, 3*time.Hour)
	c.keep = hubbub.Retention{Messages: -1}
	c.say(lobby, "ann", 6)
	expect("{room:lobby}state", time.Hour, 2*time.Hour)
	if n, err := command(t, r, "EXISTS", prefix+"{room:lobby}log").AsInt64(); err != nil || n != 0 {
		t.Errorf("messages of which none is kept are there, %v", err)
	}
}

// TestWhatIsDroppedIsRemoved counts what is left in Redis of messages that are not kept.
func TestWhatIsDroppedIsRemoved(t *testing.T) {
	t.Parallel()
	clock := drivertest.NewClock()
	prefix := freshPrefix()
	c := &chat{TB: t, Driver: openAt(t, clock, prefix), keep: hubbub.Retention{Messages: 10, Age: time.Hour}}
	left := func(most int64) {
		t.Helper()
		if n, err := command(t, raw(t, server.Addr), "XLEN", prefix+"{room:lobby}log").AsInt64(); err != nil || n > most {
			t.Errorf("there are %d messages, %v; want at most %d", n, err, most)
		}
	}
	for i := range 500 {
		d := c.draft(lobby, "", i)
		d.Message.Time = clock.Now()
		c.append(d)
	}
	left(10 + 64 + 100)
	if got := says(c.after(lobby, hubbub.Position{}, 100)); got != "[490 491 492 493 494 495 496 497 498 499]" {
		t.Errorf("%s are kept", got)
	}
	clock.Advance(2 * time.Hour)
	for more := true; more; {
		var err error
		if more, err = c.Trim(t.Context(), 7); err != nil {
			t.Fatal(err)
		}
	}
	left(0)
}

func TestOneSenderCannotFillTheMemory(t *testing.T) {
	t.Parallel()
	clock := drivertest.NewClock()
	d := openWith(t, redis.Options{Addrs: []string{server.Addr}, Prefix: freshPrefix(), Now: clock.Now, KeptPerSender: 102_300, Answer: patience})
	c := &chat{TB: t, Driver: d}
	send := func(from, to string) error {
		draft := c.draft(hubbub.PairStream("ann", to), from, strings.Repeat("x", 9_700))
		draft.Key, draft.Author = to+fmt.Sprint(clock.Now().UnixNano()), from
		_, err := c.Append(t.Context(), draft)
		return err
	}
	for _, to := range strings.Split("abcdefghij", "") {
		for range 2 { // what is sent again costs nothing
			if err := send("ann", to); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := send("ann", "k"); err == nil || hubbub.AsError(err).Reason != hubbub.TooLarge {
		t.Errorf("the eleventh is answered with %v", err)
	}
	for _, other := range []string{"bob", ""} {
		if err := send(other, "k"); err != nil {
			t.Errorf("%q cannot send: %v", other, err)
		}
	}
	clock.Advance(25 * time.Hour)
	if err := send("ann", "k"); err != nil {
		t.Errorf("a day later: %v", err)
	}
}

// TestManyConversations lists those of somebody who talks with many.
func TestManyConversations(t *testing.T) {
	t.Parallel()
	a, b, _ := twoChats(t, nil)
	const n = 1500
	var wg sync.WaitGroup
	for w := range 50 {
		wg.Go(func() {
			for i := w; i < n; i += 50 {
				a.say(hubbub.PairStream("ann", fmt.Sprint("peer", i)), "ann", i)
			}
		})
	}
	wg.Wait()
	seen := map[hubbub.Stream]bool{}
	for before, pages := "", 0; ; pages++ {
		page, err := b.Conversations(t.Context(), "ann", before, 400)
		if err != nil || pages > n {
			t.Fatal(err)
		}
		for _, one := range page.Conversations {
			seen[one.Stream] = true
		}
		if before = page.Next; before == "" {
			break
		}
	}
	if len(seen) != n {
		t.Errorf("%d conversations are listed, want %d", len(seen), n)
	}
}

// TestWhoWasErasedComesAnewOnAnotherNode sends by a node that has not erased, and believes that it is noted who takes part.
func TestWhoWasErasedComesAnewOnAnotherNode(t *testing.T) {
	t.Parallel()
	a, b, _ := twoChats(t, nil)
	pair := hubbub.PairStream("ann", "bob")
	for _, s := range []hubbub.Stream{lobby, pair} {
		a.say(s, "ann", 1)
	}
	for more := true; more; {
		var err error
		if more, err = b.Erase(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
	}
	if talks := append(b.talks("ann"), b.talks("bob")...); len(talks) > 0 {
		t.Errorf("who was erased has %+v", talks)
	}
	for i, s := range []hubbub.Stream{lobby, pair} {
		a.say(s, "ann", 2)
		if talks := b.talks("ann"); len(talks) != i+1 {
			t.Errorf("after %d streams were begun anew, %d are listed", i+1, len(talks))
		}
	}
	if talks := b.talks("bob"); len(talks) != 1 {
		t.Errorf("bob has %d conversations", len(talks))
	}
}

// TestStreamsThatAreGoneAreForgotten removes a stream as only an accident can, since it is kept for any time.
func TestStreamsThatAreGoneAreForgotten(t *testing.T) {
	t.Parallel()
	clock := drivertest.NewClock()
	prefix := freshPrefix()
	c := &chat{TB: t, Driver: openAt(t, clock, prefix)}
	pair := hubbub.PairStream("ann", "bob")
	c.say(pair, "ann", 1)
	r := raw(t, server.Addr)
	command(t, r, "DEL", prefix+"{pair:ann bob}state", prefix+"{pair:ann bob}log")
	noted := func() int64 {
		all, err := command(t, r, "KEYS", prefix+"*}streams:ann").AsStrSlice()
		if err != nil || len(all) == 0 {
			return 0
		}
		n, err := command(t, r, "ZCARD", all[0]).AsInt64()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if talks := c.talks("ann"); len(talks) != 0 || noted() != 1 {
		t.Errorf("%d are listed, and %d noted: somebody may rely on it", len(talks), noted())
	}
	clock.Advance(time.Hour)
	c.talks("ann")
	clock.Advance(2 * time.Hour)
	c.say(hubbub.PairStream("ann", "cid"), "cid", 1)
	if n := noted(); n != 1 {
		t.Errorf("%d streams are noted, want the one that there is", n)
	}
}

// TestReadingKeepsNothing reads what made-up people have said to each other.
func TestReadingKeepsNothing(t *testing.T) {
	t.Parallel()
	prefix := freshPrefix()
	c := &chat{TB: t, Driver: openAt(t, nil, prefix)}
	for i := range 20 {
		s := hubbub.PairStream("mallory", fmt.Sprint("nobody", i))
		page, err := c.Before(t.Context(), s, hubbub.Position{}, 1)
		if err != nil || !page.Complete || page.Head.Epoch == "" {
			t.Fatalf("%+v, %v", page, err)
		}
		c.after(s, page.Head, 1)
		if _, err := c.MarkRead(t.Context(), "mallory", s, page.Head); hubbub.AsError(err).Reason != hubbub.Invalid {
			t.Fatalf("what there is not is read: %v", err)
		}
	}
	keys, err := command(t, raw(t, server.Addr), "KEYS", prefix+"*").AsStrSlice()
	if err != nil || len(keys) > 0 {
		t.Errorf("reading has left %q, %v", keys, err)
	}
}

// TestStreamsInACluster does all that touches several slots, with what takes part in one call on several servers.
func TestStreamsInACluster(t *testing.T) {
	t.Parallel()
	cluster := testkit.Cluster(t, 3, 0)
	c := &chat{TB: t, Driver: openWith(t, redis.Options{Addrs: cluster.Addrs(), Answer: patience}), keep: hubbub.Retention{Messages: 5, Age: time.Hour}}
	const n = 30
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			for _, s := range []hubbub.Stream{hubbub.RoomStream(fmt.Sprint("room", i)), hubbub.PairStream("ann", fmt.Sprint("peer", i))} {
				for range 7 {
					if _, err := c.Post(t.Context(), c.draft(s, "ann", i)); err != nil {
						t.Error(err)
					}
				}
				if page := c.after(s, hubbub.Position{}, 10); len(page.Messages) != 5 || page.Head.Offset != 7 {
					t.Errorf("%v has %d messages up to %v", s, len(page.Messages), page.Head)
				}
			}
		})
	}
	wg.Wait()
	if talks := c.talks("ann"); len(talks) != 2*n {
		t.Errorf("%d conversations are listed, want %d", len(talks), 2*n)
	}
	for more := true; more; {
		var err error
		if more, err = c.Erase(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
	}
	if talks := c.talks("ann"); len(talks) != 0 {
		t.Errorf("%d conversations are left", len(talks))
	}
}

// TestWhatCannotBePublishedIsUnheard appends where a user of Redis may do that, and must not publish.
func TestWhatCannotBePublishedIsUnheard(t *testing.T) {
	t.Parallel()
	addr, _ := testkit.Redis(t)
	admin, c := raw(t, addr), chatAt(t, addr)
	command(t, admin, "ACL", "SETUSER", "default", "-spublish")
	d := c.draft(hubbub.PairStream("ann", "bob"), "ann", 1)
	d.Key, d.Author = "once", "user ann phone"
	for _, repeated := range []bool{false, true} {
		a, err := c.Post(t.Context(), d)
		if err != nil || !a.Unheard || a.Repeated != repeated || a.Message.Position.Offset != 1 {
			t.Errorf("without a way to publish a message was accepted as %+v, %v", a, err)
		}
	}
	if a, err := c.Append(t.Context(), c.draft(hubbub.PairStream("ann", "bob"), "ann", 2)); err != nil || a.Unheard {
		t.Errorf("what shall not be published was accepted as %+v, %v", a, err)
	}
	command(t, admin, "ACL", "SETUSER", "default", "+spublish")
	if a, err := c.Post(t.Context(), d); err != nil || a.Unheard {
		t.Errorf("later it was accepted as %+v, %v", a, err)
	}
}
