package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// polling is the chat of the first step; its messages are the times at which they were sent.
func polling() service {
	var mu sync.Mutex
	sent := []time.Time{}
	return service{
		client: poll,
		say: func(now time.Time) {
			mu.Lock()
			defer mu.Unlock()
			sent = append(sent, now)
		},
		handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n, _ := strconv.Atoi(r.URL.Query().Get("after"))
			mu.Lock()
			defer mu.Unlock()
			json.NewEncoder(w).Encode(sent[min(n, len(sent)):])
		}),
	}
}

// poll asks again and again, on one kept-alive connection as a browser does.
func poll(ctx context.Context, addr string, p plan, m *meter) error {
	transport := &http.Transport{DialContext: m.dial}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	wait := time.NewTimer(rand.N(p.poll)) // visitors do not all come in the same instant
	for seen := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-wait.C:
		}
		wait.Reset(p.poll)
		m.requests.Add(1)
		resp, err := client.Get(fmt.Sprintf("http://%s/messages?after=%d", addr, seen))
		if err != nil {
			return err
		}
		var fresh []time.Time
		err = json.NewDecoder(resp.Body).Decode(&fresh)
		resp.Body.Close()
		if err != nil {
			return err
		}
		for _, sent := range fresh {
			m.received(sent)
		}
		seen += len(fresh)
	}
}
