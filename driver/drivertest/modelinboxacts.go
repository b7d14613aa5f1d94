package drivertest

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/hubbub-dev/hubbub"
)

func (m *inboxModel) publish(rt *rapid.T) {
	now := m.d.clock.Now()
	p := &publicationModel{number: len(m.all), notices: map[string]hubbub.NoticeState{}}
	p.Publication = hubbub.Publication{
		ID:       fmt.Sprintf("%d-%d-%d", m.run, rapid.IntRange(0, 9).Draw(rt, "order"), p.number),
		Content:  hubbub.NoticeContent{Category: rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "category"), Title: fmt.Sprint(p.number)},
		Collapse: rapid.SampledFrom([]string{"", "", "x", "y"}).Draw(rt, "collapse"),
		Key:      rapid.SampledFrom([]string{"", "", "", "k", "l"}).Draw(rt, "key"),
		Author:   fmt.Sprint("author", m.run),
		Time:     now.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 0, -5, 1, 30, 90}).Draw(rt, "delay")) * time.Second),
	}
	if life := rapid.SampledFrom([]int{-1, -1, 0, 20, 60, 200}).Draw(rt, "life"); life >= 0 {
		p.Expires = now.Add(time.Duration(life) * time.Second)
	}
	switch rapid.IntRange(0, 4).Draw(rt, "to") {
	case 0:
		p.To.Room = m.room()
	case 1:
		p.To.Audience = &hubbub.Audiences{}
	default:
		p.To.Users = rapid.SliceOfN(rapid.SampledFrom(m.users()), 1, 4).Draw(rt, "users")
	}
	if known := m.keys[p.Key]; known != nil && now.Sub(known.keyed) <= hubbub.NoticeKeyLife {
		_, err := m.d.store.Publish(m.d.Context(), p.Publication)
		m.d.refused(err, hubbub.Conflict)
		return
	} else if known != nil {
		m.expire(100) // the key may be known until then
	}
	m.accept(p)
}

// accept publishes what must be accepted.
func (m *inboxModel) accept(p *publicationModel) {
	now := m.d.clock.Now()
	m.all = append(m.all, p)
	if p.Key != "" {
		m.keys[p.Key], p.keyed = p, now
	}
	p.waits = true
	step := m.d.publish(p.Publication)
	var want []string
	if !p.Time.After(now) && !p.expired(now) {
		want = m.reach(p)
	}
	m.stepped(p, step, want)
	if step.Repeated {
		m.d.Fatalf("%s is taken for a repetition", p.ID)
	}
}

// stepped fails the test unless a publication was delivered in one step, to users.
func (m *inboxModel) stepped(p *publicationModel, step hubbub.Step, users []string) {
	published := slices.Contains(m.live, p)
	slices.Sort(step.Users)
	if !slices.Equal(step.Users, users) || step.More || published != (step.Revision > m.revision) || !published && step.Revision != 0 {
		m.d.Fatalf("the step of %s is %+v, want the users %v, announced: %v", p.ID, step, users, published)
	}
}

func (m *inboxModel) repeat(rt *rapid.T) {
	known := m.keys[rapid.SampledFrom([]string{"k", "l"}).Draw(rt, "key")]
	if known == nil || m.d.clock.Now().Sub(known.keyed) > hubbub.NoticeKeyLife {
		return
	}
	again := known.Publication
	again.ID, again.Time = "again", m.d.clock.Now()
	step := m.d.publish(again)
	if !step.Repeated || step.Users != nil || step.Revision != 0 || step.More {
		m.d.Fatalf("the repetition is %+v", step)
	}
	m.d.samePublication(step.Publication, known.Publication)
}

func (m *inboxModel) deliver() {
	now := m.d.clock.Now()
	var due []*publicationModel
	for _, p := range m.all {
		if p.waits && !p.Time.After(now) && !p.expired(now) {
			due = append(due, p)
		}
	}
	slices.SortStableFunc(due, func(a, b *publicationModel) int { return a.Time.Compare(b.Time) })
	var want []string
	for _, p := range due {
		want = append(want, p.ID)
	}
	if got := m.d.due(); !slices.Equal(got, want) {
		m.d.Fatalf("due are %v, want %v", got, want)
	}
	for _, p := range due {
		users := m.reach(p)
		step := m.d.deliver(p.ID)
		m.stepped(p, step, users)
		m.d.samePublication(step.Publication, p.Publication)
	}
}

