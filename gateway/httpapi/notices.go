package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/inbox"
)

// NoticeRequest is the body of POST /notices.
type NoticeRequest struct {
	To       Recipients      `json:"to"`
	Category string          `json:"category,omitempty" doc:"A name, by which inboxes are filtered and counted; missing means general." example:"orders"`
	Title    string          `json:"title" minLength:"1" doc:"What has happened, in a line of text." example:"Your order has shipped"`
	Body     string          `json:"body,omitempty" doc:"More text. It is no markup." example:"It arrives on Friday."`
	Link     string          `json:"link,omitempty" doc:"Where a click leads: http(s), mailto, or relative." example:"/orders/17"`
	Actions  []Action        `json:"actions,omitempty" nullable:"false" doc:"The buttons, at most 8."`
	Data     json.RawMessage `json:"data,omitempty" doc:"Any JSON value, for the application."`
	Collapse string          `json:"collapse,omitempty" doc:"What the notice is about. For each recipient it takes the place of the older one with the same." example:"order-17"`
	Key      string          `json:"key,omitempty" doc:"Idempotency key: for 24 hours the same key of the same API key is the same notice. It can be sent as the header Idempotency-Key instead." example:"order-17-shipped"`
	At       int64           `json:"at,omitempty" minimum:"1" maximum:"253402300799999" doc:"When to publish it, in Unix milliseconds; missing, or past, means now." example:"1767225600000"`
	Expires  int64           `json:"expires,omitempty" minimum:"1" maximum:"253402300799999" doc:"When it is gone, in Unix milliseconds; missing means as the gateway is set." example:"1769904000000"`
}

// Recipients are who gets a notice. Exactly one of user, users, room and all is set.
type Recipients struct {
	User      string            `json:"user,omitempty" doc:"One user." example:"ann"`
	Users     []string          `json:"users,omitempty" nullable:"false" doc:"Up to 10,000 users."`
	Room      string            `json:"room,omitempty" doc:"The members of this room, at the time when it is published."`
	All       bool              `json:"all,omitempty" doc:"Everybody who was ever here: it is an announcement, which is stored once."`
	Attrs     map[string]string `json:"attrs,omitempty" doc:"With all: only those whose last sign-in had all of these attributes."`
	Newcomers bool              `json:"newcomers,omitempty" doc:"With all: also those who come for the first time after it was published."`
}

// Action is a button of a notice.
type Action struct {
	Label string          `json:"label" doc:"What stands on it." example:"Track it"`
	Link  string          `json:"link,omitempty" doc:"Where it leads: http(s), mailto, or relative." example:"/orders/17/track"`
	Data  json.RawMessage `json:"data,omitempty" doc:"Any JSON value, for an application that handles the button itself."`
}

// PublishedNotice says what became of a notice.
type PublishedNotice struct {
	ID         string `json:"id" doc:"Withdraw it by this id."`
	Time       int64  `json:"time" doc:"When it was or will be published, in Unix milliseconds."`
	Repeated   bool   `json:"repeated,omitempty" doc:"The key was known: this is the notice that was accepted then."`
	Scheduled  bool   `json:"scheduled,omitempty" doc:"Its time has not come yet."`
	Recipients *int   `json:"recipients,omitempty" doc:"How many users get it, or, of a room, have got it until now; missing for announcements, and for a room that gets it later or a second time."`
}

// Announcement is a notice for everybody, or for an audience.
type Announcement struct {
	ID string `json:"id"`
	hubbub.NoticeContent
	Collapse  string            `json:"collapse,omitempty" doc:"It has taken the place of older ones with the same."`
	Attrs     map[string]string `json:"attrs,omitempty" doc:"Of those who get it; missing means everybody."`
	Newcomers bool              `json:"newcomers,omitempty" doc:"Also those who come for the first time after it was published get it."`
	Time      int64             `json:"time" doc:"When it was published, in Unix milliseconds."`
	Expires   int64             `json:"expires,omitempty" doc:"When it is gone, in Unix milliseconds; missing means never."`
}

// Announcements is the reply to GET /announcements.
type Announcements struct {
	Announcements []Announcement `json:"announcements" nullable:"false" doc:"The oldest first."`
}

// Nothing is the reply where there is nothing to say.
type Nothing struct{}

type noticeInput struct {
	Header string `header:"Idempotency-Key" doc:"The same as key in the body. If both are there they must agree."`
	Body   NoticeRequest
}

type withdrawInput struct {
	ID string `path:"id" doc:"What the reply to POST /notices says." example:"5T2M-3"`
}

// handleInbox registers a call that needs inboxes.
func handleInbox[I, T any](a *API, need Scope, op huma.Operation, do func(context.Context, *inbox.Inbox, *I) (T, error)) {
	op.Tags = []string{"inbox"}
	handle(a, need, op, withInbox(a, do))
}

