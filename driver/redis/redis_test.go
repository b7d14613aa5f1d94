package redis_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/redis"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// rule is what doc.go says that suffices.
const rule = "~hubbub:* &hubbub:* -@all +@read +@write +@pubsub +@scripting +@connection -@dangerous +info +time +role +cluster|slots +cluster|shards"

// refuses opens Redis in vain, and looks at what it says.
func refuses(t *testing.T, o redis.Options, says string) {
	t.Helper()
	d, err := redis.Open(t.Context(), o)
	if err == nil {
		d.Close()
		t.Errorf("opened; want an error that says %q", says)
		return
	}
	if !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v; want it to say %q, and no secret", err, says)
	}
}

// works does something of each kind.
func works(t *testing.T, o redis.Options) {
	t.Helper()
	d := openWith(t, o)
	e := &ear{t: t}
	if _, err := d.Subscribe(t.Context(), room("lobby"), e); err != nil {
		t.Fatal(err)
	}
	if err := d.Publish(t.Context(), room("lobby"), word("hello")); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "an event", func() bool { return e.has("hello") })
	if before, err := d.Put(t.Context(), "a", []byte("x"), time.Minute); err != nil || before != nil {
		t.Errorf("Put: %q, %v", before, err)
	}
	if value, err := d.Take(t.Context(), "a"); err != nil || string(value) != "x" {
		t.Errorf("Take: %q, %v", value, err)
	}
}

func TestOpeningWithoutAServer(t *testing.T) {
	t.Parallel()
	refuses(t, redis.Options{Addrs: []string{testkit.FreeAddr(t)}}, "nothing listens there")
	refuses(t, redis.Options{Addrs: []string{"nowhere.invalid:6379"}}, "look at the address")
	silent, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	refuses(t, redis.Options{Addrs: []string{silent.Addr().String()}}, "does not answer in time")
	refuses(t, redis.Options{Addrs: []string{server.Addr}, DB: 99}, "no database 99")
	refuses(t, redis.Options{Addrs: []string{server.Addr}, TLS: &tls.Config{RootCAs: testkit.SelfSigned(t).Roots}}, "without TLS")
}

func TestOpeningAReplica(t *testing.T) {
	t.Parallel()
	master := testkit.NewRedis(t) // of its own, since the first replica changes master_replid, and so all epochs
	host, port, _ := net.SplitHostPort(master.Addr)
	replica := testkit.NewRedis(t, "--replicaof", host+" "+port)
	testkit.Eventually(t, "the replica", func() bool { return replica.Says("master_link_status:up") })
	refuses(t, redis.Options{Addrs: []string{replica.Addr}}, "replica of "+host+":"+port)
}

func TestOpeningWithRights(t *testing.T) {
	t.Parallel()
	s := testkit.NewRedis(t)
	for _, user := range []string{"hubbub on >secret " + rule, "few on >secret ~hubbub:* &hubbub:* +@all -zrem -xlen",
		"other on >secret ~other:* &other:* +@all", "none on >secret -@all", "default off"} {
		s.Do(append([]string{"ACL", "SETUSER"}, strings.Fields(user)...)...)
	}
	o := redis.Options{Addrs: []string{s.Addr}, Username: "hubbub", Password: "secret"}
	works(t, o)
	for user, says := range map[string]string{"few": "may not use ZREM, XLEN", "other": `give the user "other" this rule: ~hubbub:* &hubbub:*`, "none": `give the user "none" this rule: ` + rule,
		"nobody": `password that is given for the user "nobody"`} {
		o.Username = user
		refuses(t, o, says)
	}
	refuses(t, redis.Options{Addrs: []string{s.Addr}, Username: "hubbub", Password: "secret2"}, "password is wrong")
	refuses(t, redis.Options{Addrs: []string{s.Addr}}, "wants a password")
}

// TestRightsThatAreTakenAway has a server change what the user may, while a driver is open.
func TestRightsThatAreTakenAway(t *testing.T) {
	t.Parallel()
	s := testkit.NewRedis(t)
	s.Do(append([]string{"ACL", "SETUSER", "hubbub", "on", ">secret"}, strings.Fields(rule)...)...)
	d := openWith(t, redis.Options{Addrs: []string{s.Addr}, Username: "hubbub", Password: "secret", Logger: slog.New(slog.DiscardHandler)})
	renewal := func() string {
		_, err := d.Renew(t.Context(), hubbub.NodeStatus{Node: "n1"})
		if err == nil {
			return ""
		}
		isUnavailable(t, err)
		return err.Error()
	}
	if got := renewal(); got != "" {
		t.Fatal(got)
	}
	s.Do("ACL", "SETUSER", "hubbub", "-@scripting")
	if got := renewal(); !strings.Contains(got, `give the user "hubbub" this rule: `+rule) {
		t.Errorf("without rights it says %q", got)
	}
	s.Do("ACL", "SETUSER", "hubbub", "+@scripting", "resetpass", ">other")
	s.Do("CLIENT", "KILL", "USER", "hubbub")
	testkit.Eventually(t, "the password to be refused", func() bool {
		got := renewal()
		return strings.Contains(got, `look at the password that is given for the user "hubbub"`) && !strings.Contains(got, "secret")
	})
}

func TestOpeningWithTLS(t *testing.T) {
	t.Parallel()
	cert := testkit.SelfSigned(t)
	addr := testkit.FreeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	testkit.RedisAt(t, addr, t.TempDir(), "--port", "0", "--tls-port", port, "--tls-cert-file", cert.CertFile, "--tls-key-file", cert.KeyFile,
		"--tls-ca-cert-file", cert.CertFile, "--tls-auth-clients", "yes")
	config := &tls.Config{RootCAs: cert.Roots, Certificates: []tls.Certificate{cert.TLS}}
	works(t, redis.Options{Addrs: []string{addr}, TLS: config})
	refuses(t, redis.Options{Addrs: []string{addr}, TLS: &tls.Config{RootCAs: testkit.SelfSigned(t).Roots}}, "certificate is not trusted")
	refuses(t, redis.Options{Addrs: []string{addr}, TLS: &tls.Config{RootCAs: cert.Roots}}, "may want a certificate of this client")
	refuses(t, redis.Options{Addrs: []string{addr}}, "rediss://")
}

func TestOpeningWarnsOfEviction(t *testing.T) {
	t.Parallel()
	s := testkit.NewRedis(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	var log bytes.Buffer
	openWith(t, redis.Options{Addrs: []string{s.Addr}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if !strings.Contains(log.String(), "noeviction") {
		t.Errorf("no warning: %s", log.String())
	}
}

func TestOpeningBehindSentinels(t *testing.T) {
	t.Parallel()
	s := testkit.Sentinel(t)
	works(t, redis.Options{Addrs: s.Addrs, Master: s.Master, DB: 3})
	refuses(t, redis.Options{Addrs: s.Addrs, Master: "other"}, "know no master \"other\"")
}

func TestOpeningACluster(t *testing.T) {
	t.Parallel()
	c := testkit.Cluster(t, 3, 0)
	works(t, redis.Options{Addrs: c.Addrs()[1:]})
	works(t, redis.Options{Addrs: c.Addrs()[:1], Prefix: "one:"})
	refuses(t, redis.Options{Addrs: c.Addrs()[:1], DB: 1}, "only the database 0")
}

func TestOpeningEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if d, err := redis.Open(ctx, redis.Options{Addrs: []string{server.Addr}}); err == nil {
		d.Close()
		t.Error("opened")
	}
}
