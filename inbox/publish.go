package inbox

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// Published is an accepted publication.
type Published struct {
	ID        string
	Time      time.Time // when it was or will be published
	Repeated  bool      // the key was known: this is the publication that was accepted then
	Scheduled bool      // its time has not come yet
	// Recipients is how many users get it, or, of a room, have got it when Publish returned. It is 0 for an announcement; for a room
	// also if the publication is scheduled or repeated.
	Recipients int
}

// Publish accepts a publication, and delivers it if its time has come. It assigns the ID. A Time that is zero or past becomes
// now; at most a year ahead is allowed. An Expires that is zero becomes what Options.Expire says, and the Category "general" if
// it is empty. Once this has returned the publication is kept, and what was not delivered by then, since the store had
// troubles or ctx ended, the sweeper delivers.
//
// The error is Invalid or TooLarge if the publication must be changed, and Conflict if its Key was used for another one.
func (in *Inbox) Publish(ctx context.Context, p hubbub.Publication) (Published, error) {
	p, err := in.accept(p)
	if err != nil {
		return Published{}, err
	}
	p.ID = newID()
	in.delivering.Store(p.ID, nil)
	defer in.delivering.Delete(p.ID)

	announcement := p.To.Audience != nil
	step, err := in.step(ctx, announcement, func() (hubbub.Step, error) { return in.o.Store.Publish(ctx, p) })
	if err != nil {
		return Published{}, fmt.Errorf("publish a notice: %w", err)
	}
	accepted := step.Publication
	out := Published{ID: accepted.ID, Time: accepted.Time, Repeated: step.Repeated, Scheduled: accepted.Time.After(in.now())}
	reached := len(step.Users)
	for step.More && err == nil {
		step, err = in.step(ctx, announcement, func() (hubbub.Step, error) { return in.o.Store.Deliver(ctx, p.ID) })
		reached += len(step.Users)
	}
	if err != nil {
		in.o.Logger.Warn("cannot deliver a notice to all now; it is tried again", "notice", p.ID, "error", err)
	}
	out.Recipients = max(reached, len(accepted.To.Users))
	return out, nil
}

// newID makes the id of a publication. Those of the same millisecond are listed by their ids, so a later one is higher.
func newID() string {
	return fmt.Sprintf("%013s", strconv.FormatInt(time.Now().UnixNano(), 36)) + rand.Text()[:12]
}

// step takes a step of a delivery and tells of it: one after the other if it may be of an announcement.
func (in *Inbox) step(ctx context.Context, ordered bool, take func() (hubbub.Step, error)) (hubbub.Step, error) {
	if ordered {
		in.announcing.Lock()
		defer in.announcing.Unlock()
	}
	s, err := take()
	if err == nil {
		in.tellStep(ctx, s)
	}
	return s, err
}

// Withdraw removes a publication from all inboxes and delivers no more of it. NotFound if there is none with this id.
func (in *Inbox) Withdraw(ctx context.Context, id string) error {
	for again := false; ; again = true {
		in.announcing.Lock()
		r, err := in.o.Store.Withdraw(ctx, id)
		if err == nil {
			in.tellRemoved(ctx, r, id)
		}
		in.announcing.Unlock()
		if again && err != nil && hubbub.AsError(err).Reason == hubbub.NotFound {
			return nil // somebody else has finished it
		}
		if err != nil {
			return fmt.Errorf("withdraw the notice %q: %w", id, err)
		}
		if !r.More {
			return nil
		}
	}
}
