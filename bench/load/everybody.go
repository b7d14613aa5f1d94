package main

import (
	"bytes"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// crier says something to everybody through the gateway's HTTP API, again when all have heard it.
type crier struct {
	*club
	request []byte // the whole of it
	hears   []byte // how the frame begins that each member gets
	api     int    // a socket of its own, kept alive

	sent, arrived int
	over          bool
}

// The API key is that of servers/gateway/hubbub.yaml.
const benchKey = "hub_BENCHMARKSONLY0000000000AA"

// calls is what the crier may say: by broadcast, or as an announcement, of which each member gets new counts.
func (k *crier) calls(announce bool, host string) {
	path, body, method := "/api/v1/broadcast", string(appendData([]byte(`{"data":"`), 0, 0))+`"}`, "broadcast"
	if announce {
		path, body, method = "/api/v1/notices", string(appendData([]byte(`{"to":{"all":true},"title":"`), 0, 0))+`"}`, "inbox.counts"
	}
	k.request = fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\n\r\n%s", path, host, benchKey, len(body), body)
	k.hears = []byte(`{"jsonrpc":"2.0","method":"` + method + `"`)
}

func (k *crier) hear(*member, heard) error { return nil }
func (k *crier) speak(*member) error       { return nil }

// overhear counts the frames that answer what was said.
func (k *crier) overhear(frame []byte) {
	if bytes.HasPrefix(frame, k.hears) {
		k.arrived++
	}
}

// cry says it once. What the API has answered to the last call is read before: each call is accepted, or it is an error.
func (k *crier) cry() error {
	if k.sent > 0 {
		if err := k.accepted(); err != nil {
			return err
		}
	}
	k.sent++
	n, err := send(k.api, k.request)
	if err == nil && n != len(k.request) {
		err = fmt.Errorf("the socket took %d of %d bytes", n, len(k.request))
	}
	return err
}

func (k *crier) accepted() error {
	answer := make([]byte, 4096)
	for end := time.Now().Add(patience); time.Now().Before(end); {
		n, err := recv(k.api, answer)
		switch {
		case err == unix.EAGAIN:
			continue
		case err != nil || n == 0:
			return fmt.Errorf("the API closed its conn: %v", err)
		case !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 2")):
			return fmt.Errorf("the API answered %.300q", answer[:n])
		}
		return nil
	}
	return fmt.Errorf("the API did not answer")
}

// run goes on for the given time, one after another.
func (k *crier) run(d time.Duration) error {
	k.over = false
	if err := k.cry(); err != nil {
		return err
	}
	var w watch
	for end := time.Now().Add(d); ; {
		if _, err := k.poll(); err != nil {
			return err
		}
		now := time.Now()
		all := k.sent * len(k.members)
		if k.arrived > all {
			return fmt.Errorf("%d frames arrived, and only %d were due", k.arrived, all)
		}
		if k.arrived == all {
			if now.After(end) {
				return nil
			}
			if err := k.cry(); err != nil {
				return err
			}
		}
		if err := w.check(now, k.arrived, all); err != nil {
			return err
		}
	}
}

// everybody measures what it takes until the last of all who are online has heard.
func everybody(o options) (result, error) {
	k, err := newClub(o, o.conns, o.conns)
	if err != nil {
		return nil, err
	}
	if err := k.signIn(o.conns); err != nil {
		return nil, err
	}
	c := &crier{club: k}
	c.calls(o.announce, o.server.String())
	k.listener = c
	if c.api, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return nil, err
	}
	if err := (&conn{fd: c.api}).connect(o.server); err != nil {
		return nil, err
	}
	if err := c.run(o.warm); err != nil {
		return nil, fmt.Errorf("warm-up: %w", err)
	}
	var began int
	r, err := measure(o, "deliveries", func() (int, error) {
		before := c.arrived
		began = c.sent
		err := c.run(o.time)
		return c.arrived - before, err
	})
	if err != nil {
		return nil, err
	}
	r["ms_to_last"] = 1e3 * r["seconds"] / float64(c.sent-began)
	return r, nil
}
