package interop_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub/internal/testkit"
	"github.com/hubbub-dev/hubbub/ws"
)

// TestReadmeProgram builds the program of the README as it stands there, but for the port, and talks to it.
func TestReadmeProgram(t *testing.T) {
	code, addr := codeBlocks(t, "../../README.md", "go")[0], testkit.FreeAddr(t)
	if !strings.HasPrefix(code, "package main\n") || strings.Count(code, `":8080"`) != 1 {
		t.Fatalf("the README's first Go block is no program on port 8080:\n%s", code)
	}
	readModule(t, "../../ws")
	dir := t.TempDir()
	file, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "program")
	if err := os.WriteFile(file, []byte(strings.Replace(code, ":8080", addr, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	// A file that is named belongs to the module of the working directory, wherever it lies.
	if out, err := exec.Command("go", "build", "-o", program, file).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	testkit.Listening(t, addr, testkit.Start(t, exec.Command(program)))
	p := dial(t, "ws://"+addr+"/echo", ws.DialOptions{})
	p.expectEcho(t, ws.Message{Data: []byte("hello")})
	p.expectEcho(t, ws.Message{Data: []byte{0, 255}, Binary: true})
}

// readModule reads a package's files: go test repeats a cached test only when something changed that the test itself opened.
func readModule(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no Go files in %s: %v", dir, err)
	}
	for _, file := range files {
		if _, err := os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDocumentedFragmentsCompile has the compiler check the README's and the nginx page's pieces of programs.
func TestDocumentedFragmentsCompile(t *testing.T) {
	readModule(t, "../../ws")
	for name, program := range map[string]string{
		"README": `package main
			import ("log"; "net/http"; "github.com/hubbub-dev/hubbub/ws")
			func requireLogin(next http.Handler) http.Handler { return next }
			func main() {` + codeBlocks(t, "../../README.md", "go")[1] + `}`,
		"nginx": `package main
			import ("net/netip"; "github.com/hubbub-dev/hubbub/ws")
			func main() {` + codeBlocks(t, "../../docs/nginx.md", "go")[0] + `_ = srv }`,
	} {
		file := filepath.Join(t.TempDir(), "main.go")
		if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("go", "vet", file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
