package redis_test

import (
	"maps"
	"testing"

	"github.com/hubbub-dev/hubbub/driver/redis"
)

// FuzzUser reads anything as what is kept, and then writes and reads what was understood of it without a change.
func FuzzUser(f *testing.F) {
	f.Add("s:1", `{"d":"phone","p":"web","i":"{}","a":{"k":"v"},"t":"t","s":1,"c":2,"r":"a","n":"n","l":"l","g":3,"f":3}`, "j:1", "lobby other")
	f.Add("r", `[{"d":"phone","b":1},{"u":2}]`, "x:1", "logged_out 99999999999999")
	f.Add("t", "17", "o", "1")
	f.Add("f", `[{"n":"s","x":"y","w":"logged_out","g":3,"u":9},{"e":"d"}]`, "g", "1")
	f.Add("p", `instance 12 {"k":"session.disconnected","u":"ann","s":"1","r":{"d":"x"},"w":"closed","t":1,"j":["lobby"],"n":true}`, "l", "1 2 n")
	f.Fuzz(func(t *testing.T, one, value, other, more string) {
		redis.ReadKept(value)
		redis.ReadKept(more)
		once := redis.Reencode(map[string]string{one: value, other: more, "v": value, "i": more})
		if again := redis.Reencode(once); !maps.Equal(once, again) {
			t.Fatalf("kept is %q, and then %q", once, again)
		}
	})
}
