package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"
)

// obituaries is the target of webhooks that hears who has gone. It counts each event of a user once by its id, so that a second delivery of
// the same is no second event.
type obituaries struct {
	server http.Server

	mu      sync.Mutex
	ids     map[string]bool
	events  map[string]map[string]int // by kind and user: how many different ones
	last    map[string]time.Time      // by kind
	twice   map[string]error          // by kind: why it is wrong
	repeats int                       // deliveries of what had come before
}

func startObituaries() (*obituaries, error) {
	l, err := net.Listen("tcp", hooksAddr)
	if err != nil {
		return nil, fmt.Errorf("the target of webhooks: %w", err)
	}
	t := &obituaries{ids: map[string]bool{}, events: map[string]map[string]int{}, last: map[string]time.Time{}, twice: map[string]error{}}
	t.server.Handler = t
	go t.server.Serve(l) // returns when the process ends
	return t, nil
}

func (t *obituaries) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var hook struct {
		Type string
		Data struct{ User string }
	}
	if err == nil {
		err = json.Unmarshal(body, &hook)
	}
	id := r.Header.Get("webhook-id")
	if err != nil || id == "" {
		http.Error(w, "no webhook", http.StatusBadRequest)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ids[id] {
		t.repeats++
		return
	}
	t.ids[id] = true
	if t.events[hook.Type] == nil {
		t.events[hook.Type] = map[string]int{}
	}
	t.events[hook.Type][hook.Data.User]++
	if n := t.events[hook.Type][hook.Data.User]; n > 1 {
		t.twice[hook.Type] = fmt.Errorf("%s of %s was told %d times", hook.Type, hook.Data.User, n)
	}
	t.last[hook.Type] = time.Now()
}

// heard is of how many users an event was told, and an error if it was told twice of one. It is asked all the time, beside what it measures.
func (t *obituaries) heard(kind string) (users int, last time.Time, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.events[kind]), t.last[kind], t.twice[kind]
}

// lose kills the first server and measures how long it takes until a target of webhooks has heard of everybody who was there that they
// have gone: of the end of each session, and that each user is offline.
func lose(o options) (result, error) {
	if len(o.pids) < 2 {
		return nil, fmt.Errorf("-scenario lose: name two servers and their process ids")
	}
	t, err := startObituaries()
	if err != nil {
		return nil, err
	}
	there := o
	there.servers = o.servers[:1]
	k, err := newClub(there, o.conns, o.roomSize)
	if err != nil {
		return nil, err
	}
	if err := k.signIn(o.conns); err != nil {
		return nil, err
	}
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		if err := k.attendTo(); err != nil {
			return nil, err
		}
	}
	cpu0, err := cpuTime(o.pids[1])
	if err != nil {
		return nil, err
	}
	own0, _ := cpuTime(os.Getpid())
	beside0, _ := cpuTime(o.beside)
	database0 := familyTime(o.database)
	all0, _ := machineTime()
	killed := time.Now()
	if err := syscall.Kill(o.pid, syscall.SIGKILL); err != nil {
		return nil, fmt.Errorf("kill the first server: %w", err)
	}
	var w watch
	for {
		ended, _, err1 := t.heard("session.disconnected")
		offline, _, err2 := t.heard("user.offline")
		if err := errorOf(err1, err2, w.check(time.Now(), ended+offline, 2*o.conns)); err != nil {
			return nil, err
		}
		if ended == o.conns && offline == o.conns {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	own1, _ := cpuTime(os.Getpid())
	beside1, _ := cpuTime(o.beside)
	database1, took := familyTime(o.database), time.Since(killed)
	all1, _ := machineTime()
	cpu1, err := cpuTime(o.pids[1])
	if err != nil {
		return nil, err
	}
	time.Sleep(5 * time.Second) // whether something is told twice
	_, ended, err1 := t.heard("session.disconnected")
	_, offline, err2 := t.heard("user.offline")
	if err := errorOf(err1, err2); err != nil {
		return nil, err
	}
	ours := (own1 - own0) + (beside1 - beside0) + (database1 - database0) + (cpu1 - cpu0)
	return result{"sessions": float64(o.conns), "ended_s": ended.Sub(killed).Seconds(), "offline_s": offline.Sub(killed).Seconds(),
		"repeats": float64(t.repeats), "survivor_cpu_s": (cpu1 - cpu0).Seconds(), "beside_cpu_s": (beside1 - beside0).Seconds(),
		"database_cpu_s": (database1 - database0).Seconds(), "generator_cpu_s": (own1 - own0).Seconds(),
		"others_cpu_of_wall": max(0, float64(all1-all0-ours)/float64(took))}, nil
}

// errorOf is the first error.
func errorOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
