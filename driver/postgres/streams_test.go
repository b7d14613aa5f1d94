package postgres_test

import (
	"testing"

	"github.com/hubbub-dev/hubbub/driver/drivertest"
)

func TestStreams(t *testing.T) {
	drivertest.RunStreams(t, func(t *testing.T, clock *drivertest.Clock) drivertest.Streams { return open(t, clock) })
}
