package memory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
)

// A log gives each message its position, and the same key again is the same message.
func ExampleDriver_Append() {
	ctx := context.Background()
	driver := memory.New(memory.Options{})
	lobby := hubbub.RoomStream("lobby")
	for _, key := range []string{"k1", "k2", "k1"} {
		a, err := driver.Append(ctx, hubbub.Draft{
			Message: hubbub.Message{Stream: lobby, Data: json.RawMessage(`"hello"`), Time: time.Now()},
			Key:     key,
			Author:  "backend shop",
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(key, a.Message.Position.Offset, a.Repeated)
	}
	page, err := driver.After(ctx, lobby, hubbub.Position{}, 10)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(page.Messages), "messages")
	// Output:
	// k1 1 false
	// k2 2 false
	// k1 1 true
	// 2 messages
}
