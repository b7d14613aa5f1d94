package redis

import (
	"encoding/json"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// The types of this file are those of the domain but for their tags: what is not there is left out, since JSON that is not there would come
// back as null, and functions stay where they are. That they have the same fields is checked where they are converted.

type wireDirect struct {
	To     string
	Device string `json:",omitempty"`
	ID     string
	Data   json.RawMessage `json:",omitempty"`
	Time   time.Time
}

type wireBroadcast struct {
	ID   string
	Data json.RawMessage `json:",omitempty"`
	Time time.Time
}

// wireCrowd is of Joined and of Left.
type wireCrowd struct {
	Room  string
	User  string
	Info  json.RawMessage `json:",omitempty"`
	Count int
}

type wirePresence struct {
	User     string
	Online   bool
	Info     json.RawMessage `json:",omitempty"`
	Devices  []hubbub.DeviceInfo
	LastSeen time.Time
}

type wireEnded struct {
	Sessions []string
	User     string
	Why      hubbub.EndReason
	By       *wireRecord `json:",omitempty"`
}

type wireRecord struct {
	ID        string
	User      string
	Device    string
	Platform  string
	Info      json.RawMessage `json:",omitempty"`
	Attrs     map[string]string
	Token     string
	Issued    time.Time
	Connected time.Time
	Address   string
	Node      string
}

type wireMarked struct {
	User string
	Mark wireMark
}

type wireMark struct {
	State    hubbub.NoticeState
	Back     bool
	IDs      []string
	Category string
	Until    time.Time
	Limit    int                                    `json:"-"`
	Report   func(ids []string) []hubbub.OutboxItem `json:"-"`
}

type wireCounts struct {
	Unread     int
	Unseen     int
	Categories map[string]hubbub.CategoryCounts
	Revision   uint64
}
