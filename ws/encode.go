package ws

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/hubbub-dev/hubbub/internal/reactor"
)

// outgoing is what a conn that compresses for itself needs to know of a packet.
type outgoing struct {
	msg Message
	op  opcode
}

func opcodeOf(m Message) opcode {
	if m.Binary {
		return opBinary
	}
	return opText
}

// frame makes one frame of this conn. A client masks with unpredictable bits (RFC 6455, section 5.3): rand/v2's are ChaCha8 with a seed
// from the system.
func (c *Conn) frame(op opcode, rsv1 bool, payload []byte) []byte {
	client := c.set.plain.client
	dst := make([]byte, 0, headerSize(len(payload), client)+len(payload))
	if !client {
		return appendFrame(dst, op, rsv1, nil, payload)
	}
	var mask [4]byte
	binary.LittleEndian.PutUint32(mask[:], rand.Uint32())
	return appendFrame(dst, op, rsv1, &mask, payload)
}

// encode makes the frame of a message to this conn alone, or a packet if the loop has to compress it in its turn.
func (c *Conn) encode(m Message) ([]byte, *reactor.Packet) {
	op := opcodeOf(m)
	if !c.deflate.enabled || len(m.Data) < c.set.threshold {
		if m.frame != nil && !c.set.plain.client {
			return m.frame, nil
		}
		return c.frame(op, false, m.Data), nil
	}
	if c.deflate.private() {
		return nil, &reactor.Packet{Plain: m.plain(), Meta: &outgoing{m, op}}
	}
	if small := deflateMessage(nil, m.Data, c.set.level); len(small) < len(m.Data) {
		return c.frame(op, true, small), nil
	}
	return c.frame(op, false, m.Data), nil
}

// plain is the frame that every receiver of a server understands.
func (m Message) plain() []byte {
	if m.frame != nil {
		return m.frame
	}
	return appendFrame(make([]byte, 0, headerSize(len(m.Data), false)+len(m.Data)), opcodeOf(m), false, nil, m.Data)
}

// packet makes the frames of a broadcast: one for all, and with packed a compressed one for those who understand it.
func (m Message) packet(set *settings, packed bool) *reactor.Packet {
	both := &struct {
		reactor.Packet
		outgoing
	}{outgoing: outgoing{m, opcodeOf(m)}}
	p := &both.Packet
	p.Plain, p.Key, p.Meta = m.plain(), m.Collapse, &both.outgoing
	if !packed || len(m.Data) < set.threshold {
		return p
	}
	if small := deflateMessage(nil, m.Data, set.level); len(small) < len(m.Data) {
		p.Packed = appendFrame(make([]byte, 0, headerSize(len(small), false)+len(small)), opcodeOf(m), true, nil, small)
	}
	return p
}

// form tells the reactor which form of a packet the conn is to get.
func (c *Conn) form() reactor.Form {
	switch {
	case !c.deflate.enabled:
		return reactor.FormPlain
	case c.deflate.private():
		return reactor.FormOwn
	}
	return reactor.FormPacked
}

// Encode compresses a packet with the conn's own context. Short messages stay as they are and do not enter it.
func (l *link) Encode(p *reactor.Packet) []byte {
	c := l.conn()
	out := p.Meta.(*outgoing)
	if len(out.msg.Data) < c.set.threshold {
		return c.frame(out.op, false, out.msg.Data)
	}
	if c.deflater == nil {
		c.deflater = newDeflater(c.deflate, c.set.level)
	}
	return c.frame(out.op, true, c.deflater.deflate(nil, out.msg.Data))
}
