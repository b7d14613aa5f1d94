package testkit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// PostgresServer is a PostgreSQL server on a port of loopback, which trusts whoever connects. Its methods may be called concurrently,
// but for those that start and end it.
type PostgresServer struct {
	// Immutable.
	programs, dir, addr string
	args                []string
	// Owned by who starts and ends it.
	cmd  *exec.Cmd
	done chan struct{}
	// Safe for concurrent use.
	databases atomic.Int64
}

// Postgres starts a server with further arguments, such as "-c", "max_connections=20", for the time of a test.
func Postgres(t testing.TB, args ...string) *PostgresServer {
	t.Helper()
	s, err := StartPostgres(args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			t.Logf("what PostgreSQL has logged:\n%s", log[max(0, len(log)-20_000):])
		}
		s.Stop()
	})
	return s
}

// StartPostgres is Postgres for a TestMain, which calls Stop when its tests have ended. It does what is committed to the disk, as those
// do whom the tests stand for.
func StartPostgres(args ...string) (*PostgresServer, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return nil, errors.New("PostgreSQL is not installed: run make test, which installs it")
	}
	slices.Sort(found)
	s := &PostgresServer{programs: filepath.Dir(found[len(found)-1]), args: args}
	if s.dir, err = os.MkdirTemp("", "postgres"); err != nil {
		return nil, err
	}
	if err := s.start(); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *PostgresServer) start() error {
	if err := ownedByPostgres(s.dir); err != nil {
		return err
	}
	data := filepath.Join(s.dir, "data")
	initdb := exec.Command(filepath.Join(s.programs, "initdb"), "-D", data, "-U", "hubbub", "-A", "trust", "-E", "UTF8", "--locale", "C.UTF-8", "-N")
	asPostgres(initdb)
	initdb.Dir = s.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("%w in %s:\n%s", err, initdb, out)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.addr = l.Addr().String()
	l.Close()
	return s.Start()
}

// Start starts the server again, after Kill, and returns when it answers.
func (s *PostgresServer) Start() error {
	_, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	deadline := time.Now().Add(Patience)
	for {
		// Processes of a server that was killed may still be there for a moment, and then it does not start.
		args := append([]string{"-D", filepath.Join(s.dir, "data"), "-p", port, "-c", "listen_addresses=127.0.0.1",
			"-c", "unix_socket_directories=", "-c", "max_connections=200", "-c", "max_wal_size=4GB"}, s.args...)
		s.cmd, s.done = exec.Command(filepath.Join(s.programs, "postgres"), args...), make(chan struct{})
		s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = s.dir, log, log
		asPostgres(s.cmd)
		dieWithParent(s.cmd)
		if err := s.cmd.Start(); err != nil {
			return err
		}
		go func(cmd *exec.Cmd, done chan struct{}) { _ = cmd.Wait(); close(done) }(s.cmd, s.done)
		if s.answers(deadline) {
			return nil
		}
		if time.Now().After(deadline) {
			s.Kill()
			text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("PostgreSQL does not start; it has logged:\n%s", text)
		}
	}
}

// answers waits until the server answers, and tells false if it has ended, or time is up.
func (s *PostgresServer) answers(deadline time.Time) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(deadline) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		c, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			_ = c.Close(ctx)
		}
		cancel()
		if err == nil {
			return true
		}
		select {
		case <-s.done:
			return false
		case <-tick.C:
		}
	}
	return false
}

// Kill ends the server without letting it write anything, as kill -9 does, if it runs.
func (s *PostgresServer) Kill() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.done
}

// Stop ends the server and removes its files.
func (s *PostgresServer) Stop() {
	s.Kill()
	_ = os.RemoveAll(s.dir)
	// Its processes notice a little later, and may have written something meanwhile.
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 100 {
		if _, err := os.Stat(s.dir); err != nil {
			return
		}
		<-tick.C
		_ = os.RemoveAll(s.dir)
	}
}

// URL names a database of the server, whether there is one or not.
func (s *PostgresServer) URL(database string) string {
	return "postgres://hubbub@" + s.addr + "/" + url.PathEscape(database) + "?sslmode=disable"
}

// Database makes a new database, as a copy of the one that is the template, "" for an empty one, and returns its URL. Nobody may be
// connected to the template.
func (s *PostgresServer) Database(t testing.TB, template string) string {
	t.Helper()
	name, err := s.MakeDatabase(template)
	if err != nil {
		t.Fatal(err)
	}
	return s.URL(name)
}

// MakeDatabase is Database for who has no test, and returns the name.
func (s *PostgresServer) MakeDatabase(template string) (string, error) {
	if template == "" {
		template = "template1"
	}
	name := fmt.Sprint("test", s.databases.Add(1))
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	c, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return "", err
	}
	defer c.Close(ctx)
	_, err = c.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()+" TEMPLATE "+pgx.Identifier{template}.Sanitize())
	return name, err
}
