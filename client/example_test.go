package client_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/client"
)

// A session that chats in a room and in private. It goes on over lost connections until the server ends it for good.
func Example() {
	ctx := context.Background()
	c, err := client.Dial(ctx, client.Options{
		URL:    "ws://localhost:8080/ws",
		Token:  func(context.Context) (string, error) { return os.Getenv("HUBBUB_TOKEN"), nil },
		Device: "build-server",
		Handlers: client.Handlers{
			Message: func(m client.Message) { fmt.Printf("%s: %s\n", m.Peer, m.Data) },
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	lobby, err := c.Join(ctx, "lobby", client.RoomHandler{
		Message: func(m client.Message) { fmt.Printf("lobby: %s\n", m.Data) },
		Lost:    func() { fmt.Println("too long away: some messages are gone") },
	})
	if err != nil {
		log.Fatal(err)
	}
	hello := map[string]string{"text": "hello"}
	if _, err := lobby.Send(ctx, hello, client.SendOptions{}); err != nil {
		log.Print(err)
	}
	if _, err := c.User("bob").Send(ctx, hello, client.SendOptions{}); err != nil {
		log.Print(err)
	}
	<-c.Done()
	log.Print(c.Err()) // signed in on another device, for instance
}

// A program that was stopped goes on with what it has not handled yet.
func ExampleClient_Join_since() {
	var c *client.Client       // of Dial
	var stored hubbub.Position // of the last message that was handled, zero at first
	store := func(m client.Message) {
		stored = m.Position // in a file or a database, with what came of the message
	}
	_, err := c.Join(context.Background(), "orders", client.RoomHandler{
		Since:   stored,
		Message: store,
		Lost:    func() { log.Print("orders may be missing: look them up") },
	})
	if err != nil {
		log.Fatal(err)
	}
}

// A backend tells a user something, and signs out whoever uses a lost phone.
func ExampleAPI() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	api := client.API{URL: "http://localhost:8080", Key: os.Getenv("HUBBUB_API_KEY")}
	if _, err := api.SendToUser(ctx, "ann", "", map[string]string{"text": "your parcel has come"}); err != nil {
		log.Print(err) // a *hubbub.Error with the reason not_found if ann is offline
	}
	ended, err := api.EndDevice(ctx, "ann", "phone")
	if err != nil {
		log.Print(err)
	}
	log.Printf("%d sessions ended", ended)
}
