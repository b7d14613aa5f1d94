package main_test

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hubbub-dev/hubbub/examples/internal/run"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// TestShop opens the shop as make shop does, and goes shopping in Chromium.
func TestShop(t *testing.T) {
	warm(t)
	s := open(t)
	for _, step := range []struct {
		name string
		test func(*testing.T, shop, context.Context)
	}{
		{"ShoppersSeeEachOther", shoppersSeeEachOther},
		{"NewOnTheShelfIsSeenAtOnce", newOnTheShelfIsSeenAtOnce},
		{"LastOneIsSoldOnce", lastOneIsSoldOnce},
		{"PageIsThereWithoutAService", pageIsThereWithoutAService},
		{"SignInElsewhereSignsOutHere", signInElsewhereSignsOutHere},
		{"RefusedAtTheDoor", refusedAtTheDoor},
		{"PhoneWidthHasNoSidewaysScroll", phoneWidthHasNoSidewaysScroll},
	} {
		t.Run(step.name, func(t *testing.T) { step.test(t, s, testkit.Chromium(t)) })
	}
}

func shoppersSeeEachOther(t *testing.T, s shop, first context.Context) {
	ann := s.enter(t, first, "Ann")
	ann.shows(t, "#count", "Just you here")
	second, closeTab := chromedp.NewContext(first)
	defer closeTab()
	bob := s.enter(t, second, "Bob Marsh")
	ann.shows(t, "#count", "2 here now")
	bob.shows(t, "#count", "2 here now")
	ann.click(t, "#people-button")
	ann.shows(t, "#people ul", "Ann\nyou")
	ann.shows(t, "#people ul", "Bob Marsh")
	closeTab()
	ann.shows(t, "#count", "Just you here")
	ann.shows(t, "#people", "You have the shop to yourself.")
}

func newOnTheShelfIsSeenAtOnce(t *testing.T, s shop, first context.Context) {
	ann := s.enter(t, first, "Ann")
	bob := s.enter(t, testkit.Tab(t, first), "Bob")
	ann.click(t, "#bell")
	ann.shows(t, "#inbox", "No news yet")
	ann.click(t, "#bell")
	ann.click(t, `[data-follow="ceramics"]`)
	ann.shows(t, `[data-follow="ceramics"]`, "Following")
	ann.shows(t, "#for-you", "From the same kiln")
	staff := s.counter(t, testkit.Tab(t, first))
	staff.click(t, `[aria-label="Put Teapot for two on the shelf"]`)

	for _, p := range []page{ann, bob} {
		p.until(t, "the new card to be the first", `document.querySelector("#goods .card").dataset.id === "teapot"`)
		p.shows(t, `[data-id="teapot"] .badge`, "Just in")
	}
	ann.shows(t, "#bell .dot", "1")
	staff.until(t, "the storeroom to have it no more", `!document.querySelector('#storeroom [data-id="teapot"]')`)
	if testkit.Evaluate[bool](t, bob.tab, `document.querySelector("#bell .dot").checkVisibility()`) {
		t.Error("who follows nothing has a red dot")
	}
	ann.click(t, "#bell")
	ann.shows(t, "#inbox li", "Teapot for two is on the shelf")
	ann.until(t, "the dot to go out", `document.querySelector("#bell .dot").hidden`)
	ann.click(t, "#inbox li a")
	ann.shows(t, "#product", "Pours without a drip")
	ann.shows(t, "#product .picks", "Morning mug")
	ann.until(t, "the notice to be read", `document.querySelector("#read-all").hidden`)
	staff.shows(t, `#visits [data-type="notice.read"][data-user="ann"]`, "signature verified")
}

func lastOneIsSoldOnce(t *testing.T, s shop, first context.Context) {
	ann := s.enter(t, first, "Ann")
	bob := s.enter(t, testkit.Tab(t, first), "Bob")
	ann.shows(t, `[data-id="linen-cushion"]`, "Only 1 left")
	bob.click(t, `[aria-label="Buy Linen cushion"]`)
	bob.shows(t, "#toasts", "Wrapped and yours: Linen cushion.")
	ann.shows(t, `[data-id="linen-cushion"]`, "Sold out")
	ann.until(t, "nobody to buy it again", `document.querySelector('[aria-label="Buy Linen cushion"]').disabled`)
}

