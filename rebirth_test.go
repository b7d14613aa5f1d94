package hubbub_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
)

// scripted is a driver whose log says what a test wants, and whose bus brings what it wants.
type scripted struct {
	hubbub.Driver

	mu    sync.Mutex
	head  hubbub.Position
	all   []hubbub.Message // what is kept in the epoch of head
	fresh bool             // each read finds a stream that has just begun
	reads int
	ears  map[hubbub.Topic]hubbub.Subscriber
}

func newScripted(head hubbub.Position) *scripted {
	return &scripted{Driver: memory.New(memory.Options{}), head: head, ears: map[hubbub.Topic]hubbub.Subscriber{}}
}

func (d *scripted) Subscribe(ctx context.Context, t hubbub.Topic, s hubbub.Subscriber) (func(), error) {
	d.mu.Lock()
	d.ears[t] = s
	d.mu.Unlock()
	return d.Driver.Subscribe(ctx, t, s)
}

// now changes what the log says.
func (d *scripted) now(head hubbub.Position, all ...hubbub.Message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.head, d.all, d.reads = head, all, 0
}

func (d *scripted) After(ctx context.Context, _ hubbub.Stream, p hubbub.Position, _ int) (hubbub.Page, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.reads++; d.reads > 20 {
		return hubbub.Page{}, fmt.Errorf("it was read %d times, which is in vain", d.reads) // so that a test ends
	}
	if d.fresh {
		return hubbub.Page{Head: hubbub.Position{Epoch: fmt.Sprint("fresh", d.reads)}}, nil
	}
	if p.Epoch != d.head.Epoch {
		return hubbub.Page{Head: d.head}, nil
	}
	i := slices.IndexFunc(d.all, func(m hubbub.Message) bool { return m.Position.Offset > p.Offset })
	if i < 0 {
		i = len(d.all)
	}
	return hubbub.Page{Head: d.head, Complete: true, Messages: slices.Clone(d.all[i:])}, nil
}

func (d *scripted) Before(context.Context, hubbub.Stream, hubbub.Position, int) (hubbub.Page, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return hubbub.Page{Head: d.head, Complete: true}, nil
}

// often tells how often it was read since it was changed.
func (d *scripted) often() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reads
}

func (d *scripted) ear(t hubbub.Topic) hubbub.Subscriber {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ears[t]
}

// posted is a message whose data are its place in the order.
func posted(stream hubbub.Stream, epoch string, offset uint64) hubbub.Posted {
	return hubbub.Posted{Previous: offset - 1, Message: hubbub.Message{ID: fmt.Sprint(epoch, offset), Stream: stream, Time: time.Now(),
		Data: fmt.Appendf(nil, `"%s %d"`, epoch, offset), Position: hubbub.Position{Epoch: epoch, Offset: offset}}}
}

var lobby = hubbub.Topic{Kind: hubbub.TopicRoom, Name: "lobby"}

// TestAMessageOfALostEpochIsNotLookedForAgainAndAgain has a message come of what a replica that takes over does not have.
func TestAMessageOfALostEpochIsNotLookedForAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newScripted(hubbub.Position{Epoch: "old", Offset: 3})
		h := start(t, hubbub.Options{Driver: d})
		ann := open(t, h, "ann")
		ann.join(t, "lobby", nil)
		stream := hubbub.RoomStream("lobby")
		d.now(hubbub.Position{Epoch: "new", Offset: 2})
		d.ear(lobby).Receive(posted(stream, "old", 5)) // after a gap, so that the log is read
		d.ear(lobby).Receive(posted(stream, "old", 6))
		pass(time.Second)
		if n := d.often(); n > 4 {
			t.Errorf("the log was read %d times", n)
		}
		if n := len(told[hubbub.Skipped](ann)); n != 1 {
			t.Errorf("ann was told %d times that messages are lost", n)
		}
		d.now(hubbub.Position{Epoch: "new", Offset: 3})
		d.ear(lobby).Receive(posted(stream, "new", 3))
		pass(time.Second)
		if got := strings.Join(heard(ann), ", "); got != `"new 3"` || d.often() != 0 {
			t.Errorf("ann heard %s; the log was read %d times", got, d.often())
		}
	})
}

// TestAMessageBeforeWhichOthersWereErased comes, although the log does not have what was before it, nor itself, any more.
func TestAMessageBeforeWhichOthersWereErased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newScripted(hubbub.Position{Epoch: "one", Offset: 3})
		h := start(t, hubbub.Options{Driver: d})
		ann := open(t, h, "ann")
		ann.join(t, "lobby", nil)
		d.now(hubbub.Position{Epoch: "one", Offset: 6})
		for _, offset := range []uint64{6, 7} {
			d.ear(lobby).Receive(posted(hubbub.RoomStream("lobby"), "one", offset))
		}
		pass(time.Second)
		if got := strings.Join(heard(ann), ", "); got != `"one 6", "one 7"` || d.often() != 1 {
			t.Errorf("ann heard %s; the log was read %d times", got, d.often())
		}
	})
}

// TestAPairThatIsGone has everything be lost that was said in a pair, where each read finds another beginning.
func TestAPairThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newScripted(hubbub.Position{})
		h := start(t, hubbub.Options{Driver: d})
		ann := open(t, h, "ann")
		topic, stream := hubbub.Topic{Kind: hubbub.TopicUser, Name: "ann"}, hubbub.PairStream("ann", "bob")
		d.ear(topic).Receive(posted(stream, "old", 1))
		d.mu.Lock()
		d.fresh = true
		d.mu.Unlock()
		d.ear(topic).Missed()
		pass(time.Second)
		if n := d.often(); n > 2 {
			t.Errorf("the log was read %d times", n)
		}
		d.ear(topic).Receive(posted(stream, "new", 1))
		pass(time.Second)
		if got := strings.Join(heard(ann), ", "); got != `"old 1", "new 1"` {
			t.Errorf("ann heard %s", got)
		}
	})
}
