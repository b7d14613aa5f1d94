package redis

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

const (
	// answerTime is the default of [Options.Answer]: a busy machine is not taken for a server that stands still.
	answerTime = 3 * time.Second
	// pingGap is how long nothing may be answered on a connection until a ping is sent, whose answer may take [Options.Answer]. A server that
	// stands still is noticed within twice the gap and that time, and what waits for it fails. An idle node has two connections to each server,
	// so it sends at most one command per second because of this.
	pingGap = 2 * time.Second
	// bufferSize is of each connection, for reading and for writing: a few hundred commands of usual size between two system calls.
	bufferSize = 64 << 10
	// masterCheck is how often Sentinels are asked for the master, in case that what they announce was missed.
	masterCheck = 5 * time.Second
)

func (d *Driver) clientOption() rueidis.ClientOption {
	o := &d.options
	dialer := net.Dialer{Timeout: o.Answer, KeepAlive: pingGap}
	sentinels := dialer
	sentinels.Resolver = d.dials.sentinels
	return rueidis.ClientOption{
		InitAddress: o.Addrs, ShuffleInit: true, // so that nodes do not all ask the first one
		Username: o.Username, Password: o.Password, SelectDB: o.DB, TLSConfig: o.TLS,
		ClientName: "hubbub", ClientSetInfo: rueidis.DisableClientSetInfo, // an ACL need not allow it
		Sentinel: rueidis.SentinelOption{MasterSet: o.Master, Username: o.SentinelUsername, Password: o.SentinelPassword,
			Dialer: sentinels, TLSConfig: o.TLS, ClientName: "hubbub", TopologyRefreshInterval: masterCheck},
		Dialer: dialer, DialCtxFn: d.dial, ConnWriteTimeout: o.Answer,
		ReadBufferEachConn: bufferSize, WriteBufferEachConn: bufferSize,
		PipelineMultiplex: -1,      // one connection per server: it fills a core of Redis, and each further one has buffers and pings
		AlwaysPipelining:  true,    // otherwise a caller whose time runs out takes the connection of all others with it
		BlockingPipeline:  1 << 30, // nor are there others for long pipelines
		DisableCache:      true,    // nothing is cached in clients, so the server need not remember what they have read
		// Only commands that read are repeated after a lost connection, some times: it may be back. What writes may have been done.
		RetryDelay: func(attempts int, _ rueidis.Completed, _ error) time.Duration {
			if attempts > 3 {
				return -1
			}
			return backoff(attempts)
		},
		ClusterOption: rueidis.ClusterOption{MaxMovedRedirections: 16}, // nodes may point to each other for a moment
	}
}

// backoff is how long to wait after a number of failures in a row: from 25–50 ms up to 0.5–1 s, spread so that nodes do not come at once.
func backoff(failures int) time.Duration {
	most := min(time.Second, 25*time.Millisecond<<min(failures, 6))
	return most/2 + rand.N(most/2)
}

// dials are the connections that were made.
type dials struct {
	sentinels *net.Resolver // marks connections to Sentinels; immutable

	mu       sync.Mutex
	failed   map[string]failure // by address
	expected map[string]int     // connections by address that nobody is to be told of
	opened   bool
	told     []func()
}

// failure says that connecting has failed a number of times in a row, and is not tried before then.
type failure struct {
	err   error
	times int
	until time.Time
}

func newDials() dials {
	return dials{sentinels: &net.Resolver{}, failed: make(map[string]failure), expected: make(map[string]int)}
}

// onDial has f called whenever a connection to a server of Redis is made anew after Open, before it is used: the server may have lost data,
// or be another one. f must neither block nor call the driver. It is called before there is another connection.
func (d *Driver) onDial(f func()) {
	d.dials.mu.Lock()
	defer d.dials.mu.Unlock()
	d.dials.told = append(d.dials.told, f)
}

// dial connects to a server. Callers that come soon after a failure get its error at once, so that there is no herd of attempts.
func (d *Driver) dial(ctx context.Context, addr string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
	if err := d.dials.early(addr); err != nil {
		return nil, err
	}
	conn, err := dialTo(ctx, addr, dialer, config)
	for _, tell := range d.dials.note(addr, err, dialer.Resolver == d.dials.sentinels) {
		tell()
	}
	return conn, err
}

func dialTo(ctx context.Context, addr string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
	if config == nil {
		return dialer.DialContext(ctx, "tcp", addr)
	}
	return (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext(ctx, "tcp", addr)
}

// early returns the error of the last attempt if it is too early for another.
func (ds *dials) early(addr string) error {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	if f, ok := ds.failed[addr]; ok && time.Now().Before(f.until) {
		return f.err
	}
	return nil
}

// note remembers how connecting went, and returns whom to tell.
func (ds *dials) note(addr string, err error, sentinel bool) []func() {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	if err != nil {
		times := ds.failed[addr].times + 1
		ds.failed[addr] = failure{err: err, times: times, until: time.Now().Add(backoff(times))}
		return nil
	}
	delete(ds.failed, addr)
	if sentinel || !ds.opened {
		return nil
	}
	if ds.expected[addr] > 0 {
		ds.expected[addr]--
		return nil
	}
	return ds.told
}

// expect says that the next connection to an address is a further one.
func (ds *dials) expect(addr string) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	ds.expected[addr]++
}

// settle forgets what was expected and did not come.
func (ds *dials) settle(addr string) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	delete(ds.expected, addr)
}

// open says that from now on new connections are told.
func (ds *dials) open() {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	ds.opened = true
}
