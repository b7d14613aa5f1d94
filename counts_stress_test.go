package hubbub_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/inbox"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// crush is many who publish, withdraw, mark, come and go at once.
type crush struct {
	*house
	t *testing.T

	mu  sync.Mutex
	ids []string // of what was published lately
}

const crushUsers = 6

func (c *crush) user(r *rand.Rand) string { return fmt.Sprintf("user%d", r.IntN(crushUsers)) }

// some is "", or one of a few names.
func some(r *rand.Rand, names ...string) string {
	if r.IntN(2) == 0 {
		return ""
	}
	return names[r.IntN(len(names))]
}

func (c *crush) publish(r *rand.Rand, to hubbub.Recipients) {
	p := hubbub.Publication{To: to, Collapse: some(r, "x", "y")}
	p.Content.Title, p.Content.Category = "news", some(r, "likes", "orders")
	out, err := c.box.Publish(context.Background(), p)
	if err != nil {
		c.t.Error(err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids = append(c.ids, out.ID)
}

// id takes one of what was published.
func (c *crush) id(r *rand.Rand) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ids) == 0 {
		return "none"
	}
	return c.ids[r.IntN(len(c.ids))]
}

func (c *crush) act(r *rand.Rand) {
	ctx := context.Background()
	switch r.IntN(6) {
	case 0, 1:
		c.publish(r, hubbub.Recipients{Users: []string{c.user(r), c.user(r)}})
	case 2, 3:
		to := &hubbub.Audiences{Newcomers: r.IntN(2) == 0}
		if plan := some(r, "free", "pro"); plan != "" {
			to.Attrs = map[string]string{"plan": plan}
		}
		c.publish(r, hubbub.Recipients{Audience: to})
	case 4:
		if err := c.box.Withdraw(ctx, c.id(r)); err != nil && hubbub.AsError(err).Reason != hubbub.NotFound {
			c.t.Error(err)
		}
	case 5:
		m := inbox.Mark{State: []string{"seen", "read", "unread", "archived"}[r.IntN(4)]}
		switch r.IntN(4) {
		case 0:
			m.All = true
		case 1:
			m.Category = "likes"
		default:
			m.IDs = []string{c.id(r), c.id(r), c.id(r)}
		}
		if _, _, err := c.box.Mark(ctx, c.user(r), m); err != nil {
			c.t.Error(err)
		}
	}
}

// visit has a user come and go, with attributes that change, and returns the session that stays.
func (c *crush) visit(user string, r *rand.Rand, visits int) (dot, error) {
	var stays dot
	for i := range visits {
		id := as(user)
		if plan := some(r, "free", "pro"); plan != "" {
			id.Attrs = map[string]string{"plan": plan}
		}
		d, err := look(c.Hub, id)
		if err != nil {
			return d, err
		}
		if r.IntN(3) == 0 {
			id.Attrs = map[string]string{"plan": "pro"}
			if _, err := d.Refresh(context.Background(), id); err != nil {
				return d, err
			}
		}
		if i > 0 { // sometimes there are two, and sometimes there was none for a while
			stays.Closed()
		}
		stays = d
		if i+1 < visits && r.IntN(2) == 0 {
			stays.Closed()
		}
	}
	return stays, nil
}

// dot is a session with the counts of its welcome.
type dot struct {
	client
	welcome hubbub.InboxCounts
}

func look(h *hubbub.Hub, id hubbub.Identity) (d dot, err error) {
	d.line = &line{}
	d.Session, err = h.Open(context.Background(), hubbub.Arrival{Identity: id, Conn: d.line, Transport: wire{},
		Welcome: func(s *hubbub.Session) { d.welcome, _ = s.Counts() }})
	return d, err
}

// recount counts what is listed.
func recount(t *testing.T, box *inbox.Inbox, user string) (counts hubbub.InboxCounts) {
	t.Helper()
	counts.Categories = map[string]hubbub.CategoryCounts{}
	for q := (inbox.Query{State: "unread", Limit: 1000}); ; {
		page, err := box.List(t.Context(), user, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range page.Notices {
			its := counts.Categories[n.Category]
			counts.Unread++
			its.Unread++
			if n.State == hubbub.NoticeUnseen {
				counts.Unseen++
				its.Unseen++
			}
			counts.Categories[n.Category] = its
		}
		if q.Before = page.Next; q.Before == "" {
			return counts
		}
	}
}

// TestEveryDotIsRightAtLast compares, when all is quiet, what each session was told last with what is listed.
func TestEveryDotIsRightAtLast(t *testing.T) {
	c := &crush{house: boxes(t, asTheyAre, func() {}), t: t}
	c.box.Start()
	var all sync.WaitGroup
	dots := make([]dot, crushUsers)
	errs := make([]error, crushUsers)
	for i := range dots {
		all.Go(func() {
			dots[i], errs[i] = c.visit(fmt.Sprintf("user%d", i), rand.New(rand.NewPCG(0, uint64(i))), 25)
		})
	}
	for i := range 8 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(0, uint64(100+i)))
			for range 40 {
				c.act(r)
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for _, d := range dots {
		want := recount(t, c.box, d.Identity().User)
		testkit.Eventually(t, fmt.Sprintf("%s shows %+v", d.Identity().User, want), func() bool { return same(shown(d.client, d.welcome), want) })
		if now, err := c.box.Counts(t.Context(), d.Identity().User); err != nil || !same(now, want) {
			t.Errorf("the counts are %+v, %v; %+v are listed", now, err, want)
		}
	}
	if err := c.box.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
