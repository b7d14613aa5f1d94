package gateway_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hubbub-dev/hubbub/gateway"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

func pageRecoversAfterACut(t *testing.T, first context.Context) {
	g := start(t, "")
	between, addr := newLine(t, g.addr.String())
	ann := visit(t, first, "http://"+addr+"/", "user=ann&name=Ann&device=laptop")
	const each, bots = 18, 6 // more than a page of history, within the rate of each
	var said []string
	bob := g.bot(t, "user=bob")
	bob.say(t, "before")
	ann.sees(t, "before")
	private := func(text string) {
		bob.do(t, "user.send", map[string]any{"user": "ann", "data": map[string]any{"text": text}})
	}
	private("one")
	ann.shows(t, "#peers .fresh", "one")
	ann.goTo(t, "user=bob")
	ann.sees(t, "one")
	ann.goTo(t, "room=lobby")
	ann.sees(t, "before")
	between.set(true)
	ann.until(t, "the page to notice", `document.querySelector("#state").textContent === "Reconnecting…"`)
	ann.shows(t, "#trouble", "The server cannot be reached. Trying again")
	ann.say(t, "written during the cut")
	for i := range bots {
		b := g.bot(t, fmt.Sprintf("user=bot%d", i))
		for j := range each {
			said = append(said, fmt.Sprintf("%d.%d", i, j))
			b.say(t, said[len(said)-1])
		}
	}
	private("two")
	private("three")
	between.set(false)
	testkit.Evaluate[any](t, ann.tab, `document.querySelector("#trouble button").click()`)
	ann.connected(t)
	ann.sees(t, "written during the cut")
	ann.shows(t, "#peers .fresh", "bob\nthree\n2")
	ann.until(t, "everything to be there", fmt.Sprintf(`document.querySelectorAll("#messages .text").length === %d`, len(said)+2))

	// A tab that comes later has the newest page, and gets the rest by going up.
	late := visit(t, testkit.Tab(t, ann.tab), g.url("http", "/"), "user=eve&name=Eve&device=phone")
	late.until(t, "the newest page", `document.querySelectorAll("#messages .text").length >= 50`)
	late.until(t, "all pages", fmt.Sprintf(`(document.querySelector("#scroll").scrollTop = 0,
		document.querySelectorAll("#messages .text").length === %d)`, len(said)+2))
	got := ann.texts(t)
	ann.goTo(t, "user=bob")
	ann.sees(t, "three")
	if texts := ann.texts(t); !slices.Equal(texts, []string{"one", "two", "three"}) {
		t.Errorf("in private: %q", texts)
	}
	if other := late.texts(t); !slices.Equal(got, other) {
		t.Errorf("the two tabs show other things:\n%q\n%q", got, other)
	}
	slices.Sort(said)
	slices.Sort(got)
	if want := slices.Sorted(slices.Values(append(said, "before", "written during the cut"))); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func pageComesBackAfterARestart(t *testing.T, first context.Context) {
	g := serve(t, gateway.Config{Dev: true, Shutdown: gateway.ShutdownConfig{Window: time.Second}})
	ann := visit(t, first, g.url("http", "/"), "user=ann&name=Ann&device=laptop")
	ann.say(t, "before")
	ann.sees(t, "before")
	testkit.Evaluate[any](t, ann.tab, `{
		const state = document.querySelector("#state");
		window.states = [];
		new MutationObserver(() => states.push(state.textContent)).observe(state, {childList: true});
	}`)
	ann.goTo(t, "user=bob")
	ann.until(t, "the head to say whether Bob is online", `document.querySelector("#title p").checkVisibility()`)
	g.stop()
	ann.until(t, "the page to hear that the server stops", `states.includes("Server is stopping")`)
	ann.until(t, "the page to say that it reconnects", `document.querySelector("#state").textContent === "Reconnecting…"`)
	ann.until(t, "the head to say nothing of Bob that may be wrong by now", `document.querySelector("#title p").hidden`)
	ann.goTo(t, "room=lobby")
	ann.say(t, "kept")
	ann.until(t, "the text to wait", `document.querySelector("#outbox .pending .text")?.textContent === "kept"`)

	start(t, g.addr.String())
	ann.connected(t)
	ann.until(t, "the trouble to end", `document.querySelector("#trouble").hidden`)
	ann.sees(t, "kept")
	ann.shows(t, "#messages", "no longer kept")
	if texts := ann.texts(t); !slices.Equal(texts, []string{"kept"}) {
		t.Errorf("the page shows %q", texts)
	}
}

func refusalIsExplained(t *testing.T, tab context.Context) {
	g := start(t, "")
	testkit.Do(t, tab, chromedp.Navigate(g.url("http", "/?user=ann&device=bad%20device")))
	ann := page{tab}
	ann.shows(t, "#ended", "The server refused the connection")
	ann.shows(t, "#ended", "spaces")
	ann.click(t, "#ended-other")
	testkit.Do(t, tab, chromedp.WaitVisible("#name"), chromedp.SendKeys("#name", "Ann\r"))
	ann.connected(t)
}

// pageThatIsLeftIsNotHere leaves the page for another in the same tab, so that the browser may keep it, and comes back.
func pageThatIsLeftIsNotHere(t *testing.T, first context.Context) {
	g := start(t, "")
	ann := visit(t, first, g.url("http", "/"), "user=ann&name=Ann&device=laptop")
	bob := visit(t, testkit.Tab(t, first), g.url("http", "/"), "user=bob&name=Bob&device=phone")
	ann.showsPeople(t, "Ann", "Bob")
	testkit.Evaluate[any](t, bob.tab, `addEventListener("pageshow", (e) => (document.body.dataset.kept = e.persisted))`)

	testkit.Do(t, bob.tab, chromedp.Navigate(g.url("http", "/healthz")))
	ann.showsPeople(t, "Ann")
	// NavigateBack and Do would wait for a load, and a page that was kept is not loaded again.
	testkit.Evaluate[any](t, bob.tab, `setTimeout(() => history.back())`)
	bob.showsPeople(t, "Bob", "Ann")
	if !testkit.Evaluate[bool](t, bob.tab, `document.body.dataset.kept === "true"`) {
		t.Error("the browser has loaded the page anew; it should have found it ready to be kept")
	}
	ann.say(t, "welcome back")
	bob.sees(t, "welcome back")
}
