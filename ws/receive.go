package ws

import (
	"context"
	"iter"

	"github.com/hubbub-dev/hubbub/internal/reactor"
)

// Messages is for those who prefer a loop to a handler: it yields messages until the conn is closed or ctx ends. The goroutine that runs
// the loop is what it costs. While it runs it takes the place of OnMessage; a second one at the same time gets nothing. The loop has
// handled a message when it asks for the next one.
//
//	for m := range c.Messages(c.Context()) { … }
func (c *Conn) Messages(ctx context.Context) iter.Seq[Message] {
	return func(yield func(Message) bool) {
		pull := make(chan struct{}, 1)
		if !c.beginPull(pull) {
			return
		}
		defer c.setHandler(func(e *events) { e.pull, e.pulled = nil, false })
		for {
			ev, ok, over := c.pullNext()
			switch {
			case over:
				return
			case !ok:
				select {
				case <-pull:
				case <-ctx.Done():
					return
				}
			default:
				if m, ok := c.decode(ev); ok && !yield(m) {
					return
				}
			}
		}
	}
}

func (c *Conn) beginPull(pull chan struct{}) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.events.pull != nil {
		return false
	}
	c.events.pull = pull
	return true
}

// pullNext takes the next message; over means that no more will come.
func (c *Conn) pullNext() (ev event, ok, over bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := &c.events
	if len(e.queue) > 0 && e.queue[0].kind == eventMessage {
		ev = c.take(0)
		e.pulled = true
		c.rouse()
		return ev, true, false
	}
	if e.pulled {
		e.pulled = false
		c.rouse() // the peer's close frame may have waited for this
	}
	return event{}, false, e.done || len(e.queue) > 0 && e.queue[0].kind == eventClose
}

// decode makes a message of what was received. Decompression happens here, on the goroutine of the conn's handlers, so that it takes
// nothing from the loop.
func (c *Conn) decode(ev event) (Message, bool) {
	m := Message{Data: ev.data, Binary: ev.binary}
	if !ev.compressed {
		return m, true
	}
	data, err := c.inflate(ev.data)
	if err == nil && !m.Binary {
		err = checkWholeText(data)
	}
	if err != nil {
		c.mute()
		info := failure(err)
		if c.leaveOpen(info) {
			c.sock.Do(func() { c.say(info, reactor.ThenShut) })
		}
		return Message{}, false
	}
	m.Data = data
	return m, true
}

func (c *Conn) inflate(data []byte) ([]byte, error) {
	limit := c.set.plain.maxMessage
	if !c.deflate.receiveTakeover {
		return inflateMessage(data, limit)
	}
	if c.inflater == nil {
		c.inflater = newInflater(c.deflate)
	}
	return c.inflater.inflate(data, limit)
}

// mute drops the messages behind a broken one.
func (c *Conn) mute() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events.muted = true
	kept := c.events.queue[:0]
	for _, ev := range c.events.queue {
		if ev.kind == eventMessage {
			c.events.cost -= ev.cost()
			continue
		}
		kept = append(kept, ev)
	}
	c.events.queue = kept
}
