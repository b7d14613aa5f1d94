package rpc_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
)

func someNotice(id string) hubbub.Notice {
	return hubbub.Notice{ID: id, State: hubbub.NoticeUnseen, Time: at(), Announcement: true, NoticeContent: hubbub.NoticeContent{
		Category: "news", Title: "We are closed on Sunday", Body: strings.Repeat("text ", 40), Link: "/news/1", Data: []byte(`{"a":[1,2,3]}`),
	}}
}

func TestNoticeIsEncodedOnceForMany(t *testing.T) {
	var l rpc.LastNotice
	a, b := someNotice("a"), someNotice("b")
	seen := a
	seen.State = hubbub.NoticeSeen
	if !l.SameFrame(&a, &a) {
		t.Error("the same notice was encoded twice")
	}
	if l.SameFrame(&a, &b) || l.SameFrame(&a, &seen) {
		t.Error("different notices share a frame")
	}
	bad := someNotice("bad")
	bad.Data = []byte("{")
	if got := l.Encode(&bad); got != "" {
		t.Errorf("data that is no JSON was encoded as %s", got)
	}
	if got := l.Encode(&seen); got != rpc.Encode(hubbub.Noticed{Notice: seen}, "") {
		t.Errorf("encoded as %s", got)
	}
}

func TestNoticesAreEncodedAtTheSameTime(t *testing.T) {
	var l rpc.LastNotice
	var wg sync.WaitGroup
	for i := range 4 {
		n := someNotice(fmt.Sprint("n", i%2))
		want := rpc.Encode(hubbub.Noticed{Notice: n}, "")
		wg.Go(func() {
			for range 500 {
				if got := l.Encode(&n); got != want {
					t.Errorf("got %s, want %s", got, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestCountsAreAlwaysTheSameBytes(t *testing.T) {
	counts := hubbub.InboxCounts{Unread: 190, Categories: map[string]hubbub.CategoryCounts{}}
	for i := range 20 {
		counts.Categories[fmt.Sprintf("c%02d", i)] = hubbub.CategoryCounts{Unread: i}
	}
	first := rpc.Encode(hubbub.InboxCounted{Counts: &counts}, "")
	for range 20 {
		if again := rpc.Encode(hubbub.InboxCounted{Counts: &counts}, ""); again != first {
			t.Fatalf("%s\n%s", first, again)
		}
	}
	if !strings.Contains(first, `"c18":{"unread":18,"unseen":0},"c19":`) {
		t.Errorf("not sorted: %s", first)
	}
}

// What it costs to encode a notice for two more conns: the same one, or another one for each.
func BenchmarkNotice(b *testing.B) {
	one, other := someNotice("a"), someNotice("b")
	for name, second := range map[string]*hubbub.Notice{"same": &one, "other": &other} {
		b.Run(name, func(b *testing.B) {
			var l rpc.LastNotice
			b.ReportAllocs()
			for b.Loop() {
				l.SameFrame(&one, second)
			}
		})
	}
}

func BenchmarkCounts(b *testing.B) {
	e := hubbub.InboxCounted{Counts: &hubbub.InboxCounts{Unread: 12, Unseen: 3, Categories: map[string]hubbub.CategoryCounts{
		"general": {Unread: 4}, "news": {Unread: 8, Unseen: 3},
	}}}
	b.ReportAllocs()
	for b.Loop() {
		rpc.Encode(e, "")
	}
}
