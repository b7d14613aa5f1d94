package ws

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	gobwas "github.com/gobwas/ws"
)

var testMask = [4]byte{0xA1, 0x02, 0x73, 0xF4}

func TestAppendFrameAgreesWithGobwas(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, 70000} {
		for _, masked := range []bool{false, true} {
			for _, rsv1 := range []bool{false, true} {
				t.Run(fmt.Sprintf("%d bytes, masked %v, rsv1 %v", n, masked, rsv1), func(t *testing.T) {
					payload := bytes.Repeat([]byte("p"), n)
					header := gobwas.Header{Fin: true, OpCode: gobwas.OpBinary, Masked: masked, Length: int64(n)}
					if rsv1 {
						header.Rsv = gobwas.Rsv(true, false, false)
					}
					var mask *[4]byte
					want := new(bytes.Buffer)
					body := bytes.Clone(payload)
					if masked {
						mask, header.Mask = &testMask, testMask
						gobwas.Cipher(body, testMask, 0)
					}
					if err := gobwas.WriteHeader(want, header); err != nil {
						t.Fatal(err)
					}
					if size := headerSize(n, masked); size != want.Len() {
						t.Errorf("headerSize = %d, want %d", size, want.Len())
					}
					want.Write(body)
					got := appendFrame([]byte("before"), opBinary, rsv1, mask, payload)
					if !bytes.Equal(got, append([]byte("before"), want.Bytes()...)) {
						t.Error("the frame differs")
					}
					if strings.Trim(string(payload), "p") != "" {
						t.Error("the payload was changed")
					}
				})
			}
		}
	}
}

func TestApplyMaskAtEveryLengthAndOffset(t *testing.T) {
	for n := range 600 {
		for offset := range 8 {
			want := bytes.Repeat([]byte("x"), n)
			got := bytes.Clone(want)
			for i := range want {
				want[i] ^= testMask[(offset+i)%4]
			}
			applyMask(got, testMask, offset)
			if !bytes.Equal(got, want) {
				t.Fatalf("%d bytes at offset %d differ", n, offset)
			}
		}
	}
}

func BenchmarkApplyMask(b *testing.B) {
	buffer := make([]byte, 1<<16+8)
	for _, n := range []int{13, 128, 400, 1000, 65536} {
		for _, unaligned := range []int{0, 3} {
			payload := buffer[unaligned : unaligned+n]
			run := func(name string, mask func([]byte, [4]byte, int)) {
				b.Run(fmt.Sprintf("%s/%d/unaligned=%d", name, n, unaligned), func(b *testing.B) {
					b.SetBytes(int64(n))
					for b.Loop() {
						mask(payload, testMask, 1)
					}
				})
			}
			run("ours", applyMask)
			run("gobwas", gobwas.Cipher)
		}
	}
}
