package drivertest

import (
	"github.com/hubbub-dev/hubbub"
)

// postTests are for drivers that are a [hubbub.Poster].
func postTests() []test[*rig] {
	return []test[*rig]{
		{"posts at once are published in order", postAtOnce},
		{"posts of a pair reach both", postPair},
		{"a repeated post is published again", postAgain},
		{"posts of which nothing is kept", postNothing},
	}
}

func (r *rig) post(d hubbub.Draft) (hubbub.Appended, error) {
	return r.Driver.(hubbub.Poster).Post(r.Context(), d)
}

// posted returns the posts among what an ear has heard, which must be n.
func (e *ear) posted(n int) []hubbub.Posted {
	e.r.Helper()
	var all []hubbub.Posted
	for _, event := range e.wait(n) {
		p, ok := event.(hubbub.Posted)
		if !ok {
			e.r.Fatalf("heard %+v, which is no post", event)
		}
		all = append(all, p)
	}
	return all
}

func postAtOnce(r *rig) {
	const writers, each = 8, 40
	ears := []*ear{r.listen(inRoom("lobby")), r.listen(inRoom("lobby"))}
	atOnce(writers, func(w int) {
		for i := range each {
			if _, err := r.post(r.draft(lobby, w*1000+i)); err != nil {
				r.Errorf("%v", err)
			}
		}
	})
	page := r.after(lobby, hubbub.Position{}, writers*each+1)
	for _, e := range ears {
		previous := uint64(0)
		for i, p := range e.posted(writers * each) {
			if p.Previous != previous {
				r.Fatalf("post %d is said to come after %d, and comes after %d", i, p.Previous, previous)
			}
			r.same(p.Message, page.Messages[i])
			previous = p.Message.Position.Offset
		}
	}
}

func postPair(r *rig) {
	ann, bob := r.listen(ofUser("ann")), r.listen(ofUser("bob"))
	a, err := r.post(r.draft(hubbub.PairStream("bob", "ann"), 1))
	r.must(err)
	r.same(ann.posted(1)[0].Message, a.Message)
	r.same(bob.posted(1)[0].Message, a.Message)
	note, err := r.post(r.draft(hubbub.PairStream("ann", "ann"), 2))
	r.must(err)
	r.same(ann.posted(2)[1].Message, note.Message)
	bob.wait(1)
}

func postAgain(r *rig) {
	e := r.listen(inRoom("lobby"))
	first, err := r.post(r.keyed(1, "k", hubbub.Retention{}))
	r.must(err)
	again, err := r.post(r.keyed(1, "k", hubbub.Retention{}))
	r.must(err)
	if first.Repeated || !again.Repeated {
		r.Fatalf("repeated: %v, then %v", first.Repeated, again.Repeated)
	}
	_, err = r.post(r.keyed(2, "k", hubbub.Retention{}))
	r.refused(err, hubbub.Conflict)
	for _, p := range e.posted(2) {
		r.same(p.Message, first.Message)
	}
	r.expect(r.after(lobby, hubbub.Position{}, 10), false, true, 1)
}

func postNothing(r *rig) {
	e := r.listen(inRoom("lobby"))
	for i := range 3 {
		d := r.draft(lobby, i)
		d.Retention.Messages = -1
		_, err := r.post(d)
		r.must(err)
	}
	for i, p := range e.posted(3) {
		want := r.draft(lobby, i).Message
		r.same(p.Message, want)
	}
	r.expect(r.after(lobby, hubbub.Position{}, 10), false, true)
}
