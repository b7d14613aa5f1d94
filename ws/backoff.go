package ws

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// window is how long to wait at least and at most. The wait itself is uniform in it, so that clients that were lost at
// the same moment do not come back at the same moment.
type window struct{ min, max time.Duration }

func (w window) pick() time.Duration { return w.min + rand.N(w.max-w.min+1) }

// maxWait bounds what a server can ask for.
const maxWait = time.Hour

func (w window) clamp() window { return window{min(w.min, maxWait), min(w.max, maxWait)} }

// backoff is the window whose limit has doubled the given number of times. It is clamped before the jitter: a wait that
// is clamped after it would make everybody come back after exactly max.
func backoff(base, most time.Duration, doubled int) window {
	most = max(most, 0)
	ceiling := max(min(base, most), 0)
	for range doubled {
		if ceiling > most/2 {
			return window{0, most}
		}
		ceiling *= 2
	}
	return window{0, ceiling}
}

// reasonWindow reads the close reason "word retry=MIN-MAX", in milliseconds.
func reasonWindow(reason string) (window, bool) {
	word, rest, _ := strings.Cut(reason, " ")
	span, ok := strings.CutPrefix(rest, "retry=")
	from, to, both := strings.Cut(span, "-")
	if word == "" || !ok || !both {
		return window{}, false
	}
	least, err1 := strconv.ParseUint(from, 10, 32)
	most, err2 := strconv.ParseUint(to, 10, 32)
	if err1 != nil || err2 != nil || least > most {
		return window{}, false
	}
	return window{time.Duration(least) * time.Millisecond, time.Duration(most) * time.Millisecond}.clamp(), true
}

// retryAfter reads the header Retry-After, in seconds or a date (RFC 9110, section 10.2.3). Everybody is told the same,
// so that it is the least wait, and the backoff's window comes on top.
func retryAfter(value string, now time.Time, w window) window {
	var wait time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = max(at.Sub(now), 0)
	}
	wait = min(wait, maxWait)
	return window{wait + w.min, wait + w.max}
}

// finalStatus reports whether asking again would be answered in the same way. The first are those that say "later" or
// "elsewhere"; those of the server's or a proxy's failures pass.
func finalStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusMisdirectedRequest, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return true
	}
	return status < 500
}

// finalCode reports whether a close code of a server says not to come back.
func finalCode(code Code) bool { return 4500 <= code && code <= 4999 }
