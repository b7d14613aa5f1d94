package main

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// meter counts what the clients of one run do. It is safe for concurrent use.
type meter struct {
	requests atomic.Int64
	bytes    atomic.Int64 // both ways, as TCP carries them; the headers of TCP and IP come on top

	mu     sync.Mutex
	delays []time.Duration // from sending a message to a client having it
}

func (m *meter) received(sent time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.delays = append(m.delays, time.Since(sent))
}

func (m *meter) delay() (mean, worst time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var sum time.Duration
	for _, d := range m.delays {
		sum += d
		worst = max(worst, d)
	}
	return (sum / time.Duration(max(1, len(m.delays)))).Round(10 * time.Microsecond), worst.Round(10 * time.Microsecond)
}

// dial connects so that every byte is counted.
func (m *meter) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &countedConn{c, m}, nil
}

type countedConn struct {
	net.Conn
	m *meter
}

func (c *countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.m.bytes.Add(int64(n))
	return n, err
}

func (c *countedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.m.bytes.Add(int64(n))
	return n, err
}