func (m *inboxModel) mark(rt *rapid.T) {
	user := rapid.SampledFrom(m.users()).Draw(rt, "user")
	mark := hubbub.NoticeMark{
		State:    rapid.SampledFrom(everyState()[1:]).Draw(rt, "state"),
		Category: rapid.SampledFrom([]string{"", "a", "b"}).Draw(rt, "category"),
		Limit:    rapid.SampledFrom([]int{1, 2, 1000}).Draw(rt, "limit"),
	}
	mark.Back = mark.State == hubbub.NoticeSeen && rapid.Bool().Draw(rt, "back")
	if rapid.Bool().Draw(rt, "until") {
		mark.Until = m.d.clock.Now().Add(-time.Duration(rapid.IntRange(0, 60).Draw(rt, "ago")) * time.Second)
	}
	if len(m.all) > 0 && rapid.Bool().Draw(rt, "named") {
		for _, p := range rapid.SliceOfN(rapid.SampledFrom(m.all), 1, 5).Draw(rt, "ids") {
			mark.IDs = append(mark.IDs, p.ID)
		}
	}
	want := 0
	for _, p := range m.all {
		if p.marked(user, mark) {
			p.notices[user] = mark.State
			want++
		}
	}
	changed := 0
	for more := true; more; {
		n, again, err := m.d.store.MarkNotices(m.d.Context(), user, mark)
		m.d.must(err)
		changed, more = changed+n, again
		if n > mark.Limit || more && n < mark.Limit {
			m.d.Fatalf("%+v changes %d, and tells that there are more: %v", mark, n, more)
		}
	}
	if changed != want {
		m.d.Fatalf("%+v has changed %d, want %d", mark, changed, want)
	}
}

// marked tells whether a mark changes a user's notice.
func (p *publicationModel) marked(user string, mark hubbub.NoticeMark) bool {
	state, has := p.notices[user]
	if !has || mark.Category != "" && mark.Category != p.Content.Category || mark.IDs != nil && !slices.Contains(mark.IDs, p.ID) ||
		!mark.Until.IsZero() && p.Time.After(mark.Until) {
		return false
	}
	if mark.Back {
		return state == hubbub.NoticeRead || state == hubbub.NoticeArchived && mark.IDs != nil
	}
	return rank(state) < rank(mark.State)
}

func rank(state hubbub.NoticeState) int { return slices.Index(everyState(), state) }

func (m *inboxModel) markAnnouncements(rt *rapid.T) {
	user := rapid.SampledFrom(m.users()).Draw(rt, "user")
	if m.made[user] == nil {
		m.made[user], m.marks[user] = map[*publicationModel]hubbub.NoticeState{}, map[hubbub.Watermark]uint64{}
	}
	if len(m.live) == 0 {
		return
	}
	mark := hubbub.AnnouncementMark{Made: map[string]hubbub.NoticeState{}}
	if rapid.Bool().Draw(rt, "raise") {
		w := hubbub.Watermark{
			Category: rapid.SampledFrom([]string{"", "a", "b"}).Draw(rt, "category"),
			State:    rapid.SampledFrom(everyState()[1:]).Draw(rt, "state"), Seq: rapid.SampledFrom(m.live).Draw(rt, "up to").seq,
		}
		mark.Up = &w
		key := hubbub.Watermark{Category: w.Category, State: w.State}
		m.marks[user][key] = max(m.marks[user][key], w.Seq)
		for p, state := range m.made[user] {
			if p.seq <= w.Seq && rank(state) < rank(w.State) && (w.Category == "" || w.Category == p.Content.Category) {
				delete(m.made[user], p)
			}
		}
	}
	for _, p := range rapid.SliceOfN(rapid.SampledFrom(m.all), 0, 3).Draw(rt, "made") {
		state := rapid.SampledFrom(everyState()).Draw(rt, "state")
		mark.Made[p.ID] = state
		if slices.Contains(m.live, p) {
			m.made[user][p] = state
		}
	}
	m.d.must(m.d.store.MarkAnnouncements(m.d.Context(), user, mark))
}

