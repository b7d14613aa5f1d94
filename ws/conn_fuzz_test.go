package ws_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/hubbub-dev/hubbub/ws"
)

// pipeWriter is the http.ResponseWriter of a request that came through a pipe.
type pipeWriter struct {
	nc     net.Conn
	header http.Header
}

func (w *pipeWriter) Header() http.Header         { return w.header }
func (w *pipeWriter) Write(p []byte) (int, error) { return w.nc.Write(p) }
func (w *pipeWriter) WriteHeader(int)             {}
func (w *pipeWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.nc, bufio.NewReadWriter(bufio.NewReader(w.nc), bufio.NewWriter(w.nc)), nil
}

// piped upgrades one end of a pipe to a conn of srv and returns the other, on which the response is still to come.
func piped(t testing.TB, srv *ws.Server, handler func(*ws.Conn), extra ...string) net.Conn {
	t.Helper()
	near, far := net.Pipe()
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader([]byte(rawHandshake("/", extra...)))))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel() // as when the HTTP handler returns
	c, err := srv.Upgrade(&pipeWriter{nc: near, header: http.Header{}}, r.WithContext(ctx))
	if err != nil {
		t.Fatalf("Upgrade: %v", err)
	}
	handler(c)
	return far
}

// FuzzConn lets a client send anything, cut in pieces of any size, to a server conn with an echo. Whatever it is,
// nothing panics, the conn ends soon after the client, OnClose is called once, and no goroutine is left.
func FuzzConn(f *testing.F) {
	sent, _ := session()
	f.Add(uint16(0), true, sent[:2000])
	f.Add(uint16(3), false, sent[:300])
	f.Add(uint16(1), true, append(masked(rawFin|rawRSV1|rawText, bomb(1)[:200]), masked(rawFin|rawText, []byte("behind"))...))
	f.Add(uint16(1000), false, bytes.Repeat(masked(rawFin|rawPing, []byte("ping")), 100))
	for _, v := range violations() {
		f.Add(uint16(7), true, append(bytes.Clone(v.sent[:min(len(v.sent), 500)]), "behind"...))
	}
	for _, code := range []int{1000, 1005, 3000} {
		f.Add(uint16(5), false, append(masked(rawFin|rawText, []byte("and")), maskedClose(code, "bye")...))
	}
	f.Fuzz(func(t *testing.T, piece uint16, compress bool, data []byte) {
		checkLeaks(t)
		var log logged
		o := ws.Options{MaxMessage: 10000, MaxFrames: 20, Loops: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))}
		if compress {
			o.Compression = ws.Compression{Mode: ws.CompressionTakeover, Threshold: -1}
		}
		ended := make(chan ws.CloseInfo, 2)
		o.OnClose = func(_ *ws.Conn, info ws.CloseInfo) { ended <- info }
		srv := ws.NewServer(o)
		talk(piped(t, srv, echo, offerDeflate), data, int(piece)+1)
		if info := receive(t, ended, "the end of the conn"); info.Code == ws.CodeInternal {
			t.Errorf("the conn ended with %v", info)
		}
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if len(ended) > 0 || log.count("panic") > 0 {
			t.Errorf("%d more ends, the log: %s", len(ended), log.text.String())
		}
	})
}

// talk sends data in pieces, hears whatever comes, and leaves.
func talk(nc net.Conn, data []byte, piece int) {
	heard := make(chan struct{})
	go func() {
		io.Copy(io.Discard, nc)
		close(heard)
	}()
	for len(data) > 0 {
		n, err := nc.Write(data[:min(piece, len(data))])
		if err != nil {
			break
		}
		data = data[n:]
	}
	nc.Close()
	<-heard
}

// TestPipeDribble is TestDribble on a pipe, where each piece is surely read by itself.
func TestPipeDribble(t *testing.T) {
	checkLeaks(t)
	srv := ws.NewServer(ws.Options{})
	sent, echoed := session()
	for _, piece := range []int{1, 2, 3, 5, 7, 1000} {
		nc := piped(t, srv, echo)
		c := &rawConn{t: t, Conn: nc, r: bufio.NewReader(nc)}
		if err := c.readResponse(); err != nil {
			t.Fatal(err)
		}
		go func() {
			for rest := sent; len(rest) > 0; {
				n, _ := nc.Write(rest[:min(len(rest), piece)])
				rest = rest[n:]
				if len(sent)-len(rest) > 2000 {
					piece = 1000
				}
			}
		}()
		c.wantSession(echoed)
		nc.Close()
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}
