package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/moby/moby/client"
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
	filters := make(client.Filters).Add("type", "container").Add("event", watched...)
	// Some engines answer just before they subscribe; the replay covers that gap.
	since := time.Now().Add(-replay)
	events := c.api.Events(ctx, client.EventsListOptions{
		Filters: filters, Since: fmt.Sprintf("%d.%09d", since.Unix(), since.Nanosecond()),
	})
	select {
	case err := <-events.Err: // the request failed: there is no stream
		return eventsError(err)
	default:
		subscribed()
	}
	for {
		select {
		case event := <-events.Messages:
			changed(event.Actor.ID)
		case err := <-events.Err:
			return eventsError(err)
		}
	}
}

// replay is how far back events are asked for at a subscription.
const replay = 5 * time.Second

func eventsError(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("cannot follow the engine's events: %w", err)
}
