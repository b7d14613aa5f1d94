package drivertest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hubbub-dev/hubbub"
)

// inboxModel is what a store should know of notices, written down as plainly as possible.
type inboxModel struct {
	d        *desk
	run      int                 // of the model; it is in all names, since runs share a store
	all      []*publicationModel // in the order of acceptance
	keys     map[string]*publicationModel
	members  map[string]bool // of the room
	made     map[string]map[*publicationModel]hubbub.NoticeState
	marks    map[string]map[hubbub.Watermark]uint64
	live     []*publicationModel // announcements, in the order in which they were published
	revision uint64
	changed  bool // the announcements, since the revision was read
}

type publicationModel struct {
	hubbub.Publication
	number  int
	keyed   time.Time // when the key was used
	waits   bool
	gone    bool // withdrawn or expired
	seq     uint64
	notices map[string]hubbub.NoticeState // by user
}

// modelInboxes does anything in any order with the inboxes of a few users, and compares with the model. The runs share a store
// as long as they succeed, since to make one takes long; each leaves it empty.
func modelInboxes(t *testing.T, store func(*testing.T, *Clock) Inboxes) {
	var clock *Clock
	var shared Inboxes
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		if shared == nil {
			clock = NewClock()
			shared = store(t, clock)
		}
		runs++
		m := &inboxModel{
			d: &desk{base: base{rt, clock}, store: shared}, run: runs, keys: map[string]*publicationModel{}, members: map[string]bool{},
			made: map[string]map[*publicationModel]hubbub.NoticeState{}, marks: map[string]map[hubbub.Watermark]uint64{},
		}
		shared = nil
		_, m.revision = m.d.announced()
		rt.Repeat(map[string]func(*rapid.T){
			"publish":  m.publish,
			"repeat":   m.repeat,
			"deliver":  func(*rapid.T) { m.deliver() },
			"mark":     m.mark,
			"announce": m.markAnnouncements,
			"withdraw": m.withdraw,
			"expire":   func(rt *rapid.T) { m.expire(rapid.SampledFrom([]int{1, 2, 3, 100}).Draw(rt, "limit")) },
			"pass":     m.pass,
			"member":   m.member,
			"list":     m.list,
			"":         func(*rapid.T) { m.compare() },
		})
		for _, p := range m.all {
			m.withdrawOne(p)
		}
		m.compare()
		shared = m.d.store
	})
}

func (m *inboxModel) users() []string {
	return []string{fmt.Sprint("ann", m.run), fmt.Sprint("bob", m.run), fmt.Sprint("cid", m.run)}
}

func (m *inboxModel) room() string { return fmt.Sprint("room", m.run) }

// compare fails the test unless each inbox is that of the model.
func (m *inboxModel) compare() {
	for _, user := range m.users() {
		got := recount(m.d, m.d.store, user)
		want := m.notices(user, hubbub.NoticeQuery{States: everyState()})
		if !slices.EqualFunc(got, want, sameState) {
			m.d.Fatalf("%s has %+v, want %+v", user, got, want)
		}
		box := m.d.inbox(user)
		made := map[string]hubbub.NoticeState{}
		for p, state := range m.made[user] {
			made[p.ID] = state
		}
		if !maps.Equal(box.Made, made) || !maps.Equal(m.d.watermarksOf(user), m.marks[user]) {
			m.d.Fatalf("%s has made %v, %v, want %v, %v", user, box.Made, box.Marks, made, m.marks[user])
		}
	}
	var ids []string
	for _, p := range m.live {
		ids = append(ids, p.ID)
	}
	list, revision := m.d.announced(ids...)
	if revision < m.revision || m.changed != (revision > m.revision) {
		m.d.Fatalf("the revision is %d after %d, and the announcements have changed: %v", revision, m.revision, m.changed)
	}
	m.revision, m.changed = revision, false
	for i, p := range m.live {
		p.seq = list[i].Seq
	}
}

func sameState(a, b hubbub.Notice) bool {
	return a.ID == b.ID && a.State == b.State && a.Time.Equal(b.Time) && a.Title == b.Title && a.Category == b.Category
}

// notices selects from a user's notices.
func (m *inboxModel) notices(user string, q hubbub.NoticeQuery) []hubbub.Notice {
	var all []hubbub.Notice
	for _, p := range m.all {
		state, has := p.notices[user]
		if has && slices.Contains(q.States, state) && (q.Category == "" || q.Category == p.Content.Category) &&
			(q.IDs == nil || slices.Contains(q.IDs, p.ID)) {
			all = append(all, hubbub.Notice{ID: p.ID, NoticeContent: p.Content, Time: p.Time, State: state})
		}
	}
	slices.SortFunc(all, newestFirst)
	return all
}

// older tells whether p gives way to other if they collapse.
func (p *publicationModel) older(other *publicationModel) bool {
	return cmp.Or(p.Time.Compare(other.Time), cmp.Compare(p.number, other.number)) < 0
}

func (p *publicationModel) expired(now time.Time) bool {
	return !p.Expires.IsZero() && !p.Expires.After(now)
}

// reach delivers a publication, and returns who gets it.
func (m *inboxModel) reach(p *publicationModel) (users []string) {
	p.waits = false
	if p.To.Audience != nil {
		m.announce(p)
		return nil
	}
	for _, user := range m.users() {
		if p.To.Room != "" && !m.members[user] || p.To.Room == "" && !slices.Contains(p.To.Users, user) {
			continue
		}
		i := slices.IndexFunc(m.all, func(o *publicationModel) bool {
			_, has := o.notices[user]
			return has && p.Collapse != "" && o.Collapse == p.Collapse
		})
		if i >= 0 && p.older(m.all[i]) {
			continue
		}
		if i >= 0 {
			delete(m.all[i].notices, user)
		}
		p.notices[user] = hubbub.NoticeUnseen
		users = append(users, user)
	}
	return users
}

func (m *inboxModel) announce(p *publicationModel) {
	i := slices.IndexFunc(m.live, func(o *publicationModel) bool { return p.Collapse != "" && o.Collapse == p.Collapse })
	if i >= 0 && p.older(m.live[i]) {
		p.gone = true
		return
	}
	if i >= 0 {
		m.remove(m.live[i])
	}
	m.live, m.changed = append(m.live, p), true
}

// remove removes a publication and returns who has lost a notice.
func (m *inboxModel) remove(p *publicationModel) []string {
	users := slices.Sorted(maps.Keys(p.notices))
	p.gone, p.waits, p.notices = true, false, map[string]hubbub.NoticeState{}
	if i := slices.Index(m.live, p); i >= 0 {
		m.live, m.changed = slices.Delete(m.live, i, i+1), true
		for _, made := range m.made {
			delete(made, p)
		}
	}
	return users
}
