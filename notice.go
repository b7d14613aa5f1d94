package hubbub

import (
	"encoding/json"
	"time"
)

// NoticeState is how far a user has come with a notice.
type NoticeState string

// The states, in their order. Unread is what is unseen or seen; archived notices are neither listed nor counted unless asked for.
const (
	NoticeUnseen   NoticeState = "unseen"
	NoticeSeen     NoticeState = "seen" // it was in a list that the user looked at
	NoticeRead     NoticeState = "read" // the user has opened it
	NoticeArchived NoticeState = "archived"
)

// NoticeContent is what a notice says. All of it is data for the application; nothing of it is markup.
type NoticeContent struct {
	Category string          `json:"category"` // a name
	Title    string          `json:"title"`
	Body     string          `json:"body,omitempty"`
	Link     string          `json:"link,omitempty"` // where a click leads; "" means nowhere
	Actions  []NoticeAction  `json:"actions,omitempty"`
	Data     json.RawMessage `json:"data,omitempty"` // any JSON value
}

// NoticeAction is a button of a notice.
type NoticeAction struct {
	Label string          `json:"label"`
	Link  string          `json:"link,omitempty"` // where it leads
	Data  json.RawMessage `json:"data,omitempty"` // any JSON value, for the application that handles the button itself
}

// Notice is an item in a user's inbox.
type Notice struct {
	ID string // of the publication; a user has at most one notice of each
	NoticeContent
	Collapse     string // the notice took the place of older ones of the user with the same; "" means none
	State        NoticeState
	Time         time.Time // when it was published
	Expires      time.Time // when it is gone; zero means never
	Announcement bool
}

// Recipients are who gets a publication: named users, the members of a room, or an audience, for which it is an announcement.
// Exactly one of the three is set.
type Recipients struct {
	Users    []string
	Room     string
	Audience *Audiences
}

// Audiences are the users whom an announcement is for: all for whom everything holds that is set. The zero value is everybody.
type Audiences struct {
	Attrs map[string]string // attributes that the user had at the last sign-in, with their values
	// Newcomers are those whom the gateway sees for the first time after the publication. They get it only if this is set.
	Newcomers bool
}

// Include tells whether a user with these attributes belongs to the audience. Whether a newcomer does depends on more.
func (a *Audiences) Include(attrs map[string]string) bool {
	for name, value := range a.Attrs {
		if has, ok := attrs[name]; !ok || has != value {
			return false
		}
	}
	return true
}

// Publication is a notice on its way to one user, to many, or to all.
type Publication struct {
	ID       string // at most MaxID bytes; unique
	Content  NoticeContent
	To       Recipients
	Collapse string // for each recipient it takes the place of the older notice with the same; "" means of none
	// Key makes publishing idempotent: the same key of the same Author within [NoticeKeyLife] is the same publication. "" means none.
	Key     string
	Author  string    // the scope of Key, such as an API key
	Time    time.Time // when it is to be published: what lies in the future is scheduled
	Expires time.Time // zero means never
}

// NoticeKeyLife is how long the key of a publication is remembered at least.
const NoticeKeyLife = 24 * time.Hour

// InboxCounts is what a user has not dealt with. Archived, expired and scheduled notices do not count.
type InboxCounts struct {
	Unread     int                       `json:"unread"`
	Unseen     int                       `json:"unseen"`
	Categories map[string]CategoryCounts `json:"categories"` // those that have any; nil if none has
	// Revision is that of the announcements that were counted.
	Revision uint64 `json:"-"`
}

// CategoryCounts is the part of one category.
type CategoryCounts struct {
	Unread int `json:"unread"`
	Unseen int `json:"unseen"`
}
