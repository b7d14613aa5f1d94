package rpc

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/inbox"
)

const (
	maxIDs         = 1000 // notices that one call may name
	maxNoticesRead = 100  // at once, of a page
)

// inbox returns where the inboxes are, or NotFound.
func (s *Server) inbox() (*inbox.Inbox, error) {
	if s.opts.Inbox == nil {
		return nil, hubbub.Errorf(hubbub.NotFound, "this gateway keeps no inboxes, since it has no store; give it one with the setting store.path")
	}
	return s.opts.Inbox, nil
}

func inboxList(ctx context.Context, c *call) (any, error) {
	q, err := c.request.params.query()
	if err != nil {
		return nil, err
	}
	in, err := c.peer.server.inbox()
	if err != nil {
		return nil, err
	}
	return noticesPage(ctx, in, c.peer.user, q)
}

// noticesPage reads a page some notices at a time, since many large ones are more than fit. Where it ends early it is read
// again up to there: only a list that ends at a notice tells what comes after it.
func noticesPage(ctx context.Context, in *inbox.Inbox, user string, q inbox.Query) (noticesResult, error) {
	var page noticesResult
	for left := cmp.Or(q.Limit, defaultLimit); left > 0; {
		q.Limit = min(left, maxNoticesRead)
		found, err := in.List(ctx, user, q)
		if err != nil {
			return page, err
		}
		list, fit, err := appendNotices(page.notices, found.Notices)
		switch {
		case err != nil:
			return page, err
		case fit < len(found.Notices):
			left = fit // at 0 it ends where it has ended before
			continue
		}
		page = noticesResult{list, found.Next}
		if found.Next == "" {
			break
		}
		q.Before, left = found.Next, left-fit
	}
	return page, nil
}

// appendNotices adds notices to a page, with commas between them, and tells how many fit. The first one of a page always does.
func appendNotices(page []byte, notices []hubbub.Notice) (list []byte, fit int, err error) {
	list = page
	for i := range notices {
		if len(list) > 0 {
			list = append(list, ',')
		}
		if list, err = appendAny(list, noticeOf(&notices[i])); err != nil {
			return nil, 0, err
		}
		if len(list) > maxPageBytes && (i > 0 || len(page) > 0) {
			return nil, i, nil
		}
	}
	return list, len(notices), nil
}

func inboxCounts(ctx context.Context, c *call) (any, error) {
	in, err := c.peer.server.inbox()
	if err != nil {
		return nil, err
	}
	counts, err := in.Counts(ctx, c.peer.user)
	return wireCounts(counts), err
}

func inboxMark(ctx context.Context, c *call) (any, error) {
	m, err := c.request.params.mark()
	if err != nil {
		return nil, err
	}
	in, err := c.peer.server.inbox()
	if err != nil {
		return nil, err
	}
	changed, counts, err := in.Mark(ctx, c.peer.user, m)
	return markResult{changed, wireCounts(counts)}, err
}

// query reads which notices to list. What the fields mean together is for package inbox to check, and so it is of mark.
func (p *params) query() (inbox.Query, error) {
	q := inbox.Query{Category: p.maybeName("category"), State: p.id("state"), Before: p.cursor("before"), Limit: p.limit()}
	return q, p.check()
}

// mark reads what to make of which notices.
func (p *params) mark() (inbox.Mark, error) {
	m := inbox.Mark{
		State: p.id("state"), IDs: p.ids(), Category: p.maybeName("category"), All: p.boolean("all", false), Until: p.time("until"),
	}
	if m.State == "" {
		p.fail(`"state" is missing; it is "seen", "read", "unread" or "archived"`)
	}
	return m, p.check()
}

// ids reads a list of ids; nil if it is missing.
func (p *params) ids() []string {
	value := p.optional("ids")
	if value == nil {
		return nil
	}
	var ids []string
	if err := json.Unmarshal(value, &ids); err != nil || len(ids) == 0 {
		p.fail(`"ids" must be an array of ids, and not empty`)
		return nil
	}
	if len(ids) > maxIDs {
		if p.err == nil {
			p.err = hubbub.Errorf(hubbub.TooLarge, "%d ids are too many at once; name at most %d, or a category, or all", len(ids), maxIDs)
		}
		return nil
	}
	for _, id := range ids {
		if id == "" || len(id) > hubbub.MaxID {
			p.fail("an id of a notice has 1 to %d bytes", hubbub.MaxID)
		}
	}
	return ids
}

// time reads Unix milliseconds, the zero time if they are missing.
func (p *params) time(name string) time.Time {
	value := p.optional(name)
	if value == nil {
		return time.Time{}
	}
	ms, ok := integer(value)
	if !ok {
		p.fail("%q must be a time in Unix milliseconds, such as 1767225600000", name)
		return time.Time{}
	}
	return time.UnixMilli(int64(ms))
}
