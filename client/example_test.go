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

// A session that shows how many notices are unread, and marks all as read when the person opens the list.
func ExampleClient_Inbox() {
	ctx := context.Background()
	c, err := client.Dial(ctx, client.Options{
		URL:   "ws://localhost:8080/ws",
		Token: func(context.Context) (string, error) { return os.Getenv("HUBBUB_TOKEN"), nil },
		Handlers: client.Handlers{
			Counts: func(n hubbub.InboxCounts) { fmt.Printf("unread: %d\n", n.Unread) },
			Notice: func(n client.Notice) { fmt.Printf("new: %s\n", n.Title) },
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	page, err := c.Inbox(ctx, client.InboxQuery{Limit: 20})
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range page.Notices {
		fmt.Printf("%s %s: %s\n", n.State, n.Category, n.Title)
	}
	if len(page.Notices) == 0 {
		return
	}
	read := client.InboxMark{State: client.MarkRead, All: true, Until: page.Notices[0].Time} // not what comes meanwhile
	if _, err := c.MarkInbox(ctx, read); err != nil {
		log.Print(err)
	}
}

// A backend tells a customer that something has happened. Called again with the same key it is the same notice.
func ExampleAPI_PublishNotice() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	api := client.API{URL: "http://localhost:8080", Key: os.Getenv("HUBBUB_API_KEY")}
	done, err := api.PublishNotice(ctx, client.NewNotice{
		To:            client.NoticeFor{Users: []string{"ann"}},
		NoticeContent: hubbub.NoticeContent{Category: "orders", Title: "Your order has shipped", Link: "/orders/17"},
		Collapse:      "order-17", // instead of "Your order is being packed"
		Key:           "order-17-shipped",
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("published as %s", done.ID)
}
