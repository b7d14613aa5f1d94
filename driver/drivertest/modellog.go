package drivertest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hubbub-dev/hubbub"
)

// logModel is what a stream should be: all messages that ever had a position, and from where on they are kept.
type logModel struct {
	r      *streamRig
	stream hubbub.Stream

	all       []hubbub.Message
	from      int // all[from:] is kept
	retention hubbub.Retention
	keys      map[string]keyModel
	next      int // what the next message says
}

type keyModel struct {
	used    time.Time
	says    int
	message hubbub.Message
}

// modelLog does anything in any order with two streams, and compares with the models. All goes of runs of one driver are with
// streams of their own.
func modelLog(t *testing.T, rig func(*testing.T, *Clock) *streamRig) {
	t.Run("model of a log", func(t *testing.T) {
		under, runs := rig(t, NewClock()), 0
		rapid.Check(t, func(rt *rapid.T) {
			runs++
			under.tb = rt
			doAnything(rt, under, runs)
		})
	})
}

func doAnything(rt *rapid.T, r *streamRig, run int) {
	models := []*logModel{
		{r: r, stream: hubbub.RoomStream(fmt.Sprint("lobby", run)), keys: map[string]keyModel{}},
		{r: r, stream: hubbub.PairStream("ann", fmt.Sprint("bob", run)), keys: map[string]keyModel{}},
	}
	one := func(rt *rapid.T) *logModel { return rapid.SampledFrom(models).Draw(rt, "stream") }
	rt.Repeat(map[string]func(*rapid.T){
		"append": func(rt *rapid.T) { one(rt).append(rt) },
		"burst":  func(rt *rapid.T) { one(rt).burst(rt) },
		"repeat": func(rt *rapid.T) { one(rt).repeat(rt) },
		"after":  func(rt *rapid.T) { one(rt).after(rt) },
		"before": func(rt *rapid.T) { one(rt).before(rt) },
		"trim":   func(*rapid.T) { r.trim() },
		"pass": func(rt *rapid.T) {
			r.clock.Advance(time.Duration(rapid.IntRange(0, 120_000).Draw(rt, "ms")) * time.Millisecond)
		},
		"": func(*rapid.T) {
			for _, m := range models {
				m.expire()
				r.expect(r.after(m.stream, hubbub.Position{}, 1000), false, true, says(m.all[m.from:])...)
			}
		},
	})
}

func says(messages []hubbub.Message) []int { return numbers(hubbub.Page{Messages: messages}) }

// expire drops what is too old.
func (m *logModel) expire() {
	now := m.r.clock.Now()
	for m.retention.Age > 0 && m.from < len(m.all) && now.Sub(m.all[m.from].Time) > m.retention.Age {
		m.from++
	}
}

// crowded tells whether more is kept than may be.
func (m *logModel) crowded() bool {
	bytes := 0
	for _, message := range m.all[m.from:] {
		bytes += len(message.Data)
	}
	return m.retention.Messages > 0 && len(m.all)-m.from > m.retention.Messages ||
		m.retention.Bytes > 0 && bytes > m.retention.Bytes
}

// modelRetentions are what the models keep.
var modelRetentions = []hubbub.Retention{
	{}, {Messages: 1}, {Messages: 5}, {Messages: 20}, {Bytes: 9}, {Bytes: 40}, {Age: time.Minute}, {Messages: 7, Bytes: 12, Age: time.Hour},
	{Messages: -1},
}

func (m *logModel) append(rt *rapid.T) {
	m.next++
	d := m.r.draft(m.stream, m.next)
	d.Retention = rapid.SampledFrom(modelRetentions).Draw(rt, "keep")
	d.Key = rapid.SampledFrom([]string{"", "", "a", "b", "c"}).Draw(rt, "key")
	known, used := m.keys[d.Key]
	switch {
	case used && m.r.clock.Now().Sub(known.used) > hubbub.KeyLife:
		m.r.trim() // the key may be known until then
	case used:
		_, err := m.r.Append(m.r.Context(), d)
		m.r.refused(err, hubbub.Conflict)
		return
	}
	a := m.r.append(d)
	m.accepted(d, a)
}

