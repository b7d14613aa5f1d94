package drivertest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
)

func revocationStoreTests() []test[*storeRig] {
	return []test[*storeRig]{
		{"revocations that are kept", keptRevocations},
		{"revocations that say nothing more", impliedRevocations},
		{"revocations in any order", revocationsInAnyOrder},
		{"very many revocations of a user", manyRevocations},
		{"blocks that are forgotten", forgottenBlocks},
		{"what is kept against a session", keptAgainst},
	}
}

func (r *storeRig) keep(v hubbub.Revocation) {
	r.Helper()
	r.must(r.KeepRevocation(r.Context(), v))
}

// kept lists the revocations, by pages, each as a text.
func (r *storeRig) kept(page int) (all []string) {
	r.Helper()
	for after := ""; ; {
		rs, next, err := r.KeptRevocations(r.Context(), after, page)
		r.must(err)
		for _, v := range rs {
			all = append(all, revocationText(v))
		}
		if len(rs) > page || len(all) > 1000 {
			r.Fatalf("the list of revocations has no end: %q", all)
		}
		if after = next; next == "" {
			slices.Sort(all)
			return all
		}
	}
}

func revocationText(v hubbub.Revocation) string {
	return fmt.Sprint(v.User, "/", v.Device, "/", v.Token, "/", plainTime(v.Before), "/", plainTime(v.Until))
}

func plainTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// keeps fails the test unless just these are kept.
func (r *storeRig) keeps(want ...hubbub.Revocation) {
	r.Helper()
	var texts []string
	for _, v := range want {
		texts = append(texts, revocationText(v))
	}
	slices.Sort(texts)
	for _, page := range []int{1, 2, 100} {
		if got := r.kept(page); !slices.Equal(got, texts) {
			r.Fatalf("by pages of %d are kept %q, want %q", page, got, texts)
		}
	}
}

func keptRevocations(r *storeRig) {
	now := r.clock.Now()
	r.keeps()
	all := []hubbub.Revocation{
		{User: "ann", Device: "phone", Until: now.Add(2 * time.Hour)}, {User: "ann", Token: "t", Until: now.Add(time.Hour)},
		{User: "bob", Before: now}, {User: "cid"},
	}
	for _, v := range append(all, hubbub.Revocation{User: "dora", Until: now}) { // the last is over
		r.keep(v)
	}
	r.keeps(all...)
	r.clock.Advance(time.Hour - time.Millisecond)
	r.keeps(all...)
	r.clock.Advance(time.Millisecond)
	r.keeps(all[0], all[2], all[3])
	if _, _, err := r.KeptRevocations(r.Context(), "no cursor!", 1); err == nil {
		r.Fatalf("a cursor of nothing is taken")
	}
}

func impliedRevocations(r *storeRig) {
	now := r.clock.Now()
	last := hubbub.Revocation{User: "ann", Before: now}
	for i := range 20 {
		last.Before = now.Add(time.Duration(i) * time.Second)
		r.keep(last) // who signs out everywhere again and again
	}
	r.keep(hubbub.Revocation{User: "ann", Device: "d", Before: now})
	r.keep(hubbub.Revocation{User: "ann", Token: "t", Before: now, Until: now.Add(time.Hour)})
	r.keeps(last)
	token := hubbub.Revocation{User: "ann", Token: "t", Until: now.Add(time.Hour)}
	r.keep(token)
	r.keep(hubbub.Revocation{User: "ann", Device: "d", Token: "t", Until: now.Add(time.Minute)})
	r.keeps(last, token)
	token.Until = time.Time{}
	r.keep(token)
	r.keep(hubbub.Revocation{User: "bob", Token: "t", Until: now.Add(time.Minute)})
	r.keeps(last, token, hubbub.Revocation{User: "bob", Token: "t", Until: now.Add(time.Minute)})
}

func forgottenBlocks(r *storeRig) {
	now := r.clock.Now()
	before := hubbub.Revocation{User: "ann", Before: now}
	block, longer := hubbub.Revocation{User: "ann", Until: now.Add(time.Hour)}, hubbub.Revocation{User: "ann", Until: now.Add(2 * time.Hour)}
	other := hubbub.Revocation{User: "bob"}
	for _, v := range []hubbub.Revocation{before, longer, block, other} {
		r.keep(v)
	}
	r.keeps(before, longer, other)
	r.keepsBlock("ann", true, longer.Until)
	r.must(r.KeepBlock(r.Context(), "ann", block.Until))
	r.keeps(before, block, other)
	r.keepsBlock("ann", true, block.Until)
	r.must(r.KeepBlock(r.Context(), "ann", time.Time{}))
	r.keeps(before, hubbub.Revocation{User: "ann"}, other)
	r.keepsBlock("ann", true, time.Time{})
	r.must(r.ForgetBlocks(r.Context(), "ann"))
	r.keepsBlock("ann", false, time.Time{})
	r.keepsBlock("bob", true, time.Time{})
	r.must(r.ForgetBlocks(r.Context(), "ann"))
	r.keeps(before, other)
	for _, v := range []hubbub.Revocation{{User: "cid"}, {User: "cid", Token: "t"}} {
		r.keep(v)
	}
	r.must(r.ForgetBlocks(r.Context(), "cid"))
	r.keeps(before, other, hubbub.Revocation{User: "cid", Token: "t"})
	r.must(r.KeepBlock(r.Context(), "cid", longer.Until))
	r.clock.Advance(2 * time.Hour)
	r.keepsBlock("cid", false, time.Time{})
}

