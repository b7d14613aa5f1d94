package memory

import (
	"context"
	"slices"

	"github.com/hubbub-dev/hubbub"
)

// Append implements [hubbub.Log].
func (d *Driver) Append(_ context.Context, draft hubbub.Draft) (hubbub.Appended, error) {
	s, err := d.toAppend(&draft)
	if err != nil {
		return hubbub.Appended{}, err
	}
	defer s.mu.Unlock()
	return d.append(s, &draft)
}

// toAppend locks the stream of a draft. For one that may not be kept none is begun.
func (d *Driver) toAppend(draft *hubbub.Draft) (*stream, error) {
	if s := d.locked(draft.Message.Stream, false); s != nil {
		return s, nil
	}
	if draft.Retention.Messages >= 0 {
		if err := d.afford(&draft.Message); err != nil {
			return nil, err
		}
	}
	return d.locked(draft.Message.Stream, true), nil
}

// append accepts a message for a stream that is locked.
func (d *Driver) append(s *stream, draft *hubbub.Draft) (hubbub.Appended, error) {
	a, known, err := d.repeated(s, draft)
	if known {
		return a, err
	}
	if draft.Retention.Messages >= 0 {
		if err := d.afford(&draft.Message); err != nil {
			return hubbub.Appended{}, err
		}
	}
	s.retention = draft.Retention
	s.expire(s.used, -1)
	m := draft.Message
	m.Position = hubbub.Position{}
	a.Previous = s.head
	if s.retention.Messages < 0 {
		a.Previous = 0
		for s.kept.len() > 0 {
			s.drop()
		}
	} else {
		s.add(&m)
		s.newest = d.streams.kept.Add(1)
		d.takePart(s, &m)
	}
	a.Message = m
	d.remember(s, draft, &a)
	if draft.Accepted != nil {
		draft.Accepted(a)
	}
	return a, nil
}

// After implements [hubbub.Log].
func (d *Driver) After(_ context.Context, name hubbub.Stream, p hubbub.Position, limit int) (hubbub.Page, error) {
	s := d.locked(name, false)
	if s == nil {
		return d.nothing(name, p), nil
	}
	defer s.mu.Unlock()
	if p == (hubbub.Position{}) {
		p = s.position(s.before())
	}
	if !s.has(p) {
		return hubbub.Page{Head: s.position(s.head)}, nil
	}
	from := int(max(p.Offset, s.before()) - s.before())
	page := hubbub.Page{Head: s.position(s.head), Complete: p.Offset >= s.before()}
	page.Messages = roomFor(min(limit, s.kept.len()-from))
	for i := from; i < s.kept.len() && !page.More; i++ {
		s.addTo(&page, i, limit)
	}
	return page, nil
}

// Before implements [hubbub.Log].
func (d *Driver) Before(_ context.Context, name hubbub.Stream, p hubbub.Position, limit int) (hubbub.Page, error) {
	s := d.locked(name, false)
	if s == nil {
		return d.nothing(name, p), nil
	}
	defer s.mu.Unlock()
	last := s.head // the offset that the page ends with
	newest := p == (hubbub.Position{})
	if !newest && p.Epoch != s.epoch {
		return hubbub.Page{Head: s.position(s.head)}, nil
	}
	if !newest {
		last = min(max(p.Offset, 1)-1, s.head)
	}
	to := int(max(last, s.before()) - s.before())
	page := hubbub.Page{Head: s.position(s.head), Complete: newest || last == 0 || last > s.before()}
	page.Messages = roomFor(min(limit, to))
	for i := to - 1; i >= 0 && !page.More; i-- {
		s.addTo(&page, i, limit)
	}
	slices.Reverse(page.Messages)
	return page, nil
}

// roomFor returns room for messages; nil for none.
func roomFor(messages int) []hubbub.Message {
	if messages <= 0 {
		return nil
	}
	return make([]hubbub.Message, 0, messages)
}

// addTo adds the message at an index to a page, or notes that there are more than its limit.
func (s *stream) addTo(page *hubbub.Page, i, limit int) {
	m := *s.kept.at(i)
	switch {
	case isHole(m):
	case len(page.Messages) >= limit:
		page.More = true
	default:
		page.Messages = append(page.Messages, *m)
	}
}

// Trim implements [hubbub.Log]. It also forgets streams of which nothing was kept and nothing was asked for an hour.
func (d *Driver) Trim(_ context.Context, limit int) (more bool, err error) {
	first := d.streams.trimming.Load()
	for i := range uint32(shards) {
		number := (first + i) % shards
		if limit -= d.trimShard(number, limit); limit <= 0 {
			d.streams.trimming.Store(number)
			return true, nil
		}
	}
	return false, nil
}

// trimShard drops up to limit messages and keys of the streams of one shard.
func (d *Driver) trimShard(number uint32, limit int) (dropped int) {
	shard := &d.streams.shards[number]
	shard.mu.Lock()
	all := make([]*stream, 0, len(shard.byName))
	for _, s := range shard.byName {
		all = append(all, s)
	}
	shard.mu.Unlock()
	for _, s := range all {
		if dropped >= limit {
			break
		}
		dropped += d.trimStream(s, limit-dropped)
	}
	return dropped
}

func (d *Driver) trimStream(s *stream, limit int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := d.options.Now()
	dropped := s.expire(now, limit)
	if s.kept.len() == 0 && s.keys == nil && now.Sub(s.used) > forgetAfter && !s.forgotten {
		d.forget(s)
	}
	return dropped
}
