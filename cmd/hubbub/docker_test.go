package main_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestImageHasARunnableBinary runs the build of the Dockerfile, and looks whether its binary needs nothing around it.
func TestImageHasARunnableBinary(t *testing.T) {
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	_, line, found := strings.Cut(string(text), "\nRUN CGO_ENABLED=0 ")
	line, _, _ = strings.Cut(line, "\n")
	path := filepath.Join(t.TempDir(), "hubbub")
	if !found || !strings.Contains(line, " -o /out/hubbub ") {
		t.Fatalf("there is no build in the Dockerfile: %q", line)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "CGO_ENABLED=0 "+strings.Replace(line, "/out/hubbub", path, 1))
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the binary is not static: it has a %v", p.Type)
		}
	}
	run := exec.CommandContext(t.Context(), path, "version")
	run.Env, run.Dir = []string{}, t.TempDir()
	if out, err := run.CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "hubbub ") {
		t.Errorf("it prints %q, %v", out, err)
	}
}
