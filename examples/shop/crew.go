package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// crew is the processes behind the page.
type crew struct {
	dir     string // where their programs are, and where they run
	ended   context.CancelCauseFunc
	members []*service
}

// service is one process that can be stopped and started again. Its methods may be called concurrently.
type service struct {
	name  string
	args  []string
	dir   string
	ended context.CancelCauseFunc // told when the process ends although nobody has stopped it

	mu   sync.Mutex
	stop func() // ends the process and waits for that; nil while there is none
}

func (c *crew) add(name string, args ...string) *service {
	s := &service{name: name, args: args, dir: c.dir, ended: c.ended}
	c.members = append(c.members, s)
	return s
}

// stopAll ends the processes in the order opposite to their start: the gateway first, so that it can still reach its backends.
func (c *crew) stopAll() {
	for i := len(c.members) - 1; i >= 0; i-- {
		c.members[i].end()
	}
}

func (s *service) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stop != nil
}

func (s *service) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, filepath.Join(s.dir, s.name), s.args...)
	cmd.Dir = s.dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		cancel()
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	gone := make(chan struct{})
	go s.print(out)
	go func() {
		defer close(gone)
		err := cmd.Wait()
		in.Close()
		if ctx.Err() == nil {
			s.ended(fmt.Errorf("%s ended: %v", s.name, err))
		}
	}()
	s.stop = func() {
		cancel()
		<-gone
	}
	return nil
}

// end stops the process, if there is one.
func (s *service) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
}

// print shows what the process says, with its name before each line.
func (s *service) print(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fmt.Printf("%13s | %s\n", s.name, lines.Text())
	}
	io.Copy(io.Discard, out)
}
