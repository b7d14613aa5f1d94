package drivertest

import (
	"fmt"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
)

func conversationTests() []test[*streamRig] {
	return []test[*streamRig]{
		{"conversations of pairs and rooms", conversations},
		{"conversations come in pages", conversationPages},
		{"conversations go on after any one", conversationCursors},
		{"unread are what others sent", unread},
		{"unread are counted up to a thousand", manyUnread},
		{"receipts only go forward", receipts},
		{"receipts for what there is not", strangeReceipts},
		{"conversations end with their messages", conversationsEnd},
	}
}

// tell appends a message of a user.
func (r *streamRig) tell(from string, s hubbub.Stream, number int) hubbub.Position {
	r.Helper()
	r.clock.Advance(time.Second)
	d := r.draft(s, number)
	d.Message.From = hubbub.Sender{User: from, Device: "phone"}
	return r.append(d).Message.Position
}

// talks lists all conversations of a user, by pages.
func (r *streamRig) talks(user string, page int) []hubbub.Conversation {
	r.Helper()
	var all []hubbub.Conversation
	for before, pages := "", 0; ; pages++ {
		p, err := r.Conversations(r.Context(), user, before, page)
		r.must(err)
		if all = append(all, p.Conversations...); p.Next == "" {
			return all
		}
		if before = p.Next; pages > 1000 {
			r.Fatalf("the list of conversations has no end")
		}
	}
}

func (r *streamRig) read(user string, s hubbub.Stream, p hubbub.Position) bool {
	r.Helper()
	changed, err := r.MarkRead(r.Context(), user, s, p)
	r.must(err)
	return changed
}

func streamsOf(all []hubbub.Conversation) []hubbub.Stream {
	var streams []hubbub.Stream
	for _, c := range all {
		streams = append(streams, c.Stream)
	}
	return streams
}

func conversations(r *streamRig) {
	annBob, annAnn := hubbub.PairStream("ann", "bob"), hubbub.PairStream("ann", "ann")
	r.tell("bob", annBob, 1)
	r.tell("ann", lobby, 2)
	r.tell("bob", hubbub.RoomStream("other"), 3)
	r.tell("", lobby, 4)
	r.tell("ann", annAnn, 5)
	last := r.tell("ann", annBob, 6)
	ann := r.talks("ann", 10)
	if got, want := streamsOf(ann), []hubbub.Stream{annBob, annAnn, lobby}; !slices.Equal(got, want) {
		r.Fatalf("ann talks in %v, want %v", got, want)
	}
	if m := ann[0].Last; m.Position != last || m.From.User != "ann" || string(m.Data) != "6" {
		r.Fatalf("the last message is %+v", m)
	}
	if got, want := streamsOf(r.talks("bob", 10)), []hubbub.Stream{annBob, hubbub.RoomStream("other")}; !slices.Equal(got, want) {
		r.Fatalf("bob talks in %v, want %v", got, want)
	}
	if none := append(r.talks("cid", 10), r.talks("", 10)...); len(none) != 0 {
		r.Fatalf("who said nothing talks in %v", streamsOf(none))
	}
	r.read("cid", lobby, r.after(lobby, hubbub.Position{}, 0).Head)
	if got := streamsOf(r.talks("cid", 10)); !slices.Equal(got, []hubbub.Stream{lobby}) {
		r.Fatalf("who read the lobby talks in %v", got)
	}
}

// conversationCursors goes on from anywhere in a page.
func conversationCursors(r *streamRig) {
	for i := range 5 {
		r.tell("ann", hubbub.PairStream("ann", fmt.Sprint("peer", i)), i)
	}
	all := r.talks("ann", 10)
	for i, c := range all {
		page, err := r.Conversations(r.Context(), "ann", c.Cursor, 10)
		r.must(err)
		if got, want := streamsOf(page.Conversations), streamsOf(all[i+1:]); !slices.Equal(got, want) {
			r.Fatalf("after number %d come %v, want %v", i, got, want)
		}
	}
	page, err := r.Conversations(r.Context(), "ann", "", 2)
	r.must(err)
	if page.Next != page.Conversations[1].Cursor {
		r.Fatalf("the page ends at %q and goes on at %q", page.Conversations[1].Cursor, page.Next)
	}
}

func conversationPages(r *streamRig) {
	const n = 25
	var want []hubbub.Stream
	for i := range n {
		s := hubbub.PairStream("ann", fmt.Sprint("peer", i))
		r.tell("ann", s, i)
		want = append(want, s)
	}
	again := want[3]
	r.tell("ann", again, n)
	want = append(slices.Delete(want, 3, 4), again)
	slices.Reverse(want)
	for _, page := range []int{1, 7, 25, 100} {
		if got := streamsOf(r.talks("ann", page)); !slices.Equal(got, want) {
			r.Fatalf("in pages of %d ann talks in %v, want %v", page, got, want)
		}
	}
	_, err := r.Conversations(r.Context(), "ann", "\x00no place", 10)
	r.refused(err, hubbub.Invalid)
}

