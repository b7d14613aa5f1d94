package gateway

import (
	"testing"
	"time"
)

func TestBucket(t *testing.T) {
	b := bucket{burst: 3, rate: 2}
	now := time.Unix(1000, 0)
	for i := range 3 {
		if wait := b.take(now); wait != 0 {
			t.Fatalf("request %d of the burst waits %v", i, wait)
		}
	}
	if wait := b.take(now); wait != 500*time.Millisecond {
		t.Errorf("the request after the burst waits %v", wait)
	}
	if wait := b.take(now.Add(500 * time.Millisecond)); wait != 0 {
		t.Errorf("the request half a second later waits %v", wait)
	}
	if wait := b.take(now); wait != 500*time.Millisecond {
		t.Errorf("a clock that went back makes it wait %v", wait)
	}
	later := now.Add(time.Hour)
	for i := range 3 {
		if wait := b.take(later); wait != 0 {
			t.Errorf("request %d of the burst after an hour waits %v", i, wait)
		}
	}
	if b.take(later) == 0 {
		t.Error("an hour of silence earns more than the burst")
	}
}
