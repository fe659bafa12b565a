package docker

import (
	"context"
	"io"
	"net/url"
	"strconv"
)

// Once opens the log of a container as it is, and ends with it. since is in Unix
// nanoseconds, inclusive; 0 for all there is. records is how many of the last ones come; 0
// for all. The caller closes the body. The error is that of Logs.
func (c *Client) Once(ctx context.Context, id string, since int64, records int) (io.ReadCloser, error) {
	query := url.Values{}
	if since > 0 {
		query.Set("since", nanoTime(since))
	}
	if records > 0 {
		query.Set("tail", strconv.Itoa(records))
	}
	return c.open(ctx, id, query)
}
