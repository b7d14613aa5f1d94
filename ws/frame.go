package ws

import (
	"encoding/binary"

	gobwas "github.com/gobwas/ws"
)

// opcode is the kind of a frame (RFC 6455, section 5.2).
type opcode byte

const (
	opContinuation opcode = 0x0
	opText         opcode = 0x1
	opBinary       opcode = 0x2
	opClose        opcode = 0x8
	opPing         opcode = 0x9
	opPong         opcode = 0xA
)

// control reports whether frames of this kind may stand between the fragments of a message.
func (o opcode) control() bool { return o&0x8 != 0 }

// reserved reports whether the RFC leaves the opcode undefined.
func (o opcode) reserved() bool { return o&0x7 > 2 }

const (
	finBit  = 0x80 // first byte: the last fragment
	rsv1Bit = 0x40 // first byte: a compressed message (RFC 7692)
	rsvBits = 0x70
	opBits  = 0x0F
	maskBit = 0x80 // second byte

	length16 = 126 // second byte: the length is in the next 2 bytes
	length64 = 127 // second byte: the length is in the next 8 bytes

	maxHeader  = 2 + 8 + 4
	maxControl = 125 // payload of a control frame
)

// headerSize is the number of bytes before a payload of n bytes.
func headerSize(n int, masked bool) int {
	size := 2
	switch {
	case n > 0xFFFF:
		size += 8
	case n >= length16:
		size += 2
	}
	if masked {
		size += 4
	}
	return size
}

// appendFrame appends one whole frame. Servers send without a mask (nil). A client passes a fresh random one for each frame
// (RFC 6455, section 5.3); payload itself is not changed.
func appendFrame(dst []byte, op opcode, rsv1 bool, mask *[4]byte, payload []byte) []byte {
	dst = append(appendHeader(dst, op, rsv1, mask, len(payload)), payload...)
	if mask != nil {
		applyMask(dst[len(dst)-len(payload):], *mask, 0)
	}
	return dst
}

// appendHeader appends what comes before a payload of n bytes.
func appendHeader(dst []byte, op opcode, rsv1 bool, mask *[4]byte, n int) []byte {
	first, second := finBit|byte(op), byte(0)
	if rsv1 {
		first |= rsv1Bit
	}
	if mask != nil {
		second = maskBit
	}
	switch {
	case n > 0xFFFF:
		dst = append(dst, first, second|length64)
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	case n >= length16:
		dst = append(dst, first, second|length16)
		dst = binary.BigEndian.AppendUint16(dst, uint16(n))
	default:
		dst = append(dst, first, second|byte(n))
	}
	if mask != nil {
		dst = append(dst, mask[:]...)
	}
	return dst
}

// applyMask masks or unmasks b in place. offset is the position of b's first byte in its payload.
func applyMask(b []byte, mask [4]byte, offset int) {
	if len(b) >= 512 {
		gobwas.Cipher(b, mask, offset) // vector instructions, which pay off from here on
		return
	}
	word := uint64(binary.LittleEndian.Uint32(mask[:]))
	word |= word << 32
	shift := uint(offset&3) * 8
	word = word>>shift | word<<(64-shift)
	for ; len(b) >= 32; b = b[32:] {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^word)
		binary.LittleEndian.PutUint64(b[8:], binary.LittleEndian.Uint64(b[8:])^word)
		binary.LittleEndian.PutUint64(b[16:], binary.LittleEndian.Uint64(b[16:])^word)
		binary.LittleEndian.PutUint64(b[24:], binary.LittleEndian.Uint64(b[24:])^word)
	}
	for ; len(b) >= 8; b = b[8:] {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^word)
	}
	for i := range b {
		b[i] ^= byte(word)
		word >>= 8
	}
}
