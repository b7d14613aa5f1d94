package client

import (
	"context"
	"net/http"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// NoticeFor says who gets a notice. Exactly one of Users, Room and All is set.
type NoticeFor struct {
	Users []string // at most 10,000
	Room  string   // its members
	All   bool     // everybody: it is an announcement
	// Attrs, with All, leaves out those whose last sign-in did not have all of these attributes.
	Attrs map[string]string
	// Newcomers, with All, are those who come for the first time after it was published. Without it they do not get it.
	Newcomers bool
}

// NewNotice is a notice that is to be published. Only To and Title must be set; a Category of "" means "general".
type NewNotice struct {
	To NoticeFor
	hubbub.NoticeContent
	Collapse string    // it takes the place of each recipient's older notice with the same; "" means of none
	Key      string    // within 24 hours the same key of the same API key is the same notice; "" means none
	At       time.Time // when it is published; zero means now
	Expires  time.Time // when it is gone; zero means as the gateway is set
}

// PublishedNotice is the reply to a notice: it is accepted.
type PublishedNotice struct {
	ID         string `json:"id"`
	Time       Time   `json:"time"`                 // when it was, or will be, published
	Repeated   bool   `json:"repeated,omitempty"`   // the key was known: this is the notice that was accepted then
	Scheduled  bool   `json:"scheduled,omitempty"`  // it is published later
	Recipients int    `json:"recipients,omitempty"` // users who get it, or, of a room, have got it until now; 0 for an announcement
}

type toBody struct {
	Users     []string          `json:"users,omitempty"`
	Room      string            `json:"room,omitempty"`
	All       bool              `json:"all,omitempty"`
	Attrs     map[string]string `json:"attrs,omitempty"`
	Newcomers bool              `json:"newcomers,omitempty"`
}

type noticeBody struct {
	To toBody `json:"to"`
	hubbub.NoticeContent
	Category string `json:"category,omitempty"` // instead of the content's, which is never left out
	Collapse string `json:"collapse,omitempty"`
	Key      string `json:"key,omitempty"`
	At       Time   `json:"at,omitzero"`
	Expires  Time   `json:"expires,omitzero"`
}

// PublishNotice puts a notice into inboxes, now or later. With a Key the call may be repeated.
func (a API) PublishNotice(ctx context.Context, n NewNotice) (PublishedNotice, error) {
	var reply PublishedNotice
	err := a.call(ctx, http.MethodPost, path("notices"), noticeBody{To: toBody(n.To), NoticeContent: n.NoticeContent,
		Category: n.Category, Collapse: n.Collapse, Key: n.Key, At: Time{n.At}, Expires: Time{n.Expires}}, &reply)
	return reply, err
}

// WithdrawNotice removes a notice from all inboxes, and from the schedule.
func (a API) WithdrawNotice(ctx context.Context, id string) error {
	return a.call(ctx, http.MethodDelete, path("notices", id), nil, &struct{}{})
}

// Announcement is a notice for everybody, or for an audience.
type Announcement struct {
	ID string `json:"id"`
	hubbub.NoticeContent
	Attrs     map[string]string `json:"attrs,omitempty"`     // of those who get it; nil means everybody
	Newcomers bool              `json:"newcomers,omitempty"` // also those who come for the first time after it was published
	Time      Time              `json:"time"`                // when it was published
	Expires   Time              `json:"expires,omitzero"`    // when it is gone; zero means never
	Collapse  string            `json:"collapse,omitempty"`
}

// Announcements lists those that are published and not gone, the oldest first.
func (a API) Announcements(ctx context.Context) ([]Announcement, error) {
	var reply struct {
		Announcements []Announcement `json:"announcements"`
	}
	err := a.call(ctx, http.MethodGet, path("announcements"), nil, &reply)
	return reply.Announcements, err
}

// InboxOf lists a user's notices, the newest first.
func (a API) InboxOf(ctx context.Context, user string, q InboxQuery) (InboxPage, error) {
	var reply InboxPage
	err := a.call(ctx, http.MethodGet, path("users", user, "inbox")+q.query(), nil, &reply)
	return reply, err
}

// CountsOf tells what a user has not dealt with.
func (a API) CountsOf(ctx context.Context, user string) (hubbub.InboxCounts, error) {
	var reply hubbub.InboxCounts
	err := a.call(ctx, http.MethodGet, path("users", user, "inbox", "counts"), nil, &reply)
	return reply, err
}

// MarkOf marks notices of a user, whose sessions are told of it.
func (a API) MarkOf(ctx context.Context, user string, m InboxMark) (Marked, error) {
	var reply Marked
	err := a.call(ctx, http.MethodPost, path("users", user, "inbox", "marks"), m, &reply)
	return reply, err
}

// Members lists the members of a room by name, from the one after after; limit is 1 to 1000, 0 means 50.
func (a API) Members(ctx context.Context, room, after string, limit int) (MemberPage, error) {
	var reply MemberPage
	err := a.call(ctx, http.MethodGet, path("rooms", room, "members")+pageQuery(after, limit), nil, &reply)
	return reply, err
}

// SetMember adds a member to a room, or changes the role of one; "" means [hubbub.RoleMember]. It returns what the role was
// before, "" if there was none.
func (a API) SetMember(ctx context.Context, room, user string, role hubbub.Role) (before hubbub.Role, err error) {
	return a.member(ctx, http.MethodPut, path("rooms", room, "members", user), roleBody{role})
}

// RemoveMember removes a member from a room, and returns the role that the user had, "" if there was none.
func (a API) RemoveMember(ctx context.Context, room, user string) (before hubbub.Role, err error) {
	return a.member(ctx, http.MethodDelete, path("rooms", room, "members", user), nil)
}

type roleBody struct {
	Role hubbub.Role `json:"role,omitempty"`
}

func (a API) member(ctx context.Context, method, path string, body any) (before hubbub.Role, err error) {
	var reply struct {
		Before hubbub.Role `json:"before"`
	}
	err = a.call(ctx, method, path, body, &reply)
	return reply.Before, err
}

// Membership is a user's place in a room.
type Membership struct {
	Room  string      `json:"room"`
	Role  hubbub.Role `json:"role"`
	Since Time        `json:"since"`
}

// MembershipPage is a part of the list of a user's memberships, by room.
type MembershipPage struct {
	Rooms []Membership `json:"rooms"`
	Next  string       `json:"next,omitempty"` // for the next page; "" if this is the last
}

// Memberships lists the rooms that a user is a member of by name, from the one after after; limit is 1 to 1000, 0 means 50.
func (a API) Memberships(ctx context.Context, user, after string, limit int) (MembershipPage, error) {
	var reply MembershipPage
	err := a.call(ctx, http.MethodGet, path("users", user, "rooms")+pageQuery(after, limit), nil, &reply)
	return reply, err
}
