//go:build linux

package ws_test

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

// scarceEnv makes this test binary the server of TestDescriptorsRunOut.
const scarceEnv = "HUBBUB_TEST_SCARCE"

// descriptors is what the server may have, with the dozen or so that it needs for itself.
const descriptors = 64

// TestScarceServer is the child process of TestDescriptorsRunOut, and does nothing when it is run as a test.
func TestScarceServer(t *testing.T) {
	if os.Getenv(scarceEnv) == "" {
		return
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: descriptors, Max: descriptors}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	router := ws.NewRouter(ws.NewServer(ws.Options{Logger: slog.New(slog.DiscardHandler)}))
	router.Handle("/", echo)
	hs := &http.Server{Handler: router, ReadHeaderTimeout: patience, ErrorLog: log.New(io.Discard, "", 0)}
	go hs.Serve(l)
	fmt.Println(l.Addr())
	io.Copy(io.Discard, os.Stdin) // until the parent is done
}

// scarceServer starts the child and returns its address and process id.
func scarceServer(t *testing.T) (addr string, pid int) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestScarceServer$")
	child.Env = append(os.Environ(), scarceEnv+"=1")
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	t.Cleanup(func() {
		in.Close()
		rest, _ := io.ReadAll(out)
		if err := child.Wait(); err != nil {
			t.Errorf("the server has died: %v\n%s", err, rest)
		}
	})
	if err != nil {
		t.Fatalf("the server's address: %v", err)
	}
	return strings.TrimSpace(line), child.Process.Pid
}

// TestDescriptorsRunOut fills a server until it has no descriptor left. It waits without spinning, lives, and serves
// again when conns leave.
func TestDescriptorsRunOut(t *testing.T) {
	addr, pid := scarceServer(t)
	served := fillUp(t, addr)
	if len(served) < descriptors/4 || len(served) >= descriptors {
		t.Fatalf("%d conns were served", len(served))
	}
	for range 10 {
		io.WriteString(rawConnect(t, addr), rawHandshake("/")) // these wait, or are refused
	}
	before := cpuTime(t, pid)
	<-time.After(time.Second)
	if spent := cpuTime(t, pid) - before; spent > 500*time.Millisecond {
		t.Errorf("the server has used %v of a second in which it could do nothing", spent)
	}
	for _, c := range served {
		c.wantEcho("still there?")
	}
	for _, c := range served[:len(served)/2] {
		c.Close()
	}
	var c *rawConn
	waitFor(t, "a conn to be served again", func() bool {
		var err error
		c, err = tryDial(t, addr)
		return err == nil
	})
	c.wantEcho("at last")
	served[len(served)-1].wantEcho("still there?")
}

// fillUp opens conns until one is not served.
func fillUp(t *testing.T, addr string) []*rawConn {
	t.Helper()
	var served []*rawConn
	for {
		c, err := tryDial(t, addr)
		if err != nil {
			return served
		}
		c.wantEcho(fmt.Sprint("number ", len(served)))
		served = append(served, c)
	}
}

// tryDial gives up soon: a server without descriptors lets one wait.
func tryDial(t *testing.T, addr string) (*rawConn, error) {
	nc := rawConnect(t, addr)
	slow := time.AfterFunc(2*time.Second, func() { nc.Close() })
	defer slow.Stop()
	c, err := rawTryUpgrade(nc, "/")
	if err != nil {
		nc.Close()
		return nil, err
	}
	c.t = t
	return c, nil
}

// cpuTime is what a process has used so far, from /proc/PID/stat, in which a tick is 10 ms.
func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), ") ") // behind the name, which may have spaces
	fields := strings.Fields(rest)
	var user, system int
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		t.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}
