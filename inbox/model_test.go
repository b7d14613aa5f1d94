package inbox_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/inbox"
)

// TestInboxesAreThoseOfAModel publishes and marks at random, and compares with a model that keeps for each user the state of each
// notice.
func TestInboxesAreThoseOfAModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWorld(t, time.Now, nil)
		w.Start()
		defer func() {
			if err := w.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		round := 0
		rapid.Check(timeless{t}, func(rt *rapid.T) {
			round++
			m := newModel(w, round)
			defer m.empty()
			m.arrive(rt)
			rt.Repeat(map[string]func(*rapid.T){
				"arrive": m.arrive, "publish": m.publish, "mark": m.mark, "withdraw": m.withdraw, "pass": m.pass, "": m.check,
			})
		})
	})
}

// timeless is a test in a bubble of synctest, in which its deadline must not be asked for.
type timeless struct{ rapid.TB }

// model is what inboxes should be.
type model struct {
	w         *world
	names     []string
	users     map[string]*modelUser
	all       []*modelNotice
	announced int // how many announcements there were
}

type modelUser struct {
	arrived bool
	plan    string
	since   int // announcements that there had been at the first sign-in
}

type modelNotice struct {
	hubbub.Publication
	published bool
	number    int // of an announcement; 0 for others
	states    map[string]hubbub.NoticeState
}

// newModel makes a model with users who were never in the world before.
func newModel(w *world, round int) *model {
	m := &model{w: w, users: make(map[string]*modelUser)}
	for _, name := range []string{"ann", "bob", "cay"} {
		name += fmt.Sprint(round)
		m.names = append(m.names, name)
		m.users[name] = &modelUser{}
	}
	return m
}

// empty leaves nothing for those who come next.
func (m *model) empty() {
	for _, n := range m.all {
		if err := m.w.Withdraw(m.w.ctx, n.ID); err != nil && hubbub.AsError(err).Reason != hubbub.NotFound {
			m.w.outer.Error(err)
		}
	}
}

// of tells whether a user has a notice.
func (m *model) of(user string, n *modelNotice) bool {
	if !n.published || n.To.Audience == nil {
		return n.published && slices.Contains(n.To.Users, user)
	}
	u := m.users[user]
	since := u.since
	if !u.arrived {
		since = m.announced
	}
	plan, picky := n.To.Audience.Attrs["plan"]
	return (n.number > since || n.To.Audience.Newcomers) && (!picky || plan == u.plan)
}

func (n *modelNotice) state(user string) hubbub.NoticeState {
	return cmp.Or(n.states[user], hubbub.NoticeUnseen)
}

func (m *model) anyUser(rt *rapid.T) string { return rapid.SampledFrom(m.names).Draw(rt, "user") }

func anyCategory(rt *rapid.T) string {
	return rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "category")
}

func anyPlan(rt *rapid.T) string { return rapid.SampledFrom([]string{"free", "pro"}).Draw(rt, "plan") }

func (m *model) arrive(rt *rapid.T) {
	name := m.anyUser(rt)
	u := m.users[name]
	if !u.arrived {
		*u = modelUser{arrived: true, plan: anyPlan(rt), since: m.announced}
	}
	m.w.arrive(name, "plan="+u.plan)
}

func (m *model) publish(rt *rapid.T) {
	p := hubbub.Publication{Content: hubbub.NoticeContent{Category: anyCategory(rt), Title: "t"}}
	if rapid.Bool().Draw(rt, "announcement") {
		p.To = everybody()
		p.To.Audience.Newcomers = rapid.Bool().Draw(rt, "newcomers")
		if rapid.Bool().Draw(rt, "picky") {
			p.To.Audience.Attrs = map[string]string{"plan": anyPlan(rt)}
		}
	} else {
		p.To.Users = rapid.SliceOfNDistinct(rapid.SampledFrom(m.names), 1, 3, rapid.ID).Draw(rt, "users")
	}
	at := time.Now().Truncate(time.Millisecond)
	switch rapid.IntRange(0, 3).Draw(rt, "kind") {
	case 0:
		p.Collapse = "c"
	case 1:
		p.Time = at.Add(time.Duration(rapid.IntRange(1, 4).Draw(rt, "after")) * time.Second)
	case 2:
		p.Expires = at.Add(time.Duration(rapid.IntRange(1, 4).Draw(rt, "for")) * time.Second)
	}
	out, err := m.w.Publish(m.w.ctx, p)
	if err != nil {
		rt.Fatal(err)
	}
	p.ID, p.Time = out.ID, out.Time
	n := &modelNotice{Publication: p, states: make(map[string]hubbub.NoticeState)}
	if !out.Scheduled {
		m.deliver(n)
	}
	m.all = append(m.all, n)
}

