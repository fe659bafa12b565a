package loki

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/s2"

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

// TLS says how a server is recognised, and how we are.
type TLS struct {
	CAFile, CertFile, KeyFile, ServerName string
	InsecureSkipVerify                    bool
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
}

// buffer is the memory of one push.
type buffer struct{ plain, packed []byte }

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
		buffers: sync.Pool{New: func() any { return new(buffer) }},
	}, nil
}

func transport(config Config) (*http.Transport, error) {
	t, err := tlsConfig(config.TLS)
	if err != nil {
		return nil, err
	}
	out := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		TLSClientConfig:     t,
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     90 * time.Second,
		// The answers are short: nothing is gained by gzip.
		DisableCompression: true,
	}
	if config.Proxy != nil {
		out.Proxy = http.ProxyURL(config.Proxy)
	}
	return out, nil
}

func tlsConfig(config TLS) (*tls.Config, error) {
	out := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         config.ServerName,
		InsecureSkipVerify: config.InsecureSkipVerify, //nolint:gosec // the operator asked for it by name
	}
	if config.CAFile != "" {
		pem, err := os.ReadFile(config.CAFile)
		if err != nil {
			return nil, fmt.Errorf("cannot read the CA certificates: %w", err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("cannot read the CA certificates: %s holds no PEM certificate", config.CAFile)
		}
	}
	if config.CertFile != "" {
		// Read now to fail early, and again for every handshake, since
		// certificates are renewed in place.
		load := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			cert, err := tls.LoadX509KeyPair(config.CertFile, config.KeyFile)
			if err != nil {
				return nil, fmt.Errorf("cannot read the client certificate: %w", err)
			}
			return &cert, nil
		}
		if _, err := load(nil); err != nil {
			return nil, err
		}
		out.GetClientCertificate = load
	}
	return out, nil
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Push sends a batch once.
func (c *Client) Push(ctx context.Context, b *logs.Batch) logs.Outcome {
	buf, _ := c.buffers.Get().(*buffer)
	defer c.buffers.Put(buf)
	buf.plain = appendRequest(buf.plain[:0], b)
	// The encoder allocates only when the destination is too small.
	if need := s2.MaxEncodedLen(len(buf.plain)); cap(buf.packed) < need {
		buf.packed = make([]byte, need)
	}
	buf.packed = s2.EncodeSnappy(buf.packed[:cap(buf.packed)], buf.plain)
	response, err := c.send(ctx, buf.packed)
	if err != nil {
		return logs.Outcome{Kind: logs.Retry, Err: err, Misconfigured: errors.Is(err, errSecret)}
	}
	defer func() { _ = response.Body.Close() }()
	// The count of refused entries stands at the end of the text.
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil && response.StatusCode/100 != 2 {
		return logs.Outcome{Kind: logs.Retry, Err: fmt.Errorf("cannot read Loki's answer: %w", err)}
	}
	return classify(response, strings.TrimSpace(string(text)), b)
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

func (c *Client) send(ctx context.Context, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("cannot make a push request: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	request.Header.Set("User-Agent", c.config.UserAgent)
	if c.config.Tenant != "" {
		request.Header.Set("X-Scope-OrgID", c.config.Tenant)
	}
	if err := c.authorize(request); err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("cannot push to Loki: %w", err)
	}
	return response, nil
}

var errSecret = errors.New("cannot read a secret")

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
	if out.Kind == logs.Refused {
		return logs.Outcome{Kind: logs.Accepted}
	}
	return out
}