func pageIsThereWithoutAService(t *testing.T, s shop, first context.Context) {
	staff := s.counter(t, first)
	staff.click(t, "#plug")
	staff.shows(t, "#service-state", "unplugged")
	second, closeTab := chromedp.NewContext(first)
	defer closeTab()
	cid := s.enter(t, second, "Cid")
	cid.shows(t, "#for-you", "Our recommendations are on a break.")
	cid.until(t, "nobody to follow anything", `[...document.querySelectorAll(".follow")].every((e) => e.disabled)`)
	if got := testkit.Evaluate[string](t, second, `[...new Set(performance.getEntriesByType("resource")
		.map(({ name }) => new URL(name)).filter(({ origin }) => origin !== location.origin).map(({ pathname }) => pathname))].join()`); got != "/bff/home" {
		t.Errorf("the page called %s, want one combined call", got)
	}
	cid.click(t, `[data-id="desk-lamp"] .open`)
	cid.shows(t, "#product", "A brass arm")
	cid.shows(t, "#product .picks", "on a break")
	closeTab()

	dora := s.enter(t, testkit.Tab(t, first), "Dora")
	dora.shows(t, "#for-you", "on a break")
	staff.click(t, "#plug")
	staff.shows(t, "#service-state", "runs")
	dora.shows(t, "#for-you", "What we light when we close")
	staff.shows(t, `#visits [data-type="session.disconnected"][data-user="cid"]`, "signature verified") // it has waited
}

func signInElsewhereSignsOutHere(t *testing.T, s shop, first context.Context) {
	ann := s.enter(t, first, "Ann")
	staff := s.counter(t, testkit.Tab(t, first))
	again := s.enter(t, testkit.Tab(t, first), "Ann")
	ann.shows(t, "#ended[open]", "You signed in somewhere else")
	again.shows(t, "#count", "Just you here")
	staff.shows(t, `#visits [data-type="session.disconnected"][data-user="ann"]`, "went on elsewhere")
	s.WaitOutput(t, `"user":"ann"`)
	s.WaitOutput(t, `"reason":"signed_in_elsewhere"`)

	ann.click(t, "#ended .primary")
	again.shows(t, "#ended[open]", "You signed in somewhere else")
	ann.shows(t, "#count", "Just you here")
	ann.until(t, "the dialog to go", `!document.querySelector("#ended").open`)
	again.click(t, `#ended [value="leave"]`)
	again.shows(t, "#door", "Your name")
}

func refusedAtTheDoor(t *testing.T, s shop, tab context.Context) {
	testkit.Do(t, tab, chromedp.Navigate(s.page("/")), chromedp.SendKeys("#name", "???\r"))
	page{tab}.shows(t, "#door .fault", "Please tell us your name")

	// Who is no staff sees nothing of the storeroom, and hears nothing of who came.
	eve := s.enter(t, tab, "Eve")
	for _, call := range []string{`"bff.storeroom"`, `"bff.shelve", {id: "brass-pen"}`, `"bff.visits"`, `"room.join", {room: "staff"}`, `"room.send", {room: "shop", data: 1}`} {
		reason := testkit.Evaluate[string](t, eve.tab, fmt.Sprintf(`(async () => {
			const { Hub } = await import("./hub.js");
			const { session } = await import("./session.js");
			return new Promise((tell) => {
				const hub = new Hub(session(), "own", { open: () => hub.call(%s).then(() => tell("allowed"), (refused) => tell(refused.reason)), ended() {}, lost() {} });
				hub.connect();
			});
		})()`, call))
		if reason != "forbidden" {
			t.Errorf("%s: %s, want forbidden", call, reason)
		}
	}
}

