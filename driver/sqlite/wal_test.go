package sqlite_test

import (
	"testing"

	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

func TestTheEndOfAWAL(t *testing.T) {
	wal := read(t, died(t)+"-wal")
	kept, torn := sqlite.FindWALEnd(wal)
	if kept != int64(len(wal)) || torn != 0 {
		t.Fatalf("of a whole WAL of %d bytes %d are kept, and %d torn", len(wal), kept, torn)
	}
	const frame = 24 + 4096
	before := int64(32)
	for n := 32; n < min(len(wal), 32+50*frame); n += 1000 { // cut off anywhere in the first commits: each round reads all before
		kept, torn := sqlite.FindWALEnd(wal[:n])
		if kept != 0 && kept < before || kept > int64(n) || kept > 0 && (kept-32)%frame != 0 || max(kept, 32)+torn != int64(n) {
			t.Fatalf("of %d bytes %d are kept, and %d torn", n, kept, torn)
		}
		before = max(before, kept)
	}
	if before == 32 {
		t.Error("there is no whole commit in what was cut off")
	}
}

func FuzzWAL(f *testing.F) {
	wal := read(f, died(f)+"-wal")[:32+2*(24+4096)]
	f.Add(wal)
	f.Add(wal[:32+100])
	f.Add(wal[:31])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, wal []byte) {
		kept, torn := sqlite.FindWALEnd(wal)
		if kept < 0 || torn < 0 || kept+torn > int64(len(wal)) {
			t.Fatalf("of %d bytes %d are kept, and %d torn", len(wal), kept, torn)
		}
	})
}
