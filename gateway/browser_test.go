package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// page is the demo chat in a tab of Chromium.
type page struct{ tab context.Context }

// open opens the chat in a tab and enters it under a name.
func open(t *testing.T, tab context.Context, url, name string) page {
	t.Helper()
	p := page{tab}
	testkit.Do(t, tab, chromedp.Navigate(url), chromedp.WaitVisible("#name"), chromedp.Clear("#name"),
		chromedp.SendKeys("#name", name+"\r"))
	p.until(t, "the page to connect", `document.querySelector("#state").dataset.phase === "open"`)
	return p
}

// until polls until a JavaScript condition holds.
func (p page) until(t *testing.T, what, condition string) {
	t.Helper()
	testkit.Eventually(t, what, func() bool { return testkit.Evaluate[bool](t, p.tab, condition) })
}

func (p page) say(t *testing.T, text string) {
	t.Helper()
	testkit.Do(t, p.tab, chromedp.SendKeys("#text", text+"\r"))
}

// sees waits for a message with exactly this text.
func (p page) sees(t *testing.T, text string) {
	t.Helper()
	p.until(t, fmt.Sprintf("the message %q", text),
		fmt.Sprintf(`[...document.querySelectorAll("#messages .text")].some((e) => e.textContent === %q)`, text))
}

// showsPeople waits until exactly these are listed, the page's own person first.
func (p page) showsPeople(t *testing.T, names ...string) {
	t.Helper()
	p.until(t, fmt.Sprintf("the people %q", names), fmt.Sprintf(
		`[...document.querySelectorAll("#list bdi")].map((e) => e.textContent).join() === %q`, strings.Join(names, ",")))
}

func TestTwoTabsChat(t *testing.T) {
	g := start(t, "")
	first := testkit.Chromium(t)
	ann := open(t, first, g.url("http", "/"), "Ann")
	ann.until(t, "the empty room to say so", `!document.querySelector("#empty").hidden`)

	second, closeTab := chromedp.NewContext(first)
	defer closeTab()
	testkit.Do(t, second, chromedp.Navigate(g.url("http", "/")), chromedp.WaitVisible("#name"))
	if offered := testkit.Evaluate[string](t, second, `document.querySelector("#name").value`); offered != "Ann" {
		t.Errorf("the second tab offers the name %q", offered)
	}
	bob := open(t, second, g.url("http", "/"), "Bob")
	ann.showsPeople(t, "Ann", "Bob")
	bob.showsPeople(t, "Bob", "Ann")

	ann.say(t, "hello Bob")
	bob.sees(t, "hello Bob")
	bob.say(t, "hello Ann")
	ann.sees(t, "hello Ann")
	ann.until(t, "nothing to be left on its way", `document.querySelector("#outbox").childElementCount === 0`)

	// A reload keeps the tab's name and shows the conversation again.
	testkit.Do(t, second, chromedp.Reload())
	bob.sees(t, "hello Bob")
	bob.showsPeople(t, "Bob", "Ann")
	ann.showsPeople(t, "Ann", "Bob")

	closeTab()
	ann.showsPeople(t, "Ann")
	ann.until(t, "the log to say that Bob left", `document.querySelector("#messages").textContent.includes("Bob left")`)
}

// TestPageThatIsLeftIsNotHere leaves the page for another in the same tab, so that the browser may keep it, and comes back.
func TestPageThatIsLeftIsNotHere(t *testing.T) {
	g := start(t, "")
	first := testkit.Chromium(t)
	ann := open(t, first, g.url("http", "/"), "Ann")
	bob := open(t, testkit.Tab(t, first), g.url("http", "/"), "Bob")
	ann.showsPeople(t, "Ann", "Bob")
	testkit.Evaluate[any](t, bob.tab, `addEventListener("pageshow", (e) => (document.body.dataset.kept = e.persisted))`)

	testkit.Do(t, bob.tab, chromedp.Navigate(g.url("http", "/healthz")))
	ann.showsPeople(t, "Ann")
	// NavigateBack and Do would wait for a load, and a page that was kept is not loaded again.
	testkit.Evaluate[any](t, bob.tab, `setTimeout(() => history.back())`)
	bob.showsPeople(t, "Bob", "Ann")
	ann.showsPeople(t, "Ann", "Bob")
	if !testkit.Evaluate[bool](t, bob.tab, `document.body.dataset.kept === "true"`) {
		t.Error("the browser has loaded the page anew; it should have found it ready to be kept")
	}
	ann.say(t, "welcome back")
	bob.sees(t, "welcome back")
}

