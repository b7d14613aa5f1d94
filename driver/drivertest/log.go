package drivertest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
)

var lobby = hubbub.RoomStream("lobby")

// draft returns a draft of a message of ann that says a number.
func (r *streamRig) draft(s hubbub.Stream, number int) hubbub.Draft {
	return hubbub.Draft{Message: hubbub.Message{
		ID: fmt.Sprint("m", number), Stream: s, From: hubbub.Sender{User: "ann", Device: "phone"},
		Data: json.RawMessage(fmt.Sprint(number)), Time: r.clock.Now(),
	}}
}

// say appends a message that says a number.
func (r *streamRig) say(s hubbub.Stream, number int, keep hubbub.Retention) hubbub.Appended {
	r.Helper()
	d := r.draft(s, number)
	d.Retention = keep
	return r.append(d)
}

func (r *streamRig) append(d hubbub.Draft) hubbub.Appended {
	r.Helper()
	a, err := r.Append(r.Context(), d)
	r.must(err)
	return a
}

func (r *streamRig) after(s hubbub.Stream, p hubbub.Position, limit int) hubbub.Page {
	r.Helper()
	page, err := r.After(r.Context(), s, p, limit)
	r.must(err)
	return page
}

func (r *streamRig) before(s hubbub.Stream, p hubbub.Position, limit int) hubbub.Page {
	r.Helper()
	page, err := r.Before(r.Context(), s, p, limit)
	r.must(err)
	return page
}

// trim trims until there is nothing more to drop.
func (r *streamRig) trim() {
	r.Helper()
	for range 1000 {
		more, err := r.Trim(r.Context(), 100)
		r.must(err)
		if !more {
			return
		}
	}
	r.Fatalf("Trim always has more to drop")
}

// numbers are what the messages of a page say.
func numbers(p hubbub.Page) []int {
	all := []int{}
	for _, m := range p.Messages {
		var n int
		if json.Unmarshal(m.Data, &n) != nil {
			n = -1
		}
		all = append(all, n)
	}
	return all
}

// expect fails the test unless a page has these messages.
func (r *streamRig) expect(p hubbub.Page, more, complete bool, want ...int) {
	r.Helper()
	if got := numbers(p); !slices.Equal(got, want) {
		r.Fatalf("the page has %v, want %v", got, want)
	}
	if p.More != more || p.Complete != complete {
		r.Fatalf("the page has more: %v, complete: %v; want %v, %v", p.More, p.Complete, more, complete)
	}
}

// same fails the test unless two messages are equal.
func (r *streamRig) same(got, want hubbub.Message) {
	r.Helper()
	if !got.Time.Equal(want.Time) {
		r.Fatalf("the time is %v, want %v", got.Time, want.Time)
	}
	got.Time = want.Time
	if !reflect.DeepEqual(got, want) {
		r.Fatalf("the message is\n%+v, want\n%+v", got, want)
	}
}

func logTests() []test[*streamRig] {
	return []test[*streamRig]{
		{"messages come back as they were", messagesComeBack},
		{"offsets rise and tell the one before", offsetsRise},
		{"paging forward and back", paging},
		{"who appends at once gets different offsets", appendAtOnce},
		{"an empty stream can be followed from its head", emptyStream},
		{"positions that a stream does not have", strangePositions},
		{"retention by number", retentionByNumber},
		{"retention by bytes", retentionByBytes},
		{"retention by age", retentionByAge},
		{"retention of nothing", retentionOfNothing},
		{"trimming in steps", trimming},
		{"streams do not touch each other", separateStreams},
	}
}

// forgettingTests are for what forgets streams of which nothing is kept.
func forgettingTests() []test[*streamRig] {
	return []test[*streamRig]{
		{"a forgotten stream begins a new epoch", newEpoch},
	}
}

// lastingTests are for what never does.
func lastingTests() []test[*streamRig] {
	return []test[*streamRig]{
		{"a stream of which nothing is kept goes on", goesOn},
	}
}

