package faults

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/sparse"
	"github.com/lighterman/lighterman/test/wait"
)

// numbered makes n records of a container, a second apart.
func numbered(of func(time.Time, string) string, first, last int) (records, lines []string) {
	for i := first; i <= last; i++ {
		lines = append(lines, fmt.Sprintf("line %d", i))
		records = append(records, of(noon.Add(time.Duration(i)*time.Second), lines[len(lines)-1]))
	}
	return records, lines
}

// counted waits until a metric has a value.
func counted(t testing.TB, c *carrier.Carrier, metric string, want float64) {
	t.Helper()
	wait.For(t, 20*time.Second, metric, func() bool { return c.Metrics(t).Sum(metric) >= want })
	if got := c.Metrics(t).Sum(metric); got != want {
		t.Errorf("%s is %v, want %v", metric, got, want)
	}
}

// again kills a lighterman and starts it again with the same state.
func again(t testing.TB, l *carrier.Carrier, root *dataroot.Root, loki *fakeloki.Loki, more ...string) *carrier.Carrier {
	t.Helper()
	l.Kill9(t)
	l = into(t, root, loki, append(more, "--state-dir", l.StateDir)...)
	l.AwaitReady(t, 20*time.Second)
	return l
}

// TestD1NulInText: zeros from the middle of one record to the middle of a later one cost
// these, and are counted; a record behind zeros in the same line comes.
func TestD1NulInText(t *testing.T) {
	t.Parallel()
	root, loki := dataroot.New(t), fakeloki.Start(t, nil)
	c := root.Add(t, dataroot.Spec{Name: "nul"})
	records, lines := numbered(dataroot.JSON, 0, 9)
	c.Append(t, records[0], records[1][:13]+strings.Repeat("\x00", 5000)+records[4][13:], records[5])
	c.Append(t, records[6][:30], strings.Repeat("\x00", 300<<10), records[7], records[8])
	into(t, root, loki)
	awaitLines(t, loki, lines[0], lines[5], lines[7], lines[8])
	c.Append(t, records[9])
	awaitLines(t, loki, lines[0], lines[5], lines[7], lines[8], lines[9])
}

// TestD2LineFeedMissing: whole records are delivered where only their line feed is
// missing, the last of a stopped container too; and what is appended right behind it when
// the container starts again, without loss and once.
func TestD2LineFeedMissing(t *testing.T) {
	t.Parallel()
	root, loki := dataroot.New(t), fakeloki.Start(t, nil)
	records, lines := numbered(dataroot.JSON, 0, 9)
	for i := range records {
		records[i] = strings.TrimSuffix(records[i], "\n")
	}
	spec := dataroot.Spec{Name: "full", Stopped: true}
	c := root.Add(t, spec)
	c.Append(t, records[0], "\n", records[1], records[2], records[3][:20], records[4], "\n", records[5], records[6])
	lines = slices.Delete(lines, 3, 4)
	l := into(t, root, loki)
	awaitLines(t, loki, lines[:6]...)
	l = again(t, l, root, loki)
	spec.Stopped = false
	root.Add(t, spec)
	c.Append(t, records[7], "\n", records[8], "\n")
	awaitLines(t, loki, lines[:8]...)
	c.Append(t, records[9], "\n")
	awaitLines(t, loki, lines...)
	counted(t, l, "lighterman_corrupt_records_total", 0) // since the restart
}

// TestD3FirstByte: whatever a log begins with, its whole records are delivered by file,
// also when they come later.
func TestD3FirstByte(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"json-file", "local"} {
		of := dataroot.JSON
		if driver == "local" {
			of = dataroot.Frame
		}
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			root, loki := dataroot.New(t), fakeloki.Start(t, nil)
			records, lines := numbered(of, 0, 9)
			var want []string
			for i, begin := range []string{"\n", "", "\x00", strings.Repeat("\x00", 9000), "no record ", records[9][20:], "{}\n"} {
				c := root.Add(t, dataroot.Spec{Name: fmt.Sprint("c", i), Driver: driver})
				c.Append(t, begin)
				if i%2 == 0 {
					c.Append(t, records[:3]...)
					want = append(want, lines[:3]...)
				}
			}
			l := into(t, root, loki)
			got := func() []string { lines := loki.Lines(); slices.Sort(lines); return lines }
			slices.Sort(want)
			wait.For(t, 20*time.Second, "the lines that are there", func() bool { return slices.Equal(got(), want) })
			again(t, l, root, loki)
			for i := range 7 {
				c := root.Add(t, dataroot.Spec{Name: fmt.Sprint("c", i), Driver: driver})
				c.Append(t, records[3:6]...)
				want = append(want, lines[3:6]...)
			}
			slices.Sort(want)
			wait.For(t, 20*time.Second, "the lines that have come since", func() bool { return slices.Equal(got(), want) })
		})
	}
}

