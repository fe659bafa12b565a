package viewer

import (
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/console"
)

// showEvery is how often lines are shown, and files that are being written polled, where
// somebody looks on: soon enough to seem at once.
const showEvery = 40 * time.Millisecond

// ForStandardOutput makes the settings those of a look at the logs, where nobody has
// set them otherwise: beside a service on the same host, so without its address and
// its state directory, and from now on.
func ForStandardOutput(cfg *config.Config, stdout io.Writer) {
	if cfg.Loki.URL != nil {
		return
	}
	if !cfg.Given("listen") {
		cfg.Listener.Address = ""
	}
	if !cfg.Given("batch-wait") {
		cfg.Batch.Wait = showEvery
	}
	if !cfg.Given("state-dir") {
		// Nothing outlives the process, so neither do links.
		cfg.StateDir, cfg.Hold.Dir = "", ""
		if !cfg.Given("since") {
			cfg.Reading.Since = config.Since{Now: !cfg.Reading.Tail.Set, Beginning: cfg.Reading.Tail.Set}
		}
	}
	if f, ok := stdout.(*os.File); ok && console.IsTerminal(f) && !cfg.Given("log-level") {
		cfg.Log.Level = slog.LevelWarn // the terminal is for the lines
	}
}
