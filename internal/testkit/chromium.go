package testkit

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// BrowserPatience bounds everything that a test does with its browser, its start included.
const BrowserPatience = 2 * time.Minute

// Chromium starts Debian's Chromium with an empty profile and returns the chromedp context of its first tab, which ends with
// the test or after [BrowserPatience]. [Tab] makes further tabs from it. More flags may follow, for example
// chromedp.IgnoreCertErrors.
func Chromium(t testing.TB, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	flags := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(Program(t, "chromium")),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), // /dev/shm is small in containers
	}
	ctx, cancel := context.WithTimeout(context.Background(), BrowserPatience)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, append(flags, more...)...)
	t.Cleanup(cancel)
	return Tab(t, ctx)
}

// Tab opens another tab of the browser that the context belongs to. What the tab's console said, such as the reason why a
// WebSocket was refused, is logged when the test fails. One goroutine at a time may use a tab.
func Tab(t testing.TB, browser context.Context) context.Context {
	t.Helper()
	tab, cancel := chromedp.NewContext(browser)
	if err := chromedp.Do(tab); err != nil {
		cancel()
		t.Fatalf("open a tab: %v", err)
	}
	messages := chromedp.Console(tab)
	var lines []string
	collected := make(chan struct{})
	go func() {
		defer close(collected)
		for m, err := range messages {
			if err != nil {
				return
			}
			lines = append(lines, m.String())
		}
	}()
	t.Cleanup(func() {
		// Cancel waits until the tab, and with the first tab the browser, is gone, so that its profile can be removed.
		if err := chromedp.Cancel(tab); err != nil {
			t.Logf("close the tab: %v", err)
		}
		<-collected
		if t.Failed() {
			t.Logf("console of the tab:\n%s", strings.Join(lines, "\n"))
		}
	})
	return tab
}

// Do carries out actions in a tab and fails the test when one fails.
func Do(t testing.TB, tab context.Context, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(tab, actions...); err != nil {
		t.Fatalf("in the browser: %v", err)
	}
}

// Evaluate returns the value of a JavaScript expression in a tab, of a promise once it is kept. An exception or a rejection
// fails the test.
func Evaluate[T any](t testing.TB, tab context.Context, expression string) T {
	t.Helper()
	result, err := chromedp.Run(tab, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("in the browser: %v, in\n%s", err, expression)
	}
	return result
}

// Holds waits until a JavaScript condition is true in a tab. While the page gives way to another one it is not.
func Holds(t testing.TB, tab context.Context, what, condition string) {
	t.Helper()
	Eventually(t, what, func() bool {
		holds, err := chromedp.Run(tab, chromedp.Evaluate[bool]("!!("+condition+")", chromedp.EvalAwaitPromise))
		switch {
		case err == nil:
			return holds
		case strings.Contains(err.Error(), "navigated or closed"), strings.Contains(err.Error(), "context was destroyed"),
			strings.Contains(err.Error(), "Cannot find context"):
			return false
		}
		t.Fatalf("in the browser: %v, in\n%s", err, condition)
		return false
	})
}
