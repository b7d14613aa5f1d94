package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// fanOut measures what Redis needs for a message to a channel that so many nodes have subscribed to.
func fanOut(o options) (result, error) {
	const channel = "{fan-out}"
	for range o.conns {
		c, err := net.DialTimeout("tcp", o.redis, handshakeTimeout)
		if err != nil {
			return nil, fmt.Errorf("subscribe: %w", err)
		}
		defer c.Close()
		if _, err := fmt.Fprintf(c, "SSUBSCRIBE %s\r\n", channel); err != nil {
			return nil, err
		}
		if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.HasPrefix(line, "*3") {
			return nil, fmt.Errorf("subscribe: Redis answers %q, %v", line, err)
		}
		go func() { _, _ = io.Copy(io.Discard, c) }() // ends when the process does
	}
	c, err := net.DialTimeout("tcp", o.redis, handshakeTimeout)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	defer c.Close()
	const atOnce = 16
	batch := strings.Repeat(fmt.Sprintf("SPUBLISH %s %s\r\n", channel, strings.Repeat("m", 300)), atOnce)
	answers := bufio.NewReader(c)
	publish := func(d time.Duration) (n int, err error) {
		for end := time.Now().Add(d); time.Now().Before(end); n += atOnce {
			if _, err := io.WriteString(c, batch); err != nil {
				return n, err
			}
			for range atOnce {
				if line, err := answers.ReadString('\n'); err != nil || line[0] != ':' {
					return n, fmt.Errorf("publish: Redis answers %q, %v", line, err)
				}
			}
		}
		return n, nil
	}
	if _, err := publish(o.warm); err != nil {
		return nil, err
	}
	return measure(o, "messages", func() (int, error) { return publish(o.time) })
}
