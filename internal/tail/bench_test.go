package tail

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// BenchmarkRead reads a log from its start: 80 % of the lines have escapes.
func BenchmarkRead(b *testing.B) {
	w := newWriter(b)
	for i := range 100_000 {
		text := fmt.Sprintf("request %d handled by worker %d in %d ms %s\n", i, i%16, i%700, strings.Repeat("path/segment ", i%8))
		if i%5 != 0 {
			text = fmt.Sprintf(`{"level":"info","n":%d,"msg":"handled","path":"/api/v1/items/%d","took":%d}`, i, i, i%700) + "\n"
		}
		w.line(logs.Stream(i%2), text)
	}
	info, err := w.file.Stat()
	w.must(err)
	b.SetBytes(info.Size())
	b.ReportAllocs()
	buf, sink := NewBuffer(), func(logs.Entry) {}
	for b.Loop() {
		l, err := Open(Config{Path: w.live, Events: &counter{}})
		w.must(err)
		for more := true; more; {
			p, err := l.Read(buf, sink)
			w.must(err)
			more = p.More
		}
		l.Close()
	}
}
