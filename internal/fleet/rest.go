package fleet

import (
	"context"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// ear is a subscriber of an instance, which hears nothing while the server is away.
type ear struct {
	driver *Driver
	to     hubbub.Subscriber
}

func (e *ear) Receive(event hubbub.Event) {
	e.driver.mu.Lock()
	away := e.driver.away != nil
	e.driver.mu.Unlock()
	if !away {
		e.to.Receive(event)
	}
}

func (e *ear) Missed() { e.to.Missed() }

// Subscribe implements [hubbub.Bus].
func (d *Driver) Subscribe(ctx context.Context, t hubbub.Topic, to hubbub.Subscriber) (unsubscribe func(), err error) {
	if err := d.reach(ctx); err != nil {
		return nil, err
	}
	e := &ear{d, to}
	d.mu.Lock()
	if d.ears == nil {
		d.ears = map[*ear]struct{}{}
	}
	d.ears[e] = struct{}{}
	d.mu.Unlock()
	end, err := d.fleet.bus.Subscribe(ctx, t, e)
	return func() {
		end()
		d.mu.Lock()
		delete(d.ears, e)
		d.mu.Unlock()
	}, err
}

// Publish implements [hubbub.Bus].
func (d *Driver) Publish(ctx context.Context, t hubbub.Topic, e hubbub.Event) error {
	if err := d.reach(ctx); err != nil {
		return err
	}
	d.mu.Lock()
	hush := d.hush
	d.mu.Unlock()
	if hush {
		return hubbub.Errorf(hubbub.Unavailable, "the bus is away")
	}
	return d.fleet.bus.Publish(ctx, t, e)
}

// Post implements [hubbub.Poster].
func (d *Driver) Post(ctx context.Context, draft hubbub.Draft) (hubbub.Appended, error) {
	d.fleet.posting.Lock()
	defer d.fleet.posting.Unlock()
	a, err := d.Append(ctx, draft)
	if err != nil || a.Repeated && a.Message.Position == (hubbub.Position{}) {
		return a, err
	}
	e := hubbub.Posted{Message: a.Message, Previous: a.Previous}
	topics := []hubbub.Topic{{Kind: hubbub.TopicRoom, Name: draft.Message.Stream.Room}}
	if draft.Message.Stream.Room == "" {
		pair := draft.Message.Stream.Pair
		topics = []hubbub.Topic{{Kind: hubbub.TopicUser, Name: pair[0]}, {Kind: hubbub.TopicUser, Name: pair[1]}}
		if pair[0] == pair[1] {
			topics = topics[:1]
		}
	}
	for _, t := range topics {
		if err := d.Publish(ctx, t, e); err != nil {
			a.Unheard = true
		}
	}
	return a, nil
}

// scrap is a small thing that is kept for a while.
type scrap struct {
	value []byte
	until time.Time
}

// Put implements [hubbub.Scratch].
func (d *Driver) Put(ctx context.Context, name string, value []byte, life time.Duration) (before []byte, err error) {
	unlock, err := d.deciding(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	now := d.fleet.options.Now()
	if s, ok := d.fleet.kept[name]; ok && s.until.After(now) {
		return s.value, nil
	}
	d.fleet.kept[name] = scrap{value, now.Add(life)}
	return nil, nil
}

// Set implements [hubbub.Scratch].
func (d *Driver) Set(ctx context.Context, name string, value []byte, life time.Duration) error {
	unlock, err := d.deciding(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	d.fleet.kept[name] = scrap{value, d.fleet.options.Now().Add(life)}
	return nil
}

// Take implements [hubbub.Scratch].
func (d *Driver) Take(ctx context.Context, name string) ([]byte, error) {
	unlock, err := d.deciding(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	s, ok := d.fleet.kept[name]
	delete(d.fleet.kept, name)
	if !ok || !s.until.After(d.fleet.options.Now()) {
		return nil, nil
	}
	return s.value, nil
}
