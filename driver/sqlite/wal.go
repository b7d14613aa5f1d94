package sqlite

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"os"
)

// walEnd says where PATH-wal ends. The database takes what is there up to the last whole commit.
type walEnd struct {
	size int64 // of the file
	kept int64 // up to the end of the last commit; 0 if there is none
	torn int64 // what follows of commits that did not become whole; leftovers of earlier ones are not counted
}

const (
	walHeader   = 32
	frameHeader = 24
)

// readWAL finds the end of a WAL, as https://sqlite.org/fileformat2.html#the_write_ahead_log describes it. If there is no file it
// returns the zero value.
func readWAL(path string) (end walEnd, err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return walEnd{}, nil
	}
	if err != nil {
		return walEnd{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return walEnd{}, err
	}
	end = findWALEnd(bufio.NewReaderSize(f, 1<<20), info.Size())
	return end, nil
}

// findWALEnd reads a WAL of a size. What cannot be read is where it ends.
func findWALEnd(r io.Reader, size int64) walEnd {
	end := walEnd{size: size, torn: size}
	header := make([]byte, walHeader)
	if _, err := io.ReadFull(r, header); err != nil {
		return end
	}
	magic, page := binary.BigEndian.Uint32(header), int64(binary.BigEndian.Uint32(header[8:]))
	if magic&^1 != 0x377f0682 || page < 512 || page > 65536 || page&(page-1) != 0 {
		return end
	}
	sum := checksum{order: binary.LittleEndian}
	if magic&1 == 1 {
		sum.order = binary.BigEndian
	}
	if sum.add(header[:24]); !sum.is(header[24:]) {
		return end
	}
	end.torn = 0
	salts := string(header[16:24])
	frame := make([]byte, frameHeader+page)
	whole := true // so far
	for at := int64(walHeader); ; at += int64(len(frame)) {
		n, err := io.ReadFull(r, frame)
		if n < 16 || string(frame[8:16]) != salts {
			if n < 16 {
				end.torn += int64(n)
			}
			return end // the rest is of an earlier use of the file
		}
		end.torn += int64(n)
		if err != nil {
			return end
		}
		sum.add(frame[:8])
		sum.add(frame[frameHeader:])
		whole = whole && sum.is(frame[16:frameHeader])
		if whole && binary.BigEndian.Uint32(frame[4:]) != 0 {
			end.kept, end.torn = at+int64(len(frame)), 0
		}
	}
}

// checksum is the one of a WAL. It goes on over all frames, so that nothing counts which follows what is damaged.
type checksum struct {
	order  binary.ByteOrder
	s0, s1 uint32
}

func (c *checksum) add(b []byte) {
	for ; len(b) >= 8; b = b[8:] {
		c.s0 += c.order.Uint32(b) + c.s1
		c.s1 += c.order.Uint32(b[4:]) + c.s0
	}
}

func (c *checksum) is(b []byte) bool {
	return c.s0 == binary.BigEndian.Uint32(b) && c.s1 == binary.BigEndian.Uint32(b[4:])
}
