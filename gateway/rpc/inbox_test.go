package rpc_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
)

// publish gives somebody a notice, and returns its id. What is told about it has been told then.
func (s *server) publish(t *testing.T, p hubbub.Publication) string {
	t.Helper()
	p.Content.Title = or(p.Content.Title, "hello")
	done, err := s.inbox.Publish(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	settle()
	return done.ID
}

// settle lets the bubble's time pass until counts were told, and two notices have different times.
func settle() { time.Sleep(time.Second) }

func to(users ...string) hubbub.Recipients { return hubbub.Recipients{Users: users} }

// toAll is everybody who was here before.
func toAll() hubbub.Recipients { return hubbub.Recipients{Audience: &hubbub.Audiences{}} }

// counts is how the wire says what has not been dealt with in one category.
func counts(category string, unread, unseen int) string {
	return fmt.Sprintf(`{"unread":%d,"unseen":%d,"categories":{%q:{"unread":%[1]d,"unseen":%[2]d}}}`, unread, unseen, category)
}

const noCounts = `{"unread":0,"unseen":0,"categories":{}}`

// ids returns the ids of the notices of a list, with their states.
func ids(t *testing.T, list string) string {
	t.Helper()
	var r struct {
		Notices []struct{ ID, State string }
	}
	if err := json.Unmarshal([]byte(list), &r); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, n := range r.Notices {
		all = append(all, n.ID+" "+n.State)
	}
	return strings.Join(all, ", ")
}

// next returns the cursor of a page.
func next(t *testing.T, list string) string {
	t.Helper()
	var r struct{ Next string }
	if err := json.Unmarshal([]byte(list), &r); err != nil {
		t.Fatal(err)
	}
	return r.Next
}

// TestRedDot is the pattern of docs/protocol.md: two tabs and a phone that show the same.
func TestRedDot(t *testing.T) {
	inBubbleWithStore(t, hubbub.Options{}, rpc.Options{}, func(t *testing.T, s *server) {
		tab, phone, bob := s.connect(t, "user=ann&device=a"), s.connect(t, "user=ann&device=p"), s.connect(t, "user=bob&device=b")
		same(t, inboxOf(t, tab), noCounts)
		id := s.publish(t, hubbub.Publication{To: to("ann"), Collapse: "o7", Content: hubbub.NoticeContent{
			Category: "orders", Title: `<b>"yours"</b>`, Body: "é", Link: "/o/7?a=1&b=2", Data: json.RawMessage(`{"order": 7}`),
			Actions: []hubbub.NoticeAction{{Label: "Track", Link: "#t"}, {Label: "Mute", Data: json.RawMessage("null")}},
		}})
		notice := `{"id":"` + id + `","category":"orders","title":"<b>\"yours\"</b>","body":"é","link":"/o/7?a=1&b=2","data":{"order":7},` +
			`"actions":[{"label":"Track","link":"#t"},{"label":"Mute","data":null}],"state":"%s","time":"*","expires":"*","collapse":"o7"}`
		for _, c := range []*client{tab, phone} {
			same(t, c.took("inbox.notice"), fmt.Sprintf(notice, "unseen"))
			same(t, c.took("inbox.counts"), counts("orders", 1, 1))
		}
		same(t, tab.call("inbox.list", ""), `{"notices":[`+fmt.Sprintf(notice, "unseen")+`]}`)
		same(t, tab.call("inbox.mark", `{"state":"seen","all":true}`), `{"changed":1,"counts":`+counts("orders", 1, 0)+`}`)
		settle()
		for _, c := range []*client{tab, phone} {
			same(t, c.took("inbox.marked"), `{"state":"seen","all":true,"until":"*"}`)
			same(t, c.took("inbox.counts"), counts("orders", 1, 0))
		}
		same(t, phone.call("inbox.mark", `{"state":"read","ids":["`+id+`"]}`), `{"changed":1,"counts":`+noCounts+`}`)
		settle()
		same(t, tab.took("inbox.marked"), `{"state":"read","ids":["`+id+`"]}`)
		same(t, tab.took("inbox.counts"), noCounts)
		same(t, phone.call("inbox.list", `{"state":"unread"}`), `{"notices":[]}`)
		same(t, phone.call("inbox.list", `{"state":"read","category":"orders"}`), `{"notices":[`+fmt.Sprintf(notice, "read")+`]}`)
		same(t, tab.call("inbox.counts", ""), noCounts)
		tab.nothing()
		bob.nothing()
		same(t, inboxOf(t, s.connect(t, "user=ann&device=a")), noCounts)
	})
}

// inboxOf returns what the welcome says of the inbox.
func inboxOf(t *testing.T, c *client) string {
	t.Helper()
	var w struct{ Inbox json.RawMessage }
	if err := json.Unmarshal(c.welcomed.Params, &w); err != nil {
		t.Fatal(err)
	}
	return string(w.Inbox)
}

func TestMarks(t *testing.T) {
	inBubbleWithStore(t, hubbub.Options{}, rpc.Options{}, func(t *testing.T, s *server) {
		ann, bob := s.connect(t, "user=ann"), s.connect(t, "user=bob")
		news := s.publish(t, hubbub.Publication{To: to("ann", "bob"), Content: hubbub.NoticeContent{Category: "news"}})
		until := time.Now().UnixMilli() - 1
		late := s.publish(t, hubbub.Publication{To: to("ann"), Content: hubbub.NoticeContent{Category: "news"}})
		general := s.publish(t, hubbub.Publication{To: to("ann")})
		ann.forget()
		mark := func(params string, changed int) {
			t.Helper()
			same(t, ann.call("inbox.mark", params), fmt.Sprintf(`{"changed":%d,"counts":"*"}`, changed))
			settle()
			if changed > 0 {
				same(t, ann.took("inbox.marked"), told(params))
			}
			ann.forget()
		}
		list := func(params, want string) {
			t.Helper()
			if got := ids(t, ann.call("inbox.list", params)); got != want {
				t.Errorf("%s lists %s; want %s", params, got, want)
			}
		}
		mark(fmt.Sprintf(`{"state":"seen","category":"news","until":%d}`, until), 1)
		list("", general+" unseen, "+late+" unseen, "+news+" seen")
		list(`{"state":"unseen"}`, general+" unseen, "+late+" unseen")
		mark(`{"state":"read","all":true}`, 3)
		mark(`{"state":"seen","all":true}`, 0) // states go forward
		mark(`{"state":"unread","category":"news"}`, 2)
		list(`{"state":"unread"}`, late+" seen, "+news+" seen")
		mark(`{"state":"archived","ids":["`+min(news, general)+`","`+max(news, general)+`"]}`, 2)
		list("", late+" seen")
		mark(`{"state":"unread","all":true}`, 0) // archived ones only by id
		mark(`{"state":"unread","ids":["`+general+`"]}`, 1)
		list("", general+" seen, "+late+" seen")
		list(`{"state":"archived"}`, news+" archived")
		mark(fmt.Sprintf(`{"state":"archived","all":true,"until":%d}`, 0), 0)
		mark(fmt.Sprintf(`{"state":"archived","all":true,"until":%d}`, int64(1)<<53-1), 2)
		if got := ids(t, bob.call("inbox.list", "")); got != news+" unseen" {
			t.Errorf("bob has %s", got)
		}
	})
}

// TestMarksTakeEffectInOrder sends marks without waiting for replies.
func TestMarksTakeEffectInOrder(t *testing.T) {
	inBubbleWithStore(t, hubbub.Options{}, rpc.Options{}, func(t *testing.T, s *server) {
		ann := s.connect(t, "user=ann")
		id := s.publish(t, hubbub.Publication{To: to("ann")})
		states := []string{"read", "unread"}
		var sent []string
		for i := range 40 {
			sent = append(sent, ann.send("inbox.mark", fmt.Sprintf(`{"state":%q,"ids":[%q]}`, states[i%2], id)))
		}
		for _, mark := range sent {
			same(t, string(ann.reply(mark).Result), `{"changed":1,"counts":"*"}`)
		}
		if got := ids(t, ann.call("inbox.list", "")); got != id+" seen" {
			t.Errorf("in the end: %s", got)
		}
	})
}

// told is what sessions are told of a mark: of one that is not by ids, also until when.
func told(params string) string {
	if strings.Contains(params, `"ids"`) {
		return params
	}
	before, _, _ := strings.Cut(strings.TrimSuffix(params, "}"), `,"until"`)
	return before + `,"until":"*"}`
}

func TestMarksThatMakeNoSense(t *testing.T) {
	inBubbleWithStore(t, hubbub.Options{}, rpc.Options{}, func(t *testing.T, s *server) {
		ann, bob := s.connect(t, "user=ann"), s.connect(t, "user=bob")
		id := s.publish(t, hubbub.Publication{To: to("ann")})
		ann.forget()
		for method, all := range map[string][]string{
			"inbox.list": {`{"state":"new"}`, `{"state":"All"}`, `{"before":"x"}`, `{"before":"` + id + `"}`, `{"before":"bm90IGEgY3Vyc29y"}`},
			"inbox.mark": {`{"state":"unseen","all":true}`, `{"state":"done","all":true}`, `{"state":"all","all":true}`, `{"state":"read"}`,
				`{"state":"read","all":false}`, `{"state":"read","all":true,"category":"general"}`, `{"state":"read","all":true,"ids":["` + id + `"]}`,
				`{"state":"read","ids":["` + id + `"],"category":"general"}`, `{"state":"read","ids":["` + id + `"],"until":1}`},
		} {
			for _, params := range all {
				ann.refused("invalid", method, params)
			}
		}
		bob.nothing()
		same(t, bob.call("inbox.mark", `{"state":"read","ids":["`+id+`","gone"]}`), `{"changed":0,"counts":`+noCounts+`}`)
		bob.refused("too_large", "inbox.mark", `{"state":"read","ids":["n"`+strings.Repeat(`,"n"`, 1000)+`]}`)
		same(t, bob.call("inbox.mark", `{"state":"read","ids":["n"`+strings.Repeat(`,"n"`, 999)+`]}`), `{"changed":0,"counts":`+noCounts+`}`)
		settle()
		bob.nothing()
		same(t, ann.call("inbox.counts", ""), counts("general", 1, 1))
		ann.nothing()
	})
}

func TestPagesOfTheInbox(t *testing.T) {
	inBubbleWithStore(t, hubbub.Options{}, rpc.Options{}, func(t *testing.T, s *server) {
		ann := s.connect(t, "user=ann")
		ann.trusting = true
		body := strings.Repeat("<", 15000) // six bytes each, in JSON
		const large, small = 12, 110       // small ones are more than are read at once
		for i := range large {
			s.publish(t, hubbub.Publication{To: to("ann"), Content: hubbub.NoticeContent{Title: fmt.Sprint(i), Body: body}})
		}
		ann.forget()
		read := func(params string) (titles []string, before string) {
			page := ann.call("inbox.list", params)
			if len(page) > 256<<10 {
				t.Errorf("the page of %s has %d bytes", params, len(page))
			}
			var r struct{ Notices []struct{ Title string } }
			if err := json.Unmarshal([]byte(page), &r); err != nil {
				t.Fatal(err)
			}
			for _, n := range r.Notices {
				titles = append(titles, n.Title)
			}
			return titles, next(t, page)
		}
		var all []string
		titles, before := read(`{"limit":1000}`)
		for len(titles) > 0 && before != "" {
			all = append(all, titles...)
			titles, before = read(`{"limit":1000,"before":"` + before + `"}`)
		}
		all = append(all, titles...)
		if len(all) != large || all[0] != "11" || all[large-1] != "0" {
			t.Errorf("the pages have %v", all)
		}
		if few, more := read(`{"limit":2}`); fmt.Sprint(few) != "[11 10]" || more == "" {
			t.Errorf("two are %v, next %q", few, more)
		}
		for i := range small {
			publishNow(t, s, fmt.Sprint("small ", i))
		}
		if some, more := read(`{"limit":110}`); len(some) != small || some[0] != "small 109" || some[small-1] != "small 0" || more == "" {
			t.Errorf("%d are listed, next %q", len(some), more)
		}
		if mixed, more := read(`{"limit":1000}`); len(mixed) < small+1 || len(mixed) > small+3 || more == "" {
			t.Errorf("%d are listed, next %q", len(mixed), more)
		}
	})
}

// publishNow publishes without waiting for what is told, some milliseconds after what was published before.
func publishNow(t *testing.T, s *server, title string) {
	t.Helper()
	time.Sleep(2 * time.Millisecond) // the bubble's
	if _, err := s.inbox.Publish(t.Context(), hubbub.Publication{To: to("ann"), Content: hubbub.NoticeContent{Title: title}}); err != nil {
		t.Fatal(err)
	}
}

func TestAnnouncementsAreTold(t *testing.T) {
	inBubbleWithStore(t, hubbub.Options{}, rpc.Options{}, func(t *testing.T, s *server) {
		ann, bob := s.connect(t, "user=ann&plan=pro"), s.connect(t, "user=bob")
		id := s.publish(t, hubbub.Publication{To: toAll()})
		for _, c := range []*client{ann, bob} {
			same(t, c.took("inbox.notice"),
				`{"id":"`+id+`","category":"general","title":"hello","state":"unseen","time":"*","expires":"*","announcement":true}`)
			same(t, c.took("inbox.counts"), counts("general", 1, 1))
		}
		same(t, bob.call("inbox.mark", `{"state":"read","ids":["`+id+`"]}`), `{"changed":1,"counts":`+noCounts+`}`)
		settle()
		bob.take("inbox.marked")
		same(t, bob.took("inbox.counts"), noCounts)
		ann.nothing()

		pro := hubbub.Recipients{Audience: &hubbub.Audiences{Attrs: map[string]string{"plan": "pro"}}}
		s.publish(t, hubbub.Publication{To: pro, Content: hubbub.NoticeContent{Category: "news"}})
		ann.take("inbox.notice")
		same(t, ann.took("inbox.counts"),
			`{"unread":2,"unseen":2,"categories":{"general":{"unread":1,"unseen":1},"news":{"unread":1,"unseen":1}}}`)
		bob.nothing()
		same(t, inboxOf(t, s.connect(t, "user=eve")), noCounts) // came later

		if err := s.inbox.Withdraw(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		settle()
		same(t, ann.took("inbox.removed"), `{"id":"`+id+`"}`)
		same(t, ann.took("inbox.counts"), counts("news", 1, 1))
		bob.take("inbox.removed")
		bob.nothing()
	})
}

func TestCollapsedAndWithdrawn(t *testing.T) {
	inBubbleWithStore(t, hubbub.Options{}, rpc.Options{}, func(t *testing.T, s *server) {
		ann := s.connect(t, "user=ann")
		s.publish(t, hubbub.Publication{To: to("ann"), Collapse: "c"})
		ann.take("inbox.notice")
		same(t, ann.took("inbox.counts"), counts("general", 1, 1))
		newer := s.publish(t, hubbub.Publication{To: to("ann"), Collapse: "c"})
		same(t, ann.took("inbox.notice"), `{"id":"`+newer+`","category":"general","title":"hello","state":"unseen","time":"*","expires":"*","collapse":"c"}`)
		if got := ids(t, ann.call("inbox.list", "")); got != newer+" unseen" {
			t.Errorf("listed are %s", got)
		}
		ann.nothing() // the counts are as they were
		if err := s.inbox.Withdraw(t.Context(), newer); err != nil {
			t.Fatal(err)
		}
		settle()
		same(t, ann.took("inbox.removed"), `{"id":"`+newer+`"}`)
		same(t, ann.took("inbox.counts"), noCounts)
		same(t, ann.call("inbox.list", `{"limit":1}`), `{"notices":[]}`)
	})
}

func TestWithoutStore(t *testing.T) {
	inBubble(t, hubbub.Options{}, rpc.Options{}, func(t *testing.T, s *server) {
		ann := s.connect(t, "user=ann")
		if strings.Contains(ann.welcomed.text, `"inbox"`) {
			t.Errorf("welcomed with %s", ann.welcomed)
		}
		for method, params := range map[string]string{"inbox.list": "", "inbox.counts": "", "inbox.mark": `{"state":"read","all":true}`} {
			if why := ann.refused("not_found", method, params); !strings.Contains(why, "store.path") {
				t.Errorf("%s: %q does not name the setting", method, why)
			}
		}
		ann.refused("not_found", "room.members", `{"room":"lobby"}`)
		ann.refused("not_found", "room.add", `{"room":"lobby","user":"ann"}`)
		ann.refused("not_found", "room.remove", `{"room":"lobby","user":"ann"}`)
	})
}
