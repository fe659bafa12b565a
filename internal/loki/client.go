package loki

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// Config says where and how to push.
type Config struct {
	// URL is Loki's address. Without a path, that of the push API is added.
	URL *url.URL
	// Tenant is the value of X-Scope-OrgID; none when empty.
	Tenant string
	// Username and Password are for basic authentication. A PasswordFile is
	// read again for every push, so that its content may change.
	Username, Password, PasswordFile string
	// BearerToken is sent as such; a BearerTokenFile is read for every push.
	BearerToken, BearerTokenFile string
	TLS                          TLS
	// Proxy is used for all requests; without it HTTP_PROXY, HTTPS_PROXY and
	// NO_PROXY are followed.
	Proxy *url.URL
	// Timeout bounds one push.
	Timeout time.Duration
	// UserAgent is sent with every request.
	UserAgent string
}

// PushPath is the path of Loki's push API.
const PushPath = "/loki/api/v1/push"

// Client pushes batches to one Loki over one pool of connections. It may be
// used by several goroutines.
type Client struct {
	config  Config
	url     string
	http    *http.Client
	buffers sync.Pool
	// bare tells that Loki does not take structured metadata.
	bare atomic.Bool
}

// New makes a client. It reads the TLS files, but does not connect.
func New(config Config) (*Client, error) {
	transport, err := transport(config)
	if err != nil {
		return nil, err
	}
	target := *config.URL
	if target.Path == "" || target.Path == "/" {
		target.Path = PushPath
	}
	return &Client{
		config: config,
		url:    target.String(),
		http: &http.Client{
			Transport: transport,
			Timeout:   config.Timeout,
			// A redirected push would arrive as a GET: say where instead.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func transport(config Config) (*http.Transport, error) {
	t, err := tlsConfig(config.TLS)
	if err != nil {
		return nil, err
	}
	out := &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: t,
		// A host that is not there must not be taken for one that is slow.
		DialContext:         (&net.Dialer{Timeout: config.Timeout / 2}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
		// As many as there may be pushes under way.
		MaxIdleConnsPerHost: 32,
		IdleConnTimeout:     idleConnection,
		// The batches of most hosts, which then need one system call each.
		WriteBufferSize: 32 << 10,
		// The answers are short: nothing is gained by gzip.
		DisableCompression: true,
	}
	if config.Proxy != nil {
		out.Proxy = http.ProxyURL(config.Proxy)
	}
	return out, nil
}

// idleConnection is how long a connection is kept that nothing is sent over. Each has
// two goroutines and its buffers; making one again costs a host that logs so little
// next to nothing.
const idleConnection = 20 * time.Second

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Push sends a batch once.
func (c *Client) Push(ctx context.Context, b *logs.Batch) logs.Outcome {
	buf := c.encode(b)
	defer buf.release()
	response, err := c.send(ctx, buf)
	if err != nil {
		return logs.Outcome{Kind: logs.Retry, Err: err, Misconfigured: mendable(err), Unreachable: unreachable(err), TimedOut: timedOut(err)}
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil && response.StatusCode/100 != 2 {
		return logs.Outcome{Kind: logs.Retry, Err: fmt.Errorf("cannot read Loki's answer: %w", err), TimedOut: timedOut(err)}
	}
	out := classify(response, strings.TrimSpace(string(text)), b)
	if !buf.encoder.bare && out.Kind == logs.Refused && strings.Contains(string(text), noMetadata) {
		c.bare.Store(true)
		return logs.Outcome{Kind: logs.Retry, Err: fmt.Errorf("%w (so container_id is left out until the next start; allow_structured_metadata keeps it)", out.Err)}
	}
	if len(text) == maxAnswer {
		// What is missing may tell of more entries.
		out.Exact, out.Rejects = false, nil
	}
	return out
}

// noMetadata is in Loki's answer when it is configured to take no structured metadata,
// which every line of ours has. It then takes none of them: nothing is worth losing all
// lines for that.
const noMetadata = "structured metadata, but this feature is disallowed"

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

func (c *Client) send(ctx context.Context, buf *buffer) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot make a push request: %w", err)
	}
	request.ContentLength = int64(len(buf.packed))
	// GetBody lets a request be sent again when an idle connection turns out
	// to be closed.
	request.GetBody = func() (io.ReadCloser, error) { return buf.open(), nil }
	request.Header.Set("Content-Type", "application/x-protobuf")
	request.Header.Set("User-Agent", c.config.UserAgent)
	// This is not sent: it tells the transport that sending twice does no harm.
	// A server may close an idle connection in the moment that it is used again.
	request.Header["Idempotency-Key"] = nil
	if c.config.Tenant != "" {
		request.Header.Set("X-Scope-OrgID", c.config.Tenant)
	}
	if err := c.authorize(request); err != nil {
		return nil, err
	}
	request.Body = buf.open()
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("cannot push to Loki: %w", err)
	}
	return response, nil
}

var errSecret = errors.New("cannot read a secret")

// unreachable tells that no connection was made.
func unreachable(err error) bool {
	var network *net.OpError
	return errors.As(err, &network) && network.Op == "dial"
}

// timedOut tells that a connection was made, and that there was no answer in time.
func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout() && !unreachable(err)
}

// mendable tells that a request failed for a reason that somebody has to mend:
// a secret that cannot be read, or two sides that do not agree on TLS.
func mendable(err error) bool {
	var untrusted *tls.CertificateVerificationError
	var alert *net.OpError // that is how crypto/tls hands out what the other side says
	var plain tls.RecordHeaderError
	return errors.Is(err, errSecret) || errors.Is(err, errCertificate) || errors.Is(err, http.ErrSchemeMismatch) ||
		errors.As(err, &untrusted) || errors.As(err, &alert) && alert.Op == "remote error" || errors.As(err, &plain)
}

func (c *Client) authorize(request *http.Request) error {
	password, err := secret(c.config.Password, c.config.PasswordFile)
	if err != nil {
		return err
	}
	token, err := secret(c.config.BearerToken, c.config.BearerTokenFile)
	if err != nil {
		return err
	}
	switch {
	case token != "":
		request.Header.Set("Authorization", "Bearer "+token)
	case c.config.Username != "" || password != "":
		request.SetBasicAuth(c.config.Username, password)
	}
	return nil
}

func secret(value, file string) (string, error) {
	if file == "" {
		return value, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errSecret, err)
	}
	return strings.TrimSpace(string(content)), nil
}

// Probe asks whether pushes would be taken, by pushing nothing: Loki answers
// that it wants at least one stream, after it has checked who asks.
func (c *Client) Probe(ctx context.Context) logs.Outcome {
	out := c.Push(ctx, &logs.Batch{})
	switch {
	case out.Kind != logs.Refused:
		return out
	case strings.Contains(out.Err.Error(), noStreams):
		return logs.Outcome{Kind: logs.Accepted}
	default:
		return logs.Outcome{Kind: logs.Retry, Misconfigured: true, Err: out.Err}
	}
}

// noStreams is what Loki answers to a push of nothing.
const noStreams = "at least one valid stream is required"
