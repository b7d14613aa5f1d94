package redis_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/redis"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// TestAStreamOutlivesAnACL takes away from the user of Redis, one after the other, what an append needs, and gives it back. What has failed in the
// middle of the script may have been added.
func TestAStreamOutlivesAnACL(t *testing.T) {
	t.Parallel()
	for _, rules := range [][2]string{
		{"resetchannels", "allchannels"}, {"-spublish", "+spublish"}, {"-set", "+set"}, {"-pexpire", "+pexpire"}, {"-xadd", "+xadd"}, {"-xtrim", "+xtrim"},
	} {
		t.Run(rules[0], func(t *testing.T) {
			t.Parallel()
			server := testkit.NewRedis(t)
			d := openWith(t, redis.Options{Addrs: []string{server.Addr}, Answer: patience})
			c := &chat{TB: t, Driver: d, keep: hubbub.Retention{Messages: 64, Age: time.Hour}}
			want, last := map[uint64]string{}, hubbub.Position{}
			post := func(i int) error {
				a, err := c.Post(t.Context(), c.draft(lobby, "ann", i))
				if err != nil {
					return err
				}
				if at := a.Message.Position; at.Offset <= last.Offset || last.Epoch != "" && at.Epoch != last.Epoch {
					t.Errorf("message %d is at %v, after %v", i, at, last)
				}
				last = a.Message.Position
				want[last.Offset] = string(a.Message.Data)
				return nil
			}
			for i := range 100 {
				if err := post(i); err != nil {
					t.Fatal(err)
				}
			}
			server.Do("ACL", "SETUSER", "default", rules[0])
			for i := range 130 { // until some are dropped
				if err := post(100 + i); err != nil && !strings.Contains(err.Error(), "ACL") {
					t.Fatal(err)
				}
			}
			server.Do("ACL", "SETUSER", "default", rules[1])
			for i := range 10 {
				if err := post(230 + i); err != nil {
					t.Fatalf("when everything is allowed again: %v", err)
				}
			}
			page := c.after(lobby, hubbub.Position{}, 1000)
			if n := len(page.Messages); n > 64 || page.Head != last || n == 0 || page.Messages[n-1].Position != last {
				t.Errorf("there are %d messages, and the head is %v, want %v", n, page.Head, last)
			}
			found := 0
			for i, m := range page.Messages {
				if i > 0 && m.Position.Offset != page.Messages[i-1].Position.Offset+1 {
					t.Errorf("after %v comes %v", page.Messages[i-1].Position, m.Position)
				}
				if data, ok := want[m.Position.Offset]; ok {
					found++
					if data != string(m.Data) {
						t.Errorf("at %v is %s, want %s", m.Position, m.Data, data)
					}
				}
			}
			if found < 10 {
				t.Errorf("only %d of those are there that were accepted", found)
			}
		})
	}
}
