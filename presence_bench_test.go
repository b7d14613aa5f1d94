package hubbub_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
)

// BenchmarkPresences asks about 1,000 users at a time while 100,000 are online, each with one session without a socket.
// Those who are asked about are all over the place, and one in ten of them is not online.
func BenchmarkPresences(b *testing.B) {
	const online, atOnce = 100_000, 1000
	// The lease is long, since nobody may be reaped while the collector is busy with so many sessions.
	h, err := hubbub.New(b.Context(), hubbub.Options{Driver: memory.New(memory.Options{Lease: time.Hour}), Lease: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			b.Error(err)
		}
	})
	names := make([]string, online+online/9)
	for i := range names {
		names[i] = fmt.Sprintf("user-%d", i)
	}
	for _, name := range names[:online] {
		id := hubbub.Identity{User: name, Device: "device-of-" + name, Info: []byte(`{"name":"User"}`)}
		if _, err := arrive(b.Context(), h, id); err != nil {
			b.Fatal(err)
		}
	}
	users := make([]string, atOnce)
	for i, turn := 0, 0; b.Loop(); turn++ {
		for j := range users {
			users[j] = names[i%len(names)]
			i += 7919 // a prime, so that all have their turn
		}
		found, err := h.Presences(b.Context(), users)
		if err != nil {
			b.Fatal(err)
		}
		if len(found) != atOnce || turn == 0 && !found[0].Online {
			b.Fatalf("%d users were found, the first of them online: %t", len(found), found[0].Online)
		}
	}
}
