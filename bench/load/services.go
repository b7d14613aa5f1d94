package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub/client"
)

// servicesAddr is where the services behind the gateway listen, as servers/services/hubbub.yaml says.
const servicesAddr = "127.0.0.1:14900"

// slowness is what a slow service takes for an answer.
const slowness = 20 * time.Millisecond

// services are what stands behind the gateway: /now answers at once, /slow/… takes its time.
type services struct{ server http.Server }

// card is what a service answers, about as much as one card of a page.
const card = `{"id":"4711","name":"Kettle, 1.7 litres, brushed steel","price":{"amount":3990,"currency":"EUR"},"stock":12,` +
	`"picture":"/pictures/4711.webp","rating":{"stars":4.6,"reviews":212}}`

func startServices() (*services, error) {
	answer := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, card)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /now/{id}", func(w http.ResponseWriter, _ *http.Request) { answer(w) })
	mux.HandleFunc("GET /slow/{id}", func(w http.ResponseWriter, r *http.Request) {
		<-time.After(slowness)
		answer(w)
	})
	l, err := net.Listen("tcp", servicesAddr)
	if err != nil {
		return nil, fmt.Errorf("the services: %w", err)
	}
	s := &services{http.Server{Handler: mux}}
	go s.server.Serve(l) // returns when stop closes it
	return s, nil
}

func (s *services) stop() { s.server.Close() }

// serveAlone is the services in a process of their own, which ends with its parent.
func serveAlone() (result, error) {
	s, err := startServices()
	if err != nil {
		return nil, err
	}
	defer s.stop()
	_, err = io.Copy(io.Discard, os.Stdin)
	return result{}, err
}

// employServices starts such a process on the server's core, and returns its id when it serves.
func employServices() (pid int, stop func(), err error) {
	cmd := exec.Command("taskset", "-c", "0", os.Args[0], "-scenario", "services")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 0, nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return 0, nil, fmt.Errorf("start the services: %w", err)
	}
	stop = func() {
		stdin.Close()
		cmd.Wait()
	}
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if c, err := net.Dial("tcp", servicesAddr); err == nil {
			return cmd.Process.Pid, stop, c.Close()
		}
		if time.Now().After(end) {
			stop()
			return 0, nil, fmt.Errorf("the services do not serve after %s", patience)
		}
	}
}

// directly returns a caller of the services themselves, over conns that are kept alive.
func directly(conns int) (call func(id int) error, stop func()) {
	t := &http.Transport{MaxIdleConnsPerHost: conns}
	hc := &http.Client{Transport: t, Timeout: patience}
	return func(id int) error {
		res, err := hc.Get(fmt.Sprintf("http://%s/now/%d", servicesAddr, id))
		if err != nil {
			return err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		return proper(body, err, res.StatusCode)
	}, t.CloseIdleConnections
}

// proper tells whether an answer is what the services say.
func proper(body []byte, err error, status int) error {
	if err == nil && (status != http.StatusOK || len(body) < len(card)) {
		err = fmt.Errorf("%d %.300q", status, body)
	}
	return err
}

// visitor connects somebody to the gateway by the Go client.
func visitor(ctx context.Context, o options, sign *signer, name string) (*client.Client, error) {
	token, err := sign.token(name, time.Now())
	if err != nil {
		return nil, err
	}
	return client.Dial(ctx, client.Options{URL: "ws://" + o.server.String() + "/ws",
		Token: func(context.Context) (string, error) { return token, nil }})
}

// callers run a call again and again for some time, so many at once, and tell how many calls there were.
func callers(n int, d time.Duration, call func(caller, id int) error) (int, error) {
	type done struct {
		calls int
		err   error
	}
	ends := make(chan done, n)
	until := time.Now().Add(d)
	for i := range n {
		go func() {
			calls := 0
			for time.Now().Before(until) {
				if err := call(i, calls); err != nil {
					ends <- done{calls, err}
					return
				}
				calls++
			}
			ends <- done{calls, nil}
		}()
	}
	all := 0
	var failed error
	for range n {
		d := <-ends
		all += d.calls
		if d.err != nil {
			failed = d.err
		}
	}
	return all, failed
}

// proxied measures what a call costs altogether, at the caller, the service and whoever is in between: directly by HTTP, and by a
// method of the gateway that is led to the same service, which is a process of its own. They take turns, so that a slow moment of the machine hits both.
func proxied(o options) (result, error) {
	services, dismiss, err := employServices()
	if err != nil {
		return nil, err
	}
	defer dismiss()
	direct, stop := directly(o.conns)
	defer stop()
	sign, err := newSigner(o.key)
	if err != nil {
		return nil, err
	}
	people := make([]*client.Client, o.conns)
	for i := range people {
		if people[i], err = visitor(context.Background(), o, sign, fmt.Sprintf("user-%d", i)); err != nil {
			return nil, fmt.Errorf("connect %d: %w", i, err)
		}
		defer people[i].Close()
	}
	byHTTP := func(_, id int) error { return direct(id) }
	byGateway := func(caller, id int) error {
		var reply json.RawMessage
		err := people[caller].Call(context.Background(), "bff.now", map[string]string{"id": fmt.Sprint(id)}, &reply)
		return proper(reply, err, http.StatusOK)
	}
	const turns = 4
	r := result{}
	for turn := range turns + 1 {
		for _, way := range []struct {
			name string
			call func(int, int) error
		}{{"direct", byHTTP}, {"proxied", byGateway}} {
			if turn == 0 { // to warm up
				if _, err := callers(o.conns, o.warm, way.call); err != nil {
					return nil, fmt.Errorf("%s: %w", way.name, err)
				}
				continue
			}
			n, cpu, err := bill(func() (int, error) { return callers(o.conns, o.time/turns, way.call) }, os.Getpid(), o.pid, services)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", way.name, err)
			}
			r[way.name+"_calls"] += float64(n)
			r[way.name+"_cpu"] += cpu.Seconds()
		}
	}
	for _, way := range []string{"direct", "proxied"} {
		r[way+"_cpu_us"] = 1e6 * r[way+"_cpu"] / r[way+"_calls"]
	}
	r["cpu_ratio"] = r["proxied_cpu_us"] / r["direct_cpu_us"]
	return r, nil
}

