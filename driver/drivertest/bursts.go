package drivertest

import (
	"fmt"
	"sync"
	"time"

	"pgregory.net/rapid"

	"github.com/hubbub-dev/hubbub"
)

// burst appends messages in their order: without waiting for those before, if the driver is a [hubbub.Pipeline].
func (r *streamRig) burst(drafts []hubbub.Draft) ([]hubbub.Appended, []error) {
	appended, errs := make([]hubbub.Appended, len(drafts)), make([]error, len(drafts))
	pipeline, ok := r.streams.(hubbub.Pipeline)
	if !ok {
		for i, d := range drafts {
			appended[i], errs[i] = r.Append(r.Context(), d)
		}
		return appended, errs
	}
	var under sync.WaitGroup
	under.Add(len(drafts))
	for i, d := range drafts {
		pipeline.BeginPost(r.Context(), d, func(a hubbub.Appended, err error) {
			appended[i], errs[i] = a, err
			under.Done()
		})
	}
	under.Wait()
	return appended, errs
}

// burstSize draws how many messages come at once. Where each is waited for they are few.
func (r *streamRig) burstSize(rt *rapid.T) int {
	if _, ok := r.streams.(hubbub.Pipeline); ok {
		return rapid.IntRange(1, 30).Draw(rt, "burst")
	}
	return rapid.IntRange(1, 3).Draw(rt, "burst")
}

// burst appends many messages of two senders, some with keys, known or not.
func (m *logModel) burst(rt *rapid.T) {
	keep, from := rapid.SampledFrom(modelRetentions).Draw(rt, "keep"), "ann"
	drafts := make([]hubbub.Draft, m.r.burstSize(rt))
	again := map[int]keyModel{}
	for i := range drafts {
		switch rapid.IntRange(0, 11).Draw(rt, "turn") {
		case 0:
			from = rapid.SampledFrom([]string{"ann", "bob"}).Draw(rt, "from")
		case 1:
			m.r.clock.Advance(time.Millisecond)
		case 2:
			keep = rapid.SampledFrom(modelRetentions).Draw(rt, "keep")
		case 3:
			key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "key")
			if known, used := m.keys[key]; used && m.r.clock.Now().Sub(known.used) <= hubbub.KeyLife {
				drafts[i], again[i] = m.repetition(key, known), known
				drafts[i].Retention = keep
				continue
			}
		}
		m.next++
		drafts[i] = m.r.draft(m.stream, m.next)
		drafts[i].Message.From.User, drafts[i].Retention = from, keep
		if rapid.IntRange(0, 9).Draw(rt, "keyed") == 0 {
			drafts[i].Key = fmt.Sprint("once", m.next)
		}
	}
	appended, errs := m.r.burst(drafts)
	for i, d := range drafts {
		m.r.must(errs[i])
		if known, ok := again[i]; !ok {
			m.accepted(d, appended[i])
		} else if m.r.same(appended[i].Message, known.message); !appended[i].Repeated {
			m.r.Fatalf("the key %q is not known", d.Key)
		}
	}
}

// limits are what [cutBursts] keeps.
var limits = []hubbub.Retention{
	{}, {Messages: 1}, {Messages: 7}, {Messages: 23}, {Bytes: 1}, {Bytes: 20}, {Bytes: 51}, {Messages: 15, Bytes: 30}, {Age: time.Second},
	{Messages: 20, Bytes: 60, Age: time.Second}, {Messages: -1},
}

// cutBursts has limits go through messages that have come at once, and reads from everywhere as much as anybody could want.
func cutBursts(r *rig) {
	for i, keep := range limits {
		m := &logModel{r: &r.streamRig, stream: hubbub.RoomStream(fmt.Sprint("room", i)), keys: map[string]keyModel{}}
		m.speak(keep, []int{20})
		m.speak(keep, []int{1, 1, 3})
		m.speak(keep, []int{0, 15, 2, 5})
		m.readAll()
		m.speak(keep, []int{50, 1})
		m.readAll()
		for range 25 { // those of other milliseconds are past their age one after the other
			r.clock.Advance(time.Millisecond)
			m.expire()
			r.expect(r.after(m.stream, hubbub.Position{}, 1000), false, true, says(m.all[m.from:])...)
		}
		r.clock.Advance(time.Second - 30*time.Millisecond)
		for range 60 {
			r.clock.Advance(time.Millisecond)
			m.expire()
			r.expect(r.before(m.stream, hubbub.Position{}, 1000), false, true, says(m.all[m.from:])...)
		}
		m.speak(hubbub.Retention{Messages: 10}, []int{3, 4})
		m.readAll()
	}
}

