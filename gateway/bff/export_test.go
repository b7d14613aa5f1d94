package bff

import "encoding/json"

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

// EachMember calls each with the members of a valid object.
func EachMember(object []byte, each func(string, json.RawMessage) error) error {
	return eachMember(object, each)
}