// bill tells what f has cost of CPU time in all of the processes.
func bill(f func() (int, error), processes ...int) (n int, cpu time.Duration, err error) {
	total := func() (all time.Duration, err error) {
		for _, pid := range processes {
			used, failed := cpuTime(pid)
			all, err = all+used, errors.Join(err, failed)
		}
		return all, err
	}
	before, err := total()
	if err != nil {
		return 0, 0, err
	}
	if n, err = f(); err != nil {
		return 0, 0, err
	}
	after, err := total()
	return n, after - before, err
}

// combined measures calls that the gateway makes of three calls to slow services: one after another, and then o.outstanding of them per
// second, each at its time whether or not others are done.
func combined(o options) (result, error) {
	s, err := startServices()
	if err != nil {
		return nil, err
	}
	defer s.stop()
	sign, err := newSigner(o.key)
	if err != nil {
		return nil, err
	}
	token, err := sign.token("user-0", time.Now())
	if err != nil {
		return nil, err
	}
	hc := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}, Timeout: patience}
	defer hc.CloseIdleConnections()
	call := func(id int) error {
		req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://%s/bff/page?id=%d", o.server, id), nil)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := hc.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if len(body) < 3*len(card) {
			return fmt.Errorf("%s: %.500q", res.Status, body)
		}
		return proper(body, err, res.StatusCode)
	}
	if _, err := onSchedule(o.outstanding, o.warm, call); err != nil {
		return nil, fmt.Errorf("warm-up: %w", err)
	}
	var alone []time.Duration
	for i := range 50 {
		start := time.Now()
		if err := call(i); err != nil {
			return nil, err
		}
		alone = append(alone, time.Since(start))
	}
	var took []time.Duration
	r, err := measure(o, "calls", func() (int, error) {
		took, err = onSchedule(o.outstanding, o.time, call)
		return len(took), err
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(alone)
	slices.Sort(took)
	r["alone_p50_ms"] = inMS(alone[len(alone)/2])
	for name, q := range map[string]float64{"p50_ms": .5, "p99_ms": .99, "max_ms": 1} {
		r[name] = inMS(took[int(q*float64(len(took)-1))])
	}
	r["over_slowest_part"] = r["p50_ms"] / inMS(slowness)
	return r, nil
}

func inMS(d time.Duration) float64 { return float64(d) / 1e6 }

// onSchedule makes so many calls per second for some time and tells how long each has taken from when it was due.
func onSchedule(perSecond int, d time.Duration, call func(id int) error) ([]time.Duration, error) {
	type done struct {
		took time.Duration
		err  error
	}
	n := int(d.Seconds() * float64(perSecond))
	ends := make(chan done, n)
	start := time.Now()
	for i := range n {
		due := start.Add(time.Duration(i) * time.Second / time.Duration(perSecond))
		time.Sleep(time.Until(due))
		go func() {
			err := call(i)
			ends <- done{time.Since(due), err}
		}()
	}
	took := make([]time.Duration, 0, n)
	for range n {
		e := <-ends
		if e.err != nil {
			return nil, e.err
		}
		took = append(took, e.took)
	}
	return took, nil
}
