package testkit

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Nginx starts nginx with the given contents of its http block and waits until it accepts connections on addr, which the
// block must listen on.
func Nginx(t testing.TB, addr, http string) *Process {
	t.Helper()
	path := Program(t, "nginx", "/usr/sbin/nginx")
	conf := nginxConf(t, http)
	if out, err := exec.Command(path, "-t", "-q", "-c", conf).CombinedOutput(); err != nil {
		t.Fatalf("nginx refuses the configuration: %v\n%s\n%s", err, out, http)
	}
	p := Start(t, exec.Command(path, "-c", conf))
	Listening(t, addr, p)
	return p
}

// nginxConf writes a whole configuration file around an http block. nginx runs as one process, so that killing it leaves no
// worker behind, and writes only below the test's directory.
func nginxConf(t testing.TB, http string) string {
	t.Helper()
	// Not t.TempDir: it has the test's name, and nginx would take a $ in it for a variable.
	dir, err := os.MkdirTemp("", "nginx")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	conf := strings.NewReplacer("DIR", dir, "HTTP", http).Replace(`
daemon off;
master_process off;
pid DIR/nginx.pid;
error_log stderr notice;
events { worker_connections 512; }
http {
	access_log DIR/access.log;
	client_body_temp_path DIR/body;
	proxy_temp_path DIR/proxy;
	fastcgi_temp_path DIR/fastcgi;
	uwsgi_temp_path DIR/uwsgi;
	scgi_temp_path DIR/scgi;
HTTP
}
`)
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
