package wstest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func TestPipeHoldsAndPushesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPipe()
		data := bytes.Repeat([]byte("hubbub"), pipeRoom/4)
		written := 0
		go func() {
			written, _ = a.Write(data)
			a.Close()
		}()
		synctest.Wait()
		if written != 0 {
			t.Errorf("%d bytes fit", written)
		}
		got, err := io.ReadAll(b)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("read %d bytes of %d: %v", len(got), len(data), err)
		}
		synctest.Wait()
		if written != len(data) {
			t.Errorf("wrote %d bytes of %d", written, len(data))
		}
	})
}

func TestPipeClosesHalf(t *testing.T) {
	a, b := newPipe()
	io.WriteString(a, "last")
	a.CloseWrite()
	if _, err := a.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write after CloseWrite: %v", err)
	}
	if got, err := io.ReadAll(b); string(got) != "last" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	io.WriteString(b, "answer")
	p := make([]byte, 10)
	if n, err := a.Read(p); string(p[:n]) != "answer" || err != nil {
		t.Errorf("read %q, %v", p[:n], err)
	}
	a.Close()
	if _, err := b.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("write to a closed end: %v", err)
	}
	if _, err := a.Read(p); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read of a closed end: %v", err)
	}
}

func TestPipeDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPipe()
		start := time.Now()
		a.SetDeadline(start.Add(time.Hour))
		a.SetReadDeadline(start.Add(time.Minute)) // takes the place of the one before
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("read: %v after %v", err, time.Since(start))
		}
		n, err := a.Write(make([]byte, pipeRoom+1))
		if n != pipeRoom || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Hour {
			t.Errorf("wrote %d bytes: %v after %v", n, err, time.Since(start))
		}
		a.SetDeadline(time.Time{})
		io.WriteString(b, "x")
		if _, err := a.Read(make([]byte, 1)); err != nil {
			t.Errorf("read after the deadline was taken back: %v", err)
		}
		b.SetReadDeadline(start)
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read after a deadline in the past: %v", err)
		}
		a.SetReadDeadline(time.Now().Add(time.Hour)) // Close stops the timer, or the bubble would wait for it
		a.Close()
		b.Close()
	})
}
