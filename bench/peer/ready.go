package peer

import (
	"context"
	"net/http"
	"time"
)

// looking is how often a collector is asked whether it is ready.
const looking = 100 * time.Millisecond

// AwaitReady waits until the collector says that it is ready, and returns how long that took
// from its start; 0 when its description does not say how to ask.
func (a *Agent) AwaitReady(ctx context.Context) (time.Duration, error) {
	if a.ready == "" {
		return 0, nil
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no connection of ours among its descriptors
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.ready, nil)
		if err != nil {
			return 0, err
		}
		if response, err := client.Do(request); err == nil { // it may not listen yet
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return time.Since(a.Started), nil
			}
		}
		if err := a.Ended(); err != nil {
			return 0, err
		}
		select {
		case <-time.After(looking):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
