package ws

import (
	"math"
	"math/big"
	"net/http"
	"testing"
	"testing/quick"
	"time"
)

// The limit is min(most, base * 2^n), also where that overflows, and the least is 0.
func TestBackoffLimit(t *testing.T) {
	check := func(base, most uint64, n uint8) bool {
		base, most = base>>1, most>>1
		want := new(big.Int).Lsh(new(big.Int).SetUint64(base), uint(n))
		if limit := new(big.Int).SetUint64(most); want.Cmp(limit) > 0 {
			want = limit
		}
		got := backoff(time.Duration(base), time.Duration(most), int(n))
		// Twice a limit above half of most is clamped without being computed, which is the same.
		return got.min == 0 && got.max == time.Duration(want.Int64())
	}
	small := func(base, most uint16, n uint8) bool { return check(uint64(base)<<1, uint64(most)<<8, n%20) }
	for _, property := range []any{check, small} {
		if err := quick.Check(property, &quick.Config{MaxCount: 2000}); err != nil {
			t.Error(err)
		}
	}
}

func TestBackoffOfOddOptions(t *testing.T) {
	for _, tt := range []struct {
		base, most time.Duration
		n          int
		want       time.Duration
	}{
		{time.Second, 30 * time.Second, -1, time.Second},
		{time.Second, 30 * time.Second, 0, time.Second},
		{time.Second, 30 * time.Second, 4, 16 * time.Second},
		{time.Second, 30 * time.Second, 5, 30 * time.Second},
		{time.Minute, time.Second, 0, time.Second},
		{-1, time.Second, 3, 0},
		{time.Second, -1, 3, 0},
		{1, math.MaxInt64 - 1, 1 << 30, math.MaxInt64 - 1},
	} {
		if got := backoff(tt.base, tt.most, tt.n); got != (window{0, tt.want}) {
			t.Errorf("backoff(%v, %v, %d) = %v, want %v", tt.base, tt.most, tt.n, got, tt.want)
		}
	}
}

func TestWindowPick(t *testing.T) {
	check := func(a, b uint32) bool {
		w := window{time.Duration(min(a, b)), time.Duration(max(a, b))}
		got := w.pick()
		return w.min <= got && got <= w.max
	}
	if err := quick.Check(check, nil); err != nil {
		t.Error(err)
	}
	seen := make(map[time.Duration]bool)
	for range 1000 {
		seen[window{3, 5}.pick()] = true
	}
	if len(seen) != 3 {
		t.Errorf("picked %v of 3 to 5", seen)
	}
}

func TestReasonWindow(t *testing.T) {
	for reason, want := range map[string]window{
		"draining retry=0-0":              {0, 0},
		"draining retry=1000-5000":        {time.Second, 5 * time.Second},
		"draining retry=7-7":              {7 * time.Millisecond, 7 * time.Millisecond},
		"draining retry=1000-4000000000":  {time.Second, maxWait},
		"word retry=4000000000-999999999": {-1, -1},
		"draining":                        {-1, -1},
		"":                                {-1, -1},
		"retry=1-2":                       {-1, -1},
		" retry=1-2":                      {-1, -1},
		"two words retry=1-2":             {-1, -1},
		"draining retry=1-2 now":          {-1, -1},
		"draining  retry=1-2":             {-1, -1},
		"draining retry=1":                {-1, -1},
		"draining retry=-1":               {-1, -1},
		"draining retry=5-1":              {-1, -1},
		"draining retry=-5--1":            {-1, -1},
		"draining retry=+1-2":             {-1, -1},
		"draining retry=1-99999999999999": {-1, -1},
	} {
		got, ok := reasonWindow(reason)
		if !ok {
			got = window{-1, -1}
		}
		if got != want {
			t.Errorf("reasonWindow(%q) = %v, want %v", reason, got, want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	jitter := window{0, time.Second}
	for value, want := range map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"7":                             7 * time.Second,
		"-7":                            0,
		"7.5":                           0,
		"soon":                          0,
		"4000000000":                    maxWait,
		"99999999999999999999":          0,
		"Sun, 01 Mar 2026 12:01:00 GMT": time.Minute,
		"Sun, 01 Mar 2026 11:59:00 GMT": 0,
		"Sun, 01 Mar 2099 12:00:00 GMT": maxWait,
	} {
		if got := retryAfter(value, now, jitter); got != (window{want, want + time.Second}) {
			t.Errorf("retryAfter(%q) = %v, want %v and 1 s on top", value, got, want)
		}
	}
}

func TestFinalStatusAndCode(t *testing.T) {
	for status := 100; status < 600; status++ {
		want := status < 500
		switch status {
		case 408, 421, 425, 429:
			want = false
		case 501, 505:
			want = true
		}
		if finalStatus(status) != want {
			t.Errorf("%d %s: final is %v", status, http.StatusText(status), !want)
		}
	}
	for code, want := range map[Code]bool{1000: false, 1001: false, 1006: false, 1008: false, 3000: false,
		4000: false, 4499: false, 4500: true, 4999: true, 5000: false} {
		if finalCode(code) != want {
			t.Errorf("%v: final is %v", code, !want)
		}
	}
}
