package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/lighterman/lighterman/internal/sift"
)

// watched are the events after which a container has to be inspected again.
// Others, above all those of health checks, would only cost.
var watched = []string{"create", "start", "die", "destroy", "rename", "restart", "update"}

// Events subscribes to what happens to containers and calls changed with the ID
// of each container that an event is about. It calls subscribed once when
// nothing that happens from then on is missed. It blocks until ctx is done or
// the stream ends, and always returns an error. changed must not block: the
// engine drops events of a subscriber that is slow.
func (c *Client) Events(ctx context.Context, subscribed func(), changed func(id string)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := c.Check(ctx); err != nil {
		return eventsError(err)
	}
	filters, err := json.Marshal(map[string][]string{"type": {"container"}, "event": watched})
	if err != nil {
		return eventsError(err)
	}
	// Some engines answer just before they subscribe; the replay covers that gap.
	since := time.Now().Add(-replay)
	where, err := c.path(ctx, "events")
	if err != nil {
		return eventsError(err)
	}
	answer, err := c.requests.get(ctx, where, url.Values{"filters": {string(filters)}, "since": {nanoTime(since.UnixNano())}})
	if err != nil {
		return eventsError(err)
	}
	defer func() { _ = answer.Body.Close() }()
	subscribed()
	d := sift.New(answer.Body, c.requests.limit)
	for {
		d.Allow(c.requests.limit) // for each
		id, err := event(d)
		if err != nil {
			return eventsError(err)
		}
		if c.isID(id) {
			changed(id)
		}
	}
}

// event reads an event and returns the ID of its container. An event has all labels of it.
func event(d *sift.Decoder) (id string, err error) {
	err = d.Object(func(key string) error {
		if key != "Actor" {
			return d.Skip()
		}
		return d.Object(func(key string) (err error) {
			if key != "ID" {
				return d.Skip()
			}
			id, _, err = d.String(idLength + 1)
			return err
		})
	})
	return id, err
}

// replay is how far back events are asked for at a subscription.
const replay = 5 * time.Second

func eventsError(err error) error {
	switch {
	case errors.Is(err, sift.ErrTorn):
		err = io.ErrUnexpectedEOF
	case errors.Is(err, sift.ErrTooLarge):
		err = fmt.Errorf("one is larger than %d MiB", maxAnswer>>20)
	}
	return fmt.Errorf("cannot follow the engine's events: %w", err)
}
