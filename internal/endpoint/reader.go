package endpoint

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/diff"
	"github.com/lighterman/lighterman/internal/lokiquery"
)

// queryTimeout bounds one query. A Loki has more to do for it than for a push.
const queryTimeout = time.Minute

// NewReader reads from a Loki of a configuration, at most so many times in a second.
func NewReader(from config.Loki, cfg *config.Config, version string, log *slog.Logger, perSecond float64) (*lokiquery.Client, error) {
	from.PushTimeout = max(from.PushTimeout, queryTimeout)
	return lokiquery.New(lokiOf(from, version, cfg.Secrets, log), perSecond)
}

// Sides has the two sides of a comparison be read. The function that is returned closes them.
func Sides(d *diff.Diff, from [2]config.Loki, cfg *config.Config, version string, log *slog.Logger, perSecond float64) (func(), error) {
	var clients []*lokiquery.Client
	closeAll := func() {
		for _, c := range clients {
			c.Close()
		}
	}
	for side, to := range from {
		c, err := NewReader(to, cfg, version, log, perSecond)
		if err != nil {
			closeAll()
			return nil, fmt.Errorf("%s: %w", diff.Side(side), err)
		}
		clients = append(clients, c)
		d.Sources[side] = c
	}
	return closeAll, nil
}
