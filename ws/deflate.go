package ws

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// The payload of a compressed message is a DEFLATE stream that was flushed to a byte boundary, without the four bytes that
// such a flush ends with (RFC 7692, section 7.2.1).
const (
	flushTail = "\x00\x00\xff\xff"
	// inflateTail puts them back and adds an empty last block, so that the decompressor comes to a regular end.
	inflateTail = flushTail + "\x01\x00\x00\xff\xff"
)

// deflateMessage appends the compressed payload to dst. It keeps nothing of the message, so the result suits every conn
// whose deflateParams are not private. level is 1 (fast) to 9 (small); 0 means 1.
func deflateMessage(dst, payload []byte, level int) []byte { return deflate(dst, payload, nil, level) }

// inflateMessage returns what data inflates to, if that needs no earlier message. data belongs to the call, which appends
// to it. An error is a *protocolError: 1009 as soon as there are more than limit bytes, 1007 if data is corrupt.
func inflateMessage(data []byte, limit int) ([]byte, error) { return inflate(data, nil, limit) }

// sendHistory is how much of the earlier messages a deflater keeps. DEFLATE could use 32 KiB, but every message pays for
// indexing the history anew: measured with 512-byte JSON messages at level 1, 24 µs with 8 KiB against 65 µs with 32 KiB, for
// the same 96 to 99 bytes of output.
const sendHistory = 8 << 10

// deflater compresses the messages of one conn, each with the earlier ones as context. Between messages it holds at most
// 8 KiB of history, taken when the first messages are sent, and no compressor; those are pooled.
// (A compressor of the conn's own would hold 0.8 MB at level 1 and 1.4 MB at level 9.)
type deflater struct {
	level    int
	window   int  // bytes that a back reference may span
	takeover bool // otherwise the deflater only honours the window
	history  []byte
}

// newDeflater returns the deflater of a conn whose params are private. level is as in deflateMessage.
func newDeflater(p deflateParams, level int) *deflater {
	return &deflater{level: level, window: 1 << p.sendBits, takeover: p.sendTakeover}
}

// deflate appends the compressed payload to dst. Every call's result has to be sent, in the order of the calls.
func (d *deflater) deflate(dst, payload []byte) []byte {
	if !d.takeover && len(payload) <= d.window {
		return deflate(dst, payload, nil, d.level)
	}
	keep := min(sendHistory, d.window/2)
	// The compressor knows only the full window of 32 KiB. A smaller one is kept to by giving it less to look at.
	piece := len(payload)
	if d.window < 1<<maxWindowBits {
		piece = d.window - keep
	}
	var context []byte
	if d.takeover {
		context = d.history
	}
	for {
		head := payload[:min(len(payload), piece)]
		dst = deflate(dst, head, context, d.level)
		payload = payload[len(head):]
		context = appendHistory(context, head, keep)
		if len(payload) == 0 {
			break
		}
		dst = append(dst, flushTail...)
	}
	if d.takeover {
		d.history = context
	}
	return dst
}

// inflater inflates the messages of one conn, each with the earlier ones as context. It holds the window that the peer may
// refer to, at most 32 KiB, as far as it is filled, and no decompressor; those are pooled.
type inflater struct {
	window  int
	history []byte
}

// newInflater returns the inflater of a conn whose params say receiveTakeover.
func newInflater(p deflateParams) *inflater { return &inflater{window: 1 << p.receiveBits} }

// inflate is like inflateMessage, for the messages of the conn in their order. After an error the conn is lost.
func (i *inflater) inflate(data []byte, limit int) ([]byte, error) {
	out, err := inflate(data, i.history, limit)
	if err != nil {
		return nil, err
	}
	i.history = appendHistory(i.history, out, i.window)
	return out, nil
}

// appendHistory returns the last limit bytes of history and data together, in history's memory where it is large enough.
// It takes no more memory than limit.
func appendHistory(history, data []byte, limit int) []byte {
	data = data[max(0, len(data)-limit):]
	if drop := len(history) + len(data) - limit; drop > 0 {
		history = history[:copy(history, history[drop:])]
	}
	if need := len(history) + len(data); need > cap(history) {
		grown := make([]byte, len(history), min(limit, max(need, 2*cap(history))))
		copy(grown, history)
		history = grown
	}
	return append(history, data...)
}

// compressor is a pooled flate.Writer that appends to out.
type compressor struct {
	flate *flate.Writer
	out   []byte
}

func (c *compressor) Write(b []byte) (int, error) {
	c.out = append(c.out, b...)
	return len(b), nil
}

const maxLevel = 9

// compressors has a pool for each level.
var compressors [maxLevel + 1]sync.Pool

func deflate(dst, payload, history []byte, level int) []byte {
	level = min(max(level, 1), maxLevel)
	c, _ := compressors[level].Get().(*compressor)
	if c == nil {
		c = new(compressor)
		c.flate, _ = flate.NewWriter(c, level) // fails only for a level that is out of range
	}
	c.out = dst
	c.flate.ResetDict(c, history)
	c.flate.Write(payload) // neither fails, since c.Write does not
	c.flate.Flush()
	dst = c.out[:len(c.out)-len(flushTail)]
	c.out = nil
	compressors[level].Put(c)
	return dst
}

// decompressor is a pooled flate reader with its source.
type decompressor struct {
	flate interface {
		io.Reader
		flate.Resetter
	}
	source bytes.Reader
}

var decompressors sync.Pool

// maxFinalBlocks bounds how often one message may end its DEFLATE stream and begin another: each costs a copy of the window.
const maxFinalBlocks = 1024

var errInflate = &protocolError{CodeInvalidData, "compressed message that cannot be inflated"}

func inflate(data, history []byte, limit int) ([]byte, error) {
	d, _ := decompressors.Get().(*decompressor)
	if d == nil {
		d = new(decompressor)
		d.flate = flate.NewReader(&d.source).(interface {
			io.Reader
			flate.Resetter
		})
	}
	d.source.Reset(append(data, inflateTail...))
	out, err := d.inflate(make([]byte, 0, min(limit, max(512, 4*len(data)))), history, limit)
	d.source.Reset(nil)
	decompressors.Put(d)
	return out, err
}

// inflate appends to out what the source inflates to. Usually that is one DEFLATE stream. A block with BFINAL set ends it
// early; the next stream then begins at the next byte (RFC 7692, sections 7.2.1 and 7.2.3.4) and has the same window.
func (d *decompressor) inflate(out, history []byte, limit int) ([]byte, error) {
	for stream := range maxFinalBlocks {
		if err := d.flate.Reset(&d.source, history); err != nil {
			return nil, errInflate
		}
		before := len(out)
		var err error
		out, err = d.readAll(out, limit)
		if err != nil || d.source.Len() == 0 {
			return out, err
		}
		if stream == 0 {
			history = bytes.Clone(history) // the caller's
		}
		history = appendHistory(history, out[before:], 1<<maxWindowBits)
	}
	return nil, errInflate
}

// readAll appends one stream to out. It reads one byte more than limit to tell a full message from one that is too long.
func (d *decompressor) readAll(out []byte, limit int) ([]byte, error) {
	for {
		if len(out) == cap(out) {
			grown := make([]byte, len(out), min(2*len(out)+1, limit)+1)
			copy(grown, out)
			out = grown
		}
		n, err := d.flate.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		switch {
		case len(out) > limit:
			return nil, &protocolError{CodeTooBig, fmt.Sprintf("message of more than %d bytes after decompression", limit)}
		case err == io.EOF:
			return out, nil
		case err != nil:
			return nil, errInflate
		}
	}
}
