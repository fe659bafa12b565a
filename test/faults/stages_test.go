package faults

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/fakeloki"
)

// TestOpenEntry: an entry that waits for more lines for longer than anything else may be held
// back is sent when it has waited, though nothing more is written, and nobody is warned of it.
func TestOpenEntry(t *testing.T) {
	t.Parallel()
	root, loki := dataroot.New(t), fakeloki.Start(t, nil)
	file := filepath.Join(t.TempDir(), "lm.yaml")
	if err := os.WriteFile(file, []byte("stages:\n  - multiline: {firstline: '^\\S', max_wait_time: 11s}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := root.Add(t, dataroot.Spec{Name: "web"})
	l := into(t, root, loki, "--config", file)
	l.AwaitReady(t, 20*time.Second)
	now := time.Now()
	c.Append(t, dataroot.JSON(now, "boom"), dataroot.JSON(now.Add(time.Millisecond), "\tat work"))
	awaitLines(t, loki, "boom\n\tat work")
	if waited := time.Since(now); waited < 11*time.Second {
		t.Errorf("it was sent after %v", waited)
	}
	c.Append(t, dataroot.JSON(time.Now(), "next"), dataroot.JSON(time.Now(), "last"))
	awaitLines(t, loki, "boom\n\tat work", "next")
	if text := l.Stderr(); strings.Contains(text, "held back") {
		t.Error(text)
	}
}
