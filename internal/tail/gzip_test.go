package tail

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// FuzzGzip: any bytes under the name of a compressed log read as far as they can
// be unpacked, the same however they are read.
func FuzzGzip(f *testing.F) {
	whole := compressed(f, bytes.Repeat([]byte("line\n"), 20_000))
	f.Add(whole, uint16(1), uint16(7))
	f.Add(whole[:len(whole)/2], uint16(1000), uint16(999))
	f.Add(whole[:5], uint16(3), uint16(0))
	f.Add(append(whole, whole...), uint16(70), uint16(1))
	f.Add([]byte{}, uint16(1), uint16(1))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, raw []byte, step, back uint16) {
		if len(raw) > 4<<10 { // a bomb takes the time of a thousand others
			return
		}
		path := filepath.Join(dir, "log.1.gz")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		want, intact := unpacked(raw)
		g, err := openIdentified(path, new(jsonLines))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = g.close() }()
		var got []byte
		p := make([]byte, tailSize+64+int(step))
		for at := int64(0); len(got) <= len(want); at = g.before() {
			n, err := g.readAt(p, at)
			if err != nil {
				t.Fatal(err)
			}
			fresh := n - (len(got) - int(at))
			if fresh < 0 || !bytes.Equal(p[:n-fresh], got[at:]) {
				t.Fatalf("%d bytes at %d do not continue %d", n, at, len(got))
			}
			got = append(got, p[n-fresh:n]...)
			g.offset = int64(len(got)) - int64(back)%(1+int64(step))
			g.keep(p[:n], at)
			if n < len(p) {
				break
			}
			if fresh == 0 {
				g.offset, back = int64(len(got)), 0
			}
		}
		z, ok := g.data.(*gzipContent)
		if !ok || !bytes.Equal(got, want) || z.damaged == intact {
			t.Fatalf("%d bytes, want %d; damaged %v", len(got), len(want), z.damaged)
		}
	})
}

// unpacked is what can be read of a file.
func unpacked(raw []byte) (content []byte, intact bool) {
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, false
	}
	content, err = io.ReadAll(z)
	return content, err == nil || errors.Is(err, io.EOF)
}
