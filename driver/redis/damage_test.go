package redis_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/redis"
)

// TestDamagedStreams puts what is no message where messages are.
func TestDamagedStreams(t *testing.T) {
	t.Parallel()
	prefix := freshPrefix()
	c := &chat{TB: t, Driver: openAt(t, nil, prefix)}
	r := raw(t, server.Addr)
	for i, damage := range [][]string{
		{"XADD", "log", "2-1", "p", "0 ann ", "m", "no body"},
		{"XADD", "log", "2-1", "p", "x", "m", "{}\n1"},
		{"XADD", "log", "2-1", "a", "b"},
		{"XADD", "log", "2-1", "p", "", "m", "", "n", ""},
		{"SET", "state", "too short"},
		{"SET", "log", "another type"},
		{"HSET", "state", "another", "type"},
		{"SET", "read", "another type"},
	} {
		s := hubbub.RoomStream(fmt.Sprint("damaged", i))
		c.say(s, "ann", 1)
		key := prefix + "{room:" + s.Room + "}" + damage[1]
		if damage[0] != "XADD" {
			command(t, r, "DEL", key)
		}
		command(t, r, append([]string{damage[0], key}, damage[2:]...)...)
		d := c.draft(s, "ann", 2)
		_, err1 := c.Append(t.Context(), d)
		_, err2 := c.After(t.Context(), s, hubbub.Position{}, 10)
		_, err3 := c.Conversations(t.Context(), "ann", "", 10)
		if err1 == nil && err2 == nil && err3 == nil {
			t.Errorf("%q is not noticed", damage)
		}
		c.Erase(t.Context(), "ann")
		command(t, r, "DEL", key)
	}
}

// TestDamagedBundles puts a bundle where messages were.
func TestDamagedBundles(t *testing.T) {
	t.Parallel()
	prefix := freshPrefix()
	c := &chat{TB: t, Driver: openAt(t, nil, prefix)}
	r := raw(t, server.Addr)
	const bodies = "4\n{}\n14\n{}\n24\n{}\n3"
	for i, fields := range [][]string{
		{"n", "3 3 1 1 1", "m", bodies}, // this one is good
		{"n", "2 2 1 1", "m", bodies},
		{"n", "4 4 1 1 1 1", "m", bodies},
		{"n", "3 3 1 1 1", "m", bodies[:len(bodies)-1]},
		{"n", "3 3 1 1 1", "m", bodies + "\n"},
		{"n", "3 3 0 2 1", "m", bodies},
		{"n", "3 4 1 1 1", "m", bodies},
		{"n", "2 3 1 1 1", "m", bodies},
		{"n", "3 3", "m", bodies},
		{"n", "", "m", bodies},
		{"x", "3 3 1 1 1", "m", bodies},
		{"n", "4 4 1 1 1 1", "m", bodies + "4\n{}\n4"}, // the first would be before the beginning
	} {
		s, user := hubbub.RoomStream(fmt.Sprint("bundle", i)), fmt.Sprint("ann", i)
		for n := range 3 {
			c.say(s, user, n)
		}
		key := prefix + "{room:" + s.Room + "}log"
		command(t, r, "DEL", key)
		command(t, r, "XADD", key, "3-0", "p", "0 "+user+" ", fields[2], fields[3], fields[0], fields[1])
		for _, read := range []func(context.Context, hubbub.Stream, hubbub.Position, int) (hubbub.Page, error){c.After, c.Before} {
			page, err := read(t.Context(), s, hubbub.Position{}, 2)
			if good := err == nil && len(page.Messages) == 2 && page.More; good != (i == 0) {
				t.Errorf("%q is read as %+v, %v", fields, page, err)
			}
		}
		if _, err := c.Conversations(t.Context(), user, "", 1); (err == nil) != (i == 0) {
			t.Errorf("with %q the conversations have the error %v", fields, err)
		}
	}
}

