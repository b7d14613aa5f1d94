package reactor

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
)

const (
	pumpChunk = 4 << 10  // what a pump's reader reads at once
	pumpAhead = 64 << 10 // what it keeps for a conn that is paused, before it stops reading too
	pumpWrite = 64 << 10 // how much a pump's writer is given at once
)

// pump carries the bytes of a net.Conn that no poller watches: one goroutine reads, and another writes while there is something to write.
type pump struct {
	// Immutable after open.
	nc   net.Conn
	conn *Conn
	work *sync.WaitGroup // the loop's, waits for the goroutines
	next chan struct{}   // the reader may read on; capacity 1
	quit chan struct{}   // closed by close

	// Owned by the loop.
	in      []byte // read ahead; at most pumpAhead + pumpChunk
	stalled bool   // the reader waits for next
	err     error  // what ended the reader
	out     int    // bytes with the writer
}

func newPump(nc net.Conn) *pump {
	return &pump{nc: nc, next: make(chan struct{}, 1), quit: make(chan struct{})}
}

func (p *pump) open(c *Conn) error {
	p.conn, p.work = c, c.loop.work
	p.work.Go(p.readAll)
	return nil
}

func (p *pump) readAll() {
	buf := make([]byte, pumpChunk)
	for {
		n, err := p.nc.Read(buf)
		select {
		case <-p.quit:
			return
		default:
			p.conn.loop.call(func() { p.arrived(buf[:n], err) })
		}
		if err != nil {
			return
		}
		select {
		case <-p.next:
		case <-p.quit:
			return
		}
	}
}

// arrived takes over what the reader has read.
func (p *pump) arrived(b []byte, err error) {
	if p.conn.flags.ended {
		return
	}
	p.in = append(p.in, b...)
	p.err = err
	p.stalled = true
	p.readOn()
	ev := evRead
	if err != nil {
		ev |= evHangup
	}
	p.conn.ready(ev)
}

func (p *pump) readOn() {
	if p.stalled && len(p.in) < pumpAhead {
		p.stalled = false
		p.next <- struct{}{}
	}
}

func (p *pump) read(b []byte) (int, bool, error) {
	if len(p.in) == 0 {
		if p.err == nil || p.err == io.EOF && p.out > 0 {
			return 0, false, errAgain // written goes on with the end
		}
		return 0, false, p.err
	}
	n := copy(b, p.in)
	if p.in = p.in[n:]; len(p.in) == 0 {
		p.in = nil
	}
	p.readOn()
	return n, true, nil
}

func (p *pump) write(bufs [][]byte) (int, error) {
	if p.out > 0 {
		return 0, errAgain
	}
	var batch net.Buffers
	all := true
	for _, b := range bufs {
		if room := pumpWrite - p.out; len(b) > room {
			b, all = b[:room], false
		}
		batch = append(batch, b)
		if p.out += len(b); !all {
			break
		}
	}
	n := p.out
	p.conn.queued.Add(int64(n))
	p.work.Go(func() {
		_, err := batch.WriteTo(p.nc)
		p.conn.loop.call(func() { p.written(n, err) })
	})
	if !all {
		return n, errAgain
	}
	return n, nil
}

func (p *pump) written(n int, err error) {
	if p.conn.flags.ended {
		return
	}
	p.out = 0
	p.conn.queued.Add(-int64(n))
	p.conn.taken = p.conn.loop.now
	if err != nil {
		p.conn.end(err)
		return
	}
	p.conn.flush()
	if p.err != nil {
		p.conn.ready(evRead | evHangup)
	}
}

func (p *pump) ahead() bool  { return false }
func (p *pump) held() int    { return p.out }
func (p *pump) drain() error { return nil }

// watch has nothing to do: the reader stops when it is far enough ahead, and the writer tells when it is done.
func (p *pump) watch(bool, bool, bool) {}

func (p *pump) shut() {
	if half, ok := p.nc.(interface{ CloseWrite() error }); ok {
		p.work.Go(func() { half.CloseWrite() }) // on TLS it may wait for the socket
	}
}

func (p *pump) close() {
	close(p.quit)
	if tc, ok := p.nc.(*tls.Conn); ok {
		tc.NetConn().Close() // closing the tls.Conn could wait for the peer
		return
	}
	p.nc.Close()
}
