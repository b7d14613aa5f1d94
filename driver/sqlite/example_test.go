package sqlite_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

// What was appended is there when the store is opened again, and the key of it is known.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "hubbub-*")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for range 2 {
		if err := sayHello(context.Background(), filepath.Join(dir, "hubbub.db")); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// position 1, repeated: false
	// position 1, repeated: true
}

func sayHello(ctx context.Context, path string) error {
	store, err := sqlite.Open(ctx, sqlite.Options{Path: path})
	if err != nil {
		return err
	}
	defer store.Close()
	a, err := store.Append(ctx, hubbub.Draft{
		Message:   hubbub.Message{Stream: hubbub.RoomStream("lobby"), Data: json.RawMessage(`"hello"`), Time: time.Now()},
		Retention: hubbub.Retention{Age: 30 * 24 * time.Hour},
		Key:       "hello-1",
		Author:    "backend shop",
	})
	if err != nil {
		return err
	}
	fmt.Printf("position %d, repeated: %v\n", a.Message.Position.Offset, a.Repeated)
	return nil
}
