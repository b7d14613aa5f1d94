//go:build !linux || portable

package reactor

// events is what a poller tells about a socket.
type events uint32

const (
	evRead events = 1 << iota
	evWrite
	evHangup
)

// poller does not exist here: every socket is carried by goroutines, and a loop waits on its channel only.
type poller struct{}

func (*poller) close()                    {}
func (*poller) wake()                     {}
func (*poller) wait(bool)                 {}
func (*poller) ready() int                { return 0 }
func (*poller) event(int) (*Conn, events) { return nil, 0 }
