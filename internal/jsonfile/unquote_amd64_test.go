package jsonfile

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// fenced returns memory that may not be read or written beyond its ends: guard begins
// where it ends, or it begins where guard ends.
func fenced(t *testing.T, size int, atEnd bool) []byte {
	t.Helper()
	page := os.Getpagesize()
	inner := (size + page - 1) / page * page
	all, err := unix.Mmap(-1, 0, inner+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(all) })
	for _, guard := range [][]byte{all[:page], all[page+inner:]} {
		if err := unix.Mprotect(guard, unix.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	if atEnd {
		return all[page+inner-size : page+inner : page+inner]
	}
	return all[page : page+size : page+size]
}

// unquoteSlowly is unquoteVector, a byte at a time.
func unquoteSlowly(s []byte) (out []byte, read int, high bool) {
	for read < len(s) && s[read] != '"' {
		if s[read] == '\\' {
			if read+1 == len(s) || s[read+1] != '"' {
				break
			}
			read++
		}
		out, high = append(out, s[read]), high || s[read] >= 0x80
		read++
	}
	return out, read, high
}

// TestUnquoteVector holds it against a byte at a time, with all sizes and every pair of
// bytes that matter around the 64th, in memory that ends where it may touch no more.
func TestUnquoteVector(t *testing.T) {
	if !vectors {
		t.Log("the processor has no AVX-512 VBMI2, so there is nothing that could be called")
		return
	}
	const longest = 3 * vector
	check := func(dst, src []byte) {
		t.Helper()
		written, read, high, low := unquoteVector(&dst[0], &src[0], len(src))
		want, wantRead, wantHigh := unquoteSlowly(src)
		isControl := func(r rune) bool { return r < ' ' }
		atMost := src[:min(read+vector, len(src))]
		if low != 0 && !bytes.ContainsFunc(atMost, isControl) || low == 0 && bytes.ContainsFunc(src[:read], isControl) {
			t.Fatalf("%q: %x after %d bytes", src, low, read)
		}
		if read != wantRead || !bytes.Equal(dst[:written], want) || (high != 0) != wantHigh {
			t.Fatalf("%q: %d bytes, %q, %x, want %d, %q, %t", src, read, dst[:written], high, wantRead, want, wantHigh)
		}
		lowBit, highBit := lookVector(&src[0], len(src))
		control := bytes.ContainsFunc(src, isControl)
		other := bytes.ContainsFunc(src, func(r rune) bool { return r >= utf8.RuneSelf })
		if ascii, clean := lookByWords(src); (lowBit != 0) != control || (highBit != 0) != other || clean != !control || clean && ascii != !other {
			t.Fatalf("%q: %x, %x; by words: ASCII %t, clean %t", src, lowBit, highBit, ascii, clean)
		}
	}
	random := rand.New(rand.NewPCG(1, 1))
	special := []byte("\"\\x\x80\n\x00\x1f \x7f")
	for _, atEnd := range []bool{true, false} {
		for size := 1; size <= longest; size++ {
			dst, src := fenced(t, size+vector, atEnd), fenced(t, size, atEnd)
			for range 50 {
				for i := range src {
					src[i] = 'a'
				}
				for range random.IntN(12) {
					src[random.IntN(size)] = special[random.IntN(len(special))]
				}
				if at := random.IntN(size); at+1 < size {
					src[at], src[at+1] = '\\', '"'
				}
				check(dst, src)
			}
			for at := max(0, vector-4); at < min(size, vector+4); at++ {
				for _, a := range special {
					for _, b := range special {
						copy(src, bytes.Repeat([]byte{'a'}, size))
						src[at], src[size-1] = a, '"'
						if at+1 < size {
							src[at+1] = b
						}
						check(dst, src)
					}
				}
			}
		}
	}
}
