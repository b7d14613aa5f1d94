package inbox

import (
	"context"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// Published is an accepted publication.
type Published struct {
	ID        string
	Time      time.Time // when it was or will be published
	Repeated  bool      // the key was known: this is the publication that was accepted then
	Scheduled bool      // its time has not come yet
	// Recipients is how many users get it, or, of a room, have got it until now; 0 for an announcement, and for a room if it is
	// scheduled.
	Recipients int
}

// Publish accepts a publication, and delivers it if its time has come. ID and Time may be left empty: the ID is assigned, a Time
// that is zero or past becomes now. An Expires that is zero becomes what Options.Expire says; to keep a notice
// longer, say so. The Category is "general" if it is empty. Once this has returned the publication is kept, and what was not
// delivered by then, since the store had troubles or ctx ended, is delivered later.
//
// The error is Invalid or TooLarge if the publication cannot be accepted, and Conflict if its Key was used for another one.
func (in *Inbox) Publish(ctx context.Context, p hubbub.Publication) (Published, error) {
	return Published{}, nil
}

// Withdraw removes a publication from all inboxes and delivers no more of it. NotFound if there is none with this id.
func (in *Inbox) Withdraw(ctx context.Context, id string) error { return nil }