// deliver publishes a notice of the model, in place of the one with the same collapse.
func (m *model) deliver(n *modelNotice) {
	n.published = true
	if n.To.Audience != nil {
		m.announced++
		n.number = m.announced
	}
	for _, old := range m.all {
		if n.Collapse == "" || old == n || old.Collapse != n.Collapse || (old.To.Audience == nil) != (n.To.Audience == nil) {
			continue
		}
		old.To.Users = slices.DeleteFunc(slices.Clone(old.To.Users), func(u string) bool { return slices.Contains(n.To.Users, u) })
		if n.To.Audience != nil {
			old.published = false
		}
	}
}

func (m *model) withdraw(rt *rapid.T) {
	if len(m.all) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.all)-1).Draw(rt, "which")
	if err := m.w.Withdraw(m.w.ctx, m.all[i].ID); err != nil && hubbub.AsError(err).Reason != hubbub.NotFound {
		rt.Fatal(err)
	}
	m.all = slices.Delete(m.all, i, i+1)
}

// pass lets whole seconds pass. All that is due is due at a whole second, which is when the sweeper looks.
func (m *model) pass(rt *rapid.T) {
	for range rapid.IntRange(1, 3).Draw(rt, "seconds") {
		pass(time.Second)
		m.sweep()
	}
}

// sweep has happen in the model what is due, in the order of the times.
func (m *model) sweep() {
	now := time.Now()
	due := slices.SortedStableFunc(slices.Values(m.all), func(a, b *modelNotice) int { return a.Time.Compare(b.Time) })
	for _, n := range due {
		if !n.published && n.number == 0 && !n.Time.After(now) && n.Collapse == "" {
			m.deliver(n)
		}
	}
	m.all = slices.DeleteFunc(m.all, func(n *modelNotice) bool { return !n.Expires.IsZero() && !n.Expires.After(now) })
}

// mark marks a few times, since what marks make of each other is the hard part.
func (m *model) mark(rt *rapid.T) {
	user := m.anyUser(rt)
	for range rapid.IntRange(1, 4).Draw(rt, "marks") {
		if m.users[user].arrived { // who has not been here cannot mark
			m.markOnce(rt, user)
		}
	}
}

func (m *model) markOnce(rt *rapid.T, user string) {
	mark := inbox.Mark{State: rapid.SampledFrom([]string{"seen", "read", "unread", "archived"}).Draw(rt, "state")}
	switch rapid.IntRange(0, 2).Draw(rt, "by") {
	case 0:
		mark.All = true
	case 1:
		mark.Category = anyCategory(rt)
	case 2:
		mark.IDs = []string{"unknown"}
		for _, n := range m.all {
			if rapid.Bool().Draw(rt, "named") {
				mark.IDs = append(mark.IDs, n.ID)
			}
		}
	}
	if mark.IDs == nil && len(m.all) > 0 && rapid.Bool().Draw(rt, "limited") {
		mark.Until = rapid.SampledFrom(m.all).Draw(rt, "until").Time
	}
	want := 0
	for _, n := range m.all {
		if m.of(user, n) && n.mark(user, mark) {
			want++
		}
	}
	if got := m.w.mark(user, mark); got != want {
		rt.Errorf("%+v by %s has changed %d, want %d", mark, user, got, want)
	}
}

// mark tells whether the mark changes the notice of the user.
func (n *modelNotice) mark(user string, m inbox.Mark) bool {
	covered := m.All || m.Category == n.Content.Category || slices.Contains(m.IDs, n.ID)
	if !covered || !m.Until.IsZero() && n.Time.After(m.Until) {
		return false
	}
	order := []hubbub.NoticeState{hubbub.NoticeUnseen, hubbub.NoticeSeen, hubbub.NoticeRead, hubbub.NoticeArchived}
	from, to := slices.Index(order, n.state(user)), slices.Index(order, hubbub.NoticeState(m.State))
	if m.State == "unread" {
		if from != 2 && (from != 3 || m.IDs == nil) {
			return false
		}
		from, to = 0, 1
	}
	if from >= to {
		return false
	}
	n.states[user] = order[to]
	return true
}

// check looks at one user at a time: what is wrong with another stays wrong.
func (m *model) check(rt *rapid.T) {
	m.w.t = rt
	user := m.anyUser(rt)
	want := make(map[string]hubbub.NoticeState)
	for _, n := range m.all {
		if m.of(user, n) {
			want[n.ID] = n.state(user)
		}
	}
	got := make(map[string]hubbub.NoticeState)
	limit := rapid.IntRange(2, 10).Draw(rt, "limit")
	list := slices.Concat(m.w.all(user, inbox.Query{Limit: limit}), m.w.all(user, inbox.Query{State: "archived", Limit: limit}))
	for i, n := range list {
		if _, twice := got[n.ID]; twice {
			rt.Errorf("%s is listed twice for %s", n.ID, user)
		}
		got[n.ID] = n.State
		if i > 0 && n.State != "archived" && cmp.Or(list[i-1].Time.Compare(n.Time), strings.Compare(list[i-1].ID, n.ID)) < 0 {
			rt.Errorf("the list of %s is not in order: %s after %s", user, n.ID, list[i-1].ID)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		rt.Errorf("the inbox of %s is\n%v, want\n%v", user, got, want)
	}
	m.w.wantRecount(user)
}
