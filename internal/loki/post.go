package loki

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/lighterman/lighterman/internal/logs"
)

// Receiver is what is pushed to: what it is called in messages, the setting with its address,
// and the path that is added to an address without one.
type Receiver struct{ Name, Setting, Path string }

// Message is a request to a receiver that is no Loki. Its body must not be changed afterwards:
// the transport may read it longer than Post takes.
type Message struct {
	// Type and Encoding are those of the content.
	Type, Encoding string
	Body           []byte
}

// Answer is what a receiver has answered, up to a bound.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Post sends a message once, as pushes are sent: with the same credentials, certificates and
// timeout. It returns nil where nothing was answered, and what that means.
func (c *Client) Post(ctx context.Context, tenant string, m Message) (*Answer, logs.Outcome) {
	c.renew()
	open := func() io.ReadCloser { return io.NopCloser(bytes.NewReader(m.Body)) }
	return c.post(ctx, tenant, &content{size: len(m.Body), open: open, kind: m.Type, encoding: m.Encoding})
}

// TenantOf returns whose a batch is: all of it is of one tenant.
func (c *Client) TenantOf(b *logs.Batch) string { return c.tenantOf(b) }

// content is the body of a request.
type content struct {
	size           int
	open           func() io.ReadCloser
	kind, encoding string
}

func (c *Client) post(ctx context.Context, tenant string, body *content) (*Answer, logs.Outcome) {
	response, err := c.send(ctx, tenant, body)
	if err != nil {
		out := logs.Outcome{Kind: logs.Retry, Err: c.config.Secrets.Error(c.cured(err)), Misconfigured: mendable(err), Unreachable: unreachable(err), TimedOut: timedOut(err)}
		if out.TimedOut {
			c.forsake()
		}
		return nil, out
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil && response.StatusCode/100 != 2 {
		if timedOut(err) {
			c.forsake()
		}
		return nil, logs.Outcome{Kind: logs.Retry, Err: fmt.Errorf("cannot read %s's answer: %w", c.config.Receiver.Name, err), TimedOut: timedOut(err)}
	}
	return &Answer{response.StatusCode, response.Header, text}, logs.Outcome{}
}

func (c *Client) send(ctx context.Context, tenant string, body *content) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot make a push request: %w", err)
	}
	request.ContentLength = int64(body.size)
	// GetBody lets a request be sent again when an idle connection turns out
	// to be closed.
	request.GetBody = func() (io.ReadCloser, error) { return body.open(), nil }
	request.Header.Set("Content-Type", body.kind)
	if body.encoding != "" {
		request.Header.Set("Content-Encoding", body.encoding)
	}
	request.Header.Set("User-Agent", c.config.UserAgent)
	// This is not sent: it tells the transport that sending twice does no harm.
	// A server may close an idle connection in the moment that it is used again.
	request.Header["Idempotency-Key"] = nil
	if tenant != "" {
		request.Header.Set("X-Scope-OrgID", tenant)
	}
	if err := c.authorize(request); err != nil {
		return nil, err
	}
	request.Body = body.open()
	client := http.Client{
		Transport: c.transport.Load(),
		Timeout:   c.config.Timeout,
		// A redirected push would arrive as a GET: say where instead.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("cannot push to %s: %w", c.config.Receiver.Name, err)
	}
	return response, nil
}
