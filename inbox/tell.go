package inbox

import (
	"context"

	"github.com/hubbub-dev/hubbub"
)

// teller publishes the events of one change. What the store has done must be told even if the caller has gone, and one event that
// fails does not keep the others back: sessions that miss one count again when they come back.
type teller struct {
	ctx context.Context
	in  *Inbox
	err error
}

func (in *Inbox) tell(ctx context.Context) *teller {
	return &teller{ctx: context.WithoutCancel(ctx), in: in}
}

func (t *teller) user(user string, events ...hubbub.Event) {
	t.publish(hubbub.Topic{Kind: hubbub.TopicUser, Name: user}, events)
}

func (t *teller) all(events ...hubbub.Event) { t.publish(hubbub.Topic{Kind: hubbub.TopicAll}, events) }

func (t *teller) publish(to hubbub.Topic, events []hubbub.Event) {
	for _, e := range events {
		if err := t.in.o.Bus.Publish(t.ctx, to, e); err != nil {
			t.err = err
		}
	}
}

// done logs if the bus has troubles.
func (t *teller) done() { t.in.telling.note(t.err) }

// tellStep tells what a step of a delivery has done.
func (in *Inbox) tellStep(ctx context.Context, s hubbub.Step) {
	if len(s.Users) == 0 && s.Revision == 0 {
		return
	}
	t := in.tell(ctx)
	defer t.done()
	n := noticeOf(&s.Publication, hubbub.NoticeUnseen)
	for _, user := range s.Users {
		t.user(user, hubbub.Noticed{User: user, Notice: n})
	}
	if s.Revision == 0 {
		return
	}
	if s.Replaced != "" {
		t.all(hubbub.NoticeRemoved{ID: s.Replaced})
	}
	t.all(hubbub.Announced{Notice: n, To: *s.Publication.To.Audience, Revision: s.Revision})
	if s.Replaced != "" {
		t.all(hubbub.InboxChanged{})
	}
}

// tellRemoved tells that notices are gone: those of the users by their id if all are of one publication, which id is not "" then.
func (in *Inbox) tellRemoved(ctx context.Context, r hubbub.Removed, id string) {
	if len(r.Users) == 0 && r.Revision == 0 {
		return
	}
	t := in.tell(ctx)
	defer t.done()
	for _, user := range r.Users {
		if id != "" {
			t.user(user, hubbub.NoticeRemoved{User: user, ID: id})
		}
		t.user(user, hubbub.InboxChanged{User: user})
	}
	for _, gone := range r.Announcements {
		t.all(hubbub.NoticeRemoved{ID: gone})
	}
	if r.Revision != 0 {
		t.all(hubbub.InboxChanged{})
	}
}

// noticeOf is what a user sees of a publication.
func noticeOf(p *hubbub.Publication, s hubbub.NoticeState) hubbub.Notice {
	return hubbub.Notice{ID: p.ID, NoticeContent: p.Content, Collapse: p.Collapse, State: s, Time: p.Time, Expires: p.Expires,
		Announcement: p.To.Audience != nil}
}