func (m *inboxModel) withdraw(rt *rapid.T) {
	if len(m.all) > 0 {
		m.withdrawOne(rapid.SampledFrom(m.all).Draw(rt, "publication"))
	}
}

func (m *inboxModel) withdrawOne(p *publicationModel) {
	if !p.waits && len(p.notices) == 0 && !slices.Contains(m.live, p) {
		gone, err := m.d.store.Withdraw(m.d.Context(), p.ID)
		if err != nil {
			m.d.refused(err, hubbub.NotFound)
		}
		if gone.Users != nil || gone.Revision != 0 {
			m.d.Fatalf("of %s nothing was left, but withdrawn was %+v", p.ID, gone)
		}
		return
	}
	live := slices.Contains(m.live, p)
	want := m.remove(p)
	users, revision := m.d.withdraw(p.ID)
	if !slices.Equal(users, want) || live != (revision > m.revision) || live != slices.Equal(m.d.ended, []string{p.ID}) {
		m.d.Fatalf("%s is withdrawn from %v with the revision %d, want %v", p.ID, users, revision, want)
	}
	m.d.refusedWithdraw(p.ID)
}

// refusedWithdraw fails the test unless there is nothing to withdraw.
func (d *desk) refusedWithdraw(id string) {
	d.Helper()
	_, err := d.store.Withdraw(d.Context(), id)
	d.refused(err, hubbub.NotFound)
}

func (m *inboxModel) expire(limit int) {
	now := m.d.clock.Now()
	var want []string
	var ended []string
	for _, p := range m.all {
		if p.expired(now) && !p.gone {
			if slices.Contains(m.live, p) {
				ended = append(ended, p.ID)
			}
			want = append(want, m.remove(p)...)
		}
		if p.Key != "" && m.keys[p.Key] == p && now.Sub(p.keyed) > hubbub.NoticeKeyLife {
			delete(m.keys, p.Key)
		}
	}
	slices.Sort(want)
	users, revision := m.d.expire(limit)
	slices.Sort(ended)
	slices.Sort(m.d.ended)
	if !slices.Equal(users, slices.Compact(want)) || (ended != nil) != (revision > m.revision) || !slices.Equal(m.d.ended, ended) {
		m.d.Fatalf("expired for %v with the revision %d after %d, want %v", users, revision, m.revision, want)
	}
}

func (m *inboxModel) pass(rt *rapid.T) {
	d := time.Duration(rapid.IntRange(0, 120_000).Draw(rt, "ms")) * time.Millisecond
	if rapid.IntRange(0, 9).Draw(rt, "long") == 9 {
		d = hubbub.NoticeKeyLife + time.Minute
	}
	m.d.clock.Advance(d)
}

func (m *inboxModel) member(rt *rapid.T) {
	user := rapid.SampledFrom(m.users()).Draw(rt, "user")
	if m.members[user] = !m.members[user]; m.members[user] {
		m.d.member(m.room(), user)
		return
	}
	_, err := m.d.store.RemoveMember(m.d.Context(), m.room(), user)
	m.d.must(err)
}

func (m *inboxModel) list(rt *rapid.T) {
	user := rapid.SampledFrom(m.users()).Draw(rt, "user")
	q := hubbub.NoticeQuery{
		Category: rapid.SampledFrom([]string{"", "a", "b"}).Draw(rt, "category"),
		States:   rapid.SliceOfN(rapid.SampledFrom(everyState()), 1, 4).Draw(rt, "states"),
		Limit:    rapid.IntRange(1, 4).Draw(rt, "limit"),
	}
	if len(m.all) > 0 && rapid.IntRange(0, 3).Draw(rt, "named") == 0 {
		q.IDs = []string{}
		for _, p := range rapid.SliceOfN(rapid.SampledFrom(m.all), 0, 5).Draw(rt, "ids") {
			q.IDs = append(q.IDs, p.ID)
		}
	}
	if got, want := listAll(m.d, m.d.store, user, q), m.notices(user, q); !slices.EqualFunc(got, want, sameState) {
		m.d.Fatalf("%s has of %+v %+v, want %+v", user, q, got, want)
	}
}
