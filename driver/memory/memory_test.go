package memory_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/memory"
)

func TestDriver(t *testing.T) {
	drivertest.Run(t, func(_ *testing.T, clock *drivertest.Clock) hubbub.Driver {
		return memory.New(memory.Options{Grace: drivertest.Grace, Lease: drivertest.Lease, Now: clock.Now})
	})
}

// start returns a driver in which "node" has a long lease.
func start(t *testing.T, o memory.Options) (*memory.Driver, *drivertest.Clock) {
	t.Helper()
	clock := drivertest.NewClock()
	o.Now, o.Lease = clock.Now, 100*24*time.Hour
	d := memory.New(o)
	if _, err := d.Renew(t.Context(), hubbub.NodeStatus{Node: "node"}); err != nil {
		t.Fatal(err)
	}
	return d, clock
}

// visit opens a session and ends it, and returns what was told.
func visit(t *testing.T, d *memory.Driver, user string, n int) []hubbub.Transition {
	t.Helper()
	o, err := d.Open(t.Context(), record(user, n), hubbub.DeviceLimit{})
	if err != nil {
		t.Fatal(err)
	}
	ended, err := d.End(t.Context(), hubbub.Target{User: user}, hubbub.EndClosed)
	if err != nil {
		t.Fatal(err)
	}
	return append(o.Transitions, ended...)
}

func TestWithoutGraceUsersGoOfflineAtOnce(t *testing.T) {
	d, _ := start(t, memory.Options{Grace: -1})
	for i := range 3 {
		told := visit(t, d, "ann", i)
		if len(told) != 4 || told[1].Kind != hubbub.UserOnline || told[3].Kind != hubbub.UserOffline {
			t.Fatalf("visit %d told %+v", i, told)
		}
	}
	if all, err := d.Reap(t.Context()); len(all) != 0 || err != nil {
		t.Fatalf("reaping told %+v, %v", all, err)
	}
}

