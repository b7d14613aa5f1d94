package gateway_test

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hubbub-dev/hubbub/gateway"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// TestInboxPage tries the inbox of the demo chat in Chromium, against the store.
func TestInboxPage(t *testing.T) {
	browser := testkit.Chromium(t)
	for name, test := range map[string]func(*testing.T, context.Context){
		"TabsAndDevicesFollow":      tabsAndDevicesFollow,
		"NoticesAreKeptAndPutAway":  noticesAreKeptAndPutAway,
		"RestartLosesNothing":       restartLosesNothing,
		"LongInboxIsReadInPages":    longInboxIsReadInPages,
		"KeyboardOpensAndCloses":    keyboardOpensAndCloses,
		"HostileNoticeIsText":       hostileNoticeIsText,
		"LostConnectionIsSaid":      lostConnectionIsSaid,
		"WithoutStoreThereIsNoBell": withoutStoreThereIsNoBell,
	} {
		t.Run(name, func(t *testing.T) { test(t, testkit.Tab(t, browser)) })
	}
}

// serveInbox serves in development mode with a store of its own, or with the one of a directory, and lets people use five
// devices.
func serveInbox(t *testing.T, addr, dir string) running {
	t.Helper()
	return serve(t, gateway.Config{
		Addr: addr, Dev: true,
		API:      gateway.APIConfig{Keys: []gateway.APIKeyConfig{{Name: "backend", Key: apiKey}}},
		Store:    gateway.StoreConfig{Path: filepath.Join(dir, "hubbub.db")},
		Devices:  gateway.DevicesConfig{Limit: 5},
		Shutdown: gateway.ShutdownConfig{Window: -1},
	})
}

// notify publishes a notice to ann, with members of its JSON object such as `"body":"…"`, and returns its id.
func (r running) notify(t *testing.T, title string, more ...string) string {
	t.Helper()
	members := append([]string{`"to":{"user":"ann"}`, fmt.Sprintf(`"title":%q`, title)}, more...)
	return decode[struct{ ID string }](t, r.api(t, "POST", "/notices", "{"+strings.Join(members, ",")+"}")).ID
}

// hasDot waits for a number on the red dot, "" for no dot.
func (p page) hasDot(t *testing.T, number string) {
	t.Helper()
	p.until(t, fmt.Sprintf("a dot that says %q", number), fmt.Sprintf(
		`[...document.querySelectorAll(".dot")].filter((e) => e.checkVisibility()).map((e) => e.textContent).join() === %q`, number))
}

// openInbox opens the panel by its bell.
func (p page) openInbox(t *testing.T) {
	t.Helper()
	p.click(t, "#side .bell")
	p.until(t, "the inbox to open", `document.querySelector("#inbox").checkVisibility()`)
}

// lists waits until exactly these titles are in the inbox, newest first; those that are unread begin with a star.
func (p page) lists(t *testing.T, titles ...string) {
	t.Helper()
	p.until(t, fmt.Sprintf("the notices %q", titles), fmt.Sprintf(`[...document.querySelectorAll("#inbox-list > li")].map((row) =>
		(row.classList.contains("unread") ? "*" : "") + row.querySelector(".main bdi").textContent).join("|") === %q`, strings.Join(titles, "|")))
}

// tool clicks a button of a notice, such as "Archive".
func (p page) tool(t *testing.T, label, title string) {
	t.Helper()
	p.click(t, fmt.Sprintf(`#inbox-list [aria-label=%q]`, label+": "+title))
}

// title clicks the title of a notice, newest first.
func (p page) title(t *testing.T, place int) {
	t.Helper()
	p.click(t, fmt.Sprintf(`#inbox-list > li:nth-child(%d) .main`, place))
}

