package hubbub

import "slices"

// crowd is a set of conns of any transports: an audience for each transport that is present. Its owner guards it.
type crowd struct {
	name  string
	slow  SlowPolicy
	parts []crowdPart
}

// crowdPart is those of one transport. It goes with its last conn; who comes later gets a new audience.
type crowdPart struct {
	transport Transport
	audience  Audience
	size      int
}

// add adds a session that is not in the crowd.
func (c *crowd) add(s *Session) {
	i := slices.IndexFunc(c.parts, func(p crowdPart) bool { return p.transport == s.transport })
	if i < 0 {
		i = len(c.parts)
		c.parts = append(c.parts, crowdPart{s.transport, s.transport.Audience(c.name, c.slow), 0})
	}
	c.parts[i].size++
	c.parts[i].audience.Add(s.conn)
}

// remove takes out a session that was added once and not removed since: sizes are counted, members are not known.
func (c *crowd) remove(s *Session) {
	i := slices.IndexFunc(c.parts, func(p crowdPart) bool { return p.transport == s.transport })
	if i < 0 {
		return
	}
	c.parts[i].audience.Remove(s.conn)
	c.parts[i].size--
	if c.parts[i].size == 0 {
		c.parts = slices.Delete(c.parts, i, i+1)
	}
}

// hasRoom tells that deliver would not block for an event with so many bytes of data.
func (c *crowd) hasRoom(bytes int) bool {
	for _, p := range c.parts {
		if a, ok := p.audience.(Roomy); !ok || !a.HasRoom(bytes) {
			return false
		}
	}
	return true
}

// deliver tells an event to all but some conns, which need not be in the crowd.
func (c *crowd) deliver(e Event, except []Conn) {
	for _, p := range c.parts {
		p.audience.Deliver(e, except)
	}
}