func messagesComeBack(r *streamRig) {
	for i, s := range []hubbub.Stream{lobby, hubbub.PairStream("bob", "ann"), hubbub.PairStream("ann", "ann")} {
		m := hubbub.Message{
			ID: "id-1", Stream: s, Data: json.RawMessage(`{"a": [1, null, "é\u2028\n"], "b": {}}`), Time: r.clock.Now(),
			From:   hubbub.Sender{User: "ann", Device: "phone", Info: json.RawMessage(`{"name":"Ann"}`)},
			Except: "phone", Collapse: "score",
		}
		a := r.append(hubbub.Draft{Message: m})
		if a.Message.Position.Epoch == "" || a.Message.Position.Offset == 0 || a.Repeated || a.Previous != 0 {
			r.Fatalf("stream %d: appended %+v", i, a)
		}
		m.Position = a.Message.Position
		r.same(a.Message, m)
		r.same(r.after(s, hubbub.Position{}, 1).Messages[0], m)
		r.same(r.before(s, hubbub.Position{}, 1).Messages[0], m)
		backend := hubbub.Message{ID: "id-2", Stream: s, Data: json.RawMessage(`0`), Time: r.clock.Now()}
		backend.Position = r.append(hubbub.Draft{Message: backend}).Message.Position
		r.same(r.before(s, hubbub.Position{}, 1).Messages[0], backend)
	}
}

func offsetsRise(r *streamRig) {
	previous := uint64(0)
	for i := range 10 {
		a := r.say(lobby, i, hubbub.Retention{Messages: 3})
		if a.Previous != previous || a.Message.Position.Offset <= previous {
			r.Fatalf("message %d is at %v after %d, want it after %d", i, a.Message.Position, a.Previous, previous)
		}
		previous = a.Message.Position.Offset
	}
	if head := r.after(lobby, hubbub.Position{}, 0).Head; head.Offset != previous {
		r.Fatalf("the head is %v, want %d", head, previous)
	}
}

func paging(r *streamRig) {
	var at []hubbub.Position
	for i := range 7 {
		at = append(at, r.say(lobby, i, hubbub.Retention{}).Message.Position)
	}
	var zero hubbub.Position
	r.expect(r.after(lobby, zero, 3), true, true, 0, 1, 2)
	r.expect(r.after(lobby, at[2], 3), true, true, 3, 4, 5)
	r.expect(r.after(lobby, at[5], 3), false, true, 6)
	r.expect(r.after(lobby, at[3], 3), false, true, 4, 5, 6)
	r.expect(r.after(lobby, at[6], 3), false, true)
	r.expect(r.after(lobby, at[1], 0), true, true)
	r.expect(r.before(lobby, zero, 3), true, true, 4, 5, 6)
	r.expect(r.before(lobby, at[4], 3), true, true, 1, 2, 3)
	r.expect(r.before(lobby, at[1], 3), false, true, 0)
	r.expect(r.before(lobby, at[3], 3), false, true, 0, 1, 2)
	r.expect(r.before(lobby, at[0], 3), false, true)
	for _, page := range []hubbub.Page{r.after(lobby, zero, 1), r.before(lobby, at[0], 1), r.after(lobby, at[6], 9)} {
		if page.Head != at[6] {
			r.Fatalf("the head is %v, want %v", page.Head, at[6])
		}
	}
}

func appendAtOnce(r *streamRig) {
	const writers, each = 8, 25
	var mu sync.Mutex
	previous := map[uint64]uint64{} // offset to the one before
	atOnce(writers, func(w int) {
		for i := range each {
			a, err := r.Append(r.Context(), r.draft(lobby, w*1000+i))
			if err != nil {
				r.Errorf("%v", err)
				return
			}
			mu.Lock()
			previous[a.Message.Position.Offset] = a.Previous
			mu.Unlock()
		}
	})
	page := r.after(lobby, hubbub.Position{}, writers*each+1)
	if len(page.Messages) != writers*each || len(previous) != writers*each {
		r.Fatalf("there are %d messages at %d offsets, want %d", len(page.Messages), len(previous), writers*each)
	}
	last, next := uint64(0), map[int]int{} // the next number of each writer
	for i, n := range numbers(page) {
		offset := page.Messages[i].Position.Offset
		if previous[offset] != last || offset <= last {
			r.Fatalf("the message at %d was told to come after %d, and comes after %d", offset, previous[offset], last)
		}
		if w := n / 1000; n%1000 != next[w] {
			r.Fatalf("of writer %d came %d before %d", w, n%1000, next[w])
		}
		last = offset
		next[n/1000]++
	}
}

