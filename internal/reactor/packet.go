package reactor

import "sync/atomic"

// Form says in which form a conn is given packets.
type Form uint8

const (
	// FormPlain is for conns that understand Packet.Plain only.
	FormPlain Form = iota
	// FormPacked is for conns that also understand Packet.Packed.
	FormPacked
	// FormOwn is for conns whose Handler encodes each packet itself, in the order of sending, just before it is written.
	FormOwn
)

// Packet is one immutable message in every form that its receivers share.
type Packet struct {
	Plain  []byte // never empty
	Packed []byte // nil where packing does not pay; Plain then serves all
	Key    string // what the packet is about, for PolicyLatest; "" is about nothing in particular
	Meta   any    // the sender's own, given back in Skip

	logs atomic.Int32 // how many loops' logs hold the packet
}

// wire returns the packet's bytes in a shared form.
func (p *Packet) wire(f Form) []byte {
	if f == FormPacked && p.Packed != nil {
		return p.Packed
	}
	return p.Plain
}