func TestLastSeenIsForgottenAfterItsTime(t *testing.T) {
	d, clock := start(t, memory.Options{LastSeen: time.Hour, Grace: -1})
	visit(t, d, "ann", 1)
	clock.Advance(30 * time.Minute)
	visit(t, d, "bob", 2)
	clock.Advance(31 * time.Minute)
	if _, err := d.Reap(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := d.Presences(t.Context(), []string{"ann", "bob"})
	if err != nil || !all[0].LastSeen.IsZero() || all[1].LastSeen.IsZero() {
		t.Fatalf("ann and bob are %+v, %v", all, err)
	}
}

func TestLastSeenIsBoundedInNumber(t *testing.T) {
	d, clock := start(t, memory.Options{LastSeenUsers: 1000, Grace: -1})
	var names []string
	for i := range 5000 {
		names = append(names, fmt.Sprint("user", i))
		visit(t, d, names[i], i)
		clock.Advance(time.Millisecond)
	}
	all, err := d.Presences(t.Context(), names)
	if err != nil {
		t.Fatal(err)
	}
	known, late := 0, 0
	for i, p := range all {
		if !p.LastSeen.IsZero() {
			known++
			if i >= 3000 {
				late++
			}
		}
	}
	if known > 1000 || known < 500 || late < known*9/10 {
		t.Fatalf("of 5000 users %d are remembered, %d of the last 2000", known, late)
	}
	if o := visit(t, d, names[0], 9999); len(o) != 4 {
		t.Fatalf("who was forgotten comes back: %+v", o)
	}
}

func TestUnconfirmedTransitionsAreBounded(t *testing.T) {
	d, clock := start(t, memory.Options{})
	const visits = 10_000
	for i := range visits {
		visit(t, d, "ann", i)
	}
	clock.Advance(101 * 24 * time.Hour)
	all, err := d.Reap(t.Context())
	if err != nil || len(all) < 1<<14 || len(all) > 1<<14+1 {
		t.Fatalf("of %d transitions %d are kept, %v", 2*visits, len(all), err)
	}
	if last := all[len(all)-1]; last.Kind != hubbub.UserOffline && last.Session.ID != fmt.Sprintf("session-%d", visits-1) {
		t.Fatalf("the newest was given up: %+v", last)
	}
}

func TestDriversHaveEpochsOfTheirOwn(t *testing.T) {
	a, b := memory.New(memory.Options{}), memory.New(memory.Options{})
	s := hubbub.RoomStream("lobby")
	x, err := a.Append(t.Context(), draft(s, 1))
	if err != nil {
		t.Fatal(err)
	}
	page, err := b.After(t.Context(), s, x.Message.Position, 10)
	if err != nil || page.Complete || page.Head.Epoch == x.Message.Position.Epoch {
		t.Fatalf("another driver goes on after %v: %+v, %v", x.Message.Position, page, err)
	}
}

func TestReadingKeepsNothing(t *testing.T) {
	d := memory.New(memory.Options{})
	before := heap()
	for i := range 100_000 {
		s := hubbub.PairStream("mallory", fmt.Sprint("nobody", i))
		page, err := d.Before(t.Context(), s, hubbub.Position{}, 1)
		if err != nil || !page.Complete || page.Head.Epoch == "" {
			t.Fatalf("%+v, %v", page, err)
		}
		if page, err = d.After(t.Context(), s, page.Head, 1); err != nil || !page.Complete {
			t.Fatalf("after the head %+v, %v", page, err)
		}
	}
	if grown := int64(heap()) - int64(before); grown > 4<<20 {
		t.Errorf("reading the history of made-up people has left %d bytes behind", grown)
	}
	s := hubbub.PairStream("mallory", "nobody1")
	page, err := d.After(t.Context(), s, hubbub.Position{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	said, err := d.Append(t.Context(), draft(s, 1))
	if err != nil {
		t.Fatal(err)
	}
	if page, err := d.After(t.Context(), s, page.Head, 1); err != nil || !page.Complete || len(page.Messages) != 1 {
		t.Errorf("from the head that was read before %v one gets %+v, %v", said.Message.Position, page, err)
	}
}

func TestRoomsForgetThoseWhoHaveLongBeenAway(t *testing.T) {
	d := memory.New(memory.Options{})
	s := hubbub.RoomStream("lobby")
	const users = 1000
	for i := range users {
		message := draft(s, i)
		message.Message.From.User = fmt.Sprint("user", i)
		message.Retention.Messages = 10
		if _, err := d.Append(t.Context(), message); err != nil {
			t.Fatal(err)
		}
	}
	talking := 0
	for i := range users {
		page, err := d.Conversations(t.Context(), fmt.Sprint("user", i), "", 10)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(page.Conversations); n == 1 {
			talking++
		} else if i >= users-10 {
			t.Fatalf("user %d of %d talks in %d rooms", i, users, n)
		}
	}
	if talking > 100 {
		t.Fatalf("of 10 messages %d users are remembered", talking)
	}
}

// TestTrimmingBesideAppending lets streams be forgotten while others begin to use them.
func TestTrimmingBesideAppending(t *testing.T) {
	d, clock := start(t, memory.Options{})
	const writers, each = 4, 300
	stop := make(chan struct{})
	var trimmer, all sync.WaitGroup
	trimmer.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			clock.Advance(2 * time.Hour)
			if _, err := d.Trim(t.Context(), 100); err != nil {
				t.Error(err)
			}
		}
	})
	for w := range writers {
		all.Go(func() {
			for i := range each {
				user := fmt.Sprintf("user%d-%d", w, i)
				s := hubbub.RoomStream(fmt.Sprint("room", i))
				if _, err := d.After(t.Context(), s, hubbub.Position{}, 0); err != nil {
					t.Error(err)
				}
				message := draft(s, i)
				message.Message.From.User = user
				message.Retention = hubbub.Retention{}
				if _, err := d.Append(t.Context(), message); err != nil {
					t.Error(err)
				}
				if c, err := d.Conversations(t.Context(), user, "", 10); err != nil || len(c.Conversations) != 1 {
					t.Errorf("%s talks in %+v, %v", user, c, err)
				}
			}
		})
	}
	all.Wait()
	close(stop)
	trimmer.Wait()
	for i := range each {
		page, err := d.After(t.Context(), hubbub.RoomStream(fmt.Sprint("room", i)), hubbub.Position{}, 10)
		if err != nil || len(page.Messages) != writers {
			t.Errorf("room %d has %d messages, %v", i, len(page.Messages), err)
		}
	}
}

func TestWhatIsKeptOfOneSenderIsBounded(t *testing.T) {
	now := time.Now()
	d := memory.New(memory.Options{KeptPerSender: 100 << 10, Now: func() time.Time { return now }})
	send := func(from, to string) error {
		_, err := d.Append(t.Context(), hubbub.Draft{Retention: hubbub.Retention{Age: time.Hour}, Message: hubbub.Message{
			Stream: hubbub.PairStream(from, to), From: hubbub.Sender{User: from}, Data: make([]byte, 10<<10), Time: now}})
		return err
	}
	sent := 0
	for send("eve", fmt.Sprint("nobody", sent)) == nil {
		if sent++; sent > 100 {
			t.Fatal("there is no bound")
		}
	}
	if sent != 9 {
		t.Errorf("%d messages of 10.5 KiB fit into 100 KiB", sent)
	}
	if err := send("eve", "nobody"); hubbub.AsError(err).Reason != hubbub.TooLarge {
		t.Errorf("refused with %v", err)
	}
	for _, from := range []string{"ann", ""} { // others, and backends, are not touched by it
		if err := send(from, "bob"); err != nil {
			t.Errorf("%q: %v", from, err)
		}
	}
	now = now.Add(2 * time.Hour)
	if _, err := d.Trim(t.Context(), 1000); err != nil {
		t.Fatal(err)
	}
	if err := send("eve", "nobody"); err != nil {
		t.Errorf("after it has expired: %v", err)
	}
}
