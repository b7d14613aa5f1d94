package drivertest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hubbub-dev/hubbub"
)

// eraseRig is for tests of erasing what people have sent.
type eraseRig struct {
	streamRig
	hubbub.Eraser
}

func eraseTests() []test[*eraseRig] {
	return []test[*eraseRig]{
		{"what was erased of a room is a hole", eraseFromRoom},
		{"a room of which all was erased", eraseAllOfRoom},
		{"pairs are erased as a whole", erasePairs},
		{"more than one step erases", eraseMuch},
		{"erasing while somebody sends", eraseWhileSending},
	}
}

// erase erases a user, step by step.
func (r *eraseRig) erase(user string) {
	r.Helper()
	eraseAll(&r.base, r.Eraser, user)
}

func eraseAll(r *base, from hubbub.Eraser, user string) {
	r.Helper()
	for range 10_000 {
		more, err := from.Erase(r.Context(), user)
		r.must(err)
		if !more {
			return
		}
	}
	r.Fatalf("erasing %s has no end", user)
}

func eraseFromRoom(r *eraseRig) {
	var at []hubbub.Position
	for i, from := range []string{"ann", "bob", "ann", "ann", "bob", "cid", "ann"} {
		at = append(at, r.tell(from, lobby, i))
	}
	r.read("ann", lobby, at[2])
	r.read("bob", lobby, at[1])
	d := r.keyed(7, "k", hubbub.Retention{})
	at = append(at, r.append(d).Message.Position)
	r.erase("ann")
	r.erase("ann")
	for _, limit := range []int{3, 100} {
		r.expect(r.after(lobby, hubbub.Position{}, limit), false, true, 1, 4, 5)
		r.expect(r.before(lobby, hubbub.Position{}, limit), false, true, 1, 4, 5)
	}
	r.expect(r.after(lobby, at[0], 2), true, true, 1, 4)
	r.expect(r.after(lobby, at[1], 1), true, true, 4)
	r.expect(r.after(lobby, at[5], 1), false, true)
	r.expect(r.before(lobby, at[7], 1), true, true, 5)
	r.expect(r.before(lobby, at[3], 1), false, true, 1)
	r.expect(r.before(lobby, at[1], 1), false, true)
	if head := r.after(lobby, at[7], 1).Head; head != at[7] {
		r.Fatalf("the head went from %v to %v by erasing", at[7], head)
	}
	if c := r.talks("bob", 10); len(c) != 1 || string(c[0].Last.Data) != "5" || c[0].Unread != 1 || c[0].Read != at[1] {
		r.Fatalf("the conversations of bob are %+v", c)
	}
	if c := r.talks("ann", 10); len(c) != 0 {
		r.Fatalf("who was erased has the conversations %+v", c)
	}
	d.Message.ID = "anew"
	a := r.append(d)
	if a.Repeated || a.Previous != at[7].Offset || a.Message.Position.Offset <= at[7].Offset || a.Message.Position.Epoch != at[7].Epoch {
		r.Fatalf("with the key of what was erased %+v was appended", a)
	}
	if c := r.talks("ann", 10); len(c) != 1 || c[0].Read != (hubbub.Position{}) || c[0].Unread != 3 {
		r.Fatalf("who comes anew has the conversations %+v", c)
	}
}

func eraseAllOfRoom(r *eraseRig) {
	minute := hubbub.Retention{Age: time.Minute}
	first := r.say(lobby, 1, minute).Message.Position
	second := r.say(lobby, 2, minute).Message.Position
	r.read("bob", lobby, first)
	r.erase("ann")
	r.expect(r.after(lobby, first, 10), false, true)
	if c := r.talks("bob", 1); len(c) != 0 {
		r.Fatalf("a room without messages is listed: %+v", c)
	}
	r.say(lobby, 3, hubbub.Retention{Age: time.Hour})
	if page := r.after(lobby, second, 10); !slices.Equal(numbers(page), []int{3}) || !page.Complete {
		r.Fatalf("after all was erased the page is %+v", page)
	}
	r.clock.Advance(2 * time.Hour)
	r.trim()
	r.expect(r.after(lobby, hubbub.Position{}, 10), false, true)
}

