package inbox

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hubbub-dev/hubbub"
)

// Counts returns what a user has not dealt with, announcements included. It takes the same time however many notices there
// are. The Revision is that of the announcements that were counted.
func (in *Inbox) Counts(ctx context.Context, user string) (hubbub.InboxCounts, error) {
	if err := hubbub.CheckName("user", user); err != nil {
		return hubbub.InboxCounts{}, err
	}
	s, b, err := in.look(ctx, user)
	if err != nil {
		return hubbub.InboxCounts{}, fmt.Errorf("count the inbox of %q: %w", user, err)
	}
	return b.count(newReader(s)), nil
}

// count adds the announcements to the counts of a user's notices.
func (b *board) count(r *reader) hubbub.InboxCounts {
	c := r.Counts
	c.Categories = maps.Clone(c.Categories)
	for i := range b.piles {
		p := &b.piles[i]
		if !p.to.Include(r.Attrs) {
			continue
		}
		oldest, l := r.oldest(&p.to), r.level(p.category)
		add(&c, p.category, p.after(max(oldest, l.read)), p.after(max(oldest, l.seen)))
	}
	for id, made := range r.Made {
		at, there := b.byID[id]
		if !there || !r.has(&b.bySeq[at]) {
			continue
		}
		a := &b.bySeq[at]
		unread, unseen := dots(made)
		unread0, unseen0 := dots(r.level(a.Publication.Content.Category).state(a.Seq))
		add(&c, a.Publication.Content.Category, unread-unread0, unseen-unseen0)
	}
	return c
}

// after is how many of the pile have a higher Seq.
func (p *pile) after(seq uint64) int {
	at, found := slices.BinarySearch(p.seqs, seq)
	if found {
		at++
	}
	return len(p.seqs) - at
}

// dots is what a notice in a state adds to the numbers of unread and unseen ones.
func dots(s hubbub.NoticeState) (unread, unseen int) {
	switch s {
	case hubbub.NoticeUnseen:
		return 1, 1
	case hubbub.NoticeSeen:
		return 1, 0
	}
	return 0, 0
}

// add changes counts, also to less. Categories that have nothing are not in them.
func add(c *hubbub.InboxCounts, category string, unread, unseen int) {
	if unread == 0 && unseen == 0 {
		return
	}
	c.Unread += unread
	c.Unseen += unseen
	its := c.Categories[category]
	its.Unread += unread
	its.Unseen += unseen
	if its == (hubbub.CategoryCounts{}) {
		delete(c.Categories, category)
		if len(c.Categories) == 0 {
			c.Categories = nil
		}
		return
	}
	if c.Categories == nil {
		c.Categories = make(map[string]hubbub.CategoryCounts)
	}
	c.Categories[category] = its
}
