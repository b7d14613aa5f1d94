package reactor

// Skip tells a conn's owner what a fan's policy kept from it.
type Skip struct {
	Fan         *Fan
	Packets     int
	Bytes       int
	First, Last *Packet
}

// add counts one more skipped packet.
func (s *Skip) add(p *Packet) {
	if s.Packets == 0 {
		s.First = p
	}
	s.Last = p
	s.Packets++
	s.Bytes += len(p.Plain)
}

// enqueue puts a broadcast on the pending list, as far as the fan's policy lets it.
func (c *Conn) enqueue(e entry) {
	if c.flags.sealed || c.flags.over || c.flags.ended {
		return
	}
	f := e.part.fan
	size := len(e.packet.Plain) + itemCost
	at := c.place(e.part)
	full := c.queued.Load() > 0 && c.queued.Load()+int64(size) > c.limit
	if f.Policy == PolicyClose {
		if full || f.Limit > 0 && at.queued > 0 && at.queued+size > f.Limit {
			c.overflow(f)
			return
		}
		c.accept(e)
		return
	}
	skip := Skip{Fan: f}
	if f.Policy == PolicyLatest && e.packet.Key != "" {
		c.replace(e, &skip)
	}
	limit := int(c.limit / 2) // what may be skipped leaves room for what may not
	if f.Limit > 0 {
		limit = f.Limit
	}
	for i := c.head; i < len(c.pending) && at.queued > 0 && at.queued+size > limit; i++ {
		c.skip(i, e.part, &skip)
	}
	if waiting := c.queued.Load(); waiting > 0 && waiting+int64(size) > c.limit {
		skip.add(e.packet) // others have taken all the room
	} else {
		c.accept(e)
	}
	if skip.Packets > 0 {
		f.skipped.Add(uint64(skip.Packets))
		f.skippedBytes.Add(uint64(skip.Bytes))
		c.handler.Skipped(skip)
	}
}

// accept puts a broadcast on the pending list.
func (c *Conn) accept(e entry) {
	size := len(e.packet.Plain) + itemCost
	it := item{packet: e.packet, from: e.part, size: size}
	if c.form != FormOwn {
		it.b = e.packet.wire(c.form)
	}
	c.queued.Add(int64(size))
	c.place(e.part).queued += size
	c.push(it)
}

// overflow ends what broadcasts bring to the conn; its handler hears of it at the end of the turn, when no list is being walked.
func (c *Conn) overflow(f *Fan) {
	f.slow.Add(1)
	c.flags.over = true
	c.loop.slow = append(c.loop.slow, slowConn{c, f})
}

// slowConn is a conn over its limit, and the fan that brought it there.
type slowConn struct {
	conn *Conn
	fan  *Fan
}

// tellSlow tells the handlers of the conns that went over their limits in this turn.
func (l *loop) tellSlow() {
	slow := l.slow
	l.slow = nil
	for _, s := range slow {
		if !s.conn.flags.ended {
			s.conn.handler.Slow(s.fan)
		}
	}
}

// replace skips the waiting packet with e's key. The list is searched from its end; it holds one packet per key.
func (c *Conn) replace(e entry, skip *Skip) {
	for i := len(c.pending) - 1; i >= c.head; i-- {
		it := &c.pending[i]
		if it.from == e.part && it.packet.Key == e.packet.Key {
			c.skip(i, e.part, skip)
			return
		}
	}
}

// skip takes the i-th pending item away, if it came through p and nothing of it is written or compressed yet.
func (c *Conn) skip(i int, p *part, skip *Skip) {
	it := &c.pending[i]
	if it.from != p || c.started(i) {
		return
	}
	skip.add(it.packet)
	c.discard(it)
	// The gap is closed from the front, where the oldest are, so that skipping in a long list moves few items.
	copy(c.pending[c.head+1:i+1], c.pending[c.head:i])
	c.pending[c.head] = item{}
	c.head++
}
