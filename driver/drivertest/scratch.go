package drivertest

import (
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// scratchTests are for drivers that are a [hubbub.Scratch].
func scratchTests() []test[*sharedRig] {
	return []test[*sharedRig]{
		{"small things are put once, set and taken", scratchKept},
		{"small things are forgotten in time", scratchForgotten},
		{"many put and take at once", scratchAtOnce},
	}
}

func (r *rig) scratch() hubbub.Scratch { return r.Driver.(hubbub.Scratch) }

// put fails the test unless putting a value tells that there was this one before.
func (r *rig) put(name, value, before string) {
	r.Helper()
	got, err := r.scratch().Put(r.Context(), name, []byte(value), time.Minute)
	if err != nil || string(got) != before || (got == nil) != (before == "") {
		r.Fatalf("putting %q as %q tells %q, %v; want %q", value, name, got, err, before)
	}
}

// take fails the test unless taking a value gives this one; "" means that there is none.
func (r *rig) take(name, want string) {
	r.Helper()
	got, err := r.scratch().Take(r.Context(), name)
	if err != nil || string(got) != want || (got == nil) != (want == "") {
		r.Fatalf("taking %q gives %q, %v; want %q", name, got, err, want)
	}
}

func scratchKept(r *sharedRig) {
	r.a.put("x", "one", "")
	r.b.put("x", "two", "one")
	r.a.put("X", "other", "")
	r.a.put("a {strange} name: *", "\x00\xff\r\n", "")
	r.b.take("a {strange} name: *", "\x00\xff\r\n")
	r.must(r.b.scratch().Set(r.Context(), "x", []byte("three"), time.Minute))
	r.a.put("x", "four", "three")
	r.must(r.a.scratch().Set(r.Context(), "y", []byte("new"), time.Minute))
	r.b.take("y", "new")
	r.a.take("y", "")
	r.b.take("x", "three")
	r.a.put("x", "five", "")
	r.b.take("nothing", "")
	r.b.take("X", "other")
}

func scratchForgotten(r *sharedRig) {
	r.a.put("x", "one", "")
	r.must(r.a.scratch().Set(r.Context(), "y", []byte("two"), time.Minute))
	r.clock.Advance(time.Minute - time.Millisecond)
	r.b.put("x", "other", "one")
	r.clock.Advance(2 * time.Millisecond)
	r.b.put("x", "again", "")
	r.b.take("y", "")
	r.must(r.b.scratch().Set(r.Context(), "x", []byte("longer"), time.Hour))
	r.clock.Advance(time.Hour - time.Second)
	r.a.take("x", "longer")
}

func scratchAtOnce(r *sharedRig) {
	var mu sync.Mutex
	put, taken := 0, 0
	count := func(n *int, yes bool, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			r.Errorf("%v", err)
		}
		if yes {
			*n++
		}
	}
	atOnce(32, func(i int) {
		before, err := []*rig{r.a, r.b}[i%2].scratch().Put(r.Context(), "x", []byte{byte(i)}, time.Minute)
		count(&put, before == nil, err)
	})
	atOnce(32, func(i int) {
		got, err := []*rig{r.a, r.b}[i%2].scratch().Take(r.Context(), "x")
		count(&taken, got != nil, err)
	})
	if put != 1 || taken != 1 {
		r.Fatalf("%d have put, and %d have taken it", put, taken)
	}
}