// accepted does to the model what a new message should do to the stream.
func (m *logModel) accepted(d hubbub.Draft, a hubbub.Appended) {
	want := hubbub.Appended{}
	if m.retention.Age != d.Retention.Age {
		m.expire() // by the age that held until now
	}
	if m.retention = d.Retention; m.retention.Messages < 0 {
		m.from = len(m.all)
	} else {
		if len(m.all) > 0 {
			want.Previous = m.all[len(m.all)-1].Position.Offset
		}
		if p := a.Message.Position; p.Offset <= want.Previous || len(m.all) > 0 && p.Epoch != m.all[0].Position.Epoch {
			m.r.Fatalf("appended at %v after %d", p, want.Previous)
		}
		m.all = append(m.all, a.Message)
		for m.crowded() {
			m.from++
		}
		d.Message.Position = a.Message.Position
	}
	if a.Repeated || a.Previous != want.Previous {
		m.r.Fatalf("appended %+v, want it after %d", a, want.Previous)
	}
	m.r.same(a.Message, d.Message)
	if d.Key != "" {
		m.keys[d.Key] = keyModel{m.r.clock.Now(), says([]hubbub.Message{a.Message})[0], a.Message}
	}
}

// repeat appends a message with a known key again.
func (m *logModel) repeat(rt *rapid.T) {
	key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "key")
	known, used := m.keys[key]
	if !used || m.r.clock.Now().Sub(known.used) > hubbub.KeyLife {
		return
	}
	a := m.r.append(m.repetition(key, known))
	if !a.Repeated {
		m.r.Fatalf("the key %q is not known", key)
	}
	m.r.same(a.Message, known.message)
}

// repetition is a draft with a known key.
func (m *logModel) repetition(key string, known keyModel) hubbub.Draft {
	d := m.r.draft(m.stream, known.says)
	d.Message.ID, d.Message.From, d.Key, d.Retention = "again", known.message.From, key, hubbub.Retention{Messages: 1}
	return d
}

// place draws a position: of any message that ever was, or none. i is its index in all, -1 for none.
func (m *logModel) place(rt *rapid.T) (i int, p hubbub.Position) {
	if i = rapid.IntRange(-1, len(m.all)-1).Draw(rt, "at"); i >= 0 {
		p = m.all[i].Position
	}
	return i, p
}

func (m *logModel) after(rt *rapid.T) {
	i, p := m.place(rt)
	m.readAfter(i, p, rapid.IntRange(0, 30).Draw(rt, "limit"))
}

func (m *logModel) readAfter(i int, p hubbub.Position, limit int) {
	begin := max(m.from, i+1)
	page := m.r.after(m.stream, p, limit)
	m.compare(page, begin, min(begin+limit, len(m.all)), i < 0 || m.from <= i+1)
	if page.More != (begin+limit < len(m.all)) {
		m.r.Fatalf("after %v and %d messages there are more: %v", p, limit, page.More)
	}
}

func (m *logModel) before(rt *rapid.T) {
	i, p := m.place(rt)
	m.readBefore(i, p, rapid.IntRange(0, 30).Draw(rt, "limit"))
}

func (m *logModel) readBefore(i int, p hubbub.Position, limit int) {
	end := len(m.all)
	if i >= 0 {
		end = max(i, m.from)
	}
	page := m.r.before(m.stream, p, limit)
	m.compare(page, max(m.from, end-limit), end, i <= 0 || m.from < i)
	if page.More != (end-limit > m.from) {
		m.r.Fatalf("before %v and %d messages there are more: %v", p, limit, page.More)
	}
}

// compare fails the test unless a page has the messages with the indexes from begin to before end.
func (m *logModel) compare(page hubbub.Page, begin, end int, complete bool) {
	want := m.all[begin:end]
	if !slices.Equal(numbers(page), says(want)) || page.Complete != complete {
		m.r.Fatalf("the page is %v, complete: %v; want %v, %v", numbers(page), page.Complete, says(want), complete)
	}
	for i, message := range page.Messages {
		m.r.same(message, want[i])
	}
	if len(m.all) > 0 && page.Head != m.all[len(m.all)-1].Position {
		m.r.Fatalf("the head is %v, want %v", page.Head, m.all[len(m.all)-1].Position)
	}
	if page.Head.Epoch == "" {
		m.r.Fatalf("%s has no epoch", fmt.Sprint(m.stream))
	}
}