// TestD12CROnly: a line that never ends is sent when it is too long, whatever becomes of it,
// and once over a kill; before that it is a lag, and named.
func TestD12CROnly(t *testing.T) {
	t.Parallel()
	root, loki := dataroot.New(t), fakeloki.Start(t, nil)
	c := root.Add(t, dataroot.Spec{Name: "bar"})
	part := func(at time.Time, i int) string {
		record := dataroot.JSON(at, strings.Repeat(fmt.Sprintf("\rpart %08d ", i), 1171)[:16<<10])
		return strings.Replace(record, "\\n\"", "\"", 1)
	}
	c.Append(t, part(noon, 0), part(noon, 1))
	l := into(t, root, loki, "--max-line-bytes", "64KiB")
	l.AwaitReady(t, 20*time.Second)
	wait.For(t, 40*time.Second, "the lag of a line that is held", func() bool {
		return strings.Contains(l.Stderr(), "the end of the log is held back") && l.Metrics(t).Sum("lighterman_container_lag_bytes") >= 32<<10
	})
	for i := 2; i < 6; i++ {
		c.Append(t, part(noon, i))
	}
	wait.For(t, 10*time.Second, "the line", func() bool { return len(loki.Lines()) > 0 })
	line := loki.Lines()[0]
	if len(line) > 64<<10 || !strings.HasSuffix(line, "… [cut by lighterman: the line had more than 65536 bytes]") {
		t.Errorf("%d bytes, %q", len(line), line[max(0, len(line)-100):])
	}
	for i := range 4 {
		c.Append(t, part(noon, 10+2*i), part(noon, 11+2*i))
		wait.For(t, 20*time.Second, "bytes left out", func() bool { return l.Metrics(t).Sum("lighterman_cut_bytes_total") > 0 })
		l = again(t, l, root, loki, "--max-line-bytes", "64KiB")
	}
	c.Append(t, dataroot.JSON(noon, "the end"), dataroot.JSON(noon.Add(time.Minute), "next"))
	awaitLines(t, loki, line, "next")
}

// TestD13Hole: a hole of 30 GB keeps no other log of the lane waiting.
func TestD13Hole(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"json-file", "local"} {
		t.Run(driver, func(t *testing.T) {
			of := dataroot.JSON
			if driver == "local" {
				of = dataroot.Frame
			}
			const hole = 30 << 30
			root, loki := dataroot.In(t, sparse.Dir(t, hole)), fakeloki.Start(t, nil)
			records, lines := numbered(of, 0, 2)
			hollow := root.Add(t, dataroot.Spec{Name: "hollow", Driver: driver})
			if err := os.Truncate(hollow.Log, hole); err != nil {
				t.Fatal(err)
			}
			hollow.Append(t, records...)
			const others = 16 // some in each lane
			for i := range others {
				other := root.Add(t, dataroot.Spec{Name: fmt.Sprint("other", i)})
				other.Append(t, dataroot.JSON(noon, fmt.Sprint("of ", i)))
			}
			start := time.Now()
			into(t, root, loki)
			wait.For(t, 20*time.Second, "all lines", func() bool { return len(loki.Lines()) >= others+len(lines) })
			t.Logf("after %v", time.Since(start))
			if got := loki.Lines(); time.Since(start) > 10*time.Second || len(got) != others+len(lines) {
				t.Errorf("%q after %v", got, time.Since(start))
			}
		})
	}
}