// keepsBlock fails the test unless a user is blocked, or not.
func (r *storeRig) keepsBlock(user string, blocked bool, until time.Time) {
	r.Helper()
	if got, end, err := r.KeptBlock(r.Context(), user); got != blocked || !end.Equal(until) || err != nil {
		r.Fatalf("%s is blocked: %v until %v, %v; want %v until %v", user, got, end, err, blocked, until)
	}
}

func keptAgainst(r *storeRig) {
	now := r.clock.Now()
	issued := now.Add(-time.Hour)
	for _, v := range []hubbub.Revocation{
		{User: "ann", Device: "phone"}, {User: "ann", Token: "t1"}, {User: "ann", Device: "laptop", Token: "t2", Until: now.Add(time.Minute)},
		{User: "bob", Before: issued}, {User: "cid"}, {User: "dan", Until: now.Add(time.Minute)},
	} {
		r.keep(v)
	}
	against := func(user, device, token string, issued time.Time, want bool) {
		r.Helper()
		s := hubbub.SessionRecord{User: user, Device: device, Token: token, Issued: issued}
		if got, err := r.KeptAgainst(r.Context(), s); got != want || err != nil {
			r.Fatalf("against %s/%s with %q of %v is kept something: %v, %v", user, device, token, issued, got, err)
		}
	}
	against("ann", "phone", "", issued, true)
	against("ann", "phone", "t9", time.Time{}, true)
	against("ann", "tablet", "t1", issued, true)
	against("ann", "tablet", "", issued, false)
	against("ann", "tablet", "t2", issued, false)
	against("ann", "laptop", "", issued, false)
	against("ann", "laptop", "t2", issued, true)
	against("bob", "phone", "t1", issued, false)
	against("bob", "phone", "t1", issued.Add(-time.Millisecond), true)
	against("bob", "phone", "", time.Time{}, true)
	against("cid", "phone", "t1", now, true)
	against("dan", "phone", "t1", now, true)
	against("eve", "phone", "t1", time.Time{}, false)
	r.clock.Advance(time.Minute)
	against("ann", "laptop", "t2", issued, false)
	against("dan", "phone", "t1", now, false)
	r.must(r.ForgetBlocks(r.Context(), "cid"))
	against("cid", "phone", "t1", now, false)
}

// revocationsInAnyOrder keeps revocations of a few devices, tokens and times, and compares what is left with the rule.
func revocationsInAnyOrder(r *storeRig) {
	var all []hubbub.Revocation
	base, random := r.clock.Now().Add(time.Hour), rand.New(rand.NewPCG(1, 2))
	pick := func() time.Time {
		if n := random.IntN(4); n > 0 {
			return base.Add(time.Duration(n) * time.Second)
		}
		return time.Time{}
	}
	for range 300 {
		user := fmt.Sprint("user", random.IntN(10))
		v := hubbub.Revocation{User: user, Device: []string{"", "a", "b"}[random.IntN(3)], Token: []string{"", "s", "t"}[random.IntN(3)], Before: pick(), Until: pick()}
		r.keep(v)
		if slices.ContainsFunc(all, func(other hubbub.Revocation) bool { return implies(other, v) }) {
			continue
		}
		all = append(slices.DeleteFunc(all, func(other hubbub.Revocation) bool { return implies(v, other) }), v)
	}
	r.keeps(all...)
}

// implies tells whether all that b says is said by a.
func implies(a, b hubbub.Revocation) bool {
	isBlock := func(v hubbub.Revocation) bool { return v.Device == "" && v.Token == "" && v.Before.IsZero() }
	return a.User == b.User && isBlock(a) == isBlock(b) && (a.Device == "" || a.Device == b.Device) && (a.Token == "" || a.Token == b.Token) &&
		(a.Before.IsZero() || !b.Before.IsZero() && !a.Before.Before(b.Before)) &&
		(a.Until.IsZero() || !b.Until.IsZero() && !a.Until.Before(b.Until))
}

// manyRevocations would take minutes if each were compared with all of the user.
func manyRevocations(r *storeRig) {
	const n = 3000
	atOnce(16, func(i int) {
		for j := i; j < n; j += 16 {
			v := hubbub.Revocation{User: "ann", Token: fmt.Sprint("token ", j)}
			if j%3 == 0 {
				v = hubbub.Revocation{User: "ann", Device: fmt.Sprint("device ", j)}
			}
			if err := r.KeepRevocation(r.Context(), v); err != nil {
				r.Errorf("%v", err)
			}
		}
	})
	rs, _, err := r.KeptRevocations(r.Context(), "", 2*n)
	r.must(err)
	if len(rs) != n {
		r.Fatalf("%d are kept, want %d", len(rs), n)
	}
}