func unread(r *streamRig) {
	s := hubbub.PairStream("ann", "bob")
	r.tell("bob", s, 1)
	second := r.tell("bob", s, 2)
	r.tell("ann", s, 3)
	r.tell("bob", s, 4)
	count := func(user string, want int) {
		r.Helper()
		if got := r.talks(user, 10)[0].Unread; got != want {
			r.Fatalf("%s has %d unread, want %d", user, got, want)
		}
	}
	count("ann", 3)
	count("bob", 1)
	r.read("ann", s, second)
	count("ann", 1)
	d := r.keyed(5, "k", hubbub.Retention{})
	d.Message.Stream, d.Message.From.User = s, "bob"
	r.append(d)
	r.append(d)
	count("ann", 2)
	r.read("ann", s, r.after(s, hubbub.Position{}, 0).Head)
	count("ann", 0)
	count("bob", 1)
}

func manyUnread(r *streamRig) {
	s := hubbub.PairStream("ann", "bob")
	for i := range 1010 {
		r.say(s, i, hubbub.Retention{})
	}
	if n := r.talks("bob", 10)[0].Unread; n != 1000 {
		r.Fatalf("of 1010 unread messages %d are counted, want 1000", n)
	}
}

func receipts(r *streamRig) {
	s := hubbub.PairStream("ann", "bob")
	var at []hubbub.Position
	for i := range 3 {
		at = append(at, r.tell("ann", s, i))
	}
	for i, step := range []struct {
		to      int
		changed bool
	}{{1, true}, {1, false}, {0, false}, {2, true}} {
		if changed := r.read("bob", s, at[step.to]); changed != step.changed {
			r.Fatalf("step %d: changed is %v", i, changed)
		}
	}
	ann, bob := r.talks("ann", 10)[0], r.talks("bob", 10)[0]
	if ann.PeerRead != at[2] || ann.Read != (hubbub.Position{}) || bob.Read != at[2] || bob.PeerRead != (hubbub.Position{}) {
		r.Fatalf("ann sees %+v, bob %+v", ann, bob)
	}
	room := r.tell("ann", lobby, 9)
	r.read("bob", lobby, room)
	if c := r.talks("ann", 10)[0]; c.Stream != lobby || c.PeerRead != (hubbub.Position{}) {
		r.Fatalf("in a room ann sees %+v", c)
	}
	if c := r.talks("bob", 10)[0]; c.Read != room || c.Unread != 0 {
		r.Fatalf("in a room bob sees %+v", c)
	}
}

func strangeReceipts(r *streamRig) {
	s := hubbub.PairStream("ann", "bob")
	at := r.tell("ann", s, 1)
	for _, p := range []hubbub.Position{
		{}, {Epoch: at.Epoch, Offset: at.Offset + 1}, {Epoch: "other", Offset: at.Offset}, {Offset: at.Offset},
	} {
		_, err := r.MarkRead(r.Context(), "bob", s, p)
		r.refused(err, hubbub.Invalid)
	}
	_, err := r.MarkRead(r.Context(), "bob", lobby, at)
	r.refused(err, hubbub.Invalid)
	if c := r.talks("bob", 10); len(c) != 1 || c[0].Read != (hubbub.Position{}) {
		r.Fatalf("bob sees %+v", c)
	}
}

func conversationsEnd(r *streamRig) {
	keep := hubbub.Retention{Age: time.Minute}
	s := hubbub.PairStream("ann", "bob")
	at := r.say(s, 1, keep).Message.Position
	r.say(lobby, 2, hubbub.Retention{})
	r.read("bob", s, at)
	r.clock.Advance(2 * time.Minute)
	if got := streamsOf(r.talks("ann", 10)); !slices.Equal(got, []hubbub.Stream{lobby}) {
		r.Fatalf("ann talks in %v", got)
	}
	r.say(s, 3, keep)
	if c := r.talks("bob", 10); len(c) != 1 || c[0].Read != at || c[0].Unread != 1 {
		r.Fatalf("bob sees %+v", c)
	}
	r.clock.Advance(3 * time.Hour)
	r.trim()
	if got := r.talks("bob", 10); len(got) != 0 {
		r.Fatalf("bob talks in %v", streamsOf(got))
	}
	r.say(s, 4, keep)
	read := at
	if r.forgets {
		read = hubbub.Position{} // it is a new epoch
	}
	if c := r.talks("bob", 10); len(c) != 1 || c[0].Read != read || c[0].Unread != 1 {
		r.Fatalf("bob sees %+v", c)
	}
}
