package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// onDiskOfItsOwn runs this program with a small disk at a directory, which no other process sees, and in the place of its tests the
// child of a name.
func onDiskOfItsOwn(t *testing.T, child string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+child, "HUBBUB_DIR="+t.TempDir())
	attributes := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		attributes.Cloneflags |= syscall.CLONE_NEWUSER
		attributes.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	cmd.SysProcAttr = attributes
	p := testkit.Start(t, cmd)
	p.Succeed(t)
	if !strings.HasSuffix(p.Output(), "fine\n") {
		t.Errorf("it printed:\n%s", p.Output())
	}
}

// onDisk is what the child does: it mounts the disk, and says what has gone wrong.
func onDisk(do func(ctx context.Context, dir string) error) {
	dir := os.Getenv("HUBBUB_DIR")
	err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
	if err == nil {
		err = syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1500k")
	}
	if err == nil {
		err = do(context.Background(), dir)
	}
	if err != nil {
		fmt.Println("failed:", err)
		return
	}
	fmt.Println("fine")
}

func TestAFullDisk(t *testing.T) { onDiskOfItsOwn(t, "full disk") }

// fullDisk writes until the disk is full, by itself or by others, and goes on when there is room again.
func fullDisk(ctx context.Context, dir string) error {
	path := filepath.Join(dir, "hubbub.db")
	s, err := sqlite.Open(ctx, sqlite.Options{Path: path, Readers: 1})
	if err != nil {
		return err
	}
	acknowledged := 0
	for range 3 {
		ballast := filepath.Join(dir, "ballast")
		if err := takeRoom(ballast, 150<<10); err != nil {
			return err
		}
		n, err := writeUntilFull(ctx, s, acknowledged)
		if err != nil {
			return err
		}
		if n == 0 {
			return errors.New("nothing fits into 150 KiB")
		}
		acknowledged += n
		if err := hasFirst(ctx, s, acknowledged); err != nil { // reads go on
			return err
		}
		if err := os.Remove(ballast); err != nil {
			return err
		}
		for range 5 { // and so do writes, at once
			if err := sayOn(ctx, s, acknowledged); err != nil {
				return fmt.Errorf("there is room again: %w", err)
			}
			acknowledged++
		}
	}
	if err := hasFirst(ctx, s, acknowledged); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	if s, err = sqlite.Open(ctx, sqlite.Options{Path: path}); err != nil {
		return err
	}
	return errors.Join(hasFirst(ctx, s, acknowledged), s.Close())
}

// takeRoom takes all the room that is left, but for some bytes.
func takeRoom(path string, but int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	for err == nil {
		_, err = f.Write(make([]byte, 1024))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	size, err := f.Seek(0, io.SeekEnd)
	return errors.Join(err, f.Truncate(size-but), f.Close())
}

// writeUntilFull returns how many messages were acknowledged before the store became unavailable.
func writeUntilFull(ctx context.Context, s *sqlite.Store, from int) (n int, err error) {
	for ; n < 10_000; n++ {
		if err = sayOn(ctx, s, from+n); err != nil {
			break
		}
	}
	var e *hubbub.Error
	if !errors.As(err, &e) || e.Reason != hubbub.Unavailable || !strings.Contains(e.Message, "disk of the store is full") {
		return n, fmt.Errorf("the disk is full, and after %d messages the error is %v", n, err)
	}
	for range 20 {
		if err := sayOn(ctx, s, from+n); hubbub.AsError(err) == nil || hubbub.AsError(err).Reason != hubbub.Unavailable {
			return n, fmt.Errorf("the disk is still full, and the error is %v", err)
		}
	}
	return n, nil
}

func sayOn(ctx context.Context, s *sqlite.Store, number int) error {
	_, err := s.Append(ctx, hubbub.Draft{Message: hubbub.Message{
		ID: fmt.Sprint("m", number), Stream: lobby, Data: fmt.Appendf(nil, `"%d %0200d"`, number, 0), From: hubbub.Sender{User: "ann"}}})
	return err
}

// hasFirst tells whether exactly the first n messages are there.
func hasFirst(ctx context.Context, s *sqlite.Store, n int) error {
	page, err := s.After(ctx, lobby, hubbub.Position{}, 100_000)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if len(page.Messages) != n {
		return fmt.Errorf("there are %d messages, and %d were acknowledged", len(page.Messages), n)
	}
	for i, m := range page.Messages {
		if m.ID != fmt.Sprint("m", i) {
			return fmt.Errorf("message %d is %s", i, m.ID)
		}
	}
	return nil
}

func TestAFullDiskAtTheStart(t *testing.T) { onDiskOfItsOwn(t, "full disk at the start") }

func fullDiskAtTheStart(ctx context.Context, dir string) error {
	ballast := filepath.Join(dir, "ballast")
	if err := takeRoom(ballast, 0); err != nil {
		return err
	}
	path := filepath.Join(dir, "hubbub.db")
	_, err := sqlite.Open(ctx, sqlite.Options{Path: path})
	if err == nil || !strings.Contains(err.Error(), "disk of the store is full") || !strings.Contains(err.Error(), path) {
		return fmt.Errorf("the error is %w", err)
	}
	if err := os.Remove(ballast); err != nil {
		return err
	}
	s, err := sqlite.Open(ctx, sqlite.Options{Path: path})
	if err != nil {
		return fmt.Errorf("there is room again: %w", err)
	}
	return errors.Join(sayOn(ctx, s, 0), hasFirst(ctx, s, 1), s.Close())
}

func TestAPlaceThatCannotBeWritten(t *testing.T) { onDiskOfItsOwn(t, "read-only") }

// readOnlyPlace tries a disk that cannot be written, a directory that must not be, and a file.
func readOnlyPlace(ctx context.Context, dir string) error {
	path := filepath.Join(dir, "hubbub.db")
	remount := func(flags uintptr) error { return syscall.Mount("", dir, "", syscall.MS_REMOUNT|flags, "") }
	if err := remount(syscall.MS_RDONLY); err != nil {
		return err
	}
	if err := cannotWrite(ctx, path); err != nil {
		return fmt.Errorf("no file: %w", err)
	}
	if err := remount(0); err != nil {
		return err
	}
	s, err := sqlite.Open(ctx, sqlite.Options{Path: path})
	if err != nil {
		return err
	}
	if err := errors.Join(sayOn(ctx, s, 0), s.Close()); err != nil {
		return err
	}
	if err := remount(syscall.MS_RDONLY); err != nil {
		return err
	}
	if err := cannotWrite(ctx, path); err != nil {
		return fmt.Errorf("a file: %w", err)
	}
	if err := remount(0); err != nil {
		return err
	}
	// The file alone: it is mounted upon itself.
	if err := syscall.Mount(path, path, "", syscall.MS_BIND, ""); err != nil {
		return err
	}
	if err := syscall.Mount("", path, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		return err
	}
	return cannotWrite(ctx, path)
}

func cannotWrite(ctx context.Context, path string) error {
	_, err := sqlite.Open(ctx, sqlite.Options{Path: path})
	if err == nil || !strings.Contains(err.Error(), "the store "+path+" cannot be written") || !strings.Contains(err.Error(), "store.path") {
		return fmt.Errorf("the error is %w", err)
	}
	return nil
}

// runChild does what a test has started this program for, and tells whether there was anything.
func runChild(name string) bool {
	switch name {
	case "full disk":
		onDisk(fullDisk)
	case "full disk at the start":
		onDisk(fullDiskAtTheStart)
	case "read-only":
		onDisk(readOnlyPlace)
	default:
		return false
	}
	return true
}
