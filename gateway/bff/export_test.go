package bff

// Waiting is how many callers wait for requests that can be shared.
func Waiting(b *BFF) int {
	b.flights.mu.Lock()
	defer b.flights.mu.Unlock()
	n := 0
	for _, f := range b.flights.open {
		n += f.waiting
	}
	return n
}
