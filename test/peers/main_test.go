package peers

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/lokiproxy"
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

// amount is the figure of a test: the full one with LIGHTERMAN_FULL=1.
func amount(full, otherwise int) int {
	if os.Getenv("LIGHTERMAN_FULL") == "1" {
		return full
	}
	return otherwise
}

// start runs a lighterman until it is ready.
func start(t testing.TB, args ...string) *carrier.Carrier {
	t.Helper()
	c := carrier.Start(t, args...)
	c.AwaitReady(t, 2*time.Minute)
	return c
}

// read is how many lines a lighterman has read to send them.
func read(t testing.TB, c *carrier.Carrier) int {
	t.Helper()
	return int(c.Metrics(t).Sum("lighterman_lines_total"))
}

// idle waits until a lighterman has nothing left to deliver, three times in a
// row and a while apart.
func idle(t testing.TB, c *carrier.Carrier) {
	t.Helper()
	quiet, last := 0, -1
	wait.For(t, 2*time.Minute, "lighterman to have nothing to do", func() bool {
		m := c.Metrics(t)
		lines := int(m.Sum("lighterman_lines_total"))
		if m.Sum("lighterman_buffered_bytes") != 0 || lines != last {
			quiet, last = 0, lines
			return false
		}
		quiet++
		return quiet > 10
	})
}

// jsonLine is a record as the json-file driver writes it; the text needs no
// escaping.
func jsonLine(at time.Time, text string) string {
	return fmt.Sprintf(`{"log":"%s\n","stream":"stdout","time":"%s"}`+"\n", text, at.UTC().Format(time.RFC3339Nano))
}

// appendTo writes to the end of a file, as Docker does.
func appendTo(t testing.TB, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// replace gives a file another content.
func replace(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
}

// glob lists the files whose paths match.
func glob(t testing.TB, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// slowLoki is a Loki that takes half a second for every push.
func slowLoki(t testing.TB) (*engine.Engine, *lokitest.Loki, *lokiproxy.Proxy) {
	t.Helper()
	loki := lokitest.Shared(t)
	proxy := lokiproxy.New(t, loki.URL)
	proxy.Slow(500 * time.Millisecond)
	return engine.Default(t), loki, proxy
}

// tailOf returns the last line that Docker has of a container.
func tailOf(t testing.TB, c *engine.Container) string {
	t.Helper()
	records := c.Logs(t)
	if len(records) == 0 {
		return ""
	}
	return records[len(records)-1].Line
}
