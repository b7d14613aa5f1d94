// Command 02-cost measures what clients cost that wait for a message: first polling over HTTP, then on a WebSocket each.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"
)

// plan is what is measured.
type plan struct {
	clients          int
	poll, say, total time.Duration
}

// service is a chat in one of the two ways: its server, a client that runs until ctx ends, and a way to send to everyone.
type service struct {
	handler http.Handler
	client  func(ctx context.Context, addr string, p plan, m *meter) error
	say     func(sent time.Time)
}

func main() {
	var p plan
	flag.IntVar(&p.clients, "clients", 100, "clients that wait for messages")
	flag.DurationVar(&p.poll, "poll", time.Second, "time between two polls of a client")
	flag.DurationVar(&p.say, "say", 5*time.Second, "time between two messages to everyone")
	flag.DurationVar(&p.total, "for", 30*time.Second, "how long each of the two runs takes")
	flag.Parse()

	fmt.Printf("%d clients for %v, polling every %v, a message to all every %v\n", p.clients, p.total, p.poll, p.say)
	fmt.Printf("%-10s %9s %12s %10s %12s %12s\n", "", "requests", "bytes", "bytes/s", "mean delay", "worst delay")
	for _, way := range []struct {
		name    string
		service service
	}{{"polling", polling()}, {"websocket", pushing()}} {
		m, err := measure(way.service, p)
		if err != nil {
			log.Fatalf("%s: %v", way.name, err)
		}
		mean, worst := m.delay()
		fmt.Printf("%-10s %9d %12d %10.0f %12v %12v\n", way.name, m.requests.Load(), m.bytes.Load(),
			float64(m.bytes.Load())/p.total.Seconds(), mean, worst)
	}
}

// measure runs one service with all its clients for the planned time.
func measure(s service, p plan) (*meter, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: s.handler, ReadHeaderTimeout: 5 * time.Second}
	go server.Serve(l)
	defer server.Close()

	ctx, cancel := context.WithTimeout(context.Background(), p.total)
	defer cancel()
	m := new(meter)
	failed := make(chan error, p.clients)
	for range p.clients {
		go func() { failed <- s.client(ctx, l.Addr().String(), p, m) }()
	}
	tick := time.NewTicker(p.say)
	defer tick.Stop()
	for ended := 0; ended < p.clients; {
		select {
		case now := <-tick.C:
			s.say(now)
		case err := <-failed:
			if err != nil {
				return nil, err
			}
			ended++
		}
	}
	return m, nil
}
