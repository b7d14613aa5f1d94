package inbox_test

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/inbox"
)

// keeper is a store that has accepted everything and done nothing.
type keeper struct {
	inbox.Store
	kept []hubbub.Publication
}

func (k *keeper) Publish(_ context.Context, p hubbub.Publication) (hubbub.Step, error) {
	k.kept = append(k.kept, p)
	return hubbub.Step{Publication: p}, nil
}

// noon is the time at which these tests publish.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 999_999, time.UTC)

// publish returns what a store is given of a publication.
func publish(t *testing.T, o inbox.Options, p hubbub.Publication) (hubbub.Publication, inbox.Published, error) {
	t.Helper()
	k := &keeper{}
	o.Store, o.Bus, o.Now = k, memory.New(memory.Options{}), func() time.Time { return noon }
	out, err := inbox.New(o).Publish(t.Context(), p)
	if err != nil {
		if len(k.kept) > 0 {
			t.Errorf("published in spite of %v", err)
		}
		return hubbub.Publication{}, out, err
	}
	return k.kept[0], out, nil
}

// hello is a publication to ann after change.
func hello(change func(*hubbub.Publication)) hubbub.Publication {
	p := hubbub.Publication{Content: hubbub.NoticeContent{Title: "Hello"}, To: hubbub.Recipients{Users: []string{"ann"}}}
	if change != nil {
		change(&p)
	}
	return p
}

func TestPublicationsThatAreRefused(t *testing.T) {
	tests := []struct {
		name   string
		change func(*hubbub.Publication)
		reason hubbub.Reason
		words  string
	}{
		{"category", func(p *hubbub.Publication) { p.Content.Category = "a b" }, hubbub.Invalid, "the category"},
		{"no title", func(p *hubbub.Publication) { p.Content.Title = "" }, hubbub.Invalid, "the title is missing"},
		{"blank title", func(p *hubbub.Publication) { p.Content.Title = " " }, hubbub.Invalid, "the title is missing"},
		{"long title", func(p *hubbub.Publication) { p.Content.Title = strings.Repeat("x", 201) }, hubbub.Invalid, "201 bytes; at most 200"},
		{"two lines", func(p *hubbub.Publication) { p.Content.Title = "a\nb" }, hubbub.Invalid, "the title must be one line"},
		{"title of bytes", func(p *hubbub.Publication) { p.Content.Title = "a\xff" }, hubbub.Invalid, "the title must be one line of text in UTF-8"},
		{"body", func(p *hubbub.Publication) { p.Content.Body = "a\x1b[0m" }, hubbub.Invalid, "the body must be plain text"},
		{"body of bytes", func(p *hubbub.Publication) { p.Content.Body = "\xff" }, hubbub.Invalid, "the body must be plain text"},
		{"link", func(p *hubbub.Publication) { p.Content.Link = "javascript:x" }, hubbub.Invalid, `the link "javascript:x" must begin with`},
		{"data", func(p *hubbub.Publication) { p.Content.Data = json.RawMessage("{") }, hubbub.Invalid, "the data must be valid JSON"},
		{"data of bytes", func(p *hubbub.Publication) { p.Content.Data = json.RawMessage("\"\xff\"") }, hubbub.Invalid, "the data must be valid JSON in UTF-8"},
		{"actions", func(p *hubbub.Publication) { p.Content.Actions = make([]hubbub.NoticeAction, 9) }, hubbub.Invalid, "9 actions; at most 8"},
		{"label", func(p *hubbub.Publication) { p.Content.Actions = []hubbub.NoticeAction{{Label: "a"}, {}} }, hubbub.Invalid, "the label of action 2 is missing"},
		{"long label", func(p *hubbub.Publication) {
			p.Content.Actions = []hubbub.NoticeAction{{Label: strings.Repeat("x", 101)}}
		}, hubbub.Invalid, "at most 100"},
		{"action's link", func(p *hubbub.Publication) {
			p.Content.Actions = []hubbub.NoticeAction{{Label: "a", Link: "//x"}}
		}, hubbub.Invalid, "the link of action 1"},
		{"action's data", func(p *hubbub.Publication) {
			p.Content.Actions = []hubbub.NoticeAction{{Label: "a", Data: json.RawMessage("x")}}
		}, hubbub.Invalid, "the data of action 1"},
		{"size", func(p *hubbub.Publication) { p.Content.Body = strings.Repeat("x", 16<<10) }, hubbub.TooLarge, "at most 16384"},
		{"collapse", func(p *hubbub.Publication) { p.Collapse = strings.Repeat("x", 65) }, hubbub.Invalid, "the collapse has 65 bytes"},
		{"key", func(p *hubbub.Publication) { p.Key = strings.Repeat("x", 65) }, hubbub.Invalid, "the key has 65 bytes"},
		{"key of controls", func(p *hubbub.Publication) { p.Key = "a\n" }, hubbub.Invalid, "the key must be"},
		{"nobody", func(p *hubbub.Publication) { p.To = hubbub.Recipients{} }, hubbub.Invalid, "say who gets the notice"},
		{"two kinds", func(p *hubbub.Publication) { p.To.Room = "lobby" }, hubbub.Invalid, "only one of these"},
		{"user", func(p *hubbub.Publication) { p.To.Users = []string{"ann", "a b"} }, hubbub.Invalid, "the user"},
		{"users", func(p *hubbub.Publication) { p.To.Users = make([]string, 10_001) }, hubbub.TooLarge, "10001 users; at most 10000"},
		{"room", func(p *hubbub.Publication) { p.To = hubbub.Recipients{Room: "a b"} }, hubbub.Invalid, "the room"},
		{"attributes", func(p *hubbub.Publication) {
			p.To = hubbub.Recipients{Audience: &hubbub.Audiences{Attrs: map[string]string{"": "x"}}}
		}, hubbub.Invalid, "the attribute"},
		{"time", func(p *hubbub.Publication) { p.Time = noon.AddDate(1, 0, 1) }, hubbub.Invalid, "more than a year ahead"},
		{"expired", func(p *hubbub.Publication) { p.Expires = noon }, hubbub.Invalid, "not after its time"},
		{"expires first", func(p *hubbub.Publication) { p.Time, p.Expires = noon.Add(time.Hour), noon.Add(time.Minute) }, hubbub.Invalid, "not after its time"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := publish(t, inbox.Options{}, hello(test.change))
			wantError(t, err, test.reason, test.words)
		})
	}
}

