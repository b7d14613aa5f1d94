package redis_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/redis"
)

// What one instance posts to a room, another one that is subscribed to it gets: here both are in one process, usually each is in a node.
func ExampleOpen() {
	ctx := context.Background()
	options := redis.Options{Addrs: []string{server.Addr}, Prefix: freshPrefix()} // server is the Redis of these tests
	here, err := redis.Open(ctx, options)
	if err != nil {
		log.Fatal(err)
	}
	defer here.Close()
	there, err := redis.Open(ctx, options)
	if err != nil {
		log.Fatal(err)
	}
	defer there.Close()

	heard := make(listener, 1)
	end, err := there.Subscribe(ctx, hubbub.Topic{Kind: hubbub.TopicRoom, Name: "lobby"}, heard)
	if err != nil {
		log.Fatal(err)
	}
	defer end()
	for range 2 {
		a, err := here.Post(ctx, hubbub.Draft{
			Message:   hubbub.Message{ID: "m1", Stream: hubbub.RoomStream("lobby"), Data: json.RawMessage(`"hello"`), Time: time.Now()},
			Retention: hubbub.Retention{Messages: 100, Age: time.Hour},
			Key:       "hello-1",
			Author:    "backend shop",
		})
		if err != nil {
			log.Fatal(err)
		}
		posted := <-heard
		fmt.Printf("position %d, repeated: %v, heard: %s\n", a.Message.Position.Offset, a.Repeated, posted.Message.Data)
	}
	// Output:
	// position 1, repeated: false, heard: "hello"
	// position 1, repeated: true, heard: "hello"
}

// listener gets what is posted to a room.
type listener chan hubbub.Posted

func (l listener) Receive(e hubbub.Event) {
	if posted, ok := e.(hubbub.Posted); ok {
		l <- posted
	}
}

// Missed is called when something may have been lost: whoever counts on it reads the log after the last position.
func (l listener) Missed() {}

// The same driver follows the master that Sentinels name. What a URL does not say is set in the options.
func ExampleParseURL() {
	options, err := redis.ParseURL("rediss+sentinel://hubbub:secret@one.example,two.example/mymaster")
	if err != nil {
		log.Fatal(err)
	}
	options.TLS.MinVersion = tls.VersionTLS13
	fmt.Println(options.Addrs, options.Master, options.Username)
	// Output: [one.example:26379 two.example:26379] mymaster hubbub
}