func emptyStream(r *streamRig) {
	page := r.before(lobby, hubbub.Position{}, 10)
	r.expect(page, false, true)
	if page.Head.Epoch == "" {
		r.Fatalf("an empty stream has no epoch")
	}
	r.expect(r.after(lobby, page.Head, 10), false, true)
	r.say(lobby, 1, hubbub.Retention{})
	r.expect(r.after(lobby, page.Head, 10), false, true, 1)
}

func strangePositions(r *streamRig) {
	at := r.say(lobby, 1, hubbub.Retention{}).Message.Position
	past := hubbub.Position{Epoch: at.Epoch, Offset: at.Offset + 1000}
	r.expect(r.after(lobby, hubbub.Position{Epoch: "other", Offset: at.Offset}, 10), false, false)
	r.expect(r.after(lobby, hubbub.Position{Offset: at.Offset}, 10), false, false)
	r.expect(r.after(lobby, past, 10), false, false)
	r.expect(r.before(lobby, hubbub.Position{Epoch: "other", Offset: at.Offset}, 10), false, false)
	r.expect(r.before(lobby, past, 10), false, true, 1)
	if head := r.after(lobby, past, 10).Head; head != at {
		r.Fatalf("the head is %v, want %v", head, at)
	}
}

func retentionByNumber(r *streamRig) {
	var at []hubbub.Position
	for i := range 10 {
		at = append(at, r.say(lobby, i, hubbub.Retention{Messages: 4}).Message.Position)
	}
	r.expect(r.after(lobby, hubbub.Position{}, 10), false, true, 6, 7, 8, 9)
	r.expect(r.after(lobby, at[5], 10), false, true, 6, 7, 8, 9)
	r.expect(r.after(lobby, at[4], 10), false, false, 6, 7, 8, 9)
	r.expect(r.after(lobby, at[0], 2), true, false, 6, 7)
	r.expect(r.after(lobby, hubbub.Position{Epoch: at[0].Epoch}, 10), false, false, 6, 7, 8, 9)
	r.expect(r.before(lobby, at[7], 10), false, true, 6)
	r.expect(r.before(lobby, at[6], 10), false, false)
	r.expect(r.before(lobby, at[2], 10), false, false)
	r.say(lobby, 10, hubbub.Retention{Messages: 2})
	r.expect(r.after(lobby, hubbub.Position{}, 10), false, true, 9, 10)
}

func retentionByBytes(r *streamRig) {
	keep := hubbub.Retention{Bytes: 7}
	for i := 10; i < 15; i++ { // two bytes each
		r.say(lobby, i, keep)
	}
	r.expect(r.after(lobby, hubbub.Position{}, 10), false, true, 12, 13, 14)
	r.say(lobby, 100000, keep)
	r.expect(r.after(lobby, hubbub.Position{}, 10), false, true, 100000)
	at := r.say(lobby, 10000000, keep).Message.Position // more than is kept
	page := r.after(lobby, hubbub.Position{}, 10)
	r.expect(page, false, true)
	if page.Head != at {
		r.Fatalf("the head is %v, want %v", page.Head, at)
	}
	r.expect(r.after(lobby, at, 10), false, true)
}

func retentionByAge(r *streamRig) {
	keep := hubbub.Retention{Age: time.Minute}
	var at []hubbub.Position
	for i := range 4 {
		at = append(at, r.say(lobby, i, keep).Message.Position)
		r.clock.Advance(20 * time.Second)
	}
	r.expect(r.after(lobby, hubbub.Position{}, 10), false, true, 1, 2, 3) // the first is 80 s old, the next 60 s
	r.clock.Advance(time.Second)
	r.expect(r.after(lobby, at[0], 10), false, false, 2, 3)
	r.expect(r.before(lobby, hubbub.Position{}, 10), false, true, 2, 3)
	r.trim()
	r.expect(r.after(lobby, at[1], 10), false, true, 2, 3)
	r.clock.Advance(time.Minute)
	page := r.after(lobby, at[1], 10)
	r.expect(page, false, false)
	if page.Head != at[3] {
		r.Fatalf("the head is %v, want %v", page.Head, at[3])
	}
}

