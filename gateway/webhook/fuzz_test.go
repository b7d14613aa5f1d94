package webhook_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/hubbub-dev/hubbub/gateway/webhook"
)

// FuzzSequence puts a sequence into the payload of any data: what comes out is the same with a sequence.
func FuzzSequence(f *testing.F) {
	f.Add("user.online", `{"user":"ann"}`, uint64(1))
	f.Add(`,"data":`, `{"a":",\"data\":","data":[{"data":1}]}`, uint64(1<<64-1))
	f.Add("", `null`, uint64(0))
	f.Fuzz(func(t *testing.T, typ, data string, seq uint64) {
		if !json.Valid([]byte(data)) {
			return
		}
		name, err := json.Marshal(typ)
		if err != nil {
			t.Fatal(err)
		}
		payload := fmt.Appendf(nil, `{"type":%s,"data":%s}`, name, data)
		got := webhook.WithSequence(payload, seq)
		if want := fmt.Appendf(nil, `{"type":%s,"sequence":%d,"data":%s}`, name, seq, data); !bytes.Equal(got, want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// FuzzRetryAfter reads any header: it is never out of bounds, and what it reads it reads of what it would write.
func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "0", " 120 ", "3600", "3601", "99999999999999999999", "-1", "Fri, 02 Jan 2026 03:05:05 GMT", "soon", "1.5", "９"} {
		f.Add(seed)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value string) {
		got := webhook.RetryAfter(value, now)
		if got < 0 || got > time.Hour {
			t.Errorf("%q is %v", value, got)
		}
		if again := webhook.RetryAfter(fmt.Sprint(int(got.Seconds())), now); again != got.Truncate(time.Second) {
			t.Errorf("%q is %v, and %v is %v", value, got, got, again)
		}
	})
}

// FuzzSecret reads any secret: what is taken is what the library of those who receive takes, too.
func FuzzSecret(f *testing.F) {
	for _, seed := range []string{"", "whsec_", secret, strings.TrimPrefix(secret, "whsec_"), secret + "\n", secret[:50], secret + "=", "whsec_????"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		key, err := webhook.DecodeSecret(s)
		if err != nil {
			if len(s) > 12 && strings.Contains(err.Error(), s) {
				t.Errorf("the error shows the secret: %v", err)
			}
			return
		}
		if s != "whsec_"+base64.StdEncoding.EncodeToString(key) || len(key) < 24 || len(key) > 64 {
			t.Errorf("%q is taken as %q", s, key)
		}
		if _, err := standardwebhooks.NewWebhook(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"120": 2 * time.Minute, "0": 0, "": 0, "soon": 0, "-5": 0, "86400": time.Hour, "Fri, 02 Jan 2026 03:05:05 GMT": time.Minute,
		"Fri, 02 Jan 2026 03:04:04 GMT": 0, "Sat, 03 Jan 2026 03:05:05 GMT": time.Hour,
	} {
		if got := webhook.RetryAfter(value, now); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

// TestNoLongWaitForATargetThatIsDown shows that what waits for a target that is down arrives soon after it is back.
func TestNoLongWaitForATargetThatIsDown(t *testing.T) {
	for range 1000 {
		if got := webhook.Wait(10, 15*time.Minute); got < 0 || got >= 30*time.Second {
			t.Fatalf("an item waits %v for a target that is down, want less than 30s", got)
		}
	}
	if got := webhook.Wait(10, time.Second); got != time.Second {
		t.Errorf("an item that was tried a few times waits %v, want 1s", got)
	}
	if got := webhook.Wait(9, 15*time.Minute); got != 15*time.Minute {
		t.Errorf("an item that its target refuses again and again waits %v, want 15m", got)
	}
}

func TestBackoffGrowsToItsBound(t *testing.T) {
	for before, bound := range map[int]time.Duration{-1: 15 * time.Minute, 0: time.Second, 1: 2 * time.Second, 9: 512 * time.Second,
		10: 15 * time.Minute, 1000: 15 * time.Minute} {
		var longest time.Duration
		for range 1000 {
			longest = max(longest, webhook.Backoff(before))
		}
		if longest >= bound || longest < bound/2 {
			t.Errorf("after %d failures it waits up to %v, want up to %v", before, longest, bound)
		}
	}
}