// tabsAndDevicesFollow is what is done on one of three pages of one person, and what the others show then.
func tabsAndDevicesFollow(t *testing.T, first context.Context) {
	g := serveInbox(t, "", t.TempDir())
	laptop := visit(t, first, g.url("http", "/"), "user=ann&name=Ann&device=laptop")
	laptop.hasDot(t, "")
	tab := visit(t, testkit.Tab(t, first), g.url("http", "/"), "user=ann&name=Ann&device=laptop")
	phone := visit(t, testkit.Tab(t, first), g.url("http", "/"), "user=ann&name=Ann&device=phone&platform=ios")
	all := []page{laptop, tab, phone}

	g.notify(t, "Order shipped", `"category":"orders"`, `"body":"Two parcels."`, `"link":"#room=orders"`)
	for _, p := range all {
		p.hasDot(t, "1")
		p.shows(t, "#toasts", "Order shipped\nTwo parcels.")
		p.until(t, "the title and the icon to tell", `document.title === "(1) hubbub" &&
			document.querySelector("link[rel=icon]").href.endsWith("/icon-dot.svg")`)
	}
	testkit.Evaluate[any](t, laptop.tab, `fetch(document.querySelector("link[rel=icon]").href).then((r) => {
		if (!r.ok) throw new Error(r.status);
	})`)

	// Who looks at the list has seen it, on all devices; it stays unread.
	laptop.click(t, "#toasts button")
	laptop.lists(t, "*Order shipped")
	for _, p := range all {
		p.hasDot(t, "")
		p.until(t, "nothing to be told any more", `!document.querySelector("#toasts > *") && document.title === "hubbub"`)
	}
	tab.openInbox(t)
	tab.lists(t, "*Order shipped")

	// A click reads it and follows its link, which is on this page.
	laptop.title(t, 1)
	laptop.shows(t, "#title", "# orders")
	laptop.until(t, "the panel to close", `!document.querySelector("#inbox").checkVisibility()`)
	tab.lists(t, "Order shipped")

	// What comes while the list is looked at is seen at once, and a newer one takes the place of what it is about.
	g.notify(t, "Step 1 of 2", `"collapse":"steps"`)
	tab.lists(t, "*Step 1 of 2", "Order shipped")
	phone.hasDot(t, "")
	withdrawn := g.notify(t, "A mistake")
	g.notify(t, "Step 2 of 2", `"collapse":"steps"`)
	tab.lists(t, "*Step 2 of 2", "*A mistake", "Order shipped")
	g.api(t, "DELETE", "/notices/"+withdrawn, "")
	tab.lists(t, "*Step 2 of 2", "Order shipped")
	phone.openInbox(t)
	phone.click(t, "#inbox-all-read")
	tab.lists(t, "Step 2 of 2", "Order shipped")
}

func noticesAreKeptAndPutAway(t *testing.T, first context.Context) {
	g := serveInbox(t, "", t.TempDir())
	ann := visit(t, first, g.url("http", "/"), "user=ann&name=Ann&device=laptop")
	ann.openInbox(t)
	ann.shows(t, "#inbox-state", `hubbub publish --user ann --title "Hello"`)
	g.notify(t, "first", `"category":"orders"`)
	g.notify(t, "second", `"category":"news"`, `"actions":[{"label":"Accept","data":{"order":17}},{"label":"Look","link":"#user=bob"}]`)
	ann.lists(t, "*second", "*first")
	ann.shows(t, ".chip", "orders\n1")

	other := visit(t, testkit.Tab(t, first), g.url("http", "/"), "user=ann&name=Ann&device=phone")
	other.openInbox(t)
	ann.tool(t, "Mark read", "first")
	other.lists(t, "*second", "first")
	other.tool(t, "Mark unread", "first")
	ann.lists(t, "*second", "*first")
	ann.tool(t, "Archive", "first")
	other.lists(t, "*second")
	other.click(t, `[data-state="archived"]`)
	other.lists(t, "first")
	other.tool(t, "Back to the inbox", "first")
	other.shows(t, "#inbox-state", "Nothing archived")
	ann.lists(t, "*second", "*first")

	// The buttons of a notice: what one means to the application is shown, and a link leads there.
	testkit.Evaluate[any](t, ann.tab, `document.querySelector(".actions button").click()`)
	ann.shows(t, "#toasts", `“Accept” is for your application to handle: {"order":17}`)
	ann.lists(t, "second", "*first")
	ann.click(t, `[data-state="unread"]`)
	ann.lists(t, "*first")
	ann.title(t, 1)
	ann.lists(t, "first") // it stays in place until unread ones are asked for again
	ann.click(t, `[data-state="unread"]`)
	ann.shows(t, "#inbox-state", "All caught up")

	testkit.Do(t, ann.tab, chromedp.Reload())
	ann.connected(t)
	ann.openInbox(t)
	ann.lists(t, "second", "first")
	ann.click(t, `.actions a`)
	ann.shows(t, "#title", "bob")
}

