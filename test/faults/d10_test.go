package faults

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/memgroup"
	"github.com/lighterman/lighterman/test/wait"
)

// backlog makes containers with logs of so many bytes each, and returns the number of lines.
func backlog(t testing.TB, root *dataroot.Root, containers, size, line int) (lines int) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, 1<<20)
	for i := range text {
		text[i] = "abcdefghijklmnopqrstuvwxyz0123456789 "[random.IntN(37)]
	}
	began := time.Now().Add(-50 * time.Minute)
	for i := range containers {
		c := root.Add(t, dataroot.Spec{Name: fmt.Sprintf("backlog-%03d", i)})
		var all bytes.Buffer
		for k := 0; all.Len() < size; k++ {
			o := random.IntN(len(text) - line)
			fmt.Fprintf(&all, "{\"log\":\"%s\\n\",\"stream\":\"stdout\",\"time\":\"%s\"}\n", text[o:o+line],
				began.Add(time.Duration(k)*time.Millisecond).UTC().Format(time.RFC3339Nano))
			lines++
		}
		if err := os.WriteFile(c.Log, all.Bytes(), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	return lines
}

// TestD10SmallGroup: with the defaults and a backlog many times the memory limit of the
// control group lighterman lives, whatever Loki does; and a limit that is too small is named.
func TestD10SmallGroup(t *testing.T) {
	const limit = 64 << 20
	root := dataroot.New(t)
	lines := backlog(t, root, 40, 10<<20, 200)
	for _, test := range []struct {
		name  string
		limit int64
		slow  time.Duration
		all   bool
		args  []string
		told  string
	}{
		{"fast", limit, 0, true, nil, "is kept"},
		{"slow", limit, time.Second, false, nil, "is kept"},
		{"too much asked", limit, time.Second, false, []string{"--max-memory", "512MiB", "--batch-size", "8MiB"}, "max-memory is more than"},
		{"too little", limit * 3 / 4, 300 * time.Millisecond, false, nil, "less than lighterman needs"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			group, loki := memgroup.New(t, test.limit), fakeloki.StartWith(t, &fakeloki.Loki{CountOnly: true, Slow: test.slow})
			l := carrier.StartWith(t, carrier.Options{
				Args: root.Args(append([]string{"--loki-url", loki.URL}, test.args...)...), Wrap: group.Wrap(), Measured: true,
			})
			if test.all {
				wait.For(t, 2*time.Minute, "the backlog", func() bool { return loki.Count() >= lines || !l.Running() })
			} else {
				wait.Until(12*time.Second, func() bool { return !l.Running() })
			}
			m := l.Metrics(t)
			t.Logf("%d of %d lines; resident %d MiB, peak of the group with its page cache %d MiB; held %d KiB",
				loki.Count(), lines, int(m.Sum("process_resident_memory_bytes"))>>20, group.Peak(t)>>20, int(m.Sum("lighterman_buffered_bytes"))>>10)
			if n := group.Killed(t); n != 0 || !l.Running() {
				t.Errorf("killed %d times", n)
			}
			if loki.Count() == 0 || test.all && loki.Count() != lines {
				t.Errorf("%d lines of %d", loki.Count(), lines)
			}
			if !strings.Contains(l.Stderr(), test.told) {
				t.Errorf("not told: %q", test.told)
			}
		})
	}
}
