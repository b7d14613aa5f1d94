package inbox

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/hubbub-dev/hubbub"
)

// board is all announcements of one revision, ordered for what is asked of them. It is immutable.
type board struct {
	revision uint64
	bySeq    []hubbub.Announcement // in the order of publication
	listed   []int                 // indexes into bySeq, in the order of lists
	byID     map[string]int        // indexes into bySeq
	piles    []pile
}

// pile is the announcements for one audience in one category. A user who belongs to it has a number of them that follows from the
// user's watermarks, however many there are.
type pile struct {
	to       hubbub.Audiences
	category string
	seqs     []uint64 // rising
}

func newBoard(all []hubbub.Announcement, revision uint64) *board {
	b := &board{revision: revision, bySeq: all, listed: make([]int, len(all)), byID: make(map[string]int, len(all))}
	slices.SortFunc(b.bySeq, func(x, y hubbub.Announcement) int { return cmp.Compare(x.Seq, y.Seq) })
	piles := make(map[string]int)
	for i := range b.bySeq {
		p := &b.bySeq[i].Publication
		b.listed[i] = i
		b.byID[p.ID] = i
		key := pileKey(p)
		at, known := piles[key]
		if !known {
			at = len(b.piles)
			piles[key] = at
			b.piles = append(b.piles, pile{to: *p.To.Audience, category: p.Content.Category})
		}
		b.piles[at].seqs = append(b.piles[at].seqs, b.bySeq[i].Seq)
	}
	slices.SortFunc(b.listed, func(x, y int) int { return b.place(x).compare(b.place(y)) })
	return b
}

// place is where an announcement stands in lists.
func (b *board) place(at int) place {
	p := &b.bySeq[at].Publication
	return place{p.Time.UnixMilli(), p.ID}
}

// pileKey is the same for announcements of one pile only.
func pileKey(p *hubbub.Publication) string {
	parts := []string{p.Content.Category}
	if p.To.Audience.Newcomers {
		parts = append(parts, "newcomers")
	}
	for _, name := range slices.Sorted(maps.Keys(p.To.Audience.Attrs)) {
		parts = append(parts, name, p.To.Audience.Attrs[name])
	}
	var key strings.Builder
	for _, part := range parts {
		key.WriteString(part)
		key.WriteByte(0xff) // is in no UTF-8
	}
	return key.String()
}

// reader is a user as seen by announcements.
type reader struct {
	hubbub.InboxState
	// levels are how far the watermarks reach, by category; those of "" reach in all categories.
	levels map[string]level
}

// level is up to which Seq announcements are at least seen, read and archived.
type level struct{ seen, read, archived uint64 }

func newReader(s hubbub.InboxState) *reader {
	r := &reader{InboxState: s, levels: make(map[string]level)}
	for _, m := range s.Marks {
		l := r.levels[m.Category]
		l.raise(m)
		r.levels[m.Category] = l
	}
	return r
}

// raise takes a watermark into account: what is archived counts as read, and what is read as seen.
func (l *level) raise(m hubbub.Watermark) {
	switch m.State {
	case hubbub.NoticeArchived:
		l.archived = max(l.archived, m.Seq)
		fallthrough
	case hubbub.NoticeRead:
		l.read = max(l.read, m.Seq)
		fallthrough
	case hubbub.NoticeSeen:
		l.seen = max(l.seen, m.Seq)
	}
}

// level returns how far the watermarks reach in a category.
func (r *reader) level(category string) level {
	all, its := r.levels[""], r.levels[category]
	return level{max(all.seen, its.seen), max(all.read, its.read), max(all.archived, its.archived)}
}

// oldest is the Seq after which the announcements for an audience concern the user.
func (r *reader) oldest(to *hubbub.Audiences) uint64 {
	if to.Newcomers {
		return 0
	}
	return r.Baseline
}

// has tells whether the user gets an announcement.
func (r *reader) has(a *hubbub.Announcement) bool {
	to := a.Publication.To.Audience
	return a.Seq > r.oldest(to) && to.Include(r.Attrs)
}

// state is how far the user has come with an announcement.
func (r *reader) state(a *hubbub.Announcement) hubbub.NoticeState {
	if made, ok := r.Made[a.Publication.ID]; ok {
		return made
	}
	return r.level(a.Publication.Content.Category).state(a.Seq)
}

func (l level) state(seq uint64) hubbub.NoticeState {
	switch {
	case seq <= l.archived:
		return hubbub.NoticeArchived
	case seq <= l.read:
		return hubbub.NoticeRead
	case seq <= l.seen:
		return hubbub.NoticeSeen
	}
	return hubbub.NoticeUnseen
}

// states returns all states in their order.
func states() []hubbub.NoticeState {
	return []hubbub.NoticeState{hubbub.NoticeUnseen, hubbub.NoticeSeen, hubbub.NoticeRead, hubbub.NoticeArchived}
}

// rank is the place of a state in the order; -1 for what is none.
func rank(s hubbub.NoticeState) int { return slices.Index(states(), s) }
