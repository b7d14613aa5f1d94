package drivertest

import (
	"context"
	"fmt"
	"sync"

	"github.com/hubbub-dev/hubbub"
)

// pipelineTests are for drivers that are a [hubbub.Pipeline].
func pipelineTests() []test[*rig] {
	return []test[*rig]{
		{"what is begun in an order is accepted in it", beginMany},
		{"what is begun by many at once", beginAtOnce},
		{"what is begun has the errors of a post", beginWrong},
		{"what is begun when it is too late", beginLate},
		{"limits cut through what came at once", cutBursts},
		{"what came at once is counted", countBursts},
		{"what came at once is heard", hearBursts},
	}
}

// batch is posts that are begun together.
type batch struct {
	r        *rig
	ctx      context.Context
	begun    sync.WaitGroup
	mu       sync.Mutex
	appended map[int][]hubbub.Appended // by number; one each in the end
	errs     map[int][]error
}

func (r *rig) batch(ctx context.Context) *batch {
	return &batch{r: r, ctx: ctx, appended: map[int][]hubbub.Appended{}, errs: map[int][]error{}}
}

// begin begins a post with a number.
func (b *batch) begin(number int, d hubbub.Draft) {
	b.begun.Add(1)
	b.r.Driver.(hubbub.Pipeline).BeginPost(b.ctx, d, func(a hubbub.Appended, err error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.appended[number] = append(b.appended[number], a)
		b.errs[number] = append(b.errs[number], err)
		if len(b.errs[number]) == 1 {
			b.begun.Done()
		}
	})
}

// end waits for all posts, and makes sure that each has ended once.
func (b *batch) end(n int) {
	b.r.Helper()
	b.begun.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range n {
		if len(b.errs[i]) != 1 {
			b.r.Fatalf("post %d has ended %d times", i, len(b.errs[i]))
		}
	}
}

func beginMany(r *rig) {
	const messages = 700
	e, b := r.listen(inRoom("lobby")), r.batch(r.Context())
	for i := range messages {
		d := r.draft(lobby, i)
		if i%3 == 0 {
			d.Key, d.Author = fmt.Sprint("k", i), "user ann d1"
		}
		b.begin(i, d)
	}
	b.end(messages)
	posts := e.posted(messages)
	for i := range messages {
		if err := b.errs[i][0]; err != nil {
			r.Fatalf("post %d: %v", i, err)
		}
		a := b.appended[i][0]
		if at := a.Message.Position.Offset; at != uint64(i+1) || a.Previous != uint64(i) {
			r.Fatalf("post %d is at %d after %d", i, at, a.Previous)
		}
		r.same(posts[i].Message, a.Message)
	}
	r.expectAll(messages)
}

// expectAll makes sure that the lobby has so many messages.
func (r *rig) expectAll(messages int) {
	r.Helper()
	if page := r.after(lobby, hubbub.Position{}, messages+1); len(page.Messages) != messages {
		r.Fatalf("%d messages are kept, not %d", len(page.Messages), messages)
	}
}

func beginAtOnce(r *rig) {
	const writers, each = 8, 100
	b := r.batch(r.Context())
	atOnce(writers, func(w int) {
		for i := range each {
			b.begin(w*each+i, r.draft(lobby, w*each+i))
		}
	})
	b.end(writers * each)
	for w := range writers {
		previous := uint64(0)
		for i := range each {
			if err := b.errs[w*each+i][0]; err != nil {
				r.Fatalf("%v", err)
			}
			at := b.appended[w*each+i][0].Message.Position.Offset
			if at <= previous {
				r.Fatalf("post %d of %d is at %d, the one before it at %d", i, w, at, previous)
			}
			previous = at
		}
	}
	r.expectAll(writers * each)
}

func beginWrong(r *rig) {
	b := r.batch(r.Context())
	b.begin(0, r.keyed(1, "k", hubbub.Retention{}))
	b.begin(1, r.keyed(2, "k", hubbub.Retention{}))
	b.begin(2, r.keyed(1, "k", hubbub.Retention{}))
	b.end(3)
	r.must(b.errs[0][0])
	r.refused(b.errs[1][0], hubbub.Conflict)
	r.must(b.errs[2][0])
	if first, again := b.appended[0][0], b.appended[2][0]; first.Repeated || !again.Repeated || again.Message.ID != first.Message.ID {
		r.Fatalf("a repeated key: %+v, then %+v", first, again)
	}
}

// beginLate says that a post ends, one way or the other, also if nobody waits for it any more.
func beginLate(r *rig) {
	ctx, cancel := context.WithCancel(r.Context())
	cancel()
	b := r.batch(ctx)
	for i := range 10 {
		b.begin(i, r.draft(lobby, i))
	}
	b.end(10)
	accepted := 0
	for i := range 10 {
		if b.errs[i][0] == nil {
			accepted++
		}
	}
	r.expectAll(accepted)
}
