package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
)

// tailPatience is how long the engine may take to find the end of a log.
const tailPatience = 3 * time.Second

// Last opens the last record of a container's log. The caller closes the body, which the
// engine may never begin; see Newest.
func (c *Client) Last(ctx context.Context, id string) (io.ReadCloser, error) {
	return c.open(ctx, id, url.Values{"tail": {"1"}})
}

// Newest returns the timestamp in Unix nanoseconds of the last record of a
// container's log, 0 if that is before since. The engine looks at the end of the
// log only, and not into compressed files from before since. Where it cannot find the
// end (the newest engine hangs where a log was truncated from outside) it has to look from
// the beginning, and a record is returned that need not be the last.
func (c *Client) Newest(ctx context.Context, id string, tty bool, since int64) (int64, error) {
	brief, cancel := context.WithTimeout(ctx, tailPatience)
	defer cancel()
	at, err := c.recordSince(brief, id, tty, since, "1")
	if err != nil && ctx.Err() == nil {
		return c.recordSince(ctx, id, tty, since, "all")
	}
	return at, err
}

// recordSince returns the timestamp of the first record since a time, among the last
// ones that tail tells; 0 for none.
func (c *Client) recordSince(ctx context.Context, id string, tty bool, since int64, tail string) (int64, error) {
	body, err := c.open(ctx, id, url.Values{"tail": {tail}, "since": {nanoTime(since)}})
	if err != nil {
		return 0, err
	}
	defer func() { _ = body.Close() }()
	head, err := io.ReadAll(io.LimitReader(body, 100))
	if err != nil {
		return 0, fmt.Errorf("cannot ask for the end of the log: %w", err)
	}
	return firstTime(head, tty)
}

// firstTime returns the timestamp that a body begins with; 0 for none.
func firstTime(head []byte, tty bool) (int64, error) {
	const header = 8 // of a frame
	if !tty {
		head = head[min(header, len(head)):]
	}
	if len(head) == 0 {
		return 0, nil
	}
	text, _, ok := strings.Cut(string(head), " ")
	at, err := time.Parse(time.RFC3339Nano, text)
	if !ok || err != nil {
		return 0, errors.New("cannot ask for the end of the log: there is no timestamp")
	}
	return at.UnixNano(), nil
}