func retentionOfNothing(r *streamRig) {
	none := hubbub.Retention{Messages: -1}
	for i := range 3 {
		a := r.say(lobby, i, none)
		if a.Message.Position != (hubbub.Position{}) || a.Previous != 0 {
			r.Fatalf("message %d has the position %v after %d, want none", i, a.Message.Position, a.Previous)
		}
	}
	r.expect(r.after(lobby, hubbub.Position{}, 10), false, true)
	at := r.say(lobby, 3, hubbub.Retention{}).Message.Position // the rule was changed
	r.expect(r.after(lobby, hubbub.Position{}, 10), false, true, 3)
	r.say(lobby, 4, none)
	r.expect(r.after(lobby, hubbub.Position{}, 10), false, true)
	r.expect(r.after(lobby, at, 10), false, true)
}

func trimming(r *streamRig) {
	for i := range 20 {
		r.say(lobby, i, hubbub.Retention{Age: time.Minute})
		r.say(hubbub.PairStream("ann", "bob"), i, hubbub.Retention{Age: time.Hour})
	}
	r.clock.Advance(2 * time.Minute)
	steps := 0
	for more := true; more; steps++ {
		var err error
		more, err = r.Trim(r.Context(), 3)
		r.must(err)
		if steps > 100 {
			r.Fatalf("Trim has more to drop after %d steps", steps)
		}
	}
	if steps < 20/3 {
		r.Fatalf("Trim needed %d steps of 3 for 20 messages", steps)
	}
	r.expect(r.after(lobby, hubbub.Position{}, 30), false, true)
	if n := len(r.after(hubbub.PairStream("ann", "bob"), hubbub.Position{}, 30).Messages); n != 20 {
		r.Fatalf("of 20 younger messages %d are left", n)
	}
}

func newEpoch(r *streamRig) {
	old := r.say(lobby, 1, hubbub.Retention{Age: time.Minute}).Message.Position
	kept := r.say(hubbub.RoomStream("kept"), 1, hubbub.Retention{}).Message.Position
	r.clock.Advance(30 * time.Minute)
	r.trim()
	if head := r.after(lobby, hubbub.Position{}, 1).Head; head != old {
		r.Fatalf("after half an hour the head is %v, want %v", head, old)
	}
	r.clock.Advance(2 * time.Hour)
	r.trim()
	at := r.say(lobby, 2, hubbub.Retention{}).Message.Position
	if at.Epoch == old.Epoch {
		r.Fatalf("the stream was forgotten and goes on with the epoch %q", at.Epoch)
	}
	r.expect(r.after(lobby, old, 10), false, false)
	if at := r.say(hubbub.RoomStream("kept"), 2, hubbub.Retention{}).Message.Position; at.Epoch != kept.Epoch {
		r.Fatalf("a stream with messages has a new epoch")
	}
}

func goesOn(r *streamRig) {
	old := r.say(lobby, 1, hubbub.Retention{Age: time.Minute}).Message.Position
	r.clock.Advance(1000 * time.Hour)
	r.trim()
	page := r.after(lobby, old, 10)
	r.expect(page, false, true)
	if page.Head != old {
		r.Fatalf("of a stream that is empty the head is %v, want %v", page.Head, old)
	}
	a := r.say(lobby, 2, hubbub.Retention{Age: time.Minute})
	if p := a.Message.Position; a.Previous != old.Offset || p.Epoch != old.Epoch || p.Offset <= old.Offset {
		r.Fatalf("after %v came %v", old, p)
	}
	r.expect(r.after(lobby, old, 10), false, true, 2)
}

func separateStreams(r *streamRig) {
	streams := []hubbub.Stream{
		lobby, hubbub.RoomStream("lobby2"), hubbub.RoomStream("ann"), hubbub.PairStream("ann", "bob"),
		hubbub.PairStream("ann", "ann"), hubbub.PairStream("a", "nn"), hubbub.RoomStream("pair:ann:bob"),
	}
	epochs := map[string]bool{}
	for i, s := range streams {
		epochs[r.say(s, i, hubbub.Retention{}).Message.Position.Epoch] = true
	}
	for i, s := range streams {
		r.expect(r.after(s, hubbub.Position{}, 10), false, true, i)
	}
	if r.forgets && len(epochs) != len(streams) {
		r.Fatalf("%d streams have %d epochs; since one may be forgotten, each must have its own", len(streams), len(epochs))
	}
}
