package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// machine is what the figures depend on besides the code.
type machine struct {
	Date     string
	CPU      string
	CPUs     int
	Memory   string
	Kernel   string
	Go       string
	Node     string
	C        string
	Commit   string
	Versions map[string]string // by server
}

func describe(ctx context.Context) machine {
	m := machine{
		Date:     time.Now().UTC().Format("2006-01-02"),
		CPU:      find("/proc/cpuinfo", `(?m)^model name\s*:\s*(.+)$`),
		CPUs:     runtime.NumCPU(),
		Kernel:   find("/proc/sys/kernel/osrelease", `(\d+\.\d+)`),
		Go:       strings.TrimPrefix(runtime.Version(), "go"),
		Node:     strings.TrimPrefix(output(ctx, "node", "--version"), "v"),
		C:        strings.SplitN(output(ctx, "cc", "--version"), "\n", 2)[0],
		Commit:   output(ctx, "git", "describe", "--always", "--dirty"),
		Versions: map[string]string{},
	}
	var kb int
	fmt.Sscan(find("/proc/meminfo", `MemTotal:\s*(\d+)`), &kb)
	m.Memory = fmt.Sprintf("%.0f GiB", float64(kb)/(1<<20))
	for _, s := range allServers() {
		var all []string
		for _, from := range s.from {
			all = append(all, version(ctx, s, from))
		}
		m.Versions[s.name] = strings.Join(all, ", ")
	}
	return m
}

// version is a dependency's name and version as it is installed.
func version(ctx context.Context, s server, from string) string {
	if s.kind == goProgram {
		return strings.TrimPrefix(from, "github.com/") + " " + output(ctx, "go", "list", "-m", "-f", "{{.Version}}", from)
	}
	var p struct{ Version string }
	b, err := os.ReadFile(filepath.Join("servers", s.dir, "node_modules", from, "package.json"))
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil {
		return from
	}
	return from + " " + p.Version
}

func output(ctx context.Context, name string, args ...string) string {
	b, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}

func find(file, pattern string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	found := regexp.MustCompile(pattern).FindSubmatch(b)
	if found == nil {
		return "unknown"
	}
	return strings.TrimSpace(string(found[1]))
}
