package redis

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// slots knows which server of a Cluster has which slot, as far as was heard.
type slots struct {
	asking sync.Mutex // held while servers are asked
	asked  time.Time  // when they were, under asking

	// Under the lock of the bus.
	addrs []string
	of    [16384]uint16 // by slot: which of addrs, counted from 1; 0 means that it is unknown
}

// locateGap is how long what was heard is taken for new.
const locateGap = 100 * time.Millisecond

// slot is that of a key or channel in a Cluster.
func (d *Driver) slot(channel string) uint16 {
	cmd := d.b().Exists().Key(channel).Build()
	return cmd.Slot()
}

// owner is the server that has a slot. If it is unknown, it is one that can say so.
func (s *slots) owner(slot uint16) string { return s.addrs[max(1, s.of[slot])-1] }

// move notes that a server has a slot.
func (s *slots) move(slot uint16, addr string) {
	i := slices.Index(s.addrs, addr)
	if i < 0 {
		i = len(s.addrs)
		s.addrs = append(s.addrs, addr)
	}
	s.of[slot] = uint16(i + 1)
}

// locate asks the Cluster for the owners of all slots. What nobody answers stays as it was.
func (b *bus) locate() error {
	b.slots.asking.Lock()
	defer b.slots.asking.Unlock()
	if time.Since(b.slots.asked) < locateGap {
		return nil
	}
	err := errors.New("no server of the Cluster tells who has which slot")
	for addr, node := range b.d.client.Nodes() {
		var ranges []slotRange
		if ranges, err = b.askSlots(node, addr); err == nil {
			b.learn(ranges)
			break
		}
	}
	b.slots.asked = time.Now()
	return err
}

// learn notes the owners of slots. Addresses of servers that have none any more are forgotten.
func (b *bus) learn(ranges []slotRange) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slots.addrs, b.slots.of = nil, [16384]uint16{}
	for _, r := range ranges {
		for slot := r.first; slot <= r.last; slot++ {
			b.slots.move(uint16(slot), r.addr)
		}
	}
}

type slotRange struct {
	first, last int64
	addr        string
}

// askSlots asks one server.
func (b *bus) askSlots(node rueidis.Client, addr string) (ranges []slotRange, err error) {
	ctx, cancel := context.WithTimeout(b.ctx, b.d.options.Answer)
	defer cancel()
	all, err := node.Do(ctx, node.B().ClusterSlots().Build()).ToArray()
	if err != nil {
		return nil, err
	}
	for i := range all {
		entry, err := all[i].ToArray()
		if err != nil || len(entry) < 3 {
			continue
		}
		first, err1 := entry[0].AsInt64()
		last, err2 := entry[1].AsInt64()
		master, err3 := entry[2].ToArray()
		if err := errors.Join(err1, err2, err3); err != nil || len(master) < 2 || first < 0 || last >= 16384 {
			continue
		}
		host, _ := master[0].ToString() // nothing, if the servers know no host of their own
		port, _ := master[1].AsInt64()
		ranges = append(ranges, slotRange{first, last, besides(net.JoinHostPort(host, strconv.FormatInt(port, 10)), addr)})
	}
	if len(ranges) == 0 {
		return nil, errors.New("the Cluster has no slots")
	}
	return ranges, nil
}

// enterCluster learns who has which slot, and connects to all servers, so that later connections are made because something was lost.
func (d *Driver) enterCluster(ctx context.Context) error {
	d.bus.slots = &slots{}
	if err := d.bus.locate(); err != nil {
		return err
	}
	var wg sync.WaitGroup
	for _, node := range d.client.Nodes() {
		wg.Go(func() { node.Do(ctx, node.B().Ping().Build()) }) // who does not answer may come later
	}
	wg.Wait()
	return nil
}
