//go:build unix

package redis_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/redis"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// two opens two drivers with the same options.
func two(t *testing.T, o redis.Options) (a, b *redis.Driver) {
	t.Helper()
	o.Prefix = freshPrefix()
	return openWith(t, o), openWith(t, o)
}

// unsure waits until a call of both is answered with unavailable.
func (a *audience) unsure() {
	a.t.Helper()
	for _, d := range []*redis.Driver{a.from, a.to} {
		testkit.Eventually(a.t, "a call that fails", func() bool {
			err := d.Publish(a.t.Context(), a.topics[0], word("lost"))
			if err != nil {
				isUnavailable(a.t, err)
			}
			return err != nil
		})
	}
}

func TestARestartOfRedis(t *testing.T) {
	t.Parallel()
	own := testkit.NewRedis(t)
	from, to := two(t, redis.Options{Addrs: []string{own.Addr}})
	var dials atomic.Int32
	from.OnDial(func() { dials.Add(1) })
	a := listen(t, from, to, 700)
	a.hears()
	if n := dials.Load(); n != 0 {
		t.Errorf("%d connections were made anew while nothing was lost", n)
	}
	own.Kill()
	a.unsure()
	_, err := to.Subscribe(t.Context(), room("late"), &ear{t: t})
	isUnavailable(t, err)
	own.Start()
	a.hears()
	a.missed(all)
	if n := dials.Load(); n != 1 {
		t.Errorf("%d connections were made anew, want 1", n)
	}
}

func TestARedisThatStandsStill(t *testing.T) {
	t.Parallel()
	own := testkit.NewRedis(t)
	from, to := two(t, redis.Options{Addrs: []string{own.Addr}})
	a := listen(t, from, to, 100)
	a.hears()
	own.Pause(t)
	a.unsure()
	_, err := to.Subscribe(t.Context(), room("late"), &ear{t: t})
	isUnavailable(t, err)
	own.Resume(t)
	a.hears()
	a.missed(all)
}

// TestPatience has a Redis stand still until one driver takes it for away. Another one, which waits for longer, has its answer then.
func TestPatience(t *testing.T) {
	t.Parallel()
	own := testkit.NewRedis(t)
	brief := openWith(t, redis.Options{Addrs: []string{own.Addr}, Answer: time.Second})
	long := openWith(t, redis.Options{Addrs: []string{own.Addr}, Answer: patience})
	own.Pause(t)
	answer := make(chan error, 1)
	go func() {
		_, err := long.Renew(t.Context(), hubbub.NodeStatus{Node: "n1"})
		answer <- err
	}()
	_, err := brief.Renew(t.Context(), hubbub.NodeStatus{Node: "n2"})
	isUnavailable(t, err)
	own.Resume(t)
	if err := testkit.Receive(t, "the answer after all", answer); err != nil {
		t.Error(err)
	}
}

func TestFailoverBySentinels(t *testing.T) {
	t.Parallel()
	s := testkit.Sentinel(t)
	from, to := two(t, redis.Options{Addrs: s.Addrs, Master: s.Master})
	a := listen(t, from, to, 300)
	a.hears()
	s.Servers[0].Kill()
	a.unsure()
	a.hears()
	a.missed(all)
	if leader := s.Leader(); leader != s.Servers[1] {
		t.Error("the replica is not the master")
	}
}

func TestPlannedFailoverBySentinels(t *testing.T) {
	t.Parallel()
	s := testkit.Sentinel(t)
	from, to := two(t, redis.Options{Addrs: s.Addrs, Master: s.Master})
	a := listen(t, from, to, 300)
	a.hears()
	s.Failover()
	testkit.Eventually(t, "another master", func() bool { return s.Leader() == s.Servers[1] })
	a.missed(all)
	a.hears()
	a.missed(all)
}

// TestWhoHasMovedIsToldOnceMore has another master, to which a part of the nodes may publish later than others listen to it.
func TestWhoHasMovedIsToldOnceMore(t *testing.T) {
	t.Parallel()
	s := testkit.Sentinel(t)
	from, to := two(t, redis.Options{Addrs: s.Addrs, Master: s.Master})
	a := listen(t, from, to, 20)
	a.hears()
	to.Settle(time.Millisecond)
	s.Failover()
	for _, e := range a.ears {
		testkit.Eventually(t, "Missed, twice", func() bool { return e.misses() == 2 })
	}
}

func TestALostMasterOfACluster(t *testing.T) {
	t.Parallel()
	c := testkit.Cluster(t, 3, 1)
	from, to := two(t, redis.Options{Addrs: c.Addrs()[:1]})
	a := listen(t, from, to, 300)
	a.hears()
	c.Masters[0].Kill()
	a.hears()
	first, last := c.Slots(0)
	a.missed(func(topic hubbub.Topic) bool { slot := int(to.Slot(topic)); return first <= slot && slot <= last })
}

func TestReshardingWhileMessagesFlow(t *testing.T) {
	t.Parallel()
	c := testkit.Cluster(t, 3, 1)
	from, to := two(t, redis.Options{Addrs: c.Addrs()})
	var dials atomic.Int32
	from.OnDial(func() { dials.Add(1) })
	a := listen(t, from, to, 60)
	a.hears()
	moved := make(map[uint16]bool)
	firstOfLast, _ := c.Slots(2)
	for _, topic := range a.topics[:20] {
		slot := to.Slot(topic)
		if int(slot) >= firstOfLast || moved[slot] {
			continue
		}
		moved[slot] = true
		owner := c.Masters[1]
		if _, last := c.Slots(0); int(slot) <= last {
			owner = c.Masters[0]
		}
		c.Move(int(slot), owner, c.Masters[2])
	}
	a.missed(func(topic hubbub.Topic) bool { return moved[to.Slot(topic)] })
	a.hears()
	a.missed(func(topic hubbub.Topic) bool { return moved[to.Slot(topic)] })
	if n := dials.Load(); n != 0 {
		t.Errorf("%d connections were made anew while nothing was lost", n)
	}
}

func TestAMasterOfAClusterThatStandsStill(t *testing.T) {
	t.Parallel()
	c := testkit.Cluster(t, 3, 1)
	from, to := two(t, redis.Options{Addrs: c.Addrs()})
	a := listen(t, from, to, 100)
	a.hears()
	c.Masters[1].Pause(t)
	a.hears() // by the replica
	first, last := c.Slots(1)
	its := func(topic hubbub.Topic) bool { slot := int(to.Slot(topic)); return first <= slot && slot <= last }
	a.missed(its)
	c.Masters[1].Resume(t)
	testkit.Eventually(t, "the old master to be a replica", func() bool { return c.Masters[1].Says("role:slave") })
	a.hears()
	a.missed(its)
}

func TestAPromotedReplicaOfACluster(t *testing.T) {
	t.Parallel()
	c := testkit.Cluster(t, 3, 1)
	from, to := two(t, redis.Options{Addrs: c.Addrs()})
	a := listen(t, from, to, 300)
	a.hears()
	c.Promote(c.Replicas[0])
	a.hears()
}
