package rpc

import (
	"context"

	"github.com/hubbub-dev/hubbub"
)

func roomMembers(ctx context.Context, c *call) (any, error) {
	p := &c.request.params
	room, after, limit := p.name("room"), p.cursor("after"), p.limit()
	if err := p.check(); err != nil {
		return nil, err
	}
	found, err := c.peer.session.Members(ctx, room, after, limit)
	if err != nil {
		return nil, err
	}
	members := make([]wireMember, len(found.Members))
	for i, m := range found.Members {
		members[i] = wireMember{m.User, m.Role, millis(m.Since)}
	}
	return membersResult{members, found.Next, found.Total}, nil
}

func roomAdd(ctx context.Context, c *call) (any, error) {
	p := &c.request.params
	room, user, role := p.name("room"), p.name("user"), p.role()
	if err := p.check(); err != nil {
		return nil, err
	}
	return none{}, c.peer.session.AddMember(ctx, room, user, role)
}

func roomRemove(ctx context.Context, c *call) (any, error) {
	p := &c.request.params
	room, user := p.name("room"), p.name("user")
	if err := p.check(); err != nil {
		return nil, err
	}
	return none{}, c.peer.session.RemoveMember(ctx, room, user)
}

// role reads what a member may do.
func (p *params) role() hubbub.Role {
	text, ok := p.text("role")
	if !ok {
		return hubbub.RoleMember
	}
	switch role := hubbub.Role(text); role {
	case hubbub.RoleOwner, hubbub.RoleAdmin, hubbub.RoleMember:
		return role
	}
	p.fail(`"role" must be %q, %q or %q`, hubbub.RoleOwner, hubbub.RoleAdmin, hubbub.RoleMember)
	return ""
}
