package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres"
)

// What was appended is there when Append has returned, for all nodes, and its key is known to all of them. This needs a server.
func ExampleOpen() {
	ctx := context.Background()
	store, err := postgres.Open(ctx, postgres.Options{
		URL:      "postgres://hubbub:secret@db.example:5432/hubbub?sslmode=verify-full",
		MaxConns: 32,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	a, err := store.Append(ctx, hubbub.Draft{
		Message:   hubbub.Message{ID: "m1", Stream: hubbub.RoomStream("lobby"), Data: json.RawMessage(`"hello"`), Time: time.Now()},
		Retention: hubbub.Retention{Age: 30 * 24 * time.Hour},
		Key:       "hello-1",
		Author:    "backend shop",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("position %d, repeated: %v\n", a.Message.Position.Offset, a.Repeated)
}

// Several nodes share the work of the outbox: an item that is claimed is nobody else's until it is settled, or until the time of the claim is
// over. This needs a server.
func ExampleStore_Claim() {
	ctx := context.Background()
	store, err := postgres.Open(ctx, postgres.Options{URL: "postgres://hubbub:secret@db.example:5432/hubbub?sslmode=verify-full"})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	items, err := store.Claim(ctx, "billing", 100, time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	done := make([]hubbub.Settlement, len(items))
	for i, item := range items {
		done[i] = hubbub.Settlement{Target: item.Target, ID: item.ID, Outcome: hubbub.OutcomeDelivered}
		if err := deliver(item); err != nil {
			done[i].Outcome, done[i].Retry, done[i].Error = hubbub.OutcomeRetry, time.Now().Add(time.Minute), err.Error()
		}
	}
	if err := store.Settle(ctx, done); err != nil {
		log.Fatal(err)
	}
}

// deliver hands an item over to who wants it.
func deliver(item hubbub.OutboxItem) error {
	_, err := fmt.Printf("%s of %s\n", item.ID, item.Order)
	return err
}