func phoneWidthHasNoSidewaysScroll(t *testing.T, s shop, tab context.Context) {
	testkit.Do(t, tab, chromedp.EmulateViewport(360, 720))
	ann := s.enter(t, tab, strings.Repeat("Wilhelmina", 4))
	fits := func(what string) {
		t.Helper()
		if testkit.Evaluate[bool](t, tab, `["html", ".panel:not([hidden])", "dialog[open]"].some((which) =>
			[...document.querySelectorAll(which)].some(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth))`) {
			t.Errorf("%s is wider than the screen", what)
		}
	}
	fits("the shelf")
	ann.click(t, "#people-button")
	fits("who is here")
	ann.click(t, "#bell")
	fits("the news")
	ann.click(t, `[data-id="morning-mug"] .open`)
	ann.shows(t, "#product", "Speckled")
	fits("a product")
	s.counter(t, tab)
	fits("the counter")
}

// shop is a running shop.
type shop struct {
	*run.Program
	port int
}

// warm compiles what the shop will compile, since that may take longer than a test waits for it.
func warm(t *testing.T) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for dir, pkg := range map[string]string{root: "./cmd/hubbub", filepath.Join(root, "examples"): "./shop/..."} {
		cmd := exec.CommandContext(t.Context(), "go", "build", "-o", t.TempDir(), pkg)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", cmd, err, out)
		}
	}
}

func open(t *testing.T) shop {
	t.Helper()
	s := shop{port: freePorts(t, 4)}
	s.Program = run.Launch(t, nil, filepath.Join(run.Build(t, "."), "shop"), "-port", fmt.Sprint(s.port))
	s.WaitOutput(t, "The shop is open")
	return s
}

// freePorts returns the first of some ports in a row that nobody listens on.
func freePorts(t *testing.T, n int) int {
	t.Helper()
	for first := 18090; first < 19990; first += n {
		free := true
		for port := first; port < first+n && free; port++ {
			l, err := net.Listen("tcp", fmt.Sprintf("localhost:%d", port))
			if free = err == nil; free {
				l.Close()
			}
		}
		if free {
			return first
		}
	}
	t.Fatal("there are no free ports")
	return 0
}

func (s shop) page(path string) string { return fmt.Sprintf("http://localhost:%d%s", s.port, path) }

// enter signs somebody in by the door, and waits for the shelf.
func (s shop) enter(t *testing.T, tab context.Context, name string) page {
	t.Helper()
	testkit.Do(t, tab, chromedp.Navigate(s.page("/")))
	testkit.Evaluate[any](t, tab, `sessionStorage.clear()`)
	testkit.Do(t, tab, chromedp.Navigate(s.page("/")), chromedp.SendKeys("#name", name+"\r"))
	p := page{tab}
	p.until(t, "the shelf to be full", `document.querySelectorAll("#goods .card[data-id]").length >= 8`)
	p.shows(t, "#count", "here")
	return p
}

// counter opens the staff's page.
func (s shop) counter(t *testing.T, tab context.Context) page {
	t.Helper()
	testkit.Do(t, tab, chromedp.Navigate(s.page("/staff.html")))
	p := page{tab}
	p.until(t, "the storeroom to be shown", `!!document.querySelector("#storeroom li") && !!document.querySelector("#visits li")`)
	p.until(t, "the plug to be there", `!document.querySelector("#plug").disabled`)
	return p
}

// page is a tab with the shop in it.
type page struct{ tab context.Context }

func (p page) until(t *testing.T, what, condition string) {
	t.Helper()
	testkit.Holds(t, p.tab, what, condition)
}

// shows waits until an element that can be seen has a text.
func (p page) shows(t *testing.T, selector, text string) {
	t.Helper()
	p.until(t, fmt.Sprintf("%s to show %q", selector, text), fmt.Sprintf(
		`[...document.querySelectorAll(%q)].some((e) => e.checkVisibility() && e.innerText.includes(%q))`, selector, text))
}

func (p page) click(t *testing.T, selector string) {
	t.Helper()
	p.until(t, selector+" to be there", fmt.Sprintf(`!document.querySelector(%q)?.disabled && document.querySelector(%[1]q)?.checkVisibility()`, selector))
	testkit.Evaluate[any](t, p.tab, fmt.Sprintf(`document.querySelector(%q).click()`, selector))
}
