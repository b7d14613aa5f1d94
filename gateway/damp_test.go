package gateway_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub/gateway"
)

// lines are those of a log, without their times.
func (b *buffer) lines() (all []string) {
	for line := range strings.Lines(b.String()) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		all = append(all, rest)
	}
	return all
}

// TestAnOutageDoesNotFillTheLog has calls fail for two minutes, more than once a second.
func TestAnOutageDoesNotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b buffer
		log := gateway.NewLoggerTo(&b, gateway.LogConfig{})
		for i := range 240 {
			log.Error("cannot renew", "error", fmt.Errorf("no answer to %d", i))
			if i == 3 {
				log.With("target", "ear").Warn("cannot renew", "error", errors.New("it is another one"))
				log.Info("all is well")
				log.Info("all is well")
			}
			time.Sleep(500 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		log.Error("cannot renew", "error", errors.New("once more"))
		time.Sleep(time.Minute)
		want := []string{
			`level=ERROR msg="cannot renew" error="no answer to 0"`,
			`level=WARN msg="cannot renew" target=ear error="it is another one"`,
			`level=INFO msg="all is well"`,
			`level=INFO msg="all is well"`,
			`level=ERROR msg="cannot renew" error="no answer to 60" times=60`,
			`level=ERROR msg="cannot renew" error="no answer to 120" times=60`,
			`level=ERROR msg="cannot renew" error="no answer to 180" times=60`,
			`level=INFO msg="this has not come again for half a minute: cannot renew" times=240 lasted=1m59.5s`,
			`level=ERROR msg="cannot renew" error="once more"`,
		}
		if got := strings.Join(b.lines(), "\n"); got != strings.Join(want, "\n") {
			t.Errorf("the log is\n%s\nand should be\n%s", got, strings.Join(want, "\n"))
		}
	})
}

// TestDampedLogsKeepTheirLevel has no line at the end where only warnings are wanted, and tells attributes apart.
func TestDampedLogsKeepTheirLevel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b buffer
		log := gateway.NewLoggerTo(&b, gateway.LogConfig{Level: "warn"})
		for range 3 {
			for _, server := range []string{"a", "b"} {
				log.Warn("lost", "server", server)
				log.WithGroup(server).Warn("gone", slog.Int("n", 1))
			}
		}
		time.Sleep(time.Hour)
		want := `level=WARN msg=lost server=a|level=WARN msg=gone a.n=1|level=WARN msg=lost server=b|level=WARN msg=gone b.n=1`
		if got := strings.Join(b.lines(), "|"); got != want {
			t.Errorf("the log is\n%s\nand should be\n%s", got, want)
		}
	})
}
