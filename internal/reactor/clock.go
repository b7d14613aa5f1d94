package reactor

import "time"

// Clock is where a reactor gets its time from. The zero Config uses the system's.
type Clock interface {
	// Now is the time since some fixed moment, and never goes back.
	Now() time.Duration
	// AfterFunc calls f in its own goroutine when d has passed; stop prevents it if it is still to come.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

// systemClock counts from when it was made.
type systemClock struct{ start time.Time }

func (c systemClock) Now() time.Duration { return time.Since(c.start) }

func (systemClock) AfterFunc(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }
