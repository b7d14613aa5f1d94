package auth_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/auth"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// annByHtpasswd is a line as htpasswd -B writes it. The hash was made by another library, libxcrypt, which writes $2b$ for
// what htpasswd calls $2y$.
const annByHtpasswd = "ann:$2y$05$oTKOZkUI5VH7R5oqsW0tuum6NumnHRj07uek68XkmjyxkF3GFTh6K"

func TestPasswords(t *testing.T) {
	a := start(t, auth.Config{Basic: auth.Basic{File: htpasswd(t, "# people", "", annByHtpasswd+"\r", "bob:"+hashOf(t, "pass:with:colons"),
		"zoë:"+hashOf(t, ""))}})
	for user, password := range map[string]string{"ann": "correct-horse", "bob": "pass:with:colons", "zoë": ""} {
		got := accepted(t, a, get("device=d1", "Authorization", basic(user, password)))
		if id := got.Identity; id.User != user || !got.Ambient || id.Device != "d1" || id.Issued.IsZero() || !id.Expires.IsZero() {
			t.Errorf("%+v", got)
		}
	}
	// Which of the two is wrong cannot be told from the answer.
	wrong, h1 := refused(t, a, get("", "Authorization", basic("ann", "wrong")), 401)
	unknown, h2 := refused(t, a, get("", "Authorization", basic("nobody", "correct-horse")), 401)
	if wrong != unknown || h1.Get("WWW-Authenticate") != h2.Get("WWW-Authenticate") {
		t.Errorf("%+v and %+v, %v and %v", wrong, unknown, h1, h2)
	}
	for _, header := range []string{basic("", ""), basic("ann", ""), basic("ANN", "correct-horse"), basic("ann ", "correct-horse"),
		basic("ann", "correct-horse "), basic("ann", strings.Repeat("x", 1<<16)), basic("# people", "")} {
		if p, _ := refused(t, a, get("", "Authorization", header), 401); p != wrong {
			t.Errorf("%.40s: %+v", header, p)
		}
	}
	if p, _ := refused(t, a, get("token=x"), 401); !strings.Contains(p.Detail, "auth.keys") {
		t.Errorf("a token where none are accepted: %+v", p)
	}
}

// TestUnknownUsersCostAsMuch counts comparisons and looks at their costs.
func TestUnknownUsersCostAsMuch(t *testing.T) {
	cheap, err := bcrypt.GenerateFromPassword([]byte("x"), 4)
	if err != nil {
		t.Fatal(err)
	}
	dear, err := bcrypt.GenerateFromPassword([]byte("x"), 5)
	if err != nil {
		t.Fatal(err)
	}
	a := start(t, auth.Config{Basic: auth.Basic{File: htpasswd(t, "ann:"+string(cheap), "bob:"+string(dear))}})
	compared := map[int]int{} // by cost
	a.WrapHash(func(hash []byte, compare func() error) error {
		cost, err := bcrypt.Cost(hash)
		if err != nil {
			t.Errorf("hash %q: %v", hash, err)
		}
		compared[cost]++
		if err := compare(); err != bcrypt.ErrMismatchedHashAndPassword {
			t.Errorf("hash %q: %v", hash, err)
		}
		return bcrypt.ErrMismatchedHashAndPassword
	})
	ask := func(user string) int {
		clear(compared)
		refused(t, a, get("", "Authorization", basic(user, "wrong")), 401)
		if compared[4]+compared[5] != 1 {
			t.Errorf("%s: %v comparisons", user, compared)
		}
		return 4 + compared[5]
	}
	if ask("ann") != 4 || ask("bob") != 5 {
		t.Error("known users have other costs than their hashes")
	}
	costs := map[int]bool{}
	for _, user := range strings.Fields("a b c d e f g h i j k l m n o p q r s t u v w x y z aa bb cc dd ee ff gg hh") {
		cost := ask(user)
		costs[cost] = true
		if ask(user) != cost {
			t.Errorf("%s has another cost the second time", user)
		}
	}
	if len(costs) != 2 {
		t.Errorf("unknown users have the costs %v; those of known users are 4 and 5", costs)
	}
}

func TestADecoyHasNoPassword(t *testing.T) {
	a := start(t, auth.Config{Basic: auth.Basic{File: htpasswd(t, "ann:"+hashOf(t, "x"))}})
	a.WrapHash(func([]byte, func() error) error { return nil }) // as if every password were right
	accepted(t, a, get("", "Authorization", basic("ann", "any")))
	refused(t, a, get("", "Authorization", basic("nobody", "any")), 401)
}

func TestHashingIsBounded(t *testing.T) {
	a := start(t, auth.Config{Basic: auth.Basic{File: htpasswd(t, "ann:"+hashOf(t, "x")), Concurrency: 2, Queue: 3}})
	running, release := make(chan struct{}, 10), make(chan struct{})
	a.WrapHash(func(_ []byte, compare func() error) error {
		running <- struct{}{}
		<-release
		return compare()
	})
	results := make(chan error, 10)
	ctx, cancel := context.WithCancel(t.Context())
	ask := func(ctx context.Context) {
		_, err := a.Authenticate(get("", "Authorization", basic("ann", "x")).WithContext(ctx))
		results <- err
	}
	for range 6 { // two run, three wait, and one, whichever, is refused
		go ask(ctx)
	}
	testkit.Receive(t, "the first comparison", running)
	testkit.Receive(t, "the second comparison", running)
	err := hubbub.AsError(testkit.Receive(t, "the refusal", results))
	if err == nil || err.Reason != hubbub.Unavailable || err.RetryAfter <= 0 {
		t.Errorf("with a full queue: %v", err)
	}
	cancel() // those that wait need not
	for range 3 {
		if err := testkit.Receive(t, "one that waited", results); reason(err) != hubbub.Unavailable {
			t.Errorf("waiting without a client: %v", err)
		}
	}
	if len(running) > 0 {
		t.Error("more than two run at a time")
	}
	close(release)
	for range 2 {
		if err := testkit.Receive(t, "one that ran", results); err != nil {
			t.Error(err)
		}
	}
	ask(t.Context())
	if err := <-results; err != nil {
		t.Errorf("after the rush: %v", err)
	}
}

func TestFilesOfPasswordsThatAreRefused(t *testing.T) {
	good := hashOf(t, "x")
	for text, says := range map[string]string{
		"ann:$apr1$h8Zk$2Yyb2dpGCwFWBCoiNpxJm1": "htpasswd -B",
		"ann:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=": "htpasswd -B",
		"ann:plain":                             "htpasswd -B",
		"ann":                                   "htpasswd -B",
		"ann:" + good + "x":                     "htpasswd -B",
		"ann:" + good[:59]:                      "htpasswd -B",
		"ok:" + good + "\nann:" + strings.Replace(good, "$04$", "$31$", 1): "line 2: the hash of \"ann\" has the cost 31",
		"ann:" + good + "\n\n# x\nann:" + good:                             `line 4: the user "ann" is there twice`,
		"a b:" + good:                                                      "line 1",
		":" + good:                                                         "line 1",
	} {
		_, err := auth.New(auth.Config{Basic: auth.Basic{File: htpasswd(t, text)}})
		if err == nil || !strings.Contains(err.Error(), says) || !strings.HasPrefix(err.Error(), "auth.basic: ") {
			t.Errorf("%s: %v", text, err)
		}
		if err != nil && strings.Contains(err.Error(), good[10:40]) {
			t.Errorf("the error shows a hash: %v", err)
		}
	}
	if _, err := auth.New(auth.Config{Basic: auth.Basic{File: "missing"}}); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Error(err)
	}
}

func TestAFileOfPasswordsThatChanges(t *testing.T) {
	clock, log := newClock(), &logs{}
	path := htpasswd(t, "ann:"+hashOf(t, "old"))
	a := start(t, auth.Config{Basic: auth.Basic{File: path}, Now: clock.Now, Logger: logger(log)})
	good := func(user, password string) bool {
		_, err := a.Authenticate(get("", "Authorization", basic(user, password)))
		return err == nil
	}
	if !good("ann", "old") {
		t.Fatal("the first password is not good")
	}
	// The same length and time of change, but another file.
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	other := htpasswd(t, "ann:"+hashOf(t, "new"))
	if err := os.Chtimes(other, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	if !good("ann", "old") {
		t.Error("the file is looked at more than once a second")
	}
	clock.Add(time.Second)
	if good("ann", "old") || !good("ann", "new") {
		t.Error("the new password does not replace the old one")
	}
	write(t, path, "ann:plain\n")
	clock.Add(time.Second)
	if !good("ann", "new") || !strings.Contains(log.String(), "htpasswd -B") {
		t.Errorf("a broken file takes the users away, or nobody says so:\n%s", log)
	}
	write(t, path, "")
	clock.Add(time.Second)
	if good("ann", "new") {
		t.Error("a user who was removed is let in")
	}
}
