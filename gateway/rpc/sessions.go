package rpc

import (
	"context"

	"github.com/hubbub-dev/hubbub"
)

func sessionList(ctx context.Context, c *call) (any, error) {
	records, err := c.peer.server.opts.Hub.SessionsOf(ctx, c.peer.user)
	if err != nil {
		return nil, err
	}
	return devicesResult{ownDevices(records, c.peer.session.ID())}, nil
}

// ownDevices groups sessions by device, in the order of each device's first session.
func ownDevices(records []hubbub.SessionRecord, this string) []ownDevice {
	devices := []ownDevice{}
	at := make(map[string]int)
	for _, r := range records {
		i, known := at[r.Device]
		if !known {
			i = len(devices)
			at[r.Device] = i
			devices = append(devices, ownDevice{Device: r.Device, Platform: r.Platform})
		}
		d := &devices[i]
		d.This = d.This || r.ID == this
		d.Sessions = append(d.Sessions, ownSession{r.ID, r.ID == this, millis(r.Connected), r.Address})
	}
	return devices
}

func sessionEnd(ctx context.Context, c *call) (any, error) {
	p := &c.request.params
	t := hubbub.Target{User: c.peer.user, Session: p.id("session"), Device: p.maybeName("device")}
	others := p.boolean("others", false)
	if others {
		t.ExceptDevice = c.peer.session.Identity().Device // its other tabs stay, too
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	if count(t.Session != "", t.Device != "", others) != 1 {
		return nil, hubbub.Errorf(hubbub.Invalid, `one of "session", "device" and "others": true is needed`)
	}
	ended, err := c.peer.session.EndSessions(ctx, t)
	return endResult{ended}, err
}

func count(conditions ...bool) (n int) {
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}

func sessionRefresh(ctx context.Context, c *call) (any, error) {
	p := &c.request.params
	token, ok := p.text("token")
	if !ok || token == "" {
		p.fail(`"token" is missing`)
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	server, session := c.peer.server, c.peer.session
	if server.opts.Verify == nil {
		return nil, hubbub.Errorf(hubbub.Forbidden, "this server has no tokens that could be refreshed")
	}
	id, err := server.opts.Verify(ctx, token)
	if err != nil {
		return nil, err
	}
	left, err := session.Refresh(ctx, id)
	if left == nil {
		left = []string{}
	}
	return refreshResult{millis(id.Expires), left}, err
}
