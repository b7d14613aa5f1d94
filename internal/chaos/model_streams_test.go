package chaos_test

import (
	"fmt"
	"slices"
	"sync"

	"github.com/hubbub-dev/hubbub"
)

// message is a message as somebody sees it. Each that is sent has data of its own.
type message struct {
	id, from, data string // from is "" for backends
	at             hubbub.Position
}

// stream is what is known of a room, or of the conversation of two.
type stream struct {
	name    string
	durable bool
	trail   trail // what was accepted and heard

	mu       sync.Mutex
	tried    map[string]bool            // data that somebody has tried to send
	accepted map[string]message         // by data: what its sender was told
	given    map[hubbub.Position]string // the id of the message at a position, whoever has seen it there
	epoch    string                     // of a durable stream, which has one for ever
	losses   int                        // how often somebody was told that messages are lost
	wrong    []string                   // what can never be right
}

func newStream(name string, durable bool) *stream {
	return &stream{name: name, durable: durable, tried: map[string]bool{}, accepted: map[string]message{}, given: map[hubbub.Position]string{}}
}

// try notes that somebody begins to send data.
func (s *stream) try(data string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried[data] = true
}

// accept notes that a sender was told that the message is accepted.
func (s *stream) accept(m message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.see("accepted", m)
	s.trail.add("accepted %+v", m)
	s.accepted[m.data] = m
}

// see notes where a message is. mu is held.
func (s *stream) see(who string, m message) {
	switch before, known := s.given[m.at]; {
	case m.at.Epoch == "" || m.at.Offset == 0:
		s.fail("%s: %+v has no position", who, m)
	case known && before != m.id:
		s.fail("%s: %+v has the position of %s", who, m, before)
	default:
		s.given[m.at] = m.id
	}
	if !s.tried[m.data] {
		s.fail("%s: nobody has sent %+v", who, m)
	}
	if s.durable {
		if s.epoch == "" {
			s.epoch = m.at.Epoch
		}
		if s.epoch != m.at.Epoch {
			s.fail("%s: %+v has another epoch than %s, and the stream is durable", who, m, s.epoch)
		}
	}
}

// fail notes what can never be right. mu is held.
func (s *stream) fail(format string, args ...any) {
	s.wrong = append(s.wrong, s.name+": "+fmt.Sprintf(format, args...))
}

// never returns what can never be right.
func (s *stream) never() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.wrong)
}

// history compares all that the stream has, in its order, with what was accepted. epoch is the stream's, also if it has nothing.
func (s *stream) history(epoch string, all []message) (wrong []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	say := func(format string, args ...any) { wrong = append(wrong, s.name+": "+fmt.Sprintf(format, args...)) }
	here := map[string]message{} // by data
	var last hubbub.Position
	for _, m := range all {
		s.see("history", m)
		if m.at.Epoch != epoch || m.at.Offset <= last.Offset {
			say("history has %+v after %v in the epoch %s", m, last, epoch)
		}
		last = m.at
		if before, double := here[m.data]; double {
			say("history has one message twice: %+v and %+v", before, m)
		}
		here[m.data] = m
	}
	for _, m := range s.accepted {
		switch got, found := here[m.data]; {
		case !s.durable && m.at.Epoch != epoch: // a loss that is announced
		case !found:
			say("%+v was accepted, and is not in the history", m)
		case got != m:
			say("%+v was accepted as %+v", got, m)
		}
	}
	slices.Sort(wrong)
	return wrong
}

// follower is somebody to whom a stream is handed over.
type follower struct {
	*stream
	who string

	// Guarded by the stream's mu.
	heard []message       // since the last loss that was told
	last  hubbub.Position // of the newest in heard
	begin bool            // a loss was told, and nobody has seen to it that there is something newer to hear
}

// hear notes that a message was handed over.
func (f *follower) hear(m message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.see(f.who, m)
	f.trail.add("%s hears %+v", f.who, m)
	if f.last != (hubbub.Position{}) {
		if m.at.Epoch != f.last.Epoch {
			f.fail("%s hears %+v after %v, and nobody told that the epoch is another one", f.who, m, f.last)
		} else if m.at.Offset <= f.last.Offset {
			f.fail("%s hears %+v after %v", f.who, m, f.last)
		}
	}
	f.heard, f.last = append(f.heard, m), m.at
}

// lose notes that messages are said to be lost: what comes next are the newest ones.
func (f *follower) lose() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.durable {
		f.fail("%s is told that messages are lost, and the stream is durable", f.who)
	}
	f.losses++
	f.trail.add("%s is told of a loss after %v", f.who, f.last)
	f.heard, f.last, f.begin = nil, hubbub.Position{}, true
}

// begins tells, once after a loss that was told, whether nothing was heard since: whoever follows wants only what comes from then on.
func (f *follower) begins() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	begin := f.begin && len(f.heard) == 0
	f.begin = false
	return begin
}

// since is the position of the newest message that was heard.
func (f *follower) since() hubbub.Position {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

// missing compares what was heard since the first message with all that the stream has. Whoever follows has heard the newest.
func (f *follower) missing(all []message) (wrong []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(all) == 0 && len(f.heard) == 0 {
		return nil
	}
	if len(all) == 0 || len(f.heard) == 0 {
		return []string{fmt.Sprintf("%s: %s has heard %d messages since the last loss, and there are %d", f.name, f.who, len(f.heard), len(all))}
	}
	heard := map[string]bool{}
	for _, m := range f.heard {
		heard[m.id] = true
	}
	for _, m := range all {
		if m.at.Offset >= f.heard[0].at.Offset && !heard[m.id] {
			wrong = append(wrong, fmt.Sprintf("%s: %s has not heard %+v", f.name, f.who, m))
		}
	}
	if newest := all[len(all)-1].at; f.last != newest {
		wrong = append(wrong, fmt.Sprintf("%s: %s has heard up to %v, and the newest is %v", f.name, f.who, f.last, newest))
	}
	return wrong
}

// forget drops what was heard but for the newest, once it was found right.
func (f *follower) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.heard); n > 1 {
		f.heard = slices.Clone(f.heard[n-1:])
	}
}
