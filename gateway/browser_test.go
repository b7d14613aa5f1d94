package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hubbub-dev/hubbub/gateway"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// TestDemoPage tries the demo chat in Chromium. The tests share a browser, since its start takes longer than most of
// them; each has a tab and a gateway of its own, and so an origin with storage of its own.
func TestDemoPage(t *testing.T) {
	browser := testkit.Chromium(t)
	for name, test := range map[string]func(*testing.T, context.Context){
		"TwoTabsChatInARoom":              twoTabsChatInARoom,
		"RoomsAreJoinedAndLeft":           roomsAreJoinedAndLeft,
		"PrivateMessageWaitsForWhoIsAway": privateMessageWaitsForWhoIsAway,
		"UnreadInARoomOutlivesAReload":    unreadInARoomOutlivesAReload,
		"SecondDeviceSignsOutTheFirst":    secondDeviceSignsOutTheFirst,
		"PresenceShowsDevices":            presenceShowsDevices,
		"HostileTextIsShownAsText":        hostileTextIsShownAsText,
		"PageRecoversAfterACut":           pageRecoversAfterACut,
		"PageComesBackAfterARestart":      pageComesBackAfterARestart,
		"RefusalIsExplained":              refusalIsExplained,
		"PageThatIsLeftIsNotHere":         pageThatIsLeftIsNotHere,
		"WireShowsFramesAndSendsThem":     wireShowsFramesAndSendsThem,
		"EnterSendsAndShiftEnterDoesNot":  enterSendsAndShiftEnterDoesNot,
		"PhoneWidthHasNoSidewaysScroll":   phoneWidthHasNoSidewaysScroll,
		"NamesKeepTheLayout":              namesKeepTheLayout,
	} {
		t.Run(name, func(t *testing.T) { test(t, testkit.Tab(t, browser)) })
	}
}

func twoTabsChatInARoom(t *testing.T, first context.Context) {
	g := start(t, "")
	ann := signIn(t, first, g.url("http", "/"), "Ann")
	ann.shows(t, "#empty", "It is quiet here.")
	second, closeTab := chromedp.NewContext(first)
	defer closeTab()
	bob := signIn(t, second, g.url("http", "/"), "Bob")
	ann.showsPeople(t, "Ann", "Bob")
	bob.showsPeople(t, "Bob", "Ann")

	ann.say(t, "hello Bob")
	bob.sees(t, "hello Bob")
	ann.shows(t, "#seen", "Seen by Bob")
	ann.until(t, "nothing to be left on its way", `document.querySelector("#outbox").childElementCount === 0`)

	testkit.Do(t, bob.tab, chromedp.SendKeys("#text", "hello A"))
	ann.shows(t, "#typing", "Bob is typing")
	testkit.Do(t, bob.tab, chromedp.SendKeys("#text", "nn\r"))
	ann.sees(t, "hello Ann")
	ann.until(t, "nobody to type", `document.querySelector("#typing").textContent === ""`)

	// A reload keeps the tab's person and shows the conversation again.
	testkit.Do(t, second, chromedp.Reload())
	bob.sees(t, "hello Bob")
	bob.showsPeople(t, "Bob", "Ann")
	closeTab()
	ann.showsPeople(t, "Ann")
	ann.shows(t, "#messages", "Bob left")
}

func roomsAreJoinedAndLeft(t *testing.T, first context.Context) {
	g := start(t, "")
	ann := visit(t, first, g.url("http", "/"), "user=ann&name=Ann&device=laptop")
	ann.click(t, "#add-room")
	testkit.Do(t, ann.tab, chromedp.SendKeys("#start-name", "Team lunch\r"))
	ann.shows(t, "#title", "# Team-lunch")
	ann.shows(t, "#title", "1 here")
	bob := g.bot(t, "user=bob")
	bob.say(t, "anybody in the lobby?")
	ann.shows(t, "#rooms .fresh", "lobby\nbob: anybody in the lobby?\n1")
	ann.until(t, "the title to count it", `document.title === "(1) hubbub"`)

	ann.click(t, `#rooms a[href="#room=lobby"]`)
	ann.sees(t, "anybody in the lobby?")
	ann.until(t, "nothing to be unread", `document.title === "hubbub" && !document.querySelector(".fresh")`)
	ann.goTo(t, "room=Team-lunch")
	ann.click(t, "#leave")
	ann.until(t, "one room to be left", `document.querySelectorAll("#rooms a").length === 1`)
	testkit.Do(t, ann.tab, chromedp.Reload())
	ann.connected(t)
	ann.until(t, "the page to remember its rooms", `document.querySelector("#rooms").innerText.startsWith("#\nlobby")`)
}

func privateMessageWaitsForWhoIsAway(t *testing.T, first context.Context) {
	g := start(t, "")
	ann := visit(t, first, g.url("http", "/"), "user=ann&name=Ann&device=laptop")
	ann.click(t, "#add-peer")
	testkit.Do(t, ann.tab, chromedp.SendKeys("#start-name", "Bob\r"))
	ann.shows(t, "#title", "offline")
	ann.say(t, "are you there?")
	ann.say(t, "call me when you are back")
	ann.until(t, "both to be accepted", `document.querySelectorAll("#messages .mine:not(.seen)").length === 2`)

	bob := visit(t, testkit.Tab(t, first), g.url("http", "/"), "user=bob&name=Bob&device=phone&platform=ios")
	bob.shows(t, "#peers .fresh", "Ann\ncall me when you are back\n2")
	ann.shows(t, "#title", "online · phone")
	ann.until(t, "nothing to be seen yet", `document.querySelectorAll("#messages .seen").length === 0`)
	bob.click(t, `#peers a[href="#user=ann"]`)
	bob.sees(t, "are you there?")
	ann.until(t, "both to be seen", `document.querySelectorAll("#messages .seen").length === 2`)
	ann.shows(t, "#seen", "Seen")

	// A second tab of Ann's has it, too, and what is read in one is read in the other.
	other := visit(t, testkit.Tab(t, first), g.url("http", "/"), "user=ann&name=Ann&device=laptop")
	other.shows(t, "#peers", "You: call me when you are back")
	ann.goTo(t, "room=lobby")
	testkit.Do(t, bob.tab, chromedp.SendKeys("#text", "I am"))
	ann.shows(t, "#peers", "typing…")
	bob.say(t, " here")
	ann.shows(t, "#peers .fresh", "I am here\n1")
	other.shows(t, "#peers .fresh", "I am here\n1")
	other.goTo(t, "user=bob")
	other.sees(t, "I am here")
	ann.until(t, "it to be read", `!document.querySelector(".fresh")`)
	ann.goTo(t, "user=bob")
	ann.sees(t, "I am here")
	bob.until(t, "the list to have nothing unread", `!document.querySelector(".fresh")`)
}

// unreadInARoomOutlivesAReload has somebody who only reads in a room: what others said while they looked elsewhere stays unread.
func unreadInARoomOutlivesAReload(t *testing.T, first context.Context) {
	g := start(t, "")
	bob := g.bot(t, "user=bob")
	say := func(text string) {
		bob.do(t, "room.send", map[string]any{"room": "team", "data": map[string]any{"text": text}})
	}
	bob.do(t, "room.join", map[string]any{"room": "team"})
	say("said before")
	ann := visit(t, first, g.url("http", "/"), "user=ann&name=Ann&device=laptop")
	ann.goTo(t, "room=team")
	ann.sees(t, "said before")
	ann.goTo(t, "room=lobby")
	say("said meanwhile")
	ann.shows(t, "#rooms .fresh", "said meanwhile\n1")
	testkit.Do(t, first, chromedp.Reload())
	ann.connected(t)
	ann.shows(t, "#rooms .fresh", "said meanwhile\n1")
}

func secondDeviceSignsOutTheFirst(t *testing.T, first context.Context) {
	g := start(t, "") // development mode allows one device
	laptop := visit(t, first, g.url("http", "/"), "user=ann&name=Ann&device=laptop")
	laptop.say(t, "from the laptop")
	laptop.sees(t, "from the laptop")
	phone := visit(t, testkit.Tab(t, first), g.url("http", "/"), "user=ann&name=Ann&device=phone&platform=android")
	laptop.shows(t, "#ended", "Signed in elsewhere")
	laptop.shows(t, "#ended", "signed in on the device phone (android)")
	phone.sees(t, "from the laptop")
	phone.say(t, "from the phone")
	phone.sees(t, "from the phone")

	laptop.click(t, "#ended [type=submit]")
	laptop.connected(t)
	laptop.sees(t, "from the phone")
	phone.shows(t, "#ended", "signed in on the device laptop (web)")
	laptop.until(t, "the dialog to go", `!document.querySelector("#ended").open`)
}

func presenceShowsDevices(t *testing.T, first context.Context) {
	g := serve(t, gateway.Config{Dev: true, Devices: gateway.DevicesConfig{Limit: 5}})
	ann := visit(t, first, g.url("http", "/"), "user=ann&name=Ann&device=laptop")
	g.bot(t, "user=bob&name=Bob&device=tablet&platform=ios")
	g.bot(t, "user=bob&name=Bob&device=desk")
	g.bot(t, "user=bob&name=Bob&device=desk")
	ann.shows(t, "#list", "desk in 2 tabs")
	ann.shows(t, "#list", "tablet")
	ann.shows(t, "#census", "2 people online in 4 sessions")

	phone := visit(t, testkit.Tab(t, first), g.url("http", "/"), "user=ann&name=Ann&device=phone&platform=android")
	ann.shows(t, "#list", "phone")
	ann.click(t, "#me")
	ann.shows(t, "#devices-list", "web · this device")
	ann.click(t, `#devices-list [aria-label="Sign out phone"]`)
	phone.shows(t, "#ended", "Signed out")
	ann.until(t, "the phone to be gone", `!document.querySelector("#list").textContent.includes("phone")`)
	ann.until(t, "the list of devices to follow", `document.querySelectorAll("#devices-list li").length === 1`)
}

func hostileTextIsShownAsText(t *testing.T, first context.Context) {
	g := start(t, "")
	ann := visit(t, first, g.url("http", "/"), "user=ann&name=Ann&device=laptop")
	const name, text = `<img src=x onerror="window.hurt=1">`, `<script>window.hurt=1</script><b>bold</b>`
	mallory := g.bot(t, `user=mallory&device=<i>d</i>&name=<img%20src=x%20onerror="window.hurt=1">`)
	mallory.say(t, text)
	ann.sees(t, text)
	ann.showsPeople(t, "Ann", name)
	mallory.do(t, "typing", map[string]any{"room": "lobby"})
	ann.shows(t, "#typing", name)
	mallory.do(t, "user.send", map[string]any{"user": "ann", "data": map[string]any{"text": text}})
	ann.shows(t, "#peers .fresh", text)
	ann.goTo(t, "user=mallory")
	ann.sees(t, text)
	ann.shows(t, "#title", "<i>d</i>")
	mallory.do(t, "user.send", map[string]any{"user": "ann", "data": []any{map[string]any{"text": 7}, nil}})
	ann.sees(t, `[{"text":7},null]`)
	if testkit.Evaluate[bool](t, ann.tab,
		`"hurt" in window || !!document.querySelector(":is(main, aside, #lists) :is(b, i, script, img)")`) {
		t.Error("what somebody wrote became markup")
	}
}

func wireShowsFramesAndSendsThem(t *testing.T, first context.Context) {
	g := start(t, "")
	ann := visit(t, first, g.url("http", "/"), "user=ann&name=Ann&device=laptop")
	program := testkit.Evaluate[string](t, ann.tab, `document.querySelector("#snippet").textContent`)
	testkit.Evaluate[any](t, ann.tab, "(() => {"+program+"})()")
	ann.showsPeople(t, "Ann", "console")
	ann.sees(t, "hello")
	ann.click(t, "#wire-toggle")
	ann.shows(t, "#frames .out", `"method":"room.join"`)
	ann.click(t, "#wire form button")
	ann.shows(t, "#frames .in", `"id":"mine","result":{"users":2,"sessions":2}`)
}

