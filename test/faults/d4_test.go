package faults

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/wait"
)

// behind is a lighterman that has a large log to read while Loki is away.
type behind struct {
	*carrier.Carrier
	t    testing.TB
	loki *fakeloki.Loki
	log  *dataroot.Container
	up   atomic.Bool // Loki is back
	n    int         // lines that were written
}

func newBehind(t testing.TB) *behind {
	t.Helper()
	b := &behind{t: t}
	b.loki = fakeloki.Start(t, func(*http.Request, []fakeloki.Entry) (int, string) {
		if b.up.Load() {
			return http.StatusNoContent, ""
		}
		return http.StatusServiceUnavailable, "away"
	})
	root := dataroot.New(t)
	b.log = root.Add(t, dataroot.Spec{Name: "rotated"})
	b.Carrier = into(t, root, b.loki, "--batch-size", "64KiB")
	b.write(40_000)
	wait.For(t, 20*time.Second, "a push", func() bool { return b.loki.Pushes() > 0 })
	// The size of a log that cannot be read is looked at once a second. To ask for its lag
	// would be such a look.
	time.Sleep(1500 * time.Millisecond)
	return b
}

func (b *behind) write(lines int) {
	b.t.Helper()
	var all []string
	for range lines {
		b.n++
		all = append(all, dataroot.JSON(noon.Add(time.Duration(b.n)), fmt.Sprintf("%06d %s", b.n, strings.Repeat("x", 180))))
	}
	b.log.Append(b.t, all...)
}

// copyTruncate is what logrotate does: it copies the log into a directory, and empties it.
func (b *behind) copyTruncate(dir string) (copied string) {
	b.t.Helper()
	content, err := os.ReadFile(b.log.Log)
	if err != nil {
		b.t.Fatal(err)
	}
	copied = filepath.Join(dir, filepath.Base(b.log.Log)+"-20261128")
	if err := os.WriteFile(copied, content, 0o640); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Truncate(b.log.Log, 0); err != nil {
		b.t.Fatal(err)
	}
	return copied
}

// TestD4CopytruncateWhileLokiIsAway: logrotate copies and empties a log of which most is
// not read; the rest is read from the copy. Where that lies elsewhere it is counted.
func TestD4CopytruncateWhileLokiIsAway(t *testing.T) {
	t.Parallel()
	for _, kept := range []bool{true, false} {
		t.Run(fmt.Sprint("copy kept ", kept), func(t *testing.T) {
			t.Parallel()
			b := newBehind(t)
			dir := b.log.Dir
			if !kept {
				dir = t.TempDir()
			}
			b.copyTruncate(dir)
			b.write(100)
			b.up.Store(true)
			last := fmt.Sprintf("%06d ", b.n)
			wait.For(t, 60*time.Second, "the last line", func() bool {
				lines := b.loki.Lines()
				return len(lines) > 0 && strings.HasPrefix(lines[len(lines)-1], last)
			})
			seen := make(map[string]bool)
			for _, line := range b.loki.Lines() {
				seen[line] = true
			}
			lost := b.Metrics(t).Sum("lighterman_truncated_bytes_total")
			switch {
			case kept && (len(seen) != b.n || lost > 0):
				t.Errorf("%d of %d lines, %v bytes lost", len(seen), b.n, lost)
			case !kept && (lost == 0 || !strings.Contains(b.Stderr(), "level=WARN msg=\"log file was truncated")):
				t.Errorf("%d of %d lines, %v bytes lost, and nothing said", len(seen), b.n, lost)
			}
		})
	}
}

// TestD4CopyIsGoneBeforeLokiIsBack: while Loki is away the log is copied and emptied, and
// the copy is deleted a moment later, as logrotate's compression does.
func TestD4CopyIsGoneBeforeLokiIsBack(t *testing.T) {
	t.Parallel()
	b := newBehind(t)
	copied := b.copyTruncate(b.log.Dir)
	b.write(100)
	wait.For(t, 10*time.Second, "the copy to be opened", func() bool {
		return strings.Contains(b.Stderr(), "what was not read of it is read from its copy")
	})
	if err := os.Remove(copied); err != nil {
		t.Fatal(err)
	}
	b.up.Store(true)
	seen := make(map[string]bool)
	wait.For(t, 60*time.Second, "all lines", func() bool {
		for _, line := range b.loki.Lines() {
			seen[line] = true
		}
		return len(seen) == b.n
	})
	if lost := b.Metrics(t).Sum("lighterman_truncated_bytes_total"); lost > 0 {
		t.Errorf("%v bytes are said to be lost", lost)
	}
}

// TestD4TruncatedWhileStopped: what was written and truncated away while lighterman was
// stopped is lost without a copy, and that is said, also where the log has grown beyond the
// place where it was left.
func TestD4TruncatedWhileStopped(t *testing.T) {
	t.Parallel()
	for _, grown := range []bool{false, true} {
		t.Run(fmt.Sprint("grown ", grown), func(t *testing.T) {
			t.Parallel()
			loki, root, state := fakeloki.Start(t, nil), dataroot.New(t), t.TempDir()
			c := root.Add(t, dataroot.Spec{Name: "emptied"})
			line := func(n int) { c.Append(t, dataroot.JSON(noon.Add(time.Duration(n)), fmt.Sprintf("line %03d", n))) }
			for n := range 3 {
				line(n)
			}
			l := into(t, root, loki, "--state-dir", state)
			awaitLines(t, loki, "line 000", "line 001", "line 002")
			l.Terminate(t)
			line(3)
			if err := os.Truncate(c.Log, 0); err != nil {
				t.Fatal(err)
			}
			want := []string{"line 000", "line 001", "line 002"}
			for n := 4; n < 6 || grown && n < 20; n++ {
				line(n)
				want = append(want, fmt.Sprintf("line %03d", n))
			}
			l = into(t, root, loki, "--state-dir", state)
			awaitLines(t, loki, want...)
			if !strings.Contains(l.Stderr(), "level=WARN msg=\"log file was truncated") || l.Metrics(t).Sum("lighterman_truncated_logs_total") != 1 {
				t.Errorf("nothing is said of the truncation:\n%s", l.Stderr())
			}
		})
	}
}
