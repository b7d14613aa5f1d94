package memory

import (
	"hash/maphash"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// keys are the idempotency keys of a stream. There are as many as were used within [hubbub.KeyLife]; those who use them are
// limited in how often they may send.
type keys struct {
	byName map[keyName]*key
	order  ring[*key] // the oldest first
}

type keyName struct{ author, key string }

// key is what must be known to answer when it is used again. The rest of the message is in the draft that uses it again.
type key struct {
	name     keyName
	used     time.Time
	id       string
	time     time.Time
	offset   uint64 // 0 if the message has no position
	previous uint64
	content  uint64 // hash of what must be the same
}

// content hashes what must be the same in a draft with the same key.
func (d *Driver) content(draft *hubbub.Draft) uint64 {
	m, data := &draft.Message, draft.Message.Data
	if draft.Original != nil {
		data = draft.Original
	}
	var h maphash.Hash
	h.SetSeed(d.seed)
	for _, part := range []string{m.From.User, m.From.Device, m.Except} {
		h.WriteString(part)
		h.WriteByte(0) // names have no control characters
	}
	h.Write(data)
	return h.Sum64()
}

// repeated returns the message that was accepted with the draft's key, if it is known.
func (d *Driver) repeated(s *stream, draft *hubbub.Draft) (a hubbub.Appended, known bool, err error) {
	if draft.Key == "" || s.keys == nil {
		return hubbub.Appended{}, false, nil
	}
	k := s.keys.byName[keyName{draft.Author, draft.Key}]
	if k == nil {
		return hubbub.Appended{}, false, nil
	}
	if k.content != d.content(draft) {
		return hubbub.Appended{}, true, hubbub.Errorf(hubbub.Conflict,
			"the key %q was used for another message a short time ago; take a new key for each message", draft.Key)
	}
	a = hubbub.Appended{Message: draft.Message, Previous: k.previous, Repeated: true}
	a.Message.ID, a.Message.Time, a.Message.Position = k.id, k.time, hubbub.Position{}
	if k.offset != 0 {
		a.Message.Position = s.position(k.offset)
	}
	if m := s.at(k.offset); m != nil && draft.Original != nil {
		a.Message.Data = m.Data // what has changed those of the draft may have changed them to something else that time
	}
	return a, true, nil
}

// remember keeps the key of a draft that was accepted now.
func (d *Driver) remember(s *stream, draft *hubbub.Draft, a *hubbub.Appended) {
	if draft.Key == "" {
		return
	}
	if s.keys == nil {
		s.keys = &keys{byName: make(map[keyName]*key, 1)}
	}
	k := &key{
		name: keyName{draft.Author, draft.Key}, used: s.used,
		id: a.Message.ID, time: a.Message.Time, offset: a.Message.Position.Offset, previous: a.Previous,
		content: d.content(draft),
	}
	s.keys.byName[k.name] = k
	s.keys.order.push(k)
}

// forget forgets the keys of messages at some offsets. Their places in order stay, empty.
func (k *keys) forget(offsets map[uint64]bool) {
	for name, one := range k.byName {
		if offsets[one.offset] {
			delete(k.byName, name)
			one.name, one.id = keyName{}, ""
		}
	}
}

// expire forgets the oldest key if it has been known for long enough.
func (k *keys) expire(now time.Time) bool {
	if k.order.len() == 0 || now.Sub((*k.order.at(0)).used) <= hubbub.KeyLife {
		return false
	}
	delete(k.byName, k.order.pop().name)
	return true
}
