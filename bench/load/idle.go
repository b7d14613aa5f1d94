package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"
)

// accept measures opening conns one after another: each is connected and upgraded before the next.
func accept(o options) (result, error) {
	d, err := newDialect(o.proto, "/echo")
	if err != nil {
		return nil, err
	}
	if _, err := gather(o.server, &d, "/echo", min(o.conns, 500)); err != nil { // their sockets live until the process ends
		return nil, fmt.Errorf("warm-up: %w", err)
	}
	return measure(o, "conns", func() (int, error) {
		_, err := gather(o.server, &d, "/echo", o.conns)
		return o.conns, err
	})
}

// idle measures what conns that say nothing cost a fresh server in resident memory, and in live heap where the server tells it.
func idle(o options) (result, error) {
	if o.pid == 0 {
		return nil, fmt.Errorf("-scenario idle: set -pid to the server's process id")
	}
	r := result{"conns": float64(o.conns)}
	open, err := o.prepareIdle()
	if err != nil {
		return nil, err
	}
	var live [2]float64
	before, err := settledRSS(o.pid) // before the question for the live heap makes garbage
	if err != nil {
		return nil, err
	}
	if err := o.readLive(&live[0]); err != nil {
		return nil, err
	}
	keep, err := open()
	if err != nil {
		return nil, err
	}
	defer keep()
	after, err := settledRSS(o.pid)
	if err != nil {
		return nil, err
	}
	if err := o.readLive(&live[1]); err != nil {
		return nil, err
	}
	r["rss_before"], r["rss_after"] = float64(before), float64(after)
	r["rss_per_conn"] = float64(after-before) / float64(o.conns)
	if o.memstats || o.metrics {
		r["live_per_conn"] = (live[1] - live[0]) / float64(o.conns)
	}
	return r, nil
}

// prepareIdle returns a function that opens the conns, and returns one that keeps them alive up to its call. Some people sign in
// already, so that what only the first of them costs (code and tables that come into memory) is not counted; it is several
// hundred bytes for each of 10,000.
func (o options) prepareIdle() (open func() (keep func(), err error), err error) {
	if !o.sessions {
		return o.openIdle, nil
	}
	warm := min(o.conns, 100)
	k, err := newClub(o, o.conns+warm, o.roomSize+warm)
	if err != nil {
		return nil, err
	}
	return func() (func(), error) { return func() { clear(k.conns) }, k.signIn(o.conns + warm) }, k.signIn(warm)
}

func (o options) openIdle() (func(), error) {
	if o.tls {
		conns, err := gatherTLS(o)
		return func() { closeAll(conns) }, err
	}
	d, err := newDialect(o.proto, "/echo")
	if err != nil {
		return nil, err
	}
	g, err := gather(o.server, &d, "/echo", o.conns)
	return func() { clear(g.conns) }, err
}

func closeAll(conns []*tls.Conn) {
	for _, c := range conns {
		c.NetConn().Close()
	}
}

// insecure accepts the certificate that the server made for itself a moment ago.
func insecure() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

func gatherTLS(o options) ([]*tls.Conn, error) {
	dialer := &net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { usePorts(int(fd)) })
	}}
	config := insecure()
	conns := make([]*tls.Conn, 0, o.conns)
	for i := range o.conns {
		c, err := dialTLS(dialer, config, o.server.String())
		if err != nil {
			return nil, fmt.Errorf("tls conn %d: %w", i, err)
		}
		conns = append(conns, c)
	}
	return conns, nil
}

func dialTLS(dialer *net.Dialer, config *tls.Config, server string) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
	defer cancel()
	raw, err := dialer.DialContext(ctx, "tcp", server)
	if err != nil {
		return nil, err
	}
	c := tls.Client(raw, config)
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	if _, err := c.Write(upgradeRequest(server, "/echo", "")); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("upgrade refused: %s", res.Status)
	}
	return c, nil
}

// readLive asks a server that tells it for its live heap and stacks, in bytes, after a full collection.
func (o options) readLive(to *float64) (err error) {
	if o.metrics {
		*to, err = o.liveByMetrics()
		return err
	}
	if !o.memstats {
		return nil
	}
	scheme := "http"
	if o.tls {
		scheme = "https"
	}
	client := &http.Client{Timeout: handshakeTimeout, Transport: &http.Transport{TLSClientConfig: insecure(), DisableKeepAlives: true}}
	res, err := client.Get(scheme + "://" + o.server.String() + "/memstats")
	if err != nil {
		return fmt.Errorf("memstats: %w", err)
	}
	defer res.Body.Close()
	var m struct{ HeapAlloc, StackInuse float64 }
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<16)).Decode(&m); err != nil {
		return fmt.Errorf("memstats: %w", err)
	}
	*to = m.HeapAlloc + m.StackInuse
	return nil
}

// settledRSS waits until the resident size has not moved by more than 1% for 2 s, for at most 30 s.
func settledRSS(pid int) (int, error) {
	var last int
	var since time.Time
	for end := time.Now().Add(patience); ; {
		rss, err := residentBytes(pid)
		if err != nil {
			return 0, err
		}
		now := time.Now()
		if abs(rss-last) > rss/100 {
			last, since = rss, now
		}
		if now.Sub(since) > 2*time.Second || now.After(end) {
			return rss, nil
		}
		<-time.After(100 * time.Millisecond)
	}
}

func abs(n int) int { return max(n, -n) }
