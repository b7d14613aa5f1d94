package hubbub

import "context"

func (p *patient) Presences(ctx context.Context, users []string) ([]Presence, error) {
	return within(ctx, p, patience, func(ctx context.Context) ([]Presence, error) { return p.Driver.Presences(ctx, users) })
}

func (p *patient) Count(ctx context.Context) (Counts, error) {
	return within(ctx, p, patience, p.Driver.Count)
}

func (p *patient) Online(ctx context.Context, f Filter, after string, limit int) (PresencePage, error) {
	return within(ctx, p, patience, func(ctx context.Context) (PresencePage, error) { return p.Driver.Online(ctx, f, after, limit) })
}

func (p *patient) SessionsOf(ctx context.Context, user string) ([]SessionRecord, error) {
	return within(ctx, p, patience, func(ctx context.Context) ([]SessionRecord, error) { return p.Driver.SessionsOf(ctx, user) })
}

func (p *patient) Enter(ctx context.Context, room, user, session string) (first bool, count int, err error) {
	count, err = within(ctx, p, patience, func(ctx context.Context) (count int, err error) {
		first, count, err = p.Driver.Enter(ctx, room, user, session)
		return count, err
	})
	return first, count, err
}

func (p *patient) Leave(ctx context.Context, room, user, session string) (last bool, count int, err error) {
	count, err = within(ctx, p, patience, func(ctx context.Context) (count int, err error) {
		last, count, err = p.Driver.Leave(ctx, room, user, session)
		return count, err
	})
	return last, count, err
}

func (p *patient) Occupied(ctx context.Context, after string, limit int) (RoomPage, error) {
	return within(ctx, p, patience, func(ctx context.Context) (RoomPage, error) { return p.Driver.Occupied(ctx, after, limit) })
}

func (p *patient) Erase(ctx context.Context, user string) (bool, error) {
	return within(ctx, p, longPatience, func(ctx context.Context) (bool, error) { return p.Driver.Erase(ctx, user) })
}

func (p *patient) Nodes(ctx context.Context) ([]NodeStatus, error) {
	return within(ctx, p, patience, p.Shared.Nodes)
}

func (p *patient) Restore(ctx context.Context, s SessionRecord, was Opened, l DeviceLimit) (Restored, error) {
	return within(ctx, p, patience, func(ctx context.Context) (Restored, error) { return p.Shared.Restore(ctx, s, was, l) })
}

func (p *patient) Remind(ctx context.Context) ([]Transition, error) {
	return within(ctx, p, longPatience, p.Shared.Remind)
}

func (p *patient) SessionsOn(ctx context.Context, node, after string) (some []SessionRecord, next string, err error) {
	next, err = within(ctx, p, patience, func(ctx context.Context) (next string, err error) {
		some, next, err = p.Shared.SessionsOn(ctx, node, after)
		return next, err
	})
	return some, next, err
}
