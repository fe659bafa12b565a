package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// TestHostFilesAtRest: files that nobody writes to are not open, and no goroutine is there for
// one; links, files that only their owner may read and containers' logs are not read.
func TestHostFilesAtRest(t *testing.T) {
	t.Parallel()
	loki := lokitest.Shared(t)
	dir := t.TempDir()
	logs := filepath.Join(dir, "log")
	mark := fmt.Sprintf("hostrest%d", time.Now().UnixNano())
	old := time.Now().Add(-time.Hour)
	write := func(name, text string, mode os.FileMode) {
		path := filepath.Join(logs, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	id := strings.Repeat("0123456789abcdef", 4)
	write("secret", "a key\n", 0o600)
	write("containers/"+id+"/"+id+"-json.log", "{}\n", 0o640)
	if err := os.Symlink("/etc/passwd", filepath.Join(logs, "link.log")); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "lighterman.yaml")
	text := fmt.Sprintf("docker-host: unix://%s/none.sock\nfiles:\n  - paths: ['%s/**']\n    exclude: ['%s/**/*~']\n    labels: {job: %s}\n", dir, logs, logs, mark)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := carrier.Start(t, "--config", config, "--loki-url", loki.URL)
	selector := fmt.Sprintf("{job=%q}", mark)
	open := func() (n int) {
		for _, fd := range c.FDs(t) {
			if strings.Contains(fd, logs) {
				n++
			}
		}
		return n
	}
	goroutines := make([]float64, 2)
	for round := range goroutines {
		const files = 40
		for n := range files {
			write(fmt.Sprintf("round%d/%d.log", round, n), fmt.Sprintf("line %d\n", n), 0o644)
		}
		loki.Await(t, selector, files*(round+1), time.Minute)
		wait.For(t, time.Minute, "files are closed", func() bool { return open() == 0 })
		goroutines[round] = c.Metrics(t).Sum("go_goroutines")
	}
	if more := goroutines[1] - goroutines[0]; goroutines[0] == 0 || more > 10 {
		t.Errorf("%v goroutines with 40 files more", goroutines)
	}
	// An editor replaces a file while it is open, and one at rest.
	all := 80
	old = time.Now()
	write("edited.log", "line of old\n", 0o644)
	loki.Await(t, selector, all+1, time.Minute)
	for _, name := range []string{"edited.log", "round0/7.log"} {
		path := filepath.Join(logs, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+"~", append(text, "line of an editor\n"...), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+"~", path); err != nil {
			t.Fatal(err)
		}
	}
	loki.Await(t, selector, all+3, time.Minute)
	for _, e := range loki.All(t, selector) {
		if !strings.HasPrefix(e.Line, "line ") || e.Labels["filename"] == "" || e.Labels["host"] == "" {
			t.Errorf("%q with %v", e.Line, e.Labels)
		}
	}
	_, page, err := c.Get("/status.json")
	if err != nil || !strings.Contains(page, "only its owner may read it") || !strings.Contains(page, "it is the log of a container") {
		t.Errorf("%v: %.2000s", err, page)
	}
}
