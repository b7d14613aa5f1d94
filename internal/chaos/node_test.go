package chaos_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hubbub-dev/hubbub/client"
	_ "github.com/hubbub-dev/hubbub/gateway" // what the command is built from: with it go test knows when to run this again
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// binary builds the command once for all tests, without the race detector, and gives the directory to remove.
var binary = sync.OnceValues(func() (dir string, err error) {
	dir, err = os.MkdirTemp("", "chaos")
	if err != nil {
		return "", err
	}
	sources, err := filepath.Glob("../../cmd/hubbub/*.go")
	for _, name := range sources { // go test runs again when what it has opened has changed
		if _, readErr := os.ReadFile(name); readErr != nil {
			err = readErr
		}
	}
	if err != nil {
		return dir, err
	}
	out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "hubbub"), "../../cmd/hubbub").CombinedOutput()
	if err != nil {
		err = errors.New(err.Error() + "\n" + string(out))
	}
	return dir, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := binary(); dir != "" {
		os.RemoveAll(dir)
	}
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

const apiKey = "a key of the backends"

// settings are those of every gateway: short times, so that rounds are short, and no limits on how often somebody may do something.
const settings = `dev: true
addr: %s
node: %s
api: {keys: [{name: backends, key: %s}], rate: {per_second: off}}
devices: {limit: 1, per: platform}
heartbeat: {ping: 2s, timeout: 2s}
shutdown: {timeout: 5s, window: 1s}
rooms:
  - {match: "memory-*", history: {kind: memory, messages: off, size: off}, rate: {per_second: off}}
  - {match: "none-*", history: {kind: none}, rate: {per_second: off}}
  - {match: "told-*", report: true, rate: {per_second: off}}
  - {match: "*", rate: {per_second: off}}
private: {rate: {per_second: off}}
limits:
  requests_per_session: {per_second: off}
  requests_per_user: {per_second: off}
  kept_per_user: off
webhooks: [{name: ear, url: "%s", secrets: [%s], timeout: 2s}]
`

// node is a gateway that is started again and again. Its methods may be called concurrently.
type node struct {
	t         *testing.T
	name      string
	dir, addr string
	api       client.API
	links     []*link // to Redis, if there is one to be cut, then to PostgreSQL

	busy sync.Mutex // held by the fault that happens to it

	mu      sync.Mutex
	cmd     *exec.Cmd
	process *testkit.Process // runs cmd
}

// newNode makes the gateway of a number with the settings that all have, and does not start it yet.
func newNode(t *testing.T, number int, ear string) *node {
	n := &node{t: t, name: fmt.Sprint("n", number), dir: t.TempDir(), addr: freeAddr(t, nodePorts+number*portsOfOne)}
	n.api = client.API{URL: "http://" + n.addr, Key: apiKey, Timeout: 3 * time.Second, HTTP: &http.Client{Transport: &http.Transport{}}}
	t.Cleanup(n.api.HTTP.CloseIdleConnections)
	config := fmt.Sprintf(settings, n.addr, n.name, apiKey, ear, earSecret)
	if err := os.WriteFile(filepath.Join(n.dir, "hubbub.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return n
}

// start starts the gateway, which may still be about to end.
func (n *node) start() {
	dir, err := binary()
	if err != nil {
		n.t.Error(err)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process != nil && !n.process.Ended() {
		return
	}
	n.cmd = exec.Command(filepath.Join(dir, "hubbub"), "serve")
	n.cmd.Dir = n.dir
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "HUBBUB_") {
			n.cmd.Env = append(n.cmd.Env, e)
		}
	}
	n.process = testkit.Start(n.t, n.cmd)
}

func (n *node) kill() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.process.Kill()
}

// signal sends a signal to the gateway, if it still runs.
func (n *node) signal(s syscall.Signal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		n.t.Errorf("signal %s: %v", n.name, err)
	}
}

func (n *node) ended() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.process.Ended()
}

// ready tells whether the gateway says that it is.
func (n *node) ready() bool {
	res, err := n.api.HTTP.Get("http://" + n.addr + "/readyz")
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}
