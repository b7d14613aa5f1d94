package memory_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
)

const many = 100_000

// record describes a session of a user; n makes it another one.
func record(user string, n int) hubbub.SessionRecord {
	return hubbub.SessionRecord{
		ID: fmt.Sprintf("session-%d", n), User: user, Device: fmt.Sprintf("device-%d", n), Platform: "web",
		Info: json.RawMessage(`{"name":"Somebody"}`), Attrs: map[string]string{"plan": "pro"}, Connected: time.Now(), Node: "node",
	}
}

// crowded returns a driver with many users who have one session in one of many/10 rooms each.
func crowded(tb testing.TB) (d *memory.Driver, names []string) {
	tb.Helper()
	d = memory.New(memory.Options{Lease: time.Hour})
	if _, err := d.Renew(tb.Context(), hubbub.NodeStatus{Node: "node"}); err != nil {
		tb.Fatal(err)
	}
	for i := range many {
		names = append(names, fmt.Sprintf("user-%d", i))
		join(tb, d, record(names[i], i), fmt.Sprintf("room-%d", i%(many/10)))
	}
	return d, names
}

func join(tb testing.TB, d *memory.Driver, s hubbub.SessionRecord, room string) {
	tb.Helper()
	o, err := d.Open(tb.Context(), s, hubbub.DeviceLimit{Max: 3})
	if err != nil {
		tb.Fatal(err)
	}
	for _, t := range o.Transitions {
		if n, err := d.Confirm(tb.Context(), t.ID); n != 1 || err != nil {
			tb.Fatal(n, err)
		}
	}
	if _, _, err := d.Enter(tb.Context(), room, s.User, s.ID); err != nil {
		tb.Fatal(err)
	}
}

func BenchmarkPresences1000of100k(b *testing.B) {
	d, names := crowded(b)
	asked := make([]string, 1000)
	for i := range asked {
		asked[i] = names[i*97%many]
	}
	b.ReportAllocs()
	for b.Loop() {
		if all, err := d.Presences(b.Context(), asked); err != nil || !all[999].Online {
			b.Fatal(err)
		}
	}
}

func BenchmarkOnline100of100k(b *testing.B) {
	d, _ := crowded(b)
	for name, f := range map[string]hubbub.Filter{"all": {}, "attr": {Attr: "plan", Value: "pro"}, "room": {Room: "room-7"}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if page, err := d.Online(b.Context(), f, "user-5", 100); err != nil || page.Total == 0 {
					b.Fatal(page.Total, err)
				}
			}
		})
	}
}

func BenchmarkReap100k(b *testing.B) {
	d, _ := crowded(b)
	for b.Loop() {
		if all, err := d.Reap(b.Context()); err != nil || len(all) > 0 {
			b.Fatal(len(all), err)
		}
	}
}

func BenchmarkTrim200kPairs(b *testing.B) {
	d := memory.New(memory.Options{})
	for i := range 200_000 {
		draft := draft(hubbub.PairStream(fmt.Sprintf("user-%d", i%many), fmt.Sprintf("user-%d", i*7%many+1)), i)
		draft.Retention.Age = time.Hour
		if _, err := d.Post(b.Context(), draft); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if more, err := d.Trim(b.Context(), 1000); err != nil || more {
			b.Fatal(more, err)
		}
	}
}

type deaf struct{ heard atomic.Int64 }

func (d *deaf) Receive(hubbub.Event) { d.heard.Add(1) }
func (d *deaf) Missed()              {}

func draft(s hubbub.Stream, i int) hubbub.Draft {
	return hubbub.Draft{
		Message: hubbub.Message{ID: fmt.Sprintf("message-%d", i), Stream: s, From: hubbub.Sender{User: "ann"},
			Data: json.RawMessage(`{"text":"hello"}`), Time: time.Now()},
		Retention: hubbub.Retention{Messages: 1000, Bytes: 4 << 20, Age: 24 * time.Hour},
	}
}

func BenchmarkPost(b *testing.B) {
	for _, key := range []string{"", "key"} {
		b.Run(fmt.Sprintf("key=%q", key), func(b *testing.B) {
			d := memory.New(memory.Options{})
			to := &deaf{}
			for i := range 1000 {
				if _, err := d.Subscribe(b.Context(), hubbub.Topic{Kind: hubbub.TopicRoom, Name: fmt.Sprint(i)}, to); err != nil {
					b.Fatal(err)
				}
			}
			var n atomic.Int64
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					i := int(n.Add(1))
					draft := draft(hubbub.RoomStream(fmt.Sprint(i%1000)), i)
					if key != "" {
						draft.Key, draft.Author = fmt.Sprint(key, i), "user ann phone"
					}
					if _, err := d.Post(b.Context(), draft); err != nil {
						b.Error(err)
					}
				}
			})
			if to.heard.Load() != n.Load() {
				b.Fatalf("posted %d, heard %d", n.Load(), to.heard.Load())
			}
		})
	}
}

func BenchmarkOpenEnd(b *testing.B) {
	d, names := crowded(b)
	var n atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			i := int(n.Add(1))
			s := record(names[i%many], many+i)
			o, err := d.Open(b.Context(), s, hubbub.DeviceLimit{Max: 3})
			if err != nil {
				b.Error(err)
			}
			ended, err := d.End(b.Context(), hubbub.Target{User: s.User, Session: s.ID}, hubbub.EndClosed)
			if err != nil {
				b.Error(err)
			}
			for _, t := range append(o.Transitions, ended...) {
				if n, err := d.Confirm(b.Context(), t.ID); n != 1 || err != nil {
					b.Error(n, err)
				}
			}
		}
	})
}

// BenchmarkSession measures what an idle session of a user of its own costs in memory, beside the strings of its record: with
// one room of ten users, and with the subscription of the user's topic.
func BenchmarkSession(b *testing.B) {
	var names []string
	var records []hubbub.SessionRecord
	for i := range many {
		names = append(names, fmt.Sprintf("user-%d", i))
		records = append(records, record(names[i], i))
	}
	for b.Loop() {
		before := heap()
		d := memory.New(memory.Options{Lease: time.Hour})
		if _, err := d.Renew(b.Context(), hubbub.NodeStatus{Node: "node"}); err != nil {
			b.Fatal(err)
		}
		for i, s := range records {
			join(b, d, s, records[i/10].ID)
		}
		sessions := heap()
		to := &deaf{}
		for _, name := range names {
			if _, err := d.Subscribe(b.Context(), hubbub.Topic{Kind: hubbub.TopicUser, Name: name}, to); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(sessions-before)/many, "B/session")
		b.ReportMetric(float64(heap()-sessions)/many, "B/subscription")
		runtime.KeepAlive(d)
	}
	runtime.KeepAlive(records)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
