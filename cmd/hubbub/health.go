package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

type healthCommand struct {
	settingsFlags
	Ready   bool          `help:"Ask whether it takes new clients, too, which it does not while it shuts down."`
	Timeout time.Duration `default:"3s" help:"How long to wait for the answer."`
}

// Run asks the gateway that this configuration describes, on this machine. It is for containers, which have no shell: the
// process ends with a status other than 0 unless the answer is good.
func (c *healthCommand) Run() error {
	loaded, err := c.load()
	if err != nil {
		return err
	}
	scheme, path := "http", "/healthz"
	if loaded.TLS.Cert != "" {
		scheme = "https"
	}
	if c.Ready {
		path = "/readyz"
	}
	host, err := local(loaded.Addr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.Timeout)
	defer cancel()
	return ask(ctx, scheme+"://"+host+path)
}

// local is where this machine reaches an address to listen on.
func local(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port), nil
}

func ask(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	// The certificate is that of the public name, not of this machine's loopback address, and nothing secret is said.
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: %s", url, res.Status, strings.TrimSpace(string(body)))
	}
	fmt.Println(strings.TrimSpace(string(body)))
	return nil
}