// speak has ann and bob in turn say as many messages as runs has numbers, all at once. Some have keys, and each seventh is later than the one before.
func (m *logModel) speak(keep hubbub.Retention, runs []int) {
	m.r.Helper()
	var drafts []hubbub.Draft
	for turn, n := range runs {
		for range n {
			m.next++
			d := m.r.draft(m.stream, m.next)
			d.Message.From.User, d.Retention = []string{"ann", "bob"}[turn%2], keep
			if m.next%11 == 0 {
				d.Key, d.Author = fmt.Sprint("k", m.next), "user ann phone"
			}
			if drafts = append(drafts, d); m.next%7 == 0 {
				m.r.clock.Advance(time.Millisecond)
			}
		}
	}
	appended, errs := m.r.burst(drafts)
	for i, d := range drafts {
		m.r.must(errs[i])
		m.accepted(d, appended[i])
	}
	m.expire()
}

// readAll reads after and before each position of what is kept, and some before.
func (m *logModel) readAll() {
	m.r.Helper()
	for i := max(-1, m.from-4); i < len(m.all); i++ {
		var p hubbub.Position
		if i >= 0 {
			p = m.all[i].Position
		}
		for _, limit := range []int{0, 1, 2, 5, 17, 1000} {
			m.readAfter(i, p, limit)
			m.readBefore(i, p, limit)
		}
	}
}

// countBursts counts what is unread from each position on.
func countBursts(r *rig) {
	keep := hubbub.Retention{Messages: 31}
	m := &logModel{r: &r.streamRig, stream: lobby, keys: map[string]keyModel{}}
	m.speak(keep, []int{20, 6, 9, 1, 2, 8})
	for i, at := range m.all {
		r.read("bob", lobby, at.Position)
		unread := 0
		for _, later := range m.all[max(m.from, i+1):] {
			if later.From.User != "bob" {
				unread++
			}
		}
		c := r.talks("bob", 10)
		if len(c) != 1 || c[0].Unread != unread || c[0].Read != at.Position {
			r.Fatalf("of %d messages bob has read %d, and the conversations are %+v; want %d unread", len(m.all), i+1, c, unread)
		}
		r.same(c[0].Last, m.all[len(m.all)-1])
	}
}

// hearBursts publishes what comes at once, of two senders and with keys.
func hearBursts(r *rig) {
	for i, keep := range []hubbub.Retention{{}, {Messages: 3}, {Messages: -1}} {
		name := fmt.Sprint("heard", i)
		e, s := r.listen(inRoom(name)), hubbub.RoomStream(name)
		var drafts []hubbub.Draft
		for n := range 60 {
			d := r.draft(s, n)
			d.Message.From.User, d.Retention = []string{"ann", "ann", "ann", "bob"}[n/5%4], keep
			if n%13 == 5 {
				d.Key, d.Author = fmt.Sprint("k", n), "user ann phone"
			}
			drafts = append(drafts, d)
		}
		appended, errs := r.burst(drafts)
		posts := e.posted(len(drafts))
		for n := range drafts {
			r.must(errs[n])
			if posts[n].Previous != appended[n].Previous {
				r.Fatalf("post %d is said to come after %d, and was accepted after %d", n, posts[n].Previous, appended[n].Previous)
			}
			r.same(posts[n].Message, appended[n].Message)
			want := drafts[n].Message
			want.Position = appended[n].Message.Position
			r.same(appended[n].Message, want)
		}
	}
}
