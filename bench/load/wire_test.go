package main

import (
	"bytes"
	"testing"
)

// unmask turns a client's frame into what a server sends back.
func unmask(frame []byte) []byte {
	header := 2
	if frame[1]&0x7f == 126 {
		header = 4
	}
	out := bytes.Clone(frame[:header])
	out[1] &= 0x7f
	mask := frame[header : header+4]
	for i, x := range frame[header+4:] {
		out = append(out, x^mask[i&3])
	}
	return out
}

func TestMessagesSurviveTheWire(t *testing.T) {
	for _, proto := range []string{"ws", "socketio"} {
		d, err := newDialect(proto, "/echo")
		if err != nil {
			t.Fatal(err)
		}
		frame := unmask(d.message(nil, 1234, 567890))
		for n := range frame {
			if _, _, size, err := nextFrame(frame[:n]); size != 0 || err != nil {
				t.Fatalf("%s: %d of %d bytes gave a frame of %d (%v)", proto, n, len(frame), size, err)
			}
		}
		op, payload, size, err := nextFrame(append(frame, 0x81, 0))
		if op != opText || size != len(frame) || err != nil {
			t.Fatalf("%s: opcode %d, size %d of %d, %v", proto, op, size, len(frame), err)
		}
		if want := len(d.prefix) + messageSize + len(d.suffix); len(payload) != want {
			t.Fatalf("%s: a payload of %d bytes, not %d", proto, len(payload), want)
		}
		if ours, err := d.check(payload); !ours || err != nil {
			t.Fatalf("%s: not recognised: %v", proto, err)
		}
		sender, seq, err := d.read(payload)
		if sender != 1234 || seq != 567890 || err != nil {
			t.Fatalf("%s: read sender %d, sequence %d, %v", proto, sender, seq, err)
		}
	}
}

func TestUnexpectedFramesAreErrors(t *testing.T) {
	for _, frame := range [][]byte{{0x81, 0x80}, {0x01, 0}, {0xc1, 0}, {0x81, 127}} {
		if _, _, _, err := nextFrame(frame); err == nil {
			t.Errorf("% x was accepted", frame)
		}
	}
}

func TestChangedMessagesAreErrors(t *testing.T) {
	d, _ := newDialect("ws", "/echo")
	if _, err := d.check([]byte("short")); err == nil {
		t.Error("a short message was accepted")
	}
	if _, _, err := d.read(bytes.Repeat([]byte("y"), messageSize)); err == nil {
		t.Error("a changed message was accepted")
	}
}
