package memory

import (
	"hash/maphash"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// streams finds the streams by name.
type streams struct {
	shards [shards]struct {
		mu     sync.Mutex
		byName map[hubbub.Stream]*stream
		round  uint64 // how many streams were forgotten
	}
	trimming atomic.Uint32 // the shard that Trim goes on with
	kept     atomic.Uint64 // messages of all streams that were ever kept
}

// forgetAfter is how long a stream that nothing is kept of still has its epoch, so that who has read that it was empty can go
// on from there.
const forgetAfter = time.Hour

// stream is the messages of one room or pair. The offsets that are kept are contiguous and end with head.
type stream struct {
	// Immutable.
	name  hubbub.Stream
	epoch string

	mu sync.Mutex
	// Guarded by mu.
	forgotten bool // it is not in the index any more; look again
	used      time.Time
	head      uint64
	newest    uint64                // how many were kept in all streams with the newest of this one: orders streams by their newest messages
	kept      ring[*hubbub.Message] // holes among them
	holes     int
	bytes     int // of the data of kept
	retention hubbub.Retention
	keys      *keys // nil if there are none
	takers    *readers
	driver    *Driver // whose budgets count what is kept
}

// locked returns the stream with its lock held; nil if there is none and make is false.
func (d *Driver) locked(name hubbub.Stream, make bool) *stream {
	for {
		s := d.find(name, make)
		if s == nil {
			return nil
		}
		s.mu.Lock()
		if !s.forgotten {
			s.used = d.options.Now()
			s.expire(s.used, -1)
			return s
		}
		s.mu.Unlock()
	}
}

func (d *Driver) find(name hubbub.Stream, create bool) *stream {
	shard := &d.streams.shards[shard(d, name)]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	s := shard.byName[name]
	if s != nil || !create {
		return s
	}
	if shard.byName == nil {
		shard.byName = make(map[hubbub.Stream]*stream)
	}
	s = &stream{name: name, epoch: d.epoch(name, shard.round), driver: d}
	shard.byName[name] = s
	return s
}

// epoch is the one that a stream has, or will have if it begins before one of its shard is forgotten. So reading makes no stream:
// otherwise who asks for the history of made-up people would fill the memory.
func (d *Driver) epoch(name hubbub.Stream, round uint64) string {
	type beginning struct {
		name  hubbub.Stream
		round uint64
	}
	return strconv.FormatUint(maphash.Comparable(d.seed, beginning{name, round}), 36)
}

// nothing is what is read of a stream that does not exist, before or after a position.
func (d *Driver) nothing(name hubbub.Stream, p hubbub.Position) hubbub.Page {
	shard := &d.streams.shards[shard(d, name)]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	head := hubbub.Position{Epoch: d.epoch(name, shard.round)}
	return hubbub.Page{Head: head, Complete: p == (hubbub.Position{}) || p == head}
}

// forget takes the stream, which must be locked, out of the index.
func (d *Driver) forget(s *stream) {
	s.forgotten = true
	for _, user := range s.users() {
		d.takers[shard(d, user)].remove(user, s)
	}
	shard := &d.streams.shards[shard(d, s.name)]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	delete(shard.byName, s.name)
	shard.round++
}

// before returns the offset before the first one that is kept.
func (s *stream) before() uint64 { return s.head - uint64(s.kept.len()) }

// position returns the place of an offset.
func (s *stream) position(offset uint64) hubbub.Position {
	return hubbub.Position{Epoch: s.epoch, Offset: offset}
}

// has tells whether a position is one of this stream.
func (s *stream) has(p hubbub.Position) bool { return p.Epoch == s.epoch && p.Offset <= s.head }

// add appends a message to what is kept and drops what is too much then.
func (s *stream) add(m *hubbub.Message) {
	s.head++
	m.Position = s.position(s.head)
	s.kept.push(m)
	s.bytes += len(m.Data)
	s.driver.charge(m, 1)
	r := s.retention
	for r.Messages > 0 && s.kept.len() > r.Messages || r.Bytes > 0 && s.bytes > r.Bytes {
		s.drop()
	}
}

func (s *stream) drop() {
	m := s.kept.pop()
	if isHole(m) {
		s.holes--
		return
	}
	s.bytes -= len(m.Data)
	s.driver.charge(m, -1)
}

// isHole tells whether a message was erased. It is dropped at its time, so that positions go on as if it were there.
func isHole(m *hubbub.Message) bool { return m.Stream == hubbub.Stream{} }

// erase makes a hole of the message at an index.
func (s *stream) erase(i int) {
	m := *s.kept.at(i)
	s.bytes -= len(m.Data)
	s.driver.charge(m, -1)
	*s.kept.at(i) = &hubbub.Message{Position: m.Position, Time: m.Time}
	s.holes++
}

// at returns the message at an offset; nil if it is not kept.
func (s *stream) at(offset uint64) *hubbub.Message {
	if offset <= s.before() || offset > s.head {
		return nil
	}
	if m := *s.kept.at(int(offset - s.before() - 1)); !isHole(m) {
		return m
	}
	return nil
}

// empty tells whether nothing is kept that can be read.
func (s *stream) empty() bool { return s.kept.len() == s.holes }

// expire drops up to limit messages and keys that are past their age, without limit if it is negative, and returns how many.
func (s *stream) expire(now time.Time, limit int) int {
	dropped := 0
	for s.retention.Age > 0 && s.kept.len() > 0 && dropped != limit {
		if now.Sub((*s.kept.at(0)).Time) <= s.retention.Age {
			break
		}
		s.drop()
		dropped++
	}
	for s.keys != nil && dropped != limit && s.keys.expire(now) {
		dropped++
	}
	if s.keys != nil && s.keys.order.len() == 0 {
		s.keys = nil
	}
	return dropped
}
