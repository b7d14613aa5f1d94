package inbox_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
	"github.com/hubbub-dev/hubbub/inbox"
)

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "inbox")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := sqlite.Open(ctx, sqlite.Options{Path: filepath.Join(dir, "hubbub.db")})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	notices := inbox.New(inbox.Options{Store: store, Bus: memory.New(memory.Options{})})
	notices.Start()
	defer notices.Close(ctx)

	_, err = notices.Publish(ctx, hubbub.Publication{
		Content: hubbub.NoticeContent{Category: "orders", Title: "Your order is on its way", Link: "/orders/7"},
		To:      hubbub.Recipients{Users: []string{"ann"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	page, err := notices.List(ctx, "ann", inbox.Query{State: "unread"})
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range page.Notices {
		fmt.Println(n.Title, n.Link, n.State)
	}
	changed, counts, err := notices.Mark(ctx, "ann", inbox.Mark{State: "read", Category: "orders"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(changed, "read,", counts.Unread, "unread")
	// Output:
	// Your order is on its way /orders/7 unseen
	// 1 read, 0 unread
}
