package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// calm waits until the CPUs have been idle for half a second, all but a twentieth of one, or until patience or ctx ends.
// What runs beside a measure shows in its figures: it takes time, and it takes the caches.
func calm(ctx context.Context, patience time.Duration) {
	const window, ticks = 500 * time.Millisecond, 3 // of 10 ms
	for end := time.Now().Add(patience); time.Now().Before(end); {
		before, err := busyTicks()
		if err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(window):
		}
		if after, err := busyTicks(); err != nil || after-before <= ticks {
			return
		}
	}
}

// busyTicks is how long all CPUs together were not idle since the machine started, in units of 10 ms.
func busyTicks() (int, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	var user, nice, system, idle, iowait, irq, softirq, steal int
	_, err = fmt.Sscanf(string(b), "cpu %d %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal)
	return user + nice + system + irq + softirq + steal, err
}
