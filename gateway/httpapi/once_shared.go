package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"github.com/hubbub-dev/hubbub"
)

const (
	// claimMargin is how long a claim outlives the time that a call may take: then the node that made it is taken for dead.
	claimMargin = 10 * time.Second
	// How often it is looked whether another node has made the call: sooner at first.
	firstLook, lastLook = 10 * time.Millisecond, 250 * time.Millisecond
	// settleTime is how long it may take to keep a reply for other nodes, of which the caller does not wait for more.
	settleTime = 5 * time.Second
)

// sharedReply is what all nodes know of a call with a key: its reply, or, without a status, that a node is making it.
type sharedReply struct {
	Call   []byte      `json:"call"` // its sum
	By     string      `json:"by"`   // who makes or made it: an API's id
	Status int         `json:"status,omitempty"`
	Header http.Header `json:"header,omitempty"`
	Body   []byte      `json:"body,omitempty"`
}

// answerShared is answerOnce where other nodes may have got the same call. got has no status if it may be made again.
func (a *API) answerShared(w http.ResponseWriter, r *http.Request, name string, call [sha256.Size]byte, got *recorded) {
	ctx, cancel := context.WithTimeout(r.Context(), a.o.Timeout)
	defer cancel()
	found, refused := a.claim(ctx, name, call)
	switch {
	case refused != nil:
		refused.write(w)
		return
	case found != nil:
		*got = *found
		got.writeTo(w)
		return
	}
	defer a.settle(r.Context(), name, call, got) // also if the call panics
	a.mux.ServeHTTP(got, r)
	got.writeTo(w)
}

// claim returns the reply of another node to the same call, once that has made it, or nil if the caller must make it.
func (a *API) claim(ctx context.Context, name string, call [sha256.Size]byte) (*recorded, *Problem) {
	mine, err := json.Marshal(sharedReply{Call: call[:], By: a.id})
	if err != nil {
		return nil, problemOf(hubbub.AsError(err))
	}
	for wait := firstLook; ; wait = min(2*wait, lastLook) {
		before, err := a.o.Scratch.Put(ctx, name, mine, a.o.Timeout+claimMargin)
		if err != nil {
			return nil, a.problem(ctx, "look for the same call", err)
		}
		if before == nil {
			return nil, nil
		}
		var kept sharedReply
		if err := json.Unmarshal(before, &kept); err != nil {
			return nil, a.problem(ctx, "look for the same call", err)
		}
		if !bytes.Equal(kept.Call, call[:]) {
			return nil, problemOf(errOtherCall())
		}
		if kept.Status != 0 {
			found := &recorded{header: kept.Header, status: kept.Status}
			found.body.Write(kept.Body)
			return found, nil
		}
		if kept.By == a.id { // nobody here makes it, so this is left of a claim whose answer was lost
			return nil, nil
		}
		look := time.NewTimer(wait)
		select {
		case <-look.C:
		case <-ctx.Done():
			look.Stop()
			return nil, problemOf(errInProgress())
		}
	}
}

// settle keeps the reply for all nodes, or takes the claim back if the call may be made again. When that fails the caller has the reply
// nevertheless; the claim runs out by itself.
func (a *API) settle(ctx context.Context, name string, call [sha256.Size]byte, got *recorded) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	var err error
	if got.final() {
		var value []byte
		value, err = json.Marshal(sharedReply{call[:], a.id, got.status, got.header, got.body.Bytes()})
		if err == nil {
			err = a.o.Scratch.Set(ctx, name, value, replyLife)
		}
	} else {
		_, err = a.o.Scratch.Take(ctx, name)
	}
	if err != nil {
		a.o.Logger.Warn("the reply to a call with an Idempotency-Key is not kept for other nodes: repeated there, the call may be made again",
			"error", causeOf(err))
	}
}

// sharedName is the name under which the reply to a call is kept: by the name of the API key, and the key of the call.
func sharedName(caller, key string) string {
	sum := sha256.Sum256([]byte(caller + "\n" + key)) // no control character is in either
	return "once:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// errOtherCall refuses a key that another call has.
func errOtherCall() *hubbub.Error {
	return hubbub.Errorf(hubbub.Conflict, "the header Idempotency-Key was used for another call less than 5 minutes ago: give each its own")
}

// errInProgress refuses to wait longer.
func errInProgress() *hubbub.Error {
	return &hubbub.Error{Reason: hubbub.Unavailable, Message: "the same call is being made for too long; try again"}
}
