package faults

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/repo"
	"github.com/lighterman/lighterman/test/wait"
)

func TestMain(m *testing.M) {
	code := m.Run()
	lokitest.StopShared()
	engine.StopShared()
	repo.RemoveBuilt()
	os.Exit(code)
}

// noon is when made-up lines were written, recently enough for every default.
var noon = time.Now().Add(-time.Hour).Truncate(time.Second)

// into starts a lighterman that reads a root and sends to a Loki.
func into(t testing.TB, root *dataroot.Root, loki *fakeloki.Loki, more ...string) *carrier.Carrier {
	t.Helper()
	return carrier.Start(t, root.Args(append([]string{"--loki-url", loki.URL}, more...)...)...)
}

// printed returns the lines of the JSON that a lighterman without Loki has printed.
func printed(t testing.TB, c *carrier.Carrier) (lines []string) {
	t.Helper()
	for text := range strings.Lines(c.Stdout()) {
		var entry struct {
			Line string `json:"line"`
		}
		if !strings.HasSuffix(text, "\n") {
			break
		}
		if err := json.Unmarshal([]byte(text), &entry); err != nil {
			t.Fatalf("%v: %q", err, text)
		}
		lines = append(lines, entry.Line)
	}
	return lines
}

// awaitLines waits until a Loki has as many lines as these, and compares: all
// containers together, in the order of coming.
func awaitLines(t testing.TB, loki *fakeloki.Loki, want ...string) {
	t.Helper()
	wait.For(t, 2*time.Minute, "all lines", func() bool { return len(loki.Lines()) >= len(want) })
	if got := loki.Lines(); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
