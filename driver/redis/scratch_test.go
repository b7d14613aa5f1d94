package redis_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/driver/drivertest"
)

func TestScratch(t *testing.T) {
	clock := drivertest.NewClock()
	prefix := freshPrefix()
	a, b := openAt(t, clock, prefix), openAt(t, clock, prefix)
	put := func(name, value, want string) {
		t.Helper()
		if before, err := a.Put(t.Context(), name, []byte(value), time.Minute); err != nil || string(before) != want {
			t.Fatalf("Put(%q, %q): %q, %v; want %q", name, value, before, err, want)
		}
	}
	take := func(name, want string) {
		t.Helper()
		if value, err := b.Take(t.Context(), name); err != nil || string(value) != want {
			t.Fatalf("Take(%q): %q, %v; want %q", name, value, err, want)
		}
	}
	put("a", "one", "")
	put("a", "two", "one")
	put("b", "\x00 }{\n", "")
	take("a", "one")
	take("a", "")
	take("b", "\x00 }{\n")
	if err := b.Set(t.Context(), "a", []byte("three"), time.Minute); err != nil {
		t.Fatal(err)
	}
	put("a", "four", "three")
	clock.Advance(time.Minute)
	put("a", "five", "")
	clock.Advance(time.Minute)
	take("a", "")
}

func TestScratchGivesToOne(t *testing.T) {
	d := open(t, nil)
	if err := d.Set(t.Context(), "ticket", []byte("x"), time.Minute); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var got atomic.Int32
	for range 20 {
		wg.Go(func() {
			switch value, err := d.Take(t.Context(), "ticket"); {
			case err != nil:
				t.Error(err)
			case value != nil:
				got.Add(1)
			}
		})
	}
	wg.Wait()
	if n := got.Load(); n != 1 {
		t.Errorf("%d have taken it", n)
	}
}
