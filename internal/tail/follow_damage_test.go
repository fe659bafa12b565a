package tail

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/logs"
)

// TestD5CopyOfADamagedLog: the log begins or ends with what is no record, more than the
// longest has; so does the copy that sed -i puts in its place. It is known for a copy all
// the same, and the engine's file is not left for it.
func TestD5CopyOfADamagedLog(t *testing.T) {
	for _, f := range []logs.FileFormat{logs.JSONLines, logs.Frames} {
		w := newWriter(t)
		w.format = f
		w.number(1, 3)
		whole := w.content()
		for name, content := range map[string][]byte{
			"zeros first":     append(make([]byte, 2*fingerprintMax), whole...),
			"torn first":      append(bytes.Clone(whole[:20]), whole...),
			"torn last":       append(bytes.Clone(whole), whole[:20]...),
			"another of none": append(bytes.Clone(whole), "no record\n"...),
		} {
			var both [2]*generation
			for i, file := range []string{"engine", "copy"} {
				path := filepath.Join(t.TempDir(), file)
				w.must(os.WriteFile(path, content, 0o640))
				g, err := openGeneration(path, formatOf(f))
				w.must(err)
				t.Cleanup(func() { _ = g.close() })
				both[i] = g
			}
			l := Log{readerState: readerState{assemble: new(assemble.Assembler)}}
			if got := l.judge(both[1].compare(both[0], int64(len(content))), both[1]); got != copied {
				t.Errorf("%s, format %d: %d", name, f, got)
			}
		}
	}
}
