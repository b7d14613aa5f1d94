package testkit

import (
	"context"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// RedisServer is a Redis server of a test: one that can be started again at its address, and that belongs to others.
type RedisServer struct {
	*Process // the one that was started last
	Addr     string

	t    testing.TB
	dir  string
	args []string
}

// NewRedis starts a Redis server as [Redis] does.
func NewRedis(t testing.TB, args ...string) *RedisServer {
	t.Helper()
	s := &RedisServer{t: t, Addr: FreeAddr(t), dir: t.TempDir(), args: args}
	s.Start()
	return s
}

// Start starts the server again at the same address, after it was killed. It has what it has saved, which is nothing unless its arguments
// say so.
func (s *RedisServer) Start() {
	s.t.Helper()
	s.Process = RedisAt(s.t, s.Addr, s.dir, s.args...)
}

// Try sends a command and returns the answer: strings, int64s, slices and maps of these.
func (s *RedisServer) Try(args ...string) (any, error) {
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.Addr}, ForceSingleClient: true, DisableCache: true,
		DisableRetry: true, PipelineMultiplex: -1, Dialer: net.Dialer{Timeout: 10 * time.Second}})
	if err != nil {
		if client != nil {
			client.Close()
		}
		return nil, err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return client.Do(ctx, client.B().Arbitrary(args[0]).Args(args[1:]...).Build()).ToAny()
}

// Do sends a command, fails the test if it is refused, and returns the answer as Try does.
func (s *RedisServer) Do(args ...string) any {
	s.t.Helper()
	answer, err := s.Try(args...)
	if err != nil && !rueidis.IsRedisNil(err) {
		s.t.Fatalf("%s of %s: %v", strings.Join(args, " "), s.Addr, err)
	}
	return answer
}

// Says tells whether the answer to INFO has a line.
func (s *RedisServer) Says(line string) bool {
	info, err := s.Try("INFO")
	text, _ := info.(string)
	return err == nil && strings.Contains(text, line+"\r\n")
}

func (s *RedisServer) hostPort() (host, port string) {
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		s.t.Fatal(err)
	}
	return host, port
}

// Sentinels are a Redis master with a replica, and three Sentinels that watch it and take it for dead after half a second.
type Sentinels struct {
	Master  string   // the name
	Addrs   []string // of the Sentinels
	Servers [2]*RedisServer

	sentinels []*RedisServer
}

// Sentinel starts a master, its replica and three Sentinels.
func Sentinel(t testing.TB) *Sentinels {
	t.Helper()
	s := &Sentinels{Master: "mymaster"}
	quick := []string{"--repl-diskless-sync-delay", "0", "--repl-timeout", "5"}
	s.Servers[0] = NewRedis(t, quick...)
	host, port := s.Servers[0].hostPort()
	s.Servers[1] = NewRedis(t, append(quick, "--replicaof", host+" "+port)...)
	Eventually(t, "the replica", func() bool { return s.Servers[1].Says("master_link_status:up") })
	for range 3 {
		one := &RedisServer{t: t, Addr: FreeAddr(t), dir: t.TempDir()}
		_, own := one.hostPort()
		conf := filepath.Join(one.dir, "sentinel.conf")
		write(t, conf, "bind 127.0.0.1\nport "+own+"\nsentinel monitor mymaster "+host+" "+port+" 2\n"+
			"sentinel down-after-milliseconds mymaster 500\nsentinel failover-timeout mymaster 3000\n")
		one.Process = Start(t, exec.Command(Program(t, "redis-server", "/usr/bin/redis-server"), conf, "--sentinel", "--dir", one.dir))
		Listening(t, one.Addr, one.Process)
		s.sentinels, s.Addrs = append(s.sentinels, one), append(s.Addrs, one.Addr)
	}
	for _, one := range s.sentinels {
		Eventually(t, "the Sentinels to know each other", func() bool {
			about, _ := one.Do("SENTINEL", "MASTER", s.Master).(map[string]any)
			return about["num-other-sentinels"] == "2" && about["num-slaves"] == "1" && about["flags"] == "master"
		})
	}
	return s
}

// Leader is the server that the Sentinels take for the master; nil while they do not agree.
func (s *Sentinels) Leader() *RedisServer {
	var leader string
	for i, one := range s.sentinels {
		addr, err := one.Try("SENTINEL", "GET-MASTER-ADDR-BY-NAME", s.Master)
		pair, _ := addr.([]any)
		if err != nil || len(pair) != 2 {
			return nil
		}
		says := net.JoinHostPort(pair[0].(string), pair[1].(string))
		if i > 0 && says != leader {
			return nil
		}
		leader = says
	}
	for _, server := range s.Servers {
		if server.Addr == leader {
			return server
		}
	}
	return nil
}

// Failover has the replica become the master while both live.
func (s *Sentinels) Failover() { s.sentinels[0].Do("SENTINEL", "FAILOVER", s.Master) }