func enterSendsAndShiftEnterDoesNot(t *testing.T, first context.Context) {
	g := start(t, "")
	ann := visit(t, first, g.url("http", "/"), "user=ann&name=Ann&device=laptop")
	ann.until(t, "the field to have the focus", `document.activeElement.id === "text"`)
	testkit.Do(t, ann.tab, chromedp.SendKeys("#text", "one"),
		chromedp.KeyEvent("\r", chromedp.KeyModifiers(chromedp.ModifierShift)))
	ann.until(t, "a second line", `document.querySelector("#text").value === "one\n"`)
	ann.say(t, "two")
	ann.sees(t, "one\ntwo")
	ann.until(t, "the field to be empty", `document.querySelector("#text").value === ""`)
}

func namesKeepTheLayout(t *testing.T, tab context.Context) {
	g := start(t, "")
	ann := visit(t, tab, g.url("http", "/"), "user=ann&name=Ann&device=laptop")
	for _, query := range []string{"user=bob&name=Bob", "user=omar&name=%D8%B9%D9%85%D8%B1"} {
		g.bot(t, query).do(t, "user.send", map[string]any{"user": "ann", "data": map[string]any{"text": "hi"}})
	}
	ann.until(t, "both names, each in its own direction, to begin at one edge", `(() => {
		const lefts = [...document.querySelectorAll("#peers .name")].map((name) => {
			const range = document.createRange();
			range.selectNodeContents(name);
			return Math.round(range.getBoundingClientRect().left);
		});
		return lefts.length === 2 && lefts[0] === lefts[1];
	})()`)

	height := testkit.Evaluate[int](t, tab, `document.querySelector("#text").offsetHeight`)
	room := strings.Repeat("long-", 20)
	ann.goTo(t, "room="+room)
	ann.until(t, "the hint in the field to name the room", fmt.Sprintf(`document.querySelector("#text").placeholder.includes(%q)`, room))
	if got := testkit.Evaluate[int](t, tab, `document.querySelector("#text").offsetHeight`); got != height {
		t.Errorf("an empty field is %d pixels high in a room with a long name, and %d in others", got, height)
	}
}

func phoneWidthHasNoSidewaysScroll(t *testing.T, tab context.Context) {
	g := start(t, "")
	testkit.Do(t, tab, chromedp.EmulateViewport(360, 720))
	ann := signIn(t, tab, g.url("http", "/"), strings.Repeat("Ann", 40))
	wide := strings.Repeat("W", 100)
	bob := g.bot(t, "user="+wide+"&name="+wide+"&device="+wide)
	bob.say(t, strings.Repeat("unbreakable", 100))
	bob.do(t, "user.send", map[string]any{"user": strings.Repeat("ann", 40), "data": map[string]any{"text": wide}})
	fits := func(what string) {
		t.Helper()
		for _, selector := range []string{"html", "#lists", "#talk", "#scroll", "header", "#people", "#wire", "#frames", "dialog[open]"} {
			if testkit.Evaluate[bool](t, tab, fmt.Sprintf(
				`[...document.querySelectorAll(%q)].some(({scrollWidth, clientWidth}) => scrollWidth > clientWidth)`, selector)) {
				t.Errorf("%s: %s is wider than the screen", what, selector)
			}
		}
	}
	ann.shows(t, "#peers .fresh", wide)
	fits("lists")
	ann.click(t, `#rooms a`)
	ann.sees(t, strings.Repeat("unbreakable", 100))
	fits("room")
	ann.click(t, "#toggle")
	ann.until(t, "the people to unfold", `document.querySelector("#list").checkVisibility()`)
	fits("people")
	testkit.Do(t, tab, chromedp.KeyEvent("\x1b"))
	ann.until(t, "the people to fold", `!document.querySelector("#list").checkVisibility()`)
	ann.click(t, "#back")
	ann.until(t, "the lists to be back",
		`document.querySelector("#lists").checkVisibility() && !document.querySelector("#talk").checkVisibility()`)
	ann.click(t, "#wire-toggle")
	fits("wire")
	ann.click(t, "#wire-close")
	ann.click(t, "#me")
	ann.shows(t, "#devices-list", "this device")
	fits("devices")
}
