package webhook_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/webhook"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// TestVerifiedByNode has the library for Node verify what is sent; it shares no code with the one that signs.
func TestVerifiedByNode(t *testing.T) {
	old, current := webhook.NewSecret(), webhook.NewSecret()
	receiver := testkit.Node(t, "testdata/node", "receiver.mjs", current)
	store := openStore(t, time.Now)
	s, err := webhook.New(webhook.Options{Outbox: store, Logger: slog.New(slog.DiscardHandler), Targets: []webhook.Target{
		{Name: "node", URL: receiver.Line(t, "listening on "), Secrets: []string{old, current}, AllowPrivate: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer s.Close(t.Context())
	items := s.Report(hubbub.Sent{Message: hubbub.Message{ID: "m1", Stream: hubbub.RoomStream("hall"), Data: []byte(`"<é> \u2028 😀"`), Time: time.Now()}})
	if err := store.Put(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	receiver.Line(t, `verified message.sent m1 {"id":"m1","room":"hall","data":"<é>`)
}
