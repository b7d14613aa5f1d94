package inbox

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// place is where a notice stands in lists: by time, the newest first, and by id among those of the same millisecond, the highest
// first. The zero value is before all.
type place struct {
	time int64 // Unix milliseconds
	id   string
}

func placeOf(n *hubbub.Notice) place { return place{n.Time.UnixMilli(), n.ID} }

func (p place) isStart() bool { return p == place{} }

func (p place) cursor() hubbub.NoticeCursor {
	if p.isStart() {
		return hubbub.NoticeCursor{}
	}
	return hubbub.NoticeCursor{Time: time.UnixMilli(p.time), ID: p.id}
}

// compare is negative if p is listed before q.
func (p place) compare(q place) int {
	switch {
	case p.time != q.time && p.time > q.time:
		return -1
	case p.time != q.time:
		return 1
	}
	return strings.Compare(q.id, p.id)
}

// String returns what [parsePlace] reads. It is opaque to callers.
func (p place) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(p.time, 10) + "." + p.id))
}

// parsePlace reads what String returned, or nothing for the start.
func parsePlace(s string) (place, error) {
	if s == "" {
		return place{}, nil
	}
	bad := hubbub.Errorf(hubbub.Invalid, "the cursor %.100q is none that a page of this list had as its next", s)
	text, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return place{}, bad
	}
	ms, id, ok := strings.Cut(string(text), ".")
	p := place{id: id}
	if p.time, err = strconv.ParseInt(ms, 10, 64); err != nil || !ok || id == "" || len(id) > hubbub.MaxID || p.String() != s {
		return place{}, bad
	}
	return p, nil
}
