package redis_test

import (
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/redis"
)

// messages are what a driver has of messages.
type messages struct {
	*redis.Driver
	rest
}

// rest is what the tests of messages do not use.
type rest struct{ hubbub.Driver }

func TestMessages(t *testing.T) {
	t.Parallel()
	drivertest.RunLog(t, func(t *testing.T, clock *drivertest.Clock) hubbub.Driver {
		return messages{open(t, clock), rest{}}
	})
}
