package redis

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/redis/rueidis"
)

const (
	// batch is how many topics are subscribed to, or left, at once: each batch is one round trip.
	batch = 512
	// masterLook is how often a link to the master of Sentinels looks whether it is still the master, as far as the client knows.
	masterLook = time.Second
)

// link is the goroutine that keeps the topics of one server. It sends what was changed since it was last awake, and connects anew, with growing
// pauses, when the connection is lost.
type link struct {
	// Immutable.
	bus  *bus
	addr string        // "" outside of a Cluster
	wake chan struct{} // holds one

	// Under the lock of the bus.
	dirty []*topic // whose state is not what their subscribers want
}

// line is one connection of a link.
type line struct{ addr string }

// linkOf returns the link for the server that a topic belongs to, which is made if there is none. The lock of the bus is held.
func (b *bus) linkOf(t *topic) *link {
	if b.slots == nil {
		return b.linkTo("")
	}
	return b.linkTo(b.slots.owner(t.slot))
}

func (b *bus) linkTo(addr string) *link {
	l := b.links[addr]
	if l == nil {
		l = &link{bus: b, addr: addr, wake: make(chan struct{}, 1)}
		b.links[addr] = l
		b.running.Go(l.run)
	}
	return l
}

// touch has the link look at a topic. The lock of the bus is held.
func (l *link) touch(t *topic) {
	if t.dirty {
		return
	}
	t.dirty = true
	l.dirty = append(l.dirty, t)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run keeps a connection until the bus is closed, or it is lost and nothing is to be had from this server.
func (l *link) run() {
	log := l.bus.d.options.Logger
	for failures := 0; ; failures++ {
		began := time.Now()
		addr, err := l.serve()
		if l.bus.ctx.Err() != nil {
			return
		}
		if time.Since(began) > time.Minute {
			failures = 0
		}
		log.Warn("the connection for events to Redis is lost; making it again", "server", addr, "error", err)
		l.lost(err)
		if l.bus.slots != nil {
			_ = l.bus.locate() // what nobody tells stays as it was; it is asked again while there is no connection
		}
		if l.leave() || !sleep(l.bus.ctx, backoff(failures)) {
			return
		}
	}
}

// serve connects, and keeps the connection until it is lost.
func (l *link) serve() (addr string, err error) {
	client, addr, err := l.bus.node(l)
	if err != nil {
		return l.addr, err
	}
	l.bus.d.dials.expect(addr)
	conn, _ := client.Dedicate()
	l.bus.d.dials.settle(addr)
	defer conn.Close()
	at := &line{addr: addr}
	ended := conn.SetPubSubHooks(rueidis.PubSubHooks{
		OnMessage: func(m rueidis.PubSubMessage) { l.bus.receive(at, m) },
		OnSubscription: func(s rueidis.PubSubSubscription) {
			if s.Kind == "ssubscribe" {
				l.bus.confirm(at, s.Channel)
			} else {
				l.bus.revoke(at, s.Channel)
			}
		},
	})
	return addr, l.attend(conn, at, ended)
}

// errOtherMaster ends connections to a server that is not the master any more.
var errOtherMaster = errors.New("another server is the master now")

// attend sends what is to be changed, whenever something is.
func (l *link) attend(conn rueidis.DedicatedClient, at *line, ended <-chan error) error {
	look := time.NewTicker(masterLook)
	defer look.Stop()
	if l.bus.d.options.Master == "" {
		look.Stop()
	}
	var later <-chan time.Time // when to try again what could not be had
	for failures := 0; ; {
		refused, err := l.change(conn, at)
		if err != nil {
			return err
		}
		if refused && later == nil {
			failures++
			later = time.After(backoff(failures))
		}
		select {
		case <-l.wake:
		case <-later:
			later = nil
			l.requeue()
		case err := <-ended:
			if err == nil {
				err = rueidis.ErrClosing
			}
			return err
		case <-look.C:
			if _, ok := l.bus.d.client.Nodes()[at.addr]; !ok {
				return errOtherMaster
			}
		case <-l.bus.ctx.Done():
			return l.bus.ctx.Err()
		}
	}
}

// change sends all that is to be changed. It tells whether the server has refused some of it. The error is that of the connection.
func (l *link) change(conn rueidis.DedicatedClient, at *line) (refused bool, err error) {
	for {
		topics, cmds := l.take(conn, at)
		if len(topics) == 0 {
			return refused, nil
		}
		for i, r := range conn.DoMulti(l.bus.ctx, cmds...) {
			if err := r.NonRedisError(); err != nil {
				return refused, err
			}
			if l.settle(topics[i], at, r.Error()) {
				refused = true
			}
		}
	}
}

// take makes commands for the next topics that are to be changed. Topics that nobody wants and no server has are gone then.
func (l *link) take(conn rueidis.DedicatedClient, at *line) (topics []*topic, cmds []rueidis.Completed) {
	b := l.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(l.dirty) > 0 && len(topics) < batch {
		t := l.dirty[len(l.dirty)-1]
		l.dirty = l.dirty[:len(l.dirty)-1]
		t.dirty = false
		wanted := len(t.subscriptions) > 0
		switch {
		case !wanted && t.state == idle:
			delete(b.topics, t.channel)
			continue
		case wanted && t.state == idle:
			t.state, t.line = asked, at
			cmds = append(cmds, conn.B().Ssubscribe().Channel(t.channel).Build())
		case !wanted && t.state == live:
			t.state = leaving
			cmds = append(cmds, conn.B().Sunsubscribe().Channel(t.channel).Build())
		default:
			continue
		}
		topics = append(topics, t)
	}
	if len(l.dirty) == 0 {
		l.dirty = nil // after much was subscribed to at once
	}
	return topics, cmds
}

// settle notes what a server has said about a topic, and tells whether it has refused it.
func (l *link) settle(t *topic, at *line, err error) (refused bool) {
	b := l.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	wanted := len(t.subscriptions) > 0
	switch {
	case t.line != at:
		return false
	case t.state == leaving: // where the slot has moved it has ended, too
		t.state, t.line = idle, nil
		l.touch(t)
		return false
	case err == nil:
		if !wanted {
			l.touch(t)
		}
		return false
	}
	t.lose()
	if e, ok := rueidis.IsRedisErr(err); ok && b.slots != nil {
		if addr, ok := e.IsMoved(); ok {
			b.slots.move(t.slot, besides(addr, at.addr))
			t.link = b.linkOf(t)
			t.link.touch(t)
			return false
		}
	}
	t.tell(err)
	if !wanted {
		l.touch(t)
	}
	return true
}

// besides returns an address as a server tells it that knows no host of others: it is its own then.
func besides(addr, own string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host != "" {
		return addr
	}
	host, _, _ = net.SplitHostPort(own)
	return net.JoinHostPort(host, port)
}

// requeue looks again at all topics that no server has.
func (l *link) requeue() {
	l.bus.mu.Lock()
	defer l.bus.mu.Unlock()
	for _, t := range l.bus.topics {
		if t.link == l && t.state == idle {
			l.touch(t)
		}
	}
}

// lost notes that the connection is gone with all its topics. Those who wait for a confirmation get the error, and have to try again.
func (l *link) lost(err error) {
	l.bus.mu.Lock()
	defer l.bus.mu.Unlock()
	for _, t := range l.bus.topics {
		if t.link == l {
			t.lose()
			t.tell(err)
			l.touch(t)
		}
	}
}

// leave gives topics to the links that they belong to now, and is true if this one has none then and ends.
func (l *link) leave() bool {
	b := l.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	left := 0
	l.dirty = nil
	for channel, t := range b.topics {
		if t.link != l {
			continue
		}
		t.dirty = false
		if len(t.subscriptions) == 0 {
			delete(b.topics, channel)
			continue
		}
		t.link = b.linkOf(t)
		t.link.touch(t)
		if t.link == l {
			left++
		}
	}
	if left == 0 {
		delete(b.links, l.addr)
	}
	return left == 0
}

// node returns the client of the one server that a link is to.
func (b *bus) node(l *link) (rueidis.Client, string, error) {
	for range 2 {
		for addr, client := range b.d.client.Nodes() {
			if l.addr == "" || l.addr == addr {
				return client, addr, nil
			}
		}
		b.introduce(l)
	}
	return nil, "", errors.New("no such server is known yet")
}

// introduce has the client of a Cluster learn of a server, by asking for something of one of its slots.
func (b *bus) introduce(l *link) {
	var channel string
	b.mu.RLock()
	for _, t := range b.topics {
		if t.link == l {
			channel = t.channel
			break
		}
	}
	b.mu.RUnlock()
	ctx, cancel := context.WithTimeout(b.ctx, b.d.options.Answer)
	defer cancel()
	b.d.client.Do(ctx, b.d.b().Exists().Key(channel).Build())
}
