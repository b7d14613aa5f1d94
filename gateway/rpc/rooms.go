package rpc

import (
	"context"

	"github.com/hubbub-dev/hubbub"
)

// maxPageBytes is how much of messages one reply may have, so that it does not take the place of what comes live.
const maxPageBytes = 256 << 10

func roomJoin(ctx context.Context, c *call) (any, error) {
	p := &c.request.params
	room, o := p.name("room"), hubbub.JoinOptions{Since: p.position("since"), Limit: p.limit()}
	if err := p.check(); err != nil {
		return nil, err
	}
	return replied{}, c.peer.session.Join(ctx, room, o, func(r hubbub.JoinResult) {
		c.reply(joinResultOf(r, c.peer.user))
	})
}

func joinResultOf(r hubbub.JoinResult, viewer string) joinResult {
	messages, cut := page(r.Messages, viewer, r.Recovered)
	out := joinResult{
		Room: r.Room, Recovered: r.Recovered, Messages: messages, More: r.More || cut, Present: r.Present,
	}
	if r.Position != (hubbub.Position{}) {
		out.Position = &r.Position
	}
	return out
}

// page makes messages ready for a reply, as many as fit: the first ones if the client reads forward, otherwise the last ones.
func page(messages []hubbub.Message, viewer string, forward bool) (fit []wireMessage, cut bool) {
	from, to, size := 0, len(messages), 0
	for i := range messages {
		next := i
		if !forward {
			next = len(messages) - 1 - i
		}
		size += sizeHint(wireMessage{messages[next], viewer})
		if size <= maxPageBytes || i == 0 {
			continue
		}
		if forward {
			to = next
		} else {
			from = next + 1
		}
		cut = true
		break
	}
	fit = make([]wireMessage, 0, to-from)
	for _, m := range messages[from:to] {
		fit = append(fit, wireMessage{m, viewer})
	}
	return fit, cut
}

func roomLeave(ctx context.Context, c *call) (any, error) {
	room := c.request.params.name("room")
	if err := c.request.params.check(); err != nil {
		return nil, err
	}
	return none{}, c.peer.session.Leave(ctx, room)
}

func roomHistory(ctx context.Context, c *call) (any, error) {
	room := c.request.params.name("room")
	return c.history(ctx, hubbub.RoomStream(room))
}

// history reads a stream whose name was read from the params.
func (c *call) history(ctx context.Context, stream hubbub.Stream) (any, error) {
	p := &c.request.params
	q := hubbub.HistoryQuery{After: p.position("after"), Before: p.position("before"), Limit: p.limit()}
	if q.After != nil && q.Before != nil {
		p.fail(`"after" and "before" cannot be combined`)
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	found, err := c.peer.session.History(ctx, stream, q)
	if err != nil {
		return nil, err
	}
	messages, cut := page(found.Messages, c.peer.user, q.After != nil)
	return historyResult{messages, found.More || cut, found.Complete}, nil
}

func roomPresent(ctx context.Context, c *call) (any, error) {
	p := &c.request.params
	room, after, limit := p.name("room"), p.cursor("after"), p.limit()
	if err := p.check(); err != nil {
		return nil, err
	}
	found, err := c.peer.session.Present(ctx, room, after, limit)
	if err != nil {
		return nil, err
	}
	users := make([]presentUser, len(found.Users))
	for i, u := range found.Users {
		users[i] = presentUser{person{u.User, u.Info}, platforms(u.Devices)}
	}
	return presentResult{users, found.Total, found.Next}, nil
}

func platforms(devices []hubbub.DeviceInfo) []string {
	out := make([]string, len(devices))
	for i, d := range devices {
		out[i] = d.Platform
	}
	return out
}