func withInbox[I, T any](a *API, do func(context.Context, *inbox.Inbox, *I) (T, error)) func(context.Context, *I) (T, error) {
	return func(ctx context.Context, in *I) (T, error) {
		if a.o.Inbox == nil {
			var nothing T
			return nothing, hubbub.Errorf(hubbub.NotFound, "this gateway keeps no inboxes, since it has no store: give the setting "+
				"store.path the name of a file")
		}
		return do(ctx, a.o.Inbox, in)
	}
}

// noticing registers the calls that publish notices.
func (a *API) noticing() {
	handleInbox(a, Publish, huma.Operation{
		OperationID: "publish-notice", Method: http.MethodPost, Path: "/notices", DefaultStatus: http.StatusAccepted,
		Summary: "Put a notice into inboxes", Description: "To one user, to many, to the members of a room, or to all. The reply means " +
			"that it is kept; with at it is published later. conflict if the key was used for another notice, too_large if the gateway " +
			"does not allow so large a one.",
	}, publishNotice)
	handleInbox(a, Publish, huma.Operation{
		OperationID: "withdraw-notice", Method: http.MethodDelete, Path: "/notices/{id}",
		Summary: "Withdraw a notice", Description: "Removes it from all inboxes, or from the schedule. not_found if there is none, or " +
			"not any more.",
	}, func(ctx context.Context, box *inbox.Inbox, in *withdrawInput) (Nothing, error) {
		return Nothing{}, box.Withdraw(ctx, in.ID)
	})
	handleInbox(a, Read, huma.Operation{
		OperationID: "list-announcements", Method: http.MethodGet, Path: "/announcements",
		Summary: "List the announcements", Description: "All that are published, and neither expired nor withdrawn.",
	}, listAnnouncements)
}

func publishNotice(ctx context.Context, box *inbox.Inbox, in *noticeInput) (PublishedNotice, error) {
	b := in.Body
	key, err := idempotencyKey(in.Header, b.Key)
	if err != nil {
		return PublishedNotice{}, err
	}
	to, err := b.To.domain()
	if err != nil {
		return PublishedNotice{}, err
	}
	content := hubbub.NoticeContent{Category: b.Category, Title: b.Title, Body: b.Body, Link: b.Link, Data: b.Data}
	for _, action := range b.Actions {
		content.Actions = append(content.Actions, hubbub.NoticeAction(action))
	}
	done, err := box.Publish(ctx, hubbub.Publication{Content: content, To: to, Collapse: b.Collapse, Key: key, Author: callerOf(ctx),
		Time: instant(b.At), Expires: instant(b.Expires)})
	if err != nil {
		return PublishedNotice{}, err
	}
	out := PublishedNotice{ID: done.ID, Time: millis(done.Time), Repeated: done.Repeated, Scheduled: done.Scheduled}
	now := !done.Scheduled && !done.Repeated
	if to.Room != "" && now || done.Recipients > 0 {
		out.Recipients = &done.Recipients // 0 says that the room has no members
	}
	return out, nil
}

// domain is how the domain says who gets a notice.
func (r Recipients) domain() (hubbub.Recipients, error) {
	named := 0
	for _, given := range []bool{r.User != "", len(r.Users) > 0, r.Room != "", r.All} {
		if given {
			named++
		}
	}
	if named != 1 {
		return hubbub.Recipients{}, hubbub.Errorf(hubbub.Invalid, "to must say who gets the notice by exactly one of user, users, room, "+
			"or all: true")
	}
	if !r.All && (len(r.Attrs) > 0 || r.Newcomers) {
		return hubbub.Recipients{}, hubbub.Errorf(hubbub.Invalid, "attrs and newcomers select among all: give them with all: true only")
	}
	switch {
	case r.All:
		return hubbub.Recipients{Audience: &hubbub.Audiences{Attrs: r.Attrs, Newcomers: r.Newcomers}}, nil
	case r.User != "":
		return hubbub.Recipients{Users: []string{r.User}}, nil
	}
	return hubbub.Recipients{Users: r.Users, Room: r.Room}, nil
}

func listAnnouncements(ctx context.Context, box *inbox.Inbox, _ *struct{}) (Announcements, error) {
	found, err := box.Announcements(ctx)
	if err != nil {
		return Announcements{}, err
	}
	told := make([]Announcement, 0, len(found))
	for _, f := range found {
		p := f.Publication
		a := Announcement{ID: p.ID, NoticeContent: p.Content, Collapse: p.Collapse, Time: millis(p.Time), Expires: millis(p.Expires)}
		if p.To.Audience != nil {
			a.Attrs, a.Newcomers = p.To.Audience.Attrs, p.To.Audience.Newcomers
		}
		told = append(told, a)
	}
	return Announcements{told}, nil
}