func erasePairs(r *eraseRig) {
	both := hubbub.PairStream("ann", "bob")
	kept := hubbub.PairStream("bob", "cid")
	self := hubbub.PairStream("ann", "ann")
	old := r.tell("ann", both, 1)
	old = max2(old, r.tell("bob", both, 2))
	r.tell("ann", self, 3)
	stays := r.tell("bob", kept, 4)
	unkept := r.keyed(5, "k", hubbub.Retention{Messages: -1})
	unkept.Message.Stream = hubbub.PairStream("ann", "cid")
	r.append(unkept)
	r.erase("ann")
	for _, s := range []hubbub.Stream{both, self} {
		page := r.after(s, hubbub.Position{}, 10)
		r.expect(page, false, true)
		if page.Head.Epoch == old.Epoch {
			r.Fatalf("what is begun anew has the epoch %q that it had", old.Epoch)
		}
	}
	r.expect(r.after(both, old, 10), false, false)
	if c := r.talks("bob", 10); len(c) != 1 || c[0].Stream != kept {
		r.Fatalf("the conversations of bob are %+v", c)
	}
	r.expect(r.after(kept, stays, 10), false, true)
	r.expect(r.after(kept, hubbub.Position{}, 10), false, true, 4)
	head := r.after(both, hubbub.Position{}, 0).Head
	fresh := r.tell("bob", both, 6)
	if fresh.Epoch == old.Epoch || fresh.Epoch != head.Epoch {
		r.Fatalf("the first message is at %v, those before were up to %v, and the head was %v", fresh, old, head)
	}
	r.expect(r.after(both, head, 10), false, true, 6)
	r.expect(r.after(both, old, 10), false, false)
	r.expect(r.after(both, fresh, 10), false, true)
	r.refused(func() error { _, err := r.MarkRead(r.Context(), "ann", both, old); return err }(), hubbub.Invalid)
	if a := r.append(unkept); a.Repeated {
		r.Fatalf("a key of what was erased is known")
	}
}

func max2(a, b hubbub.Position) hubbub.Position {
	if a.Offset > b.Offset {
		return a
	}
	return b
}

func eraseMuch(r *eraseRig) {
	const n = 3*hubbub.DeliveryStep + 7
	rooms := []hubbub.Stream{lobby, hubbub.RoomStream("club"), hubbub.PairStream("ann", "dora")}
	atOnce(4, func(of int) {
		for i := range n {
			var d hubbub.Draft
			switch {
			case of < len(rooms):
				d = r.draft(rooms[of], i)
				d.Message.From.User, d.Key = []string{"ann", "dora"}[i%3/2], fmt.Sprint(i)
			case i < hubbub.DeliveryStep:
				d = r.draft(hubbub.PairStream("ann", fmt.Sprint("peer", i)), i)
				d.Message.From.User = "ann"
			default:
				return
			}
			if _, err := r.Append(r.Context(), d); err != nil {
				r.Errorf("append to %v: %v", d.Message.Stream, err)
				return
			}
		}
	})
	r.erase("ann")
	for _, s := range rooms[:2] {
		page := r.after(s, hubbub.Position{}, n)
		if len(page.Messages) != n/3 || page.Messages[0].From.User != "dora" {
			r.Fatalf("of %v remain %d messages, the first %+v", s, len(page.Messages), page.Messages[0])
		}
	}
	if c := r.talks("dora", 10); len(c) != 2 {
		r.Fatalf("the conversations of dora are %+v", streamsOf(c))
	}
	if c := r.talks("ann", 10); len(c) != 0 {
		r.Fatalf("the conversations of ann are %+v", streamsOf(c))
	}
}

// eraseWhileSending erases a user who does not cease to send. Nothing of others may be lost, and nothing may stay when it is over.
func eraseWhileSending(r *eraseRig) {
	const each = 60
	users := []string{"ann", "bob"}
	atOnce(4, func(i int) {
		for n := range each {
			if i >= len(users) {
				if _, err := r.Erase(r.Context(), "ann"); err != nil {
					r.Errorf("%v", err)
				}
				continue
			}
			for _, s := range []hubbub.Stream{lobby, hubbub.PairStream("ann", "bob")} {
				d := r.draft(s, n)
				d.Message.From.User, d.Message.ID = users[i], fmt.Sprint(users[i], n)
				if _, err := r.Append(r.Context(), d); err != nil {
					r.Errorf("%v", err)
				}
			}
		}
	})
	r.erase("ann")
	if page := r.after(lobby, hubbub.Position{}, 1000); len(page.Messages) != each || page.Messages[0].From.User != "bob" {
		r.Fatalf("%d messages are left", len(page.Messages))
	}
	r.expect(r.after(hubbub.PairStream("ann", "bob"), hubbub.Position{}, 10), false, true)
}

