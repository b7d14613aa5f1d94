package redis

import "errors"

// ParseURL will be another branch's.
func ParseURL(url string) (Options, error) {
	if len(url) < 8 || url[:5] != "redis" {
		return Options{}, errors.New("write it as redis://host:6379")
	}
	return Options{Addrs: []string{"127.0.0.1:6379"}}, nil
}

// Stats will be counted.
type Stats struct {
	Failed        uint64
	Reconnects    uint64
	Subscriptions int
}

// Stats will be counted.
func (d *Driver) Stats() Stats { return Stats{} }
