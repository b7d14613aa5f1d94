package redis

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// user is what the registry keeps about a user, as one hash: version, clock and so on in fields of one letter, and for each session its
// record, its rooms, and for some time why it has ended. Decisions change it in memory; [diff] makes the writes of what has changed.
type user struct {
	name     string
	version  string // another one after each write; "" if nothing is kept
	clock    int64  // rises with each session and transition, and is not below the time in ms when it was taken
	online   bool   // as far as was told: has sessions, or is in the grace period
	came     string // the session with which the user came online
	seen     int64  // when the last session ended, in ms; 0 for never
	info     string // the newest that was said; "" when offline
	erased   bool   // to be forgotten when offline, unless another session is opened before
	sessions []*session
	ended    map[string]ended
	revoked  []hubbub.Revocation
	fences   []fence

	fields map[string]string // as they were read
	was    index
}

// session is an open session. Those of a user are in the order of their generations.
type session struct {
	hubbub.SessionRecord
	lease      string // of its node
	generation int64
	since      int64 // the generation of the first session in the unbroken presence of this device
	rooms      []string
	raw        string // how it is kept; "" if it has changed since
}

// ended is why a session was ended, until nobody will restore it any more.
type ended struct {
	why   hubbub.EndReason
	until int64
}

// keptEnded is how long it is known why a session was ended: who comes back after more than this is taken for new.
const keptEnded = time.Hour

// mostEnded is of how many ended sessions of a user that is known, the newest of them. All of it is read with each decision, so that somebody
// who signs in again and again, each time in the place of the session before, would take more and more time from all others. Of those
// before, one that its node restores after all is a session like any other, about which the limit of devices and revocations decide anew.
const mostEnded = 1024

// Fields of a user's hash. Those with a colon are followed by the id of a session.
const (
	fieldVersion  = "v"
	fieldClock    = "g"
	fieldOnline   = "o"
	fieldCame     = "c"
	fieldSeen     = "t"
	fieldInfo     = "i"
	fieldErased   = "e"
	fieldRevoked  = "r"
	fieldFences   = "f"
	fieldSession  = "s:"
	fieldRooms    = "j:"
	fieldEnded    = "x:"
	fieldIsSet    = "1"
	roomSeparator = " " // is in no name
)

// keptSession is how a session is kept. Times are in Unix ns, 0 for none.
type keptSession struct {
	Device     string            `json:"d,omitempty"`
	Platform   string            `json:"p,omitempty"`
	Info       string            `json:"i,omitempty"`
	Attrs      map[string]string `json:"a,omitempty"`
	Token      string            `json:"t,omitempty"`
	Issued     int64             `json:"s,omitempty"`
	Connected  int64             `json:"c,omitempty"`
	Address    string            `json:"r,omitempty"`
	Node       string            `json:"n,omitempty"`
	Lease      string            `json:"l,omitempty"`
	Generation int64             `json:"g,omitempty"`
	Since      int64             `json:"f,omitempty"`
}

func keepRecord(r *hubbub.SessionRecord) keptSession {
	return keptSession{Device: r.Device, Platform: r.Platform, Info: string(r.Info), Attrs: r.Attrs, Token: r.Token,
		Issued: nanos(r.Issued), Connected: nanos(r.Connected), Address: r.Address, Node: r.Node}
}

func (k *keptSession) record(user, id string) hubbub.SessionRecord {
	r := hubbub.SessionRecord{ID: id, User: user, Device: k.Device, Platform: k.Platform, Attrs: k.Attrs, Token: k.Token,
		Issued: fromNanos(k.Issued), Connected: fromNanos(k.Connected), Address: k.Address, Node: k.Node}
	if k.Info != "" {
		r.Info = json.RawMessage(k.Info)
	}
	return r
}

func (s *session) encode() string {
	if s.raw == "" {
		k := keepRecord(&s.SessionRecord)
		k.Lease, k.Generation, k.Since = s.lease, s.generation, s.since
		s.raw = plainJSON(k)
	}
	return s.raw
}

