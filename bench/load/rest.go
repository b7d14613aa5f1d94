package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// stay signs people in, says so in a line, and keeps their conns until its input ends.
func stay(o options) (result, error) {
	k, err := newClub(o, o.conns, o.roomSize)
	if err != nil {
		return nil, err
	}
	if err := k.signIn(o.conns); err != nil {
		return nil, err
	}
	fmt.Println("in")
	var over atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		over.Store(true)
	}()
	for !over.Load() {
		if err := k.attendTo(); err != nil {
			return nil, err
		}
	}
	return result{"conns": float64(o.conns)}, nil
}

// attendTo answers what members must answer, and then sleeps a little: nothing is measured meanwhile.
func (k *club) attendTo() error {
	n, err := k.poll()
	if n == 0 {
		time.Sleep(time.Millisecond)
	}
	return err
}

// companions are people whom another process holds, since a process may open 20,000 files.
type companions struct {
	cmd *exec.Cmd
	in  io.WriteCloser
}

func (o options) company(first, conns int) (*companions, error) {
	var addrs []string
	for _, s := range o.servers {
		addrs = append(addrs, s.String())
	}
	cmd := exec.Command(os.Args[0], "-scenario", "stay", "-addr", strings.Join(addrs, ","), "-proto", o.proto, "-key", o.key,
		"-conns", strconv.Itoa(conns), "-first", strconv.Itoa(first), "-room", strconv.Itoa(o.roomSize))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &companions{cmd, in}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "in\n" {
		c.leave()
		return nil, fmt.Errorf("the other half of the people did not get in: %v", err)
	}
	return c, nil
}

func (c *companions) leave() {
	c.in.Close()
	_ = c.cmd.Wait()
}

// rest counts the commands that Redis gets while everybody is idle. The question itself is one of them.
func rest(o options) (result, error) {
	half := o.conns / 2
	others, err := o.company(half, o.conns-half)
	if err != nil {
		return nil, err
	}
	defer others.leave()
	k, err := newClub(o, half, o.roomSize)
	if err != nil {
		return nil, err
	}
	if err := k.signIn(half); err != nil {
		return nil, err
	}
	wait := func(d time.Duration) error {
		for end := time.Now().Add(d); time.Now().Before(end); {
			if err := k.attendTo(); err != nil {
				return err
			}
		}
		return nil
	}
	// What signing in has begun is over when the longest of its times is: transitions are told again after a lease, 10 s, and each node looks
	// once into each room after its start.
	if err := wait(75 * time.Second); err != nil {
		return nil, err
	}
	before, err := commands(o.redis)
	if err != nil {
		return nil, err
	}
	r, err := measure(o, "commands", func() (int, error) {
		if err := wait(o.time); err != nil {
			return 0, err
		}
		after, err := commands(o.redis)
		return after - before, err
	})
	if err != nil {
		return nil, err
	}
	r["sessions"] = float64(o.conns)
	return r, nil
}

// commands is how many commands a Redis has had.
func commands(addr string) (int, error) {
	c, err := net.DialTimeout("tcp", addr, handshakeTimeout)
	if err != nil {
		return 0, fmt.Errorf("ask Redis: %w", err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(handshakeTimeout))
	if _, err := c.Write([]byte("INFO stats\r\n")); err != nil {
		return 0, fmt.Errorf("ask Redis: %w", err)
	}
	for lines := bufio.NewScanner(c); lines.Scan(); {
		if n, ok := strings.CutPrefix(lines.Text(), "total_commands_processed:"); ok {
			return strconv.Atoi(n)
		}
	}
	return 0, fmt.Errorf("Redis at %s tells nothing of its commands", addr)
}