func TestConsoleProgramOfTheEmptyRoomWorks(t *testing.T) {
	g := start(t, "")
	ann := open(t, testkit.Chromium(t), g.url("http", "/"), "Ann")
	program := testkit.Evaluate[string](t, ann.tab, `document.querySelector("#snippet").textContent`)
	testkit.Evaluate[any](t, ann.tab, "(() => {"+program+"})()")
	ann.showsPeople(t, "Ann", "ann")
	ann.sees(t, "hello")
}

func TestHostileTextIsShownAsText(t *testing.T) {
	g := start(t, "")
	ann := open(t, testkit.Chromium(t), g.url("http", "/"), "Ann")
	const name, text = `<img src=x onerror="window.hurt=1">`, `<script>window.hurt=1</script><b>bold</b>`
	mallory := g.join(t, "mallory", name)
	mallory.say(t, strings.ReplaceAll(text, `"`, `\"`))
	ann.sees(t, text)
	ann.showsPeople(t, "Ann", name)
	if testkit.Evaluate[bool](t, ann.tab, `"hurt" in window || !!document.querySelector("main b, main script, main img")`) {
		t.Error("what somebody wrote became markup")
	}
}

func TestEnterSendsAndShiftEnterDoesNot(t *testing.T) {
	g := start(t, "")
	ann := open(t, testkit.Chromium(t), g.url("http", "/"), "Ann")
	ann.until(t, "the field to have the focus", `document.activeElement.id === "text"`)
	testkit.Do(t, ann.tab, chromedp.SendKeys("#text", "one"),
		chromedp.KeyEvent("\r", chromedp.KeyModifiers(chromedp.ModifierShift)))
	ann.until(t, "a second line", `document.querySelector("#text").value === "one\n"`)
	ann.say(t, "two")
	ann.sees(t, "one\ntwo")
	ann.until(t, "the field to be empty", `document.querySelector("#text").value === ""`)
}

func TestNewNameIsToldToOthers(t *testing.T) {
	g := start(t, "")
	first := testkit.Chromium(t)
	ann := open(t, first, g.url("http", "/"), "Ann")
	bob := open(t, testkit.Tab(t, first), g.url("http", "/"), "Bob")
	bob.say(t, "I am Bob")
	ann.sees(t, "I am Bob")
	testkit.Do(t, bob.tab, chromedp.Click("#me"), chromedp.WaitVisible("#name"), chromedp.Clear("#name"),
		chromedp.SendKeys("#name", "Robert\r"))
	ann.showsPeople(t, "Ann", "Robert")
	ann.until(t, "the log to tell the new name",
		`document.querySelector("#messages").lastElementChild.textContent.includes("Bob is now Robert")`)
}

func TestPageComesBackAfterARestart(t *testing.T) {
	g := start(t, "")
	ann := open(t, testkit.Chromium(t), g.url("http", "/"), "Ann")
	ann.say(t, "before")
	ann.sees(t, "before")

	g.stop()
	ann.until(t, "the page to say that it reconnects", `document.querySelector("#state").textContent === "Reconnecting…"`)
	ann.until(t, "what to do", `!document.querySelector("#trouble").hidden`)
	ann.say(t, "kept")
	if kept := testkit.Evaluate[string](t, ann.tab, `document.querySelector("#text").value`); kept != "kept" {
		t.Errorf("what was written while the server was away is now %q", kept)
	}

	start(t, g.addr.String())
	ann.until(t, "the page to come back", `document.querySelector("#state").dataset.phase === "open"`)
	ann.until(t, "the trouble to end", `document.querySelector("#trouble").hidden`)
	ann.showsPeople(t, "Ann")
	testkit.Do(t, ann.tab, chromedp.SendKeys("#text", "\r"))
	ann.sees(t, "kept")
	ann.sees(t, "before")
}

func TestPhoneWidthHasNoSidewaysScroll(t *testing.T) {
	g := start(t, "")
	tab := testkit.Chromium(t)
	testkit.Do(t, tab, chromedp.EmulateViewport(360, 720))
	ann := open(t, tab, g.url("http", "/"), strings.Repeat("Ann", 40))
	long := strings.Repeat("unbreakable", 100)
	g.join(t, "bob", strings.Repeat("W", 128)).say(t, long)
	ann.sees(t, long)
	for _, id := range []string{"html", "#scroll", "header"} {
		if wide := testkit.Evaluate[bool](t, tab, fmt.Sprintf(
			`(({scrollWidth, clientWidth}) => scrollWidth > clientWidth)(document.querySelector(%q))`, id)); wide {
			t.Errorf("%s is wider than the screen", id)
		}
	}
	testkit.Do(t, tab, chromedp.Click("#toggle"))
	ann.until(t, "the people to unfold", `document.querySelector("#list").checkVisibility()`)
	testkit.Do(t, tab, chromedp.KeyEvent("\x1b"))
	ann.until(t, "the people to fold", `!document.querySelector("#list").checkVisibility()`)
}