// plainJSON is JSON without escapes for HTML. Values are of kinds that can always be encoded.
func plainJSON(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// parseUser reads a user's hash. What it does not understand it passes over, and so forgets with the next write of that field.
func parseUser(name string, fields map[string]string, now int64) *user {
	u := &user{name: name, version: fields[fieldVersion], came: fields[fieldCame], info: fields[fieldInfo],
		online: fields[fieldOnline] != "", erased: fields[fieldErased] != "", fields: fields}
	u.clock, u.seen = integer(fields[fieldClock]), integer(fields[fieldSeen])
	if kept := fields[fieldRevoked]; kept != "" {
		u.revoked = parseRevocations(name, kept)
	}
	u.fences = parseFences(fields[fieldFences], now)
	for field, value := range fields {
		switch {
		case strings.HasPrefix(field, fieldSession):
			if s := parseSession(name, field[len(fieldSession):], value); s != nil {
				s.rooms = strings.Fields(fields[fieldRooms+s.ID])
				u.sessions = append(u.sessions, s)
			}
		case strings.HasPrefix(field, fieldEnded):
			why, until, _ := strings.Cut(value, " ")
			if e := (ended{hubbub.EndReason(why), integer(until)}); e.until > now {
				u.bury(field[len(fieldEnded):], e)
			}
		}
	}
	u.sort()
	return u
}

func parseSession(user, id, value string) *session {
	var k keptSession
	if json.Unmarshal([]byte(value), &k) != nil {
		return nil
	}
	return &session{SessionRecord: k.record(user, id), lease: k.Lease, generation: k.Generation, since: k.Since, raw: value}
}

func (u *user) sort() {
	slices.SortFunc(u.sessions, func(a, b *session) int {
		if a.generation != b.generation {
			return int(min(max(a.generation-b.generation, -1), 1))
		}
		return strings.Compare(a.ID, b.ID)
	})
}

func (u *user) bury(id string, e ended) {
	if u.ended == nil {
		u.ended = make(map[string]ended, 1)
	}
	u.ended[id] = e
	if len(u.ended) <= mostEnded {
		return
	}
	oldest := id
	for other, o := range u.ended {
		if o.until < u.ended[oldest].until || o.until == u.ended[oldest].until && other < oldest {
			oldest = other
		}
	}
	delete(u.ended, oldest)
}

// encode makes the fields of the user's hash, but for the version and the clock.
func (u *user) encode() map[string]string {
	fields := make(map[string]string, 4+2*len(u.sessions)+len(u.ended))
	set := func(field, value string) {
		if value != "" {
			fields[field] = value
		}
	}
	set(fieldCame, u.came)
	set(fieldInfo, u.info)
	if u.online {
		set(fieldOnline, fieldIsSet)
	}
	if u.erased {
		set(fieldErased, fieldIsSet)
	}
	if u.seen != 0 {
		set(fieldSeen, strconv.FormatInt(u.seen, 10))
	}
	if len(u.revoked) > 0 {
		set(fieldRevoked, encodeRevocations(u.revoked))
	}
	if len(u.fences) > 0 {
		set(fieldFences, plainJSON(u.fences))
	}
	for _, s := range u.sessions {
		set(fieldSession+s.ID, s.encode())
		set(fieldRooms+s.ID, strings.Join(s.rooms, roomSeparator))
	}
	for id, e := range u.ended {
		set(fieldEnded+id, string(e.why)+" "+strconv.FormatInt(e.until, 10))
	}
	return fields
}

// session returns a session of a user, nil if there is none.
func (u *user) session(id string) *session {
	for _, s := range u.sessions {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// tick returns the next value of the user's clock.
func (u *user) tick(now int64) int64 {
	u.clock = max(u.clock+1, now)
	return u.clock
}

func integer(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// millis is a time as scripts and scores have it, 0 for none.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
