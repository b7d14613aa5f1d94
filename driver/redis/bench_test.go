package redis_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/redis"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// message is one of usual size.
func message() hubbub.Posted {
	return hubbub.Posted{Message: hubbub.Message{ID: "01J9ZQ4Y8M3T5V6W7X8Y9Z0A1B", Stream: hubbub.RoomStream("lobby"),
		From: hubbub.Sender{User: "ann", Device: "phone", Info: json.RawMessage(`{"name":"Ann"}`)}, Time: time.Unix(1, 2),
		Data: json.RawMessage(`"` + strings.Repeat("x", 126) + `"`), Position: hubbub.Position{Epoch: "k3J9x0Qw", Offset: 12345}}, Previous: 12344}
}

func BenchmarkEncodePosted(b *testing.B) {
	b.ReportAllocs()
	m := message()
	for b.Loop() {
		if _, err := redis.EncodeEvent(m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodePosted(b *testing.B) {
	b.ReportAllocs()
	text, err := redis.EncodeEvent(message())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := redis.DecodeEvent(text); err != nil {
			b.Fatal(err)
		}
	}
}

// counter counts what it hears.
type counter struct{ n atomic.Int64 }

func (c *counter) Receive(hubbub.Event) { c.n.Add(1) }
func (c *counter) Missed()              {}

// BenchmarkPublish is a message from one node to another, with many on the way at once.
func BenchmarkPublish(b *testing.B) {
	prefix := freshPrefix()
	from, to := openAt(b, nil, prefix), openAt(b, nil, prefix)
	heard, topic := &counter{}, room("lobby")
	if _, err := to.Subscribe(b.Context(), topic, heard); err != nil {
		b.Fatal(err)
	}
	m := message()
	b.SetParallelism(64)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := from.Publish(b.Context(), topic, m); err != nil {
				b.Error(err)
			}
		}
	})
	testkit.Eventually(b, "all messages", func() bool { return heard.n.Load() == int64(b.N) })
}

// BenchmarkSubscriptions tells what 20,000 topics with a subscriber each cost this process.
func BenchmarkSubscriptions(b *testing.B) {
	const topics = 20_000
	heard := &counter{}
	for b.Loop() {
		d := openAt(b, nil, freshPrefix())
		before := heap()
		var wg sync.WaitGroup
		for w := range 100 {
			wg.Go(func() {
				for i := w; i < topics; i += 100 {
					if _, err := d.Subscribe(b.Context(), hubbub.Topic{Kind: hubbub.TopicUser, Name: "user-" + strconv.Itoa(i)}, heard); err != nil {
						b.Error(err)
					}
				}
			})
		}
		wg.Wait()
		b.ReportMetric(float64(heap()-before)/topics, "B/topic")
		runtime.KeepAlive(d)
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkIdle counts the commands that two idle drivers with subscriptions send in ten seconds.
func BenchmarkIdle(b *testing.B) {
	own := testkit.NewRedis(b)
	o := redis.Options{Addrs: []string{own.Addr}}
	for b.Loop() {
		for i := range 2 {
			d := openWith(b, o)
			if _, err := d.Subscribe(b.Context(), room(fmt.Sprint(i)), &counter{}); err != nil {
				b.Fatal(err)
			}
		}
		before := commands(own)
		<-time.After(10 * time.Second)
		b.ReportMetric(float64(commands(own)-before-1)/10, "commands/s") // one is that of the first question
	}
}

// commands is how many commands a server has run.
func commands(s *testkit.RedisServer) (n int) {
	info, _ := s.Do("INFO", "stats").(string)
	for line := range strings.Lines(info) {
		if text, ok := strings.CutPrefix(line, "total_commands_processed:"); ok {
			n, _ = strconv.Atoi(strings.TrimSpace(text))
		}
	}
	return n
}
