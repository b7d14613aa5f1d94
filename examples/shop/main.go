// Command shop starts the shop of this directory: the two services, the gateway in front of them, and the web server of the page, which also
// signs its shoppers in. Ctrl-C ends all of it.
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

//go:embed hubbub.yaml
var config string

//go:embed page
var page embed.FS

// ports are those of hubbub.yaml.
type ports struct{ page, gateway, products, notifications int }

func main() {
	first := flag.Int("port", 8090, "the page's port; the gateway and the two services take the next three")
	flag.Parse()
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, ports{*first, *first + 1, *first + 2, *first + 3}); err != nil {
		log.Fatalf("shop: %v", err)
	}
}

// run keeps everything in a directory of its own, which is gone afterwards: each start begins with an untouched shop.
func run(ctx context.Context, at ports) error {
	dir, err := os.MkdirTemp("", "hubbub-shop-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	l, err := net.Listen("tcp", at.address(at.page))
	if err != nil {
		return fmt.Errorf("%w; -port takes others", err)
	}
	defer l.Close()
	log.Print("building the gateway and the services; the first time takes a minute")
	if err := build(ctx, dir); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "hubbub.yaml"), []byte(at.in(config)), 0o600); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	api := "http://" + at.address(at.gateway) + "/api/v1"
	staff := crew{dir: dir, ended: cancel}
	defer staff.stopAll()
	notifications := staff.add("notifications", "-addr", at.address(at.notifications), "-api", api)
	for _, s := range []*service{staff.add("products", "-addr", at.address(at.products), "-api", api), notifications,
		staff.add("hubbub", "serve", "--config", "hubbub.yaml")} {
		if err := s.start(); err != nil {
			return err
		}
	}
	if err := ready(ctx, "http://"+at.address(at.gateway)+"/readyz"); err != nil {
		return err
	}
	files, err := fs.Sub(page, "page")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: storefront(files, "http://"+at.address(at.gateway), notifications), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			cancel(err)
		}
	}()
	defer server.Close()
	fmt.Printf("\n  The shop is open    http://%s\n  Behind the counter  http://%[1]s/staff.html\n\n"+
		"  (gateway :%d, products :%d, notifications :%d; Ctrl-C closes the shop)\n\n",
		at.address(at.page), at.gateway, at.products, at.notifications)
	<-ctx.Done()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// build compiles the gateway and the services into dir.
func build(ctx context.Context, dir string) error {
	const module = "github.com/hubbub-dev/hubbub"
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return fmt.Errorf("run this in the directory examples: go list: %w", err)
	}
	for _, b := range []struct{ in, pkg string }{
		{strings.TrimSpace(string(root)), "./cmd/hubbub"},
		{"", module + "/examples/shop/products"},
		{"", module + "/examples/shop/notifications"},
	} {
		cmd := exec.CommandContext(ctx, "go", "build", "-o", dir+string(filepath.Separator), b.pkg)
		cmd.Dir = b.in
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go build %s: %w\n%s", b.pkg, err, out)
		}
	}
	return nil
}

// ready waits until the gateway serves.
func ready(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the gateway is not ready: %w", context.Cause(ctx))
		case <-tick.C:
		}
	}
}

func (ports) address(port int) string { return net.JoinHostPort("localhost", strconv.Itoa(port)) }

// in puts other ports into the configuration, for when those that it names are taken.
func (p ports) in(config string) string {
	return strings.NewReplacer("localhost:8090", p.address(p.page), "localhost:8091", p.address(p.gateway),
		"localhost:8092", p.address(p.products), "localhost:8093", p.address(p.notifications)).Replace(config)
}
