package redis_test

import "testing"

func TestOpening(t *testing.T) {
	open(t, nil)
}