// restartLosesNothing stops the gateway and starts another one with the same file.
func restartLosesNothing(t *testing.T, first context.Context) {
	dir := t.TempDir()
	g := serveInbox(t, "", dir)
	ann := visit(t, first, g.url("http", "/"), "user=ann&name=Ann&device=laptop")
	ann.goTo(t, "room=team")
	ann.say(t, "said before")
	ann.sees(t, "said before")
	bob := g.bot(t, "user=bob")
	bob.do(t, "user.send", map[string]any{"user": "ann", "data": map[string]any{"text": "written before"}})
	ann.shows(t, "#peers .fresh", "written before\n1")
	g.notify(t, "Published before")
	ann.hasDot(t, "1")
	g.stop()
	ann.until(t, "the page to notice", `document.querySelector("#state").textContent === "Reconnecting…"`)

	g = serveInbox(t, g.addr.String(), dir)
	ann.connected(t)
	ann.hasDot(t, "1")
	ann.say(t, "said after")
	ann.sees(t, "said after")
	if texts := ann.texts(t); len(texts) != 2 || texts[0] != "said before" {
		t.Errorf("the room shows %q", texts)
	}
	ann.shows(t, "#peers .fresh", "written before\n1")

	// A browser that knows nothing finds the same.
	_, port, err := net.SplitHostPort(g.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	fresh := visit(t, testkit.Tab(t, first), "http://localhost:"+port+"/", "user=ann&name=Ann&device=phone")
	fresh.click(t, `#rooms a[href="#room=team"]`)
	fresh.sees(t, "said before")
	fresh.hasDot(t, "1")
	fresh.shows(t, "#peers .fresh", "written before\n1")
	fresh.openInbox(t)
	fresh.lists(t, "*Published before")
	ann.hasDot(t, "")
}

func longInboxIsReadInPages(t *testing.T, tab context.Context) {
	g := serveInbox(t, "", t.TempDir())
	const many = 120
	for i := range many {
		g.notify(t, fmt.Sprintf("%03d %s", i, strings.Repeat("unbreakable", 1+i%17)), fmt.Sprintf(`"category":"kind-%d"`, i%3),
			fmt.Sprintf(`"body":%q`, strings.Repeat("W", 7*i)))
	}
	testkit.Do(t, tab, chromedp.EmulateViewport(360, 720), chromedp.Navigate(g.url("http", "/?user=ann&name=Ann&device=phone")))
	ann := page{tab}
	ann.connected(t)
	ann.hasDot(t, "99+")
	ann.openInbox(t)
	for _, selector := range []string{"#inbox", "#inbox-scroll", "#inbox-list > li", "html"} {
		ann.until(t, selector+" to fit onto a phone", fmt.Sprintf(`!!document.querySelector(".item") &&
			[...document.querySelectorAll(%q)].every((e) => e.scrollWidth <= e.clientWidth && e.clientWidth <= 360)`, selector))
	}
	ann.until(t, "all to be there in the end, each once", fmt.Sprintf(`(() => {
		document.querySelector("#inbox-scroll").scrollTop = 1e9;
		const rows = [...document.querySelectorAll(".item .main bdi")].map((e) => parseInt(e.textContent, 10));
		return rows.length === %d && rows.every((n, i) => n === %d - i);
	})()`, many, many-1))
	ann.hasDot(t, "")
	ann.click(t, ".chip:nth-child(3)")
	ann.until(t, "one category", `document.querySelectorAll(".item").length === 40`)
	ann.click(t, "#inbox-all-read")
	ann.until(t, "only that category to be read", `!document.querySelector(".item.unread") &&
		document.querySelector(".chip:nth-child(3)").textContent === "kind-1" && document.querySelector(".chip").textContent.includes("80")`)
}

func keyboardOpensAndCloses(t *testing.T, tab context.Context) {
	g := serveInbox(t, "", t.TempDir())
	ann := visit(t, tab, g.url("http", "/"), "user=ann&name=Ann&device=laptop")
	for _, title := range []string{"three", "two", "one"} {
		g.notify(t, title)
	}
	ann.until(t, "the bell to say what it is", `document.querySelector(".bell").ariaLabel === "Inbox, 3 new"`)
	testkit.Do(t, tab, chromedp.Focus("#side .bell"), chromedp.KeyEvent("\r"))
	ann.lists(t, "*one", "*two", "*three")
	ann.until(t, "the focus to be in the panel", `document.activeElement.id === "inbox-title"`)
	ann.until(t, "all buttons to have names", `[...document.querySelectorAll("#inbox button")].every((e) => e.ariaLabel || e.textContent || e.hidden)`)
	testkit.Do(t, tab, chromedp.Focus(`[aria-label="Archive: two"]`), chromedp.KeyEvent("\r"))
	ann.lists(t, "*one", "*three")
	ann.until(t, "the focus to be on what came into its place", `document.activeElement.textContent === "three, unread"`)
	testkit.Do(t, tab, chromedp.KeyEvent("\r"))
	ann.lists(t, "*one", "three")
	ann.until(t, "the focus to stay", `document.activeElement.textContent === "three"`)
	testkit.Do(t, tab, chromedp.KeyEvent("\x1b"))
	ann.until(t, "the focus to be back on the bell", `!document.querySelector("#inbox").checkVisibility() &&
		document.activeElement.matches(".bell") && document.activeElement.ariaExpanded === "false"`)
}

func hostileNoticeIsText(t *testing.T, tab context.Context) {
	g := serveInbox(t, "", t.TempDir())
	ann := visit(t, tab, g.url("http", "/"), "user=ann&name=Ann&device=laptop")
	const markup = `<img src=x onerror='window.hurt=1'><b>bold</b>`
	g.notify(t, markup, fmt.Sprintf(`"body":%q,"category":"<i>c</i>","actions":[{"label":%q}],"link":"https://example.com/?'script'"`, markup, markup))
	ann.shows(t, "#toasts", markup)
	ann.openInbox(t)
	ann.lists(t, "*"+markup)
	ann.shows(t, "#inbox-list .body", markup)
	ann.shows(t, "#inbox-list .actions", markup)
	ann.until(t, "a link that leads out of the page to keep the page to itself", `document.querySelector("a.main").rel.includes("noopener")`)
	// A server that lets other links through does no harm either.
	testkit.Evaluate[any](t, tab, `import("/demo/notice.js").then(({ noticeRow }) => {
		for (const link of ["javascript:window.hurt=1", "data:text/html,x", "vbscript:x", "java\tscript:x", "http://["]) {
			const row = noticeRow({ id: "n", title: "t", category: "c", time: 0, state: "seen", link, actions: [{ label: "l", link }] }, false, {});
			if (row.querySelector("a")) throw new Error(link + " became a link");
		}
	})`)
	if testkit.Evaluate[bool](t, tab, `"hurt" in window || !!document.querySelector("#inbox :is(b, i, img, script), #toasts :is(b, img)")`) {
		t.Error("what somebody published became markup")
	}
}

// lostConnectionIsSaid looks at the inbox while the page is cut off.
func lostConnectionIsSaid(t *testing.T, tab context.Context) {
	g := serveInbox(t, "", t.TempDir())
	between, addr := newLine(t, g.addr.String())
	ann := visit(t, tab, "http://"+addr+"/", "user=ann&name=Ann&device=laptop")
	between.set(true)
	ann.until(t, "the page to notice", `document.querySelector("#state").textContent === "Reconnecting…"`)
	ann.openInbox(t)
	ann.shows(t, "#inbox-state", "There is no connection.")
	g.notify(t, "during the cut")
	between.set(false)
	testkit.Evaluate[any](t, tab, `document.querySelector("#trouble button").click()`)
	ann.lists(t, "*during the cut")
	between.set(true)
	ann.until(t, "the page to notice again", `document.querySelector("#state").textContent === "Reconnecting…"`)
	ann.tool(t, "Archive", "during the cut")
	ann.shows(t, "#inbox-trouble", "That was not saved. There is no connection.")
	ann.lists(t, "*during the cut")
}

func withoutStoreThereIsNoBell(t *testing.T, tab context.Context) {
	g := serve(t, gateway.Config{Dev: true, Store: gateway.StoreConfig{Path: gateway.NoStore}})
	ann := visit(t, tab, g.url("http", "/"), "user=ann&name=Ann&device=laptop")
	ann.say(t, "is there a bell?")
	ann.sees(t, "is there a bell?")
	if testkit.Evaluate[bool](t, tab, `[...document.querySelectorAll(".bell")].some((bell) => bell.checkVisibility())`) {
		t.Error("there is a bell, and no inbox")
	}
}