// modelErase has people talk in a room and erases them, and compares with what the room should be.
func modelErase(t *testing.T, rig func(*testing.T, *Clock) *eraseRig) {
	t.Run("model of erasing", func(t *testing.T) {
		r, runs := rig(t, NewClock()), 0
		rapid.Check(t, func(rt *rapid.T) {
			runs++
			r.tb = rt
			m := &eraseModel{r: r, room: hubbub.RoomStream(fmt.Sprint("erased", runs)), name: func(i int) string { return fmt.Sprint("user", runs, "-", i) }}
			rt.Repeat(map[string]func(*rapid.T){"say": m.say, "erase": m.erase, "read": m.read, "after": m.after, "before": m.before, "": m.check})
		})
	})
}

// eraseModel is a room in which at most the last 12 messages are kept.
type eraseModel struct {
	r    *eraseRig
	room hubbub.Stream
	name func(int) string
	all  []hubbub.Message
	gone []bool         // which of them were erased
	seen map[string]int // how many of them each user has read
}

const eraseKept = 12

func (m *eraseModel) from() int { return max(0, len(m.all)-eraseKept) }

func (m *eraseModel) user(rt *rapid.T) string { return m.name(rapid.IntRange(0, 3).Draw(rt, "user")) }

func (m *eraseModel) say(rt *rapid.T) {
	drafts, user := make([]hubbub.Draft, m.r.burstSize(rt)), m.user(rt)
	for i := range drafts {
		if rapid.IntRange(0, 3).Draw(rt, "turn") == 0 {
			user = m.user(rt)
		}
		drafts[i] = m.r.draft(m.room, len(m.all)+i)
		drafts[i].Message.From.User, drafts[i].Retention.Messages = user, eraseKept
	}
	appended, errs := m.r.burst(drafts)
	for i, a := range appended {
		m.r.must(errs[i])
		if n := len(m.all); n > 0 && a.Previous != m.all[n-1].Position.Offset {
			m.r.Fatalf("appended after %d, want after %v", a.Previous, m.all[n-1].Position)
		}
		m.all, m.gone = append(m.all, a.Message), append(m.gone, false)
	}
}

func (m *eraseModel) erase(rt *rapid.T) {
	user := m.user(rt)
	m.r.erase(user)
	for i := range m.all {
		m.gone[i] = m.gone[i] || m.all[i].From.User == user
	}
	delete(m.seen, user)
}

func (m *eraseModel) read(rt *rapid.T) {
	if len(m.all) == 0 {
		return
	}
	user, i := m.user(rt), rapid.IntRange(0, len(m.all)-1).Draw(rt, "at")
	if m.seen == nil {
		m.seen = map[string]int{}
	}
	if m.r.read(user, m.room, m.all[i].Position) {
		m.seen[user] = i + 1
	}
}

// left are the messages with the indexes from begin to before end that are there.
func (m *eraseModel) left(begin, end int) (all []hubbub.Message) {
	for i := max(begin, m.from()); i < end; i++ {
		if !m.gone[i] {
			all = append(all, m.all[i])
		}
	}
	return all
}

func (m *eraseModel) after(rt *rapid.T) {
	if len(m.all) == 0 {
		return
	}
	i, limit := rapid.IntRange(0, len(m.all)-1).Draw(rt, "at"), rapid.IntRange(0, 5).Draw(rt, "limit")
	want := m.left(i+1, len(m.all))
	m.r.expect(m.r.after(m.room, m.all[i].Position, limit), len(want) > limit, i+1 >= m.from(), says(want[:min(limit, len(want))])...)
}

func (m *eraseModel) before(rt *rapid.T) {
	if len(m.all) == 0 {
		return
	}
	i, limit := rapid.IntRange(0, len(m.all)-1).Draw(rt, "at"), rapid.IntRange(0, 5).Draw(rt, "limit")
	want := m.left(0, i)
	page := m.r.before(m.room, m.all[i].Position, limit)
	m.r.expect(page, len(want) > limit, i == 0 || i > m.from(), says(want[max(0, len(want)-limit):])...)
}

func (m *eraseModel) check(*rapid.T) {
	m.r.expect(m.r.after(m.room, hubbub.Position{}, 100), false, true, says(m.left(0, len(m.all)))...)
	for i := range 4 {
		user := m.name(i)
		for _, c := range m.r.talks(user, 10) {
			unread := 0
			for _, message := range m.left(m.seen[user], len(m.all)) {
				if message.From.User != user {
					unread++
				}
			}
			if c.Stream == m.room && c.Unread != unread {
				m.r.Fatalf("%s has %d unread, want %d", user, c.Unread, unread)
			}
		}
	}
}
