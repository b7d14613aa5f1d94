package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

// retryAfter is what callers are told to wait when Redis is away: about as long as connecting anew takes.
const retryAfter = time.Second

// unavailable makes the error for a caller of what Redis, or the way there, says. op completes the sentence "cannot ..." and names nothing
// secret. Errors of the caller's context and of the domain stay as they are, what a script says that is none of Redis' own words becomes
// an error without a reason, since it is a mistake in this package.
func unavailable(err error, op string) error {
	if err == nil || err == context.Canceled || err == context.DeadlineExceeded {
		return err
	}
	if e, ok := errors.AsType[*hubbub.Error](err); ok {
		return e
	}
	says := "Redis does not answer"
	if e, ok := rueidis.IsRedisErr(err); ok {
		if says = sentence(e); says == "" {
			return fmt.Errorf("%s: %w", op, err)
		}
	}
	return &hubbub.Error{Reason: hubbub.Unavailable, Message: fmt.Sprintf("cannot %s: %s; try again", op, says),
		RetryAfter: retryAfter, Err: fmt.Errorf("%s: %w", op, err)}
}

// sentence says what an error of Redis means, if it may pass; "" if it is another one.
func sentence(e *rueidis.RedisError) string {
	switch word(e) {
	case "LOADING":
		return "Redis is loading its data"
	case "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK":
		return "the Redis Cluster is changing"
	case "READONLY", "MASTERDOWN", "UNBLOCKED":
		return "Redis is changing its master"
	case "NOREPLICAS":
		return "Redis has too few replicas"
	case "OOM":
		return "Redis has no memory left"
	case "MISCONF":
		return "Redis cannot save its data"
	case "BUSY":
		return "Redis is busy"
	case "NOPERM":
		return "the ACL of Redis does not allow it"
	case "NOAUTH", "WRONGPASS":
		return "Redis refuses the user or the password"
	case "ERR":
		if strings.Contains(e.Error(), "The user executing the script can't") { // Redis 7.0 says so where later ones say NOPERM
			return "the ACL of Redis does not allow it"
		}
	}
	return ""
}
