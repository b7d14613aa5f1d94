package httpapi

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// keyHeader is where calls say which other calls are the same.
const keyHeader = "Idempotency-Key"

const (
	replyLife  = 5 * time.Minute
	maxReplies = 16 << 20 // bytes of the replies that are remembered for one name; further calls with a key have to wait
	replyFixed = 512      // bytes that each takes besides its body, about
)

// replies are those that calls with a key got. The zero value is ready for use.
type replies struct {
	mu    sync.Mutex
	byKey map[string]*keptReply
	queue []*keptReply // the oldest first; those that were answered
	bytes int          // of those
}

// keptReply is the reply to a call, or to one that is being made.
type keptReply struct {
	// Immutable.
	key  string
	call [sha256.Size]byte // method, path, query and body
	done chan struct{}     // closed when the call has been made
	// Set before done is closed.
	reply *recorded // nil if it is not remembered: the call may be made again
	until time.Time
}

// once makes a call, or repeats the reply to the same call with the same key. While that is being made, it waits. What this node has
// made it knows by itself; for what others have made it asks Options.Scratch.
func (a *API) once(w http.ResponseWriter, r *http.Request, caller *heldKey) {
	key, err := idempotencyKey(r.Header.Get(keyHeader), "")
	if err != nil {
		problemOf(hubbub.AsError(err)).write(w)
		return
	}
	call := sumOfCall(r)
	ctx, cancel := context.WithTimeout(r.Context(), a.o.Timeout)
	defer cancel()
	for {
		kept, mine, refused := caller.replies.begin(key, call, time.Now())
		switch {
		case refused != nil:
			refused.write(w)
			return
		case mine:
			a.answerOnce(w, r, caller, kept)
			return
		}
		select {
		case <-kept.done:
		case <-ctx.Done():
			problemOf(errInProgress()).write(w)
			return
		}
		if kept.reply != nil {
			kept.reply.writeTo(w)
			return
		}
	}
}

// answerOnce makes the call of a reply that is to be remembered.
func (a *API) answerOnce(w http.ResponseWriter, r *http.Request, caller *heldKey, kept *keptReply) {
	got := &recorded{most: math.MaxInt}              // replies of calls that change something are small
	defer func() { caller.replies.end(kept, got) }() // also if the call panics: then there is no status
	if a.o.Scratch != nil {
		a.answerShared(w, r, sharedName(caller.Name, kept.key), kept.call, got)
		return
	}
	a.mux.ServeHTTP(got, r)
	got.writeTo(w)
}

// begin finds what is known of a key: the reply is another's, or the caller's own to make.
func (s *replies) begin(key string, call [sha256.Size]byte, now time.Time) (kept *keptReply, mine bool, refused *Problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(now)
	if kept = s.byKey[key]; kept != nil {
		if kept.call != call {
			return nil, false, problemOf(errOtherCall())
		}
		return kept, false, nil
	}
	if s.bytes+replyFixed > maxReplies {
		return nil, false, problemOf(&hubbub.Error{Reason: hubbub.RateLimited, RetryAfter: s.queue[0].until.Sub(now),
			Message: "too many calls with an Idempotency-Key were made within 5 minutes; wait, or make them without"})
	}
	kept = &keptReply{key: key, call: call, done: make(chan struct{})}
	if s.byKey == nil {
		s.byKey = map[string]*keptReply{}
	}
	s.byKey[key] = kept
	return kept, true, nil
}

// end says what was answered. What is no answer for good is forgotten at once, so that the call can be made again.
func (s *replies) end(kept *keptReply, got *recorded) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !got.final() {
		delete(s.byKey, kept.key)
		close(kept.done)
		return
	}
	kept.reply, kept.until = got, time.Now().Add(replyLife)
	s.queue = append(s.queue, kept)
	s.bytes += kept.size()
	close(kept.done)
}

// forget removes what is too old. The caller holds mu.
func (s *replies) forget(now time.Time) {
	n := 0
	for n < len(s.queue) && !now.Before(s.queue[n].until) {
		delete(s.byKey, s.queue[n].key)
		s.bytes -= s.queue[n].size()
		n++
	}
	clear(s.queue[:n])
	s.queue = s.queue[n:]
}

func (k *keptReply) size() int { return replyFixed + k.reply.body.Cap() }

// sumOfCall tells calls apart.
func sumOfCall(r *http.Request) [sha256.Size]byte {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %s\n", r.Method, r.URL.RequestURI())
	if body, ok := r.Body.(*memoryBody); ok {
		sum.Write(body.all)
	}
	return [sha256.Size]byte(sum.Sum(nil))
}

// idempotencyKey joins the two places of a key. The header may have the quotes of a structured field (RFC 8941, section 3.3.3),
// as its draft standard wants.
func idempotencyKey(header, body string) (string, error) {
	if len(header) >= 2 && strings.HasPrefix(header, `"`) && strings.HasSuffix(header, `"`) {
		header = header[1 : len(header)-1]
	}
	key := body
	if header != "" {
		key = header
	}
	switch {
	case header != "" && body != "" && header != body:
		return "", hubbub.Errorf(hubbub.Invalid, "the header Idempotency-Key and the key in the body differ: send one of them, or the same twice")
	case len(key) > hubbub.MaxID:
		return "", hubbub.Errorf(hubbub.Invalid, "the idempotency key has %d bytes; at most %d are allowed", len(key), hubbub.MaxID)
	case strings.ContainsFunc(key, isControl):
		return "", hubbub.Errorf(hubbub.Invalid, "the idempotency key has control characters in it")
	}
	return key, nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