// TestADamagedStreamHarmsNoOther posts to many rooms at once, so that they share calls.
func TestADamagedStreamHarmsNoOther(t *testing.T) {
	t.Parallel()
	const rooms, posts = 8, 20
	prefix := freshPrefix()
	c := &chat{TB: t, Driver: openAt(t, nil, prefix)}
	r := raw(t, server.Addr)
	command(t, r, "HSET", prefix+"{room:damaged0}state", "another", "type") // it cannot be read
	c.say(hubbub.RoomStream("damaged1"), "ann", 0)
	command(t, r, "SET", prefix+"{room:damaged1}log", "another type") // nor can this be written
	var wg sync.WaitGroup
	for i := range rooms * posts {
		wg.Go(func() {
			s := hubbub.RoomStream(fmt.Sprint("damaged", i%rooms))
			if _, err := c.Post(t.Context(), c.draft(s, "", i)); (err != nil) != (i%rooms < 2) {
				t.Errorf("post to %s: %v", s, err)
			}
		})
	}
	wg.Wait()
	for i := 2; i < rooms; i++ {
		page, err := c.After(t.Context(), hubbub.RoomStream(fmt.Sprint("damaged", i)), hubbub.Position{}, 100)
		if err != nil || len(page.Messages) != posts {
			t.Errorf("room %d has %d messages, %v", i, len(page.Messages), err)
		}
	}
}

// FuzzKept reads anything that could be in Redis.
func FuzzKept(f *testing.F) {
	m := hubbub.Message{ID: "m", Data: json.RawMessage("1"), From: hubbub.Sender{User: "ann"}, Time: time.UnixMilli(1)}
	f.Add("1-0", redis.EntryHead(&m, "key"), redis.Body(&m), "birth 1 1 content 1 id", "")
	f.Add("x", "", "", "", "")
	f.Add("18446744073709551615-1", "-1 ann ", "{}\nnull", strings.Repeat("0", 106), "")
	f.Add("1-0", "", "+epoch 8 7\n4\n{}\n14\n{}\n2", "", "")
	f.Add("1-0", "", "+\n99999999999999999999\n{}\n1", "", "")
	for _, sizes := range []string{"2 4 1 3", "2 4 3 1", "2 5 1 3", "3 4 1 3", "2 4 1 3 0", "1 4 4", "0 0 ", "2", " ", "2 0 -1 1", "9999999999999999999 1 1"} {
		f.Add("3-0", "1 ann ", "4\n{}\n16\n{}\n123", "", sizes)
	}
	f.Fuzz(func(t *testing.T, id, head, body, kept, sizes string) {
		all, err := redis.ReadEntry(lobby, id, head, body, sizes, 0, math.MaxUint64)
		for i, m := range all {
			if err != nil || m.Stream != lobby || m.Position.Offset == 0 || m.Position.Offset != all[0].Position.Offset+uint64(i) {
				t.Errorf("a message without place: %+v, %v", m, err)
			}
		}
		if last := len(all) - 1; last >= 0 {
			at := all[last].Position.Offset
			if some, err := redis.ReadEntry(lobby, id, head, body, sizes, at, at); err != nil || len(some) != 1 || some[0].Position.Offset != at {
				t.Errorf("the last message at %d is %+v, %v", at, some, err)
			}
		}
		if a, err := redis.ReadKey(&hubbub.Draft{Message: m, Key: "k"}, kept, body); err == nil && !a.Repeated {
			t.Errorf("what is known is not repeated: %+v", a)
		}
		redis.ReadState(kept)
		events, err := redis.DecodeEvents([]byte(body))
		for _, e := range events {
			if _, ok := e.(hubbub.Posted); len(events) > 1 && (!ok || err != nil) {
				t.Errorf("%+v came with others, %v", e, err)
			}
		}
		if s, ok := redis.ReadStream(kept); ok && s.String() != kept {
			t.Errorf("%q is read as %q", kept, s)
		}
	})
}
