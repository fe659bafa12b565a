package agent

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/status"
	"github.com/lighterman/lighterman/internal/viewer"
)

// Agent is lighterman on one host, as its configuration has it.
type Agent struct {
	Config *config.Config
	Log    *slog.Logger
	// Stdout is where lines go if there is no Loki.
	Stdout  io.Writer
	Version string
	// Messages are the last ones of Log; nil where they are not kept.
	Messages *status.Messages
	// Reload says how the configuration may change while lighterman runs.
	Reload Reload
	// view is what is shown, and how, where that is not what run shows.
	view *viewer.View
}

// Reload is how the configuration may change while lighterman runs. The zero value is for one
// that does not.
type Reload struct {
	// Load loads the configuration again; nil where it cannot be.
	Load func() (*config.Config, error)
	// Hangups receives a signal when that is asked for.
	Hangups <-chan os.Signal
	// Level is the level of Log; it may be nil.
	Level *slog.LevelVar
}

// Tail shows the lines of containers until ctx is done, or their reader is gone, or all that
// there is was shown. It is Run without all that would be in the way of a service on the
// same host, or would outlast it: no address, no lock, no positions, no links.
func (a Agent) Tail(ctx context.Context, v viewer.View) error {
	a.Config, a.view = viewer.ToShow(a.Config, v), &v
	return a.Run(ctx)
}
