package sqlite

import (
	"fmt"
	"os"
	"strings"
)

// tally counts the commits of the file a second time, in PATH.lock. A file that has fewer than were acknowledged has lost some.
//
// It is written after each commit and before who waits for the commit is answered, but not synced, which would double the
// price of a commit: when the power fails it may be older than the file, and then it says less, but never something wrong.
type tally struct {
	file    *os.File
	epoch   string // of the file whose commits they are; "" if nothing is known
	commits uint64
}

const tallyBytes = 64

// readTally reads what was counted by those who had the file open before.
func readTally(lock *os.File) tally {
	t := tally{file: lock}
	b := make([]byte, tallyBytes)
	n, _ := lock.ReadAt(b, 0)
	line, _, whole := strings.Cut(string(b[:n]), "\n")
	if _, err := fmt.Sscanf(line, "%s %d", &t.epoch, &t.commits); err != nil || !whole {
		return tally{file: lock} // it is new, or damaged
	}
	return t
}

// set notes how many commits the file has. Where that fails the tally stays older.
func (t *tally) set(commits uint64) {
	t.commits = commits
	t.file.WriteAt(fmt.Appendf(nil, "%-*s\n", tallyBytes-1, fmt.Sprintf("%s %020d", t.epoch, commits)), 0)
}