func TestPublicationsAreCompleted(t *testing.T) {
	now := noon.Truncate(time.Millisecond)
	kept, out, err := publish(t, inbox.Options{}, hello(func(p *hubbub.Publication) {
		p.ID, p.Time = "mine", noon.Add(-time.Hour)
		p.To.Users = []string{"bob", "ann", "bob"}
		p.Content.Body = "two\r\n\tlines"
		p.Content.Data = json.RawMessage(" { \"a\" : 1 } ")
		p.Content.Actions = []hubbub.NoticeAction{{Label: "Open", Link: "/x", Data: json.RawMessage("[ 1 ]")}}
	}))
	if err != nil {
		t.Fatal(err)
	}
	if kept.ID == "mine" || kept.ID == "" || kept.ID != out.ID {
		t.Errorf("the store got the id %q, and the caller %q", kept.ID, out.ID)
	}
	want := hubbub.Publication{ID: out.ID, Time: now, Expires: now.Add(90 * 24 * time.Hour), To: hubbub.Recipients{Users: []string{"ann", "bob"}},
		Content: hubbub.NoticeContent{Category: "general", Title: "Hello", Body: "two\r\n\tlines", Data: json.RawMessage(`{"a":1}`),
			Actions: []hubbub.NoticeAction{{Label: "Open", Link: "/x", Data: json.RawMessage("[1]")}}}}
	if !reflect.DeepEqual(kept, want) {
		t.Errorf("kept is\n%+v, want\n%+v", kept, want)
	}
	if want := (inbox.Published{ID: out.ID, Time: now, Recipients: 2}); out != want {
		t.Errorf("published is %+v, want %+v", out, want)
	}
}

func TestTimesOfPublications(t *testing.T) {
	now := noon.Truncate(time.Millisecond)
	later := noon.Add(time.Hour)
	tests := []struct {
		name          string
		expire        time.Duration
		change        func(*hubbub.Publication)
		time, expires time.Time
	}{
		{"by default", 0, nil, now, now.Add(90 * 24 * time.Hour)},
		{"as configured", time.Hour, nil, now, now.Add(time.Hour)},
		{"for ever", -1, nil, now, time.Time{}},
		{"as it says", -1, func(p *hubbub.Publication) { p.Expires = later }, now, later.Truncate(time.Millisecond)},
		{"scheduled", time.Hour, func(p *hubbub.Publication) { p.Time = later }, later.Truncate(time.Millisecond), later.Truncate(time.Millisecond).Add(time.Hour)},
		{"a year ahead", -1, func(p *hubbub.Publication) { p.Time = now.Add(365 * 24 * time.Hour) }, now.Add(365 * 24 * time.Hour), time.Time{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			kept, out, err := publish(t, inbox.Options{Expire: test.expire}, hello(test.change))
			if err != nil {
				t.Fatal(err)
			}
			if !kept.Time.Equal(test.time) || !kept.Expires.Equal(test.expires) || out.Scheduled != test.time.After(noon) {
				t.Errorf("published from %v to %v (scheduled: %v), want %v to %v", kept.Time, kept.Expires, out.Scheduled, test.time, test.expires)
			}
		})
	}
}
