package event_test

import (
	"encoding/json"
	"fmt"
	"log"

	"github.com/hubbub-dev/hubbub/gateway/event"
)

// A product goes on the shelf: those in the shop see it, and who follows it gets a notice.
func Example() {
	rules := []event.Rule{{
		Type: "product.listed",
		When: ".data.stock > 0",
		Do: []event.Step{
			{Call: "POST /rooms/{data.shop}/messages", Body: map[string]any{"data": "{data.product}"}},
			{Call: "POST /notices", Body: map[string]any{"to": map[string]any{"users": "{data.followers}"}, "title": "{data.product.name} is there"}},
		},
	}}
	events, err := event.New(rules, nil)
	if err != nil {
		log.Fatal(err)
	}
	calls, err := events.Calls("product.listed",
		json.RawMessage(`{"shop": "tea", "stock": 3, "product": {"id": 7, "name": "Oolong"}, "followers": ["ann", "bob"]}`))
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range calls {
		fmt.Printf("%s %s %s\n", c.Method, c.Path, c.Body)
	}
	// Output:
	// POST /rooms/tea/messages {"data":{"id":7,"name":"Oolong"}}
	// POST /notices {"title":"Oolong is there","to":{"users":["ann","bob"]}}
}
