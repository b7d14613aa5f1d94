package drivertest

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
)

func keyTests() []test[*streamRig] {
	return []test[*streamRig]{
		{"a repeated key is the same message", repeatedKey},
		{"a key with other content is a conflict", otherContent},
		{"keys are of an author and a stream", keyScope},
		{"a key is remembered for its time and then forgotten", keyLife},
		{"a key used at once makes one message", keyAtOnce},
		{"a key stands for what was sent first", originals},
	}
}

// keyed returns a draft with a key, of which the id is new each time, as who tries again makes it.
func (r *streamRig) keyed(number int, key string, keep hubbub.Retention) hubbub.Draft {
	d := r.draft(lobby, number)
	d.Key, d.Author, d.Retention = key, "user ann phone", keep
	return d
}

func repeatedKey(r *streamRig) {
	for _, keep := range []hubbub.Retention{{}, {Messages: 1}, {Messages: -1}} {
		key := string(rune('a' + keep.Messages + 1))
		first := r.append(r.keyed(1, key, keep))
		r.say(lobby, 2, keep) // with one kept, the first is dropped
		head := r.after(lobby, hubbub.Position{}, 0).Head
		r.clock.Advance(time.Minute)
		d := r.keyed(1, key, keep)
		d.Message.ID = "another"
		again := r.append(d)
		if !again.Repeated || first.Repeated || again.Previous != first.Previous {
			r.Fatalf("with %+v the first was %+v, and again %+v", keep, first, again)
		}
		r.same(again.Message, first.Message)
		if after := r.after(lobby, hubbub.Position{}, 0).Head; after != head {
			r.Fatalf("with %+v the head went from %v to %v by a known key", keep, head, after)
		}
	}
}

func otherContent(r *streamRig) {
	r.append(r.keyed(1, "k", hubbub.Retention{}))
	for _, change := range []func(*hubbub.Message){
		func(m *hubbub.Message) { m.Data = json.RawMessage("2") },
		func(m *hubbub.Message) { m.Except = "phone" },
		func(m *hubbub.Message) { m.From.User = "bob" },
	} {
		d := r.keyed(1, "k", hubbub.Retention{})
		change(&d.Message)
		_, err := r.Append(r.Context(), d)
		r.refused(err, hubbub.Conflict)
	}
	d := r.keyed(1, "k", hubbub.Retention{})
	d.Message.From.Info = json.RawMessage(`{"name":"Ann"}`) // a newer token says more
	if a := r.append(d); !a.Repeated {
		r.Fatalf("another info made it another message")
	}
	r.expect(r.after(lobby, hubbub.Position{}, 10), false, true, 1)
}

func keyScope(r *streamRig) {
	r.append(r.keyed(1, "k", hubbub.Retention{}))
	author := r.keyed(2, "k", hubbub.Retention{})
	author.Author = "user ann laptop"
	stream := r.keyed(3, "k", hubbub.Retention{})
	stream.Message.Stream = hubbub.PairStream("ann", "bob")
	// Author and key do not run into each other.
	shifted := r.keyed(4, " phonek", hubbub.Retention{})
	shifted.Author = "user ann"
	for _, d := range []hubbub.Draft{author, stream, shifted, r.keyed(5, "K", hubbub.Retention{})} {
		if a := r.append(d); a.Repeated {
			r.Fatalf("%+v was taken for another message", d)
		}
	}
	for range 2 {
		if a := r.append(r.keyed(6, "", hubbub.Retention{})); a.Repeated {
			r.Fatalf("a message without key was taken for another")
		}
	}
}

func keyLife(r *streamRig) {
	for _, keep := range []hubbub.Retention{{}, {Messages: -1}} {
		d := r.keyed(1, "k", keep)
		d.Message.Stream = hubbub.RoomStream("of-" + string(rune('b'+keep.Messages)))
		first := r.append(d)
		r.clock.Advance(hubbub.KeyLife - time.Second)
		r.trim()
		if again := r.append(d); !again.Repeated || again.Message.ID != first.Message.ID {
			r.Fatalf("after almost %v the key is not known any more", hubbub.KeyLife)
		}
		r.clock.Advance(hubbub.KeyLife + time.Second) // also if the repetition counts
		r.trim()
		d.Message.Data = json.RawMessage("2")
		if a := r.append(d); a.Repeated {
			r.Fatalf("after more than %v the key is still known", hubbub.KeyLife)
		}
	}
}

func keyAtOnce(r *streamRig) {
	const n = 40
	var mu sync.Mutex
	fresh, ids, offsets := 0, map[string]bool{}, map[uint64]bool{}
	atOnce(n, func(i int) {
		d := r.keyed(7, "k", hubbub.Retention{})
		d.Message.ID = string(rune('A' + i))
		a, err := r.Append(r.Context(), d)
		if err != nil {
			r.Errorf("%v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		ids[a.Message.ID], offsets[a.Message.Position.Offset] = true, true
		if !a.Repeated {
			fresh++
		}
	})
	if fresh != 1 || len(ids) != 1 || len(offsets) != 1 {
		r.Fatalf("one key made %d messages with %d ids at %d offsets", fresh, len(ids), len(offsets))
	}
	r.expect(r.after(lobby, hubbub.Position{}, 10), false, true, 7)
}

// originals sends messages of which something changes the data to something else each time, as a hook does.
func originals(r *streamRig) {
	for _, keep := range []hubbub.Retention{{}, {Messages: 1}, {Messages: -1}} {
		key := string(rune('a' + keep.Messages + 1))
		changed := func(original, data string) hubbub.Draft {
			d := r.keyed(1, key, keep)
			d.Message.Data, d.Original = json.RawMessage(data), json.RawMessage(original)
			return d
		}
		first := r.append(changed("1", "2"))
		again := r.append(changed("1", "3"))
		want := first.Message
		if keep.Messages < 0 {
			want.Data = json.RawMessage("3") // nobody knows any more
		}
		if !again.Repeated || first.Repeated {
			r.Fatalf("with %+v the first was %+v, and again %+v", keep, first, again)
		}
		r.same(again.Message, want)
		_, err := r.Append(r.Context(), changed("2", "2"))
		r.refused(err, hubbub.Conflict)
		if same := r.append(r.keyed(1, key, keep)); !same.Repeated { // its data are as they were sent
			r.Fatalf("with %+v what was not changed this time is %+v", keep, same)
		}
		r.say(lobby, 5, keep) // which may drop the first
		if gone := r.append(changed("1", "4")); !gone.Repeated || gone.Message.Position != first.Message.Position {
			r.Fatalf("then %+v is known", gone)
		}
	}
}
