package reactor

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestWheel compares the wheel with what it stands for, a deadline per conn, over random settings, clearings and jumps of time.
func TestWheel(t *testing.T) {
	var w wheel
	random := rand.New(rand.NewPCG(1, 2))
	conns := make([]*Conn, 300)
	for i := range conns {
		conns[i] = &Conn{}
	}
	deadline := make(map[*Conn]time.Duration)
	now := time.Duration(0)
	for range 20_000 {
		c := conns[random.IntN(len(conns))]
		switch random.IntN(4) {
		case 0, 1:
			at := now + time.Duration(random.Int64N(int64(40*time.Second)))
			w.set(c, at)
			deadline[c] = at
		case 2:
			w.clear(c)
			delete(deadline, c)
		case 3:
			now += jump(random)
			w.advance(now, func(c *Conn) {
				at, ok := deadline[c]
				if !ok {
					t.Fatal("a cleared timer fired")
				}
				if at > now {
					t.Fatalf("a timer fired %v early", at-now)
				}
				delete(deadline, c)
			})
			for _, at := range deadline {
				if now-at > 2*grain {
					t.Fatalf("a timer is %v late", now-at)
				}
			}
		}
		checkNext(t, &w, deadline, now)
	}
}

// jump is mostly short, and sometimes longer than the wheel.
func jump(random *rand.Rand) time.Duration {
	if random.IntN(50) == 0 {
		return time.Duration(random.Int64N(int64(30 * time.Second)))
	}
	return time.Duration(random.Int64N(int64(200 * time.Millisecond)))
}

// checkNext wants next never to be later than the first deadline needs.
func checkNext(t *testing.T, w *wheel, deadline map[*Conn]time.Duration, now time.Duration) {
	t.Helper()
	at, ok := w.next()
	if ok != (len(deadline) > 0) {
		t.Fatalf("next() = %v with %d timers set", ok, len(deadline))
	}
	for _, want := range deadline {
		if at > max(want, now)+2*grain {
			t.Fatalf("next() is %v after a deadline", at-want)
		}
	}
}

// TestWheelTimerMaySetItself is what a heartbeat does.
func TestWheelTimerMaySetItself(t *testing.T) {
	var w wheel
	c, fired := &Conn{}, 0
	w.set(c, grain)
	for now := time.Duration(0); now < 100*grain; now += grain {
		w.advance(now, func(c *Conn) {
			fired++
			w.set(c, now+wheelSlots*grain) // the same slot again
			w.set(c, now+10*grain)
		})
	}
	if fired != 10 {
		t.Errorf("fired %d times, want 10", fired)
	}
}
