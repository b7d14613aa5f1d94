package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// hooksAddr is the target of the gateway's webhooks, as servers/services/hubbub.yaml says.
const hooksAddr = "127.0.0.1:14950"

// target gets the webhooks about messages, in this process. It checks that those of each pair of users come in order.
type target struct {
	server http.Server

	mu       sync.Mutex
	last     map[string]uint64 // the sequence of the newest one, by pair
	seen     map[string]bool   // ids
	got      int
	first    time.Time
	disorder error
}

func startTarget() (*target, error) {
	l, err := net.Listen("tcp", hooksAddr)
	if err != nil {
		return nil, fmt.Errorf("the target of webhooks: %w", err)
	}
	t := &target{last: map[string]uint64{}, seen: map[string]bool{}}
	t.server.Handler = t
	go t.server.Serve(l) // returns when stop closes it
	return t, nil
}

func (t *target) stop() { t.server.Close() }

func (t *target) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var hook struct {
		Sequence uint64
		Data     struct{ Users [2]string }
	}
	if err == nil {
		err = json.Unmarshal(body, &hook)
	}
	if err != nil || r.Header.Get("webhook-signature") == "" {
		http.Error(w, "no webhook", http.StatusBadRequest)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	id, pair := r.Header.Get("webhook-id"), hook.Data.Users[0]+" "+hook.Data.Users[1]
	if t.seen[id] {
		return
	}
	if t.got == 0 {
		t.first = time.Now()
	}
	if last := t.last[pair]; hook.Sequence <= last {
		t.disorder = fmt.Errorf("%s got the number %d after %d", pair, hook.Sequence, last)
	}
	t.last[pair], t.seen[id] = hook.Sequence, true
	t.got++
}

func (t *target) received() (int, time.Time, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.got, t.first, t.disorder
}

// hooks measures webhooks about private messages: first what waits for a target that was away is delivered, which is the measure. Its
// time begins with the first delivery.
func hooks(o options) (result, error) {
	k, err := newClub(o, o.conns, o.conns)
	if err != nil {
		return nil, err
	}
	if err := k.signIn(o.conns); err != nil {
		return nil, err
	}
	l := &letters{club: k}
	k.listener = l
	if err := l.run(o.time); err != nil {
		return nil, fmt.Errorf("write letters: %w", err)
	}
	t, err := startTarget()
	if err != nil {
		return nil, err
	}
	defer t.stop()
	for began := time.Now(); ; {
		if got, _, _ := t.received(); got > 0 {
			break
		}
		if time.Since(began) > patience {
			return nil, fmt.Errorf("the gateway does not find its target in %s", patience)
		}
		time.Sleep(time.Millisecond)
	}
	var last time.Time
	r, err := measure(o, "webhooks", func() (int, error) {
		before, _, _ := t.received()
		var w watch
		for {
			got, _, err := t.received()
			if err == nil {
				err = w.check(time.Now(), got, l.answered)
			}
			if err != nil || got >= l.answered {
				last = time.Now()
				return got - before, err
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	if err != nil {
		return nil, err
	}
	_, first, _ := t.received()
	r["webhooks_per_second"] = float64(l.answered) / last.Sub(first).Seconds()
	r["waiting"] = float64(l.answered)
	return r, nil
}
