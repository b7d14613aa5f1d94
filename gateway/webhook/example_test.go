package webhook_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
	"github.com/hubbub-dev/hubbub/gateway/webhook"
)

// A backend is told that somebody has come online, and verifies who tells it.
func Example() {
	secret := webhook.NewSecret()
	told := make(chan string)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			return
		}
		verifier, err := standardwebhooks.NewWebhook(secret)
		if err != nil || verifier.Verify(body, r.Header) != nil {
			http.Error(w, "not from the gateway", http.StatusUnauthorized)
			return
		}
		told <- string(body)
	}))
	defer backend.Close()

	ctx := context.Background()
	dir, err := os.MkdirTemp("", "hubbub")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := sqlite.Open(ctx, sqlite.Options{Path: filepath.Join(dir, "hubbub.db")})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	sender, err := webhook.New(webhook.Options{Outbox: store, Targets: []webhook.Target{{
		Name: "backend", URL: backend.URL, Secrets: []string{secret}, Events: []string{"user.*"}, AllowPrivate: true,
	}}})
	if err != nil {
		log.Fatal(err)
	}
	sender.Start()
	defer sender.Close(ctx)

	// A hub does this, with hubbub.Options.Report, in the transaction that records what has happened.
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	items := sender.Report(hubbub.Transition{ID: "UqXK2v5cTg0m3a9Rk1bYw7dE", Kind: hubbub.UserOnline, User: "ann", Time: at})
	if err := store.Put(ctx, items); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-told)
	// Output: {"type":"user.online","timestamp":"2026-01-01T00:00:00.000Z","sequence":1,"data":{"user":"ann","time":1767225600000}}
}
