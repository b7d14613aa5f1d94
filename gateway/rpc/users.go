package rpc

import (
	"context"

	"github.com/hubbub-dev/hubbub"
)

func userHistory(ctx context.Context, c *call) (any, error) {
	user := c.request.params.name("user")
	return c.history(ctx, hubbub.PairStream(c.peer.user, user))
}

func conversationList(ctx context.Context, c *call) (any, error) {
	p := &c.request.params
	before, limit := p.cursor("before"), p.limit()
	if err := p.check(); err != nil {
		return nil, err
	}
	found, err := c.peer.session.Conversations(ctx, before, limit)
	if err != nil {
		return nil, err
	}
	infos, err := c.peer.infos(ctx, found.Conversations)
	if err != nil {
		return nil, err
	}
	out := conversationsResult{make([]conversation, len(found.Conversations)), found.Next}
	for i, of := range found.Conversations {
		where := placeOf(of.Stream, c.peer.user)
		out.Conversations[i] = conversation{
			place: where, Info: infos[where.User].Info, Last: wireMessage{of.Last, c.peer.user}, Position: of.Last.Position,
			Read: of.Read, PeerRead: of.PeerRead, Unread: of.Unread,
		}
	}
	return out, nil
}

// infos asks what is known of the people in some conversations.
func (p *peer) infos(ctx context.Context, conversations []hubbub.Conversation) (map[string]hubbub.Presence, error) {
	var users []string
	for _, c := range conversations {
		if c.Stream.Room == "" {
			users = append(users, c.Stream.Peer(p.user))
		}
	}
	if len(users) == 0 {
		return nil, nil
	}
	found, err := p.server.opts.Hub.Presences(ctx, users)
	byName := make(map[string]hubbub.Presence, len(found))
	for _, f := range found {
		byName[f.User] = f
	}
	return byName, err
}

func messageRead(ctx context.Context, c *call) (any, error) {
	p := &c.request.params
	stream, at := p.stream(c.peer.user), p.position("position")
	if at == nil {
		p.fail(`"position" is missing`)
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return none{}, c.peer.session.MarkRead(ctx, stream, *at)
}

func typing(ctx context.Context, c *call) (any, error) {
	p := &c.request.params
	stream, active := p.stream(c.peer.user), p.boolean("active", true)
	if err := p.check(); err != nil {
		return nil, err
	}
	return none{}, c.peer.session.Typing(ctx, stream, active)
}
