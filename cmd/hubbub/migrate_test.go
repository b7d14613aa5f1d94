package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/client"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// TestMigrate moves the store of a gateway to PostgreSQL, and starts a gateway there.
func TestMigrate(t *testing.T) {
	program, dir := build(t), t.TempDir()
	var open atomic.Bool
	heard := make(chan string, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !open.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		var event struct{ Type string }
		_ = json.NewDecoder(r.Body).Decode(&event)
		heard <- event.Type
	}))
	defer receiver.Close()
	config := fmt.Sprintf(`
auth: {keys: [{secret: 0123456789abcdef0123456789abcdef}]}
api: {keys: [{name: backend, key: only-for-this-test}]}
webhooks: [{name: ear, url: %q, secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw], events: [message.sent], allow_private: true}]
rooms: [{match: "*", report: true}]
`, receiver.URL)
	if err := os.WriteFile(filepath.Join(dir, "hubbub.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := testkit.FreeAddr(t)
	api := client.API{URL: "http://" + addr, Key: "only-for-this-test"}
	start := func(args ...string) (end func()) {
		cmd := exec.Command(program, append([]string{"serve", "--addr", addr}, args...)...)
		cmd.Dir = dir
		p := testkit.Start(t, cmd)
		testkit.Listening(t, addr, p)
		return func() {
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			p.Succeed(t)
		}
	}
	end := start()
	var last client.Published
	for i := range 5 {
		sent, err := api.SendToRoom(t.Context(), "lobby", i, client.SendOptions{})
		if err != nil {
			t.Fatal(err)
		}
		last = sent
	}
	if _, err := api.PublishNotice(t.Context(), client.NewNotice{To: client.NoticeFor{Users: []string{"ann"}}, NoticeContent: hubbub.NoticeContent{Title: "hi"}}); err != nil {
		t.Fatal(err)
	}
	end()

	url := testkit.Postgres(t).Database(t, "")
	move := func() (string, error) {
		cmd := exec.CommandContext(t.Context(), program, "migrate", "--from", "sqlite:hubbub.db", "--to", url)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := move()
	if err != nil || !strings.Contains(out, "messages             5 ") || !strings.Contains(out, "Now set store.url") {
		t.Fatalf("it ends with %v and prints\n%s", err, out)
	}
	if out, err := move(); err == nil || !strings.Contains(out, "the database is not empty") {
		t.Errorf("moved twice it ends with %v and prints\n%s", err, out)
	}

	open.Store(true)
	end = start("--set", "store.url="+url)
	defer end()
	for range 5 {
		if typ := testkit.Receive(t, "a webhook that waited", heard); typ != "message.sent" {
			t.Errorf("told %s", typ)
		}
	}
	next, err := api.SendToRoom(t.Context(), "lobby", "after", client.SendOptions{})
	if err != nil || next.Position.Epoch != last.Position.Epoch || next.Position.Offset != last.Position.Offset+1 {
		t.Errorf("after %v comes %+v, %v", last.Position, next, err)
	}
	if counts, err := api.CountsOf(t.Context(), "ann"); err != nil || counts.Unread != 1 {
		t.Errorf("the inbox has %+v, %v", counts, err)
	}
	backup := exec.CommandContext(t.Context(), program, "backup", "--set", "store.url="+url, "copy.db")
	backup.Dir = dir
	if out, err := backup.CombinedOutput(); err == nil || !strings.Contains(string(out), "pg_dump") {
		t.Errorf("backup ends with %v and prints\n%s", err, out)
	}
}
