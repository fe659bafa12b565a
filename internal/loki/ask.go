package loki

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Ask asks Loki's API for what is at a path, such as /loki/api/v1/series, with the tenant,
// credentials and certificates of pushes. again reports whether an error may be gone when it
// is asked once more. The caller closes the body.
func (c *Client) Ask(ctx context.Context, path string, values url.Values) (response *http.Response, again bool, err error) {
	c.renew()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.address(path, values), nil)
	if err != nil {
		return nil, false, fmt.Errorf("cannot make a query: %w", err)
	}
	request.Header.Set("User-Agent", c.config.UserAgent)
	// Loki keeps apart then what are labels and what is structured metadata.
	request.Header.Set("X-Loki-Response-Encoding-Flags", "categorize-labels")
	if c.config.Tenant != "" {
		request.Header.Set("X-Scope-OrgID", c.config.Tenant)
	}
	if err := c.authorize(request); err != nil {
		return nil, false, c.config.Secrets.Error(err)
	}
	client := http.Client{
		Transport: c.transport.Load(), Timeout: c.config.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if response, err = client.Do(request); err != nil {
		return nil, !mendable(err), c.config.Secrets.Error(fmt.Errorf("cannot query Loki: %w", c.cured(err)))
	}
	return response, false, nil
}

// address is that of a path of the API where pushes go to another.
func (c *Client) address(path string, values url.Values) string {
	out := *c.config.URL
	prefix := strings.TrimSuffix(out.Path, "/")
	for _, own := range []string{PushPath, path} {
		prefix = strings.TrimSuffix(prefix, own)
	}
	out.Path, out.RawPath = prefix+path, ""
	given := out.Query()
	for name, texts := range values {
		given[name] = texts
	}
	out.RawQuery = given.Encode()
	return out.String()
}
