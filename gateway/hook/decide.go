package hook

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/backend"
)

// decide asks the backend and returns a refusal, or nil. take reads the rest of an answer that allows, and its error makes the answer a
// failure. answered is false if the rule allows what its backend does not know.
func (r *rule) decide(ctx context.Context, q any, id *hubbub.Identity, session string, take func(answer) error) (answered bool, err error) {
	body, err := json.Marshal(q)
	if err != nil {
		return false, hubbub.Errorf(hubbub.Invalid, "this is not JSON: %w", err)
	}
	reply, err := r.to.Do(ctx, backend.Call{Method: http.MethodPost, Path: r.Path, Body: body, Timeout: r.Timeout, Identity: id, Session: session})
	if ctx.Err() != nil && err != nil {
		return false, err // nobody waits for it any more
	}
	if err != nil {
		return false, r.fail(err)
	}
	if reply.Status != http.StatusOK {
		return false, r.fail(fmt.Errorf("it answered with the status %d", reply.Status))
	}
	a, err := parse(reply.Body)
	if err != nil {
		return false, r.fail(err)
	}
	if !a.allow {
		r.observe(r.On, Refused)
		return true, a.refusal(r.On)
	}
	if err := take(a); err != nil {
		return false, r.fail(err)
	}
	r.observe(r.On, Allowed)
	return true, nil
}

// fail logs a failure, and returns what follows from it for the client.
func (r *rule) fail(why error) error {
	failures := r.failures.Add(1)
	r.observe(r.On, Failed)
	r.logging.Do(func() {
		r.log.Warn("a backend does not say whether something is allowed; the rule's on_failure decides", "hook", r.On, "backend", r.Backend,
			"on_failure", r.OnFailure, "error", why, "cause", cause(why), "failures", failures)
	})
	if r.OnFailure == Allow {
		return nil
	}
	// It is logged already, so it has no cause.
	return &hubbub.Error{Reason: hubbub.Unavailable, RetryAfter: hubbub.AsError(why).RetryAfter,
		Message: "whether you may " + deed(r.On) + " cannot be found out right now; try again"}
}

// cause returns what may be logged of the cause of an error: what the network said, and not what the backend did.
func cause(why error) string {
	if failed, ok := errors.AsType[*net.OpError](why); ok {
		return failed.Error()
	}
	if failed, ok := errors.AsType[*tls.CertificateVerificationError](why); ok {
		return failed.Error()
	}
	return ""
}

// deed says what a rule is about.
func deed(on string) string {
	switch on {
	case OnConnect:
		return "connect"
	case OnRoomJoin:
		return "join this room"
	}
	return "send this message"
}
