package reactor

// gatherMax is how many buffers one system call is given.
const gatherMax = 64

// push puts an item at the end of the pending list. It is written at the end of the turn, or when the socket takes more.
func (c *Conn) push(it item) {
	if c.pending == nil {
		c.pending = c.loop.list()
	}
	if len(c.pending) == cap(c.pending) && c.head > len(c.pending)/2 {
		n := copy(c.pending, c.pending[c.head:])
		clear(c.pending[n:])
		c.pending, c.head = c.pending[:n], 0
	}
	c.pending = append(c.pending, it)
	c.touch()
}

// touch makes the loop flush c at the end of this turn, unless c waits for its socket anyway.
func (c *Conn) touch() {
	if !c.flags.dirty && !c.flags.armed {
		c.flags.dirty = true
		c.loop.dirty = append(c.loop.dirty, c)
	}
}

// flush writes what is pending, as far as the socket takes it.
func (c *Conn) flush() {
	if c.flags.ended {
		return
	}
	if held := c.sock.held(); held > 0 {
		if err := c.sock.drain(); err != nil {
			c.end(err)
			return
		}
		if c.sock.held() < held {
			c.taken = c.loop.now
		}
	}
	for c.head < len(c.pending) {
		bufs := c.gather()
		if len(bufs) == 0 {
			break // only skipped items were left
		}
		n, err := c.sock.write(bufs)
		c.wrote(n)
		if err == errAgain {
			break
		}
		if err != nil {
			c.end(err)
			return
		}
	}
	c.settle()
}

// settle follows a flush: it waits for the socket, or does what was to be done after the last byte.
func (c *Conn) settle() {
	waiting := c.head < len(c.pending) || c.sock.held() > 0
	if waiting != c.flags.armed {
		c.flags.armed = waiting
		c.watch()
	}
	if c.head == len(c.pending) {
		c.loop.recycle(c.pending)
		c.pending, c.head = nil, 0
	}
	if waiting {
		return
	}
	switch c.ending {
	case ThenShut:
		c.ending = ThenWait
		c.sock.shut()
	case ThenClose:
		c.end(ErrClosed)
	}
}

// gather lists the bytes of the first pending items. A FormOwn conn encodes an item only when it is about to be written, so that what is
// skipped never enters its compression window.
func (c *Conn) gather() [][]byte {
	out := c.loop.out[:0]
	for i := c.head; i < len(c.pending) && len(out) < gatherMax; i++ {
		it := &c.pending[i]
		if it.b == nil && it.packet != nil {
			if it.b = c.handler.Encode(it.packet); c.flags.ended {
				return nil
			}
		}
		b := it.b
		if i == c.head {
			b = b[c.written:]
		}
		if len(b) > 0 {
			out = append(out, b)
		}
	}
	c.loop.out = out
	return out
}

// wrote takes n bytes from the front of the pending list.
func (c *Conn) wrote(n int) {
	if n > 0 {
		c.taken = c.loop.now
	}
	n += c.written
	c.written = 0
	for c.head < len(c.pending) {
		it := &c.pending[c.head]
		if n < len(it.b) {
			c.written = n
			return
		}
		if it.b == nil && it.packet != nil {
			return // not encoded yet, so not written either
		}
		n -= len(it.b)
		c.discard(it)
		c.head++
	}
}

// discard stops counting an item, whether it was written or skipped, and lets go of it.
func (c *Conn) discard(it *item) {
	c.queued.Add(-int64(it.size))
	if it.from != nil {
		if at := c.place(it.from); at != nil {
			at.queued -= it.size
		}
	}
	*it = item{}
}

// list takes a spare pending list, so that the common case of one item for one turn does not allocate.
func (l *loop) list() []item {
	if n := len(l.batches); n > 0 {
		list := l.batches[n-1]
		l.batches = l.batches[:n-1]
		return list
	}
	return make([]item, 0, 4)
}

// recycle keeps a small pending list for the next conn that needs one.
func (l *loop) recycle(list []item) {
	if cap(list) == 0 || cap(list) > 64 || len(l.batches) >= 256 {
		return
	}
	clear(list)
	l.batches = append(l.batches, list[:0])
}
