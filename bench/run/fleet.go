package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// cpus are those of the servers, as taskset wants them.
func (sc scenario) cpus() string {
	if sc.both {
		return "0,1"
	}
	return "0"
}

// fleet is the servers of one run, and what they have beside them on the same CPUs: Redis and PostgreSQL.
type fleet struct {
	nodes    []*process
	redis    *process // nil if there is none
	postgres *process // nil if there is none
	data     string   // of PostgreSQL
}

// startFleet starts as many servers as the scenario wants, if they are of a kind that can share a Redis, otherwise one.
func startFleet(ctx context.Context, s server, sc scenario, port int) (f *fleet, err error) {
	f = &fleet{}
	defer func() {
		if err != nil {
			f.stop()
		}
	}()
	var more []string
	if sc.tls {
		more = append(more, "-tls")
	}
	n := 1
	if s.shared {
		n = max(sc.nodes, 1)
		addr := fmt.Sprintf("127.0.0.1:%d", port+6)
		f.redis, err = launch(ctx, sc.cpus(), "redis", addr, []string{"redis-server", "--bind", "127.0.0.1", "--port", strconv.Itoa(port + 6), "--save", "",
			"--appendonly", "no", "--dir", "bin", "--daemonize", "no"})
		if err != nil {
			return nil, fmt.Errorf("start Redis, which Debian has as redis-server: %w", err)
		}
		more = append(more, s.besides("redis.url", "--redis", "redis://"+addr)...)
	}
	if s.lasts {
		url, err := f.startPostgres(ctx, sc.cpus(), port+7)
		if err != nil {
			return nil, fmt.Errorf("start PostgreSQL: %w", err)
		}
		more = append(more, s.besides("store.url", "", url)...)
	}
	for i := range n {
		p, err := s.start(ctx, sc.cpus(), port+i, more...)
		if err != nil {
			return nil, err
		}
		f.nodes = append(f.nodes, p)
	}
	return f, nil
}

// besides tells a server of what it has beside it, by a setting of ours or a flag of others.
func (s server) besides(setting, flag, value string) []string {
	if s.kind == product {
		return []string{"--set", setting + "=" + value}
	}
	return []string{flag, value}
}

// startPostgres makes a database with its defaults, and starts it. PostgreSQL does not run as root: then it runs as the user that Debian
// makes for it.
func (f *fleet) startPostgres(ctx context.Context, cpus string, port int) (url string, err error) {
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(programs) == 0 {
		return "", errors.New("it is not installed; Debian has it as postgresql")
	}
	bin := programs[len(programs)-1]
	if f.data, err = os.MkdirTemp("", "hubbub-bench"); err != nil {
		return "", err
	}
	var as []string
	if os.Geteuid() == 0 {
		owner, err := user.Lookup("postgres")
		if err != nil {
			return "", err
		}
		uid, _ := strconv.Atoi(owner.Uid)
		if err := os.Chown(f.data, uid, -1); err != nil {
			return "", err
		}
		as = []string{"setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"}
	}
	dir := filepath.Join(f.data, "db")
	init := append(as[:len(as):len(as)], filepath.Join(bin, "initdb"), "-D", dir, "-U", "bench", "-A", "trust", "-E", "UTF8", "--no-locale")
	if out, err := exec.CommandContext(ctx, init[0], init[1:]...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	args := append(as, filepath.Join(bin, "postgres"), "-D", dir, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories="+f.data)
	if f.postgres, err = launch(ctx, cpus, "postgres", addr, args); err != nil {
		return "", err
	}
	return "postgres://bench@" + addr + "/postgres?sslmode=disable", nil
}

// args tell the load generator of the servers.
func (f *fleet) args() []string {
	var addrs, pids []string
	for _, p := range f.nodes {
		addrs = append(addrs, p.addr)
		pids = append(pids, strconv.Itoa(p.cmd.Process.Pid))
	}
	args := []string{"-addr", strings.Join(addrs, ","), "-pid", strings.Join(pids, ",")}
	if f.redis != nil {
		args = append(args, "-redis", f.redis.addr, "-beside", strconv.Itoa(f.redis.cmd.Process.Pid))
	}
	if f.postgres != nil {
		args = append(args, "-database", strconv.Itoa(f.postgres.cmd.Process.Pid))
	}
	return args
}

// stop ends all of it, and removes what PostgreSQL has kept.
func (f *fleet) stop() {
	for _, p := range append(f.nodes, f.redis, f.postgres) {
		if p != nil {
			p.stop()
		}
	}
	if f.data != "" {
		os.RemoveAll(f.data)
	}
}
