package rpc

import (
	"context"

	"github.com/hubbub-dev/hubbub"
)

// someUsers reads "users", which must be there.
func (p *params) someUsers() []string {
	users := p.users()
	if users == nil {
		p.fail(`"users" is missing; it is an array of names`)
	}
	return users
}

func presenceGet(ctx context.Context, c *call) (any, error) {
	users := c.request.params.someUsers()
	if err := c.request.params.check(); err != nil {
		return nil, err
	}
	found, err := c.peer.server.opts.Hub.Presences(ctx, users)
	return presencesResult{presencesOf(found)}, err
}

func presenceCount(ctx context.Context, c *call) (any, error) {
	return c.peer.server.opts.Hub.Count(ctx)
}

func presenceList(ctx context.Context, c *call) (any, error) {
	p := &c.request.params
	f := hubbub.Filter{Room: p.maybeName("room"), Platform: p.maybeName("platform")}
	f.Attr, f.Value = p.attr()
	after, limit := p.cursor("after"), p.limit()
	if err := p.check(); err != nil {
		return nil, err
	}
	found, err := c.peer.session.Online(ctx, f, after, limit)
	return onlineResult{presencesOf(found.Users), found.Total, found.Next}, err
}

func presenceWatch(ctx context.Context, c *call) (any, error) {
	users := c.request.params.someUsers()
	if err := c.request.params.check(); err != nil {
		return nil, err
	}
	return replied{}, c.peer.session.Watch(ctx, users, func(now []hubbub.Presence) {
		c.reply(presencesResult{presencesOf(now)})
	})
}

func presenceUnwatch(_ context.Context, c *call) (any, error) {
	users := c.request.params.users()
	if err := c.request.params.check(); err != nil {
		return nil, err
	}
	if users == nil || len(users) > 0 { // no users at all means everybody to the session, and nobody to us
		c.peer.session.Unwatch(users)
	}
	return none{}, nil
}
