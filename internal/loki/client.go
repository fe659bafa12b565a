package loki

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/redact"
)

// Config says where and how to push.
type Config struct {
	// URL is Loki's address. Without a path, that of the push API is added.
	URL *url.URL
	// Tenant is the value of X-Scope-OrgID for entries that name none; none when empty.
	Tenant string
	// OneTenant has Tenant be that of all entries, whatever they name.
	OneTenant bool
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
	// Receiver is what is pushed to where that is no Loki; see Post.
	Receiver Receiver
	// Log is told of files that cannot be read any more; it may be nil.
	Log *slog.Logger
	// Secrets learns the secrets above and what their files hold, and hides them in
	// answers and errors; it may be nil.
	Secrets *redact.Scrubber
}

// PushPath is the path of Loki's push API.
const PushPath = "/loki/api/v1/push"

// Client pushes batches to one Loki over one pool of connections. It may be
// used by several goroutines.
type Client struct {
	config  Config
	url     string
	buffers sync.Pool
	// bare are the tenants of which Loki does not take structured metadata.
	bare tenants
	// proven tells that entries were accepted, and asked is when it was last found to be
	// Loki that answers, in Unix nanoseconds.
	proven atomic.Bool
	asked  atomic.Int64

	// transport has the connections. There is another when the authorities have changed.
	transport         atomic.Pointer[http.Transport]
	authorities       *renewed[x509.CertPool]
	password, token   *renewed[string]
	clientCertificate *renewed[tls.Certificate]
}

// New makes a client. It reads the TLS files, but does not connect.
func New(config Config) (*Client, error) {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Secrets == nil {
		config.Secrets = &redact.Scrubber{}
	}
	config.Secrets.Add(config.Username, config.Password)
	config.Secrets.Add("", config.BearerToken)
	config.Secrets.AddURL(config.URL)
	config.Secrets.AddURL(config.Proxy)
	c := &Client{
		config:      config,
		authorities: ofFile(config.TLS.CAFile, config.Log, poolOf(config.TLS.CAFile)),
		password:    ofFile(config.PasswordFile, config.Log, textOf), token: ofFile(config.BearerTokenFile, config.Log, textOf),
		clientCertificate: certificateOf(config.TLS, config.Log),
	}
	if c.config.Receiver == (Receiver{}) {
		c.config.Receiver = Receiver{Name: "Loki", Setting: "loki-url", Path: PushPath}
	}
	target := *config.URL
	if target.Path == "" || target.Path == "/" {
		target.Path = c.config.Receiver.Path
	}
	c.url = target.String()
	t, err := c.tlsConfig()
	if err != nil {
		return nil, err
	}
	c.transport.Store(c.newTransport(t))
	return c, nil
}

// renew takes up other authorities: a connection that is made from now on is checked
// against them, and those there are were checked against others.
func (c *Client) renew() {
	if c.authorities == nil {
		return
	}
	before := c.transport.Load()
	if pool, err := c.authorities.get(); err != nil || pool == before.TLSClientConfig.RootCAs {
		return // what is wrong has been told, and it is tried again
	}
	t, err := c.tlsConfig()
	if err != nil {
		return
	}
	if c.transport.CompareAndSwap(before, c.newTransport(t)) {
		before.CloseIdleConnections()
		c.config.Log.Info("the certificate authorities were read again", "tls-ca-file", c.config.TLS.CAFile)
	}
}

func (c *Client) newTransport(t *tls.Config) *http.Transport {
	timeout := c.config.Timeout
	out := &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: t,
		// A host that is not there must not be taken for one that is slow.
		DialContext:         (&net.Dialer{Timeout: timeout / 2}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
		// A connection of HTTP/2 is not closed when a request over it is given up, and one
		// that is dead would be used until the kernel gives it up, a quarter of an hour.
		HTTP2: &http.HTTP2Config{
			SendPingTimeout: timeout / 2, PingTimeout: timeout / 2, WriteByteTimeout: timeout,
		},
		// As many as there may be pushes under way.
		MaxIdleConnsPerHost: 32,
		IdleConnTimeout:     idleConnection,
		// The batches of most hosts, which then need one system call each.
		WriteBufferSize: 32 << 10,
		// The answers are short: nothing is gained by gzip.
		DisableCompression: true,
	}
	if c.config.Proxy != nil {
		out.Proxy = http.ProxyURL(c.config.Proxy)
	}
	return out
}

// idleConnection is how long a connection is kept that nothing is sent over. Each has
// two goroutines and its buffers; making one again costs a host that logs so little
// next to nothing.
const idleConnection = 20 * time.Second

// Close closes idle connections.
func (c *Client) Close() { c.transport.Load().CloseIdleConnections() }

// Push sends a batch once.
func (c *Client) Push(ctx context.Context, b *logs.Batch) logs.Outcome {
	out := c.push(ctx, b)
	for i := range out.Rejects {
		r := &out.Rejects[i]
		r.Message = Brief(c.config.Secrets.Scrub(r.Message))
	}
	return out
}

func (c *Client) push(ctx context.Context, b *logs.Batch) logs.Outcome {
	a, bare, failed := c.exchange(ctx, b)
	if a == nil {
		return failed
	}
	out, known := classify(a, b)
	switch {
	case b.Entries == 0:
	case out.Kind == logs.Refused && !bare && c.wantsBare(a):
		return c.withoutMetadata(ctx, b, out)
	case out.Kind == logs.Accepted, out.Kind == logs.Refused && out.Exact && known && total(out.Rejects) < b.Entries:
		c.proven.Store(true)
	case out.Kind == logs.Refused && !known, out.Kind == logs.TooLarge && b.Entries == 1:
		return c.doubt(ctx, a, out)
	}
	return out
}

func total(rejects []logs.Reject) (entries int) {
	for _, r := range rejects {
		entries += r.Count
	}
	return entries
}

// exchange sends a batch and returns what is answered; or nil, and what it means that
// nothing was. bare tells that it was sent without structured metadata.
func (c *Client) exchange(ctx context.Context, b *logs.Batch) (a *reply, bare bool, failed logs.Outcome) {
	c.renew()
	tenant := c.tenantOf(b)
	buf := c.encode(b, tenant)
	defer buf.release()
	answer, failed := c.post(ctx, tenant, &content{size: len(buf.packed), open: buf.open, kind: "application/x-protobuf"})
	if answer == nil {
		return nil, false, failed
	}
	return &reply{
		status: answer.Status, header: answer.Header,
		text: strings.TrimSpace(string(answer.Body)), cut: len(answer.Body) == maxAnswer, secrets: c.config.Secrets,
	}, buf.encoder.bare, logs.Outcome{}
}

// forsake closes the connections that are idle after one has brought no answer in time:
// they may be as dead, and each would cost another timeout. The host's name is then
// looked up again.
func (c *Client) forsake() { c.transport.Load().CloseIdleConnections() }

// doubt says what a refusal means that is not in Loki's words. Any server has a 400 for
// what it does not know; where nothing was ever accepted, it is not Loki that answers, or
// not where pushes go to. Later it may still be another: Loki knows a push of nothing.
func (c *Client) doubt(ctx context.Context, a *reply, out logs.Outcome) logs.Outcome {
	switch {
	case !c.proven.Load():
		wrong := a.misconfigured(out.Err)
		wrong.Unproven = true
		return wrong
	case out.Kind == logs.TooLarge, c.answersAsLoki(ctx):
		return out
	}
	return a.misconfigured(out.Err)
}

// answersAsLoki asks whether it is still Loki that answers. What was found holds for a
// while, as a refusal may be searched for with many requests.
func (c *Client) answersAsLoki(ctx context.Context) bool {
	const holds = 5 * time.Second
	now := time.Now().UnixNano()
	if now-c.asked.Load() < int64(holds) {
		return true
	}
	a, _, _ := c.exchange(ctx, &logs.Batch{})
	if a == nil {
		return false
	}
	out, known := classify(a, &logs.Batch{})
	if out.Kind != logs.Accepted && !known {
		return false
	}
	c.asked.Store(now)
	return true
}

// wantsBare tells that an answer says that structured metadata is not taken at all.
func (c *Client) wantsBare(a *reply) bool {
	said, _ := verdicts(a.text)
	return slices.ContainsFunc(said, func(v verdict) bool { return v.reason == reasonNoMetadata })
}

// withoutMetadata finds out whether Loki takes no structured metadata, which every line of
// ours has. It then takes none of them: nothing is worth losing all lines for that. As it
// concerns all containers, it is believed only of a request that has nothing of any of
// them in it.
func (c *Client) withoutMetadata(ctx context.Context, b *logs.Batch, out logs.Outcome) logs.Outcome {
	a, _, failed := c.exchange(ctx, ownBatch(b))
	if a == nil {
		return failed
	}
	own, _ := classify(a, ownBatch(b))
	switch {
	case own.Kind == logs.Refused && c.wantsBare(a):
		c.bare.add(c.tenantOf(b))
		return logs.Outcome{Kind: logs.Retry, Err: fmt.Errorf("%w (so container_id is left out until the next start; allow_structured_metadata keeps it)", out.Err)}
	case own.Kind == logs.Accepted:
		out.Exact, out.Rejects = false, nil
		return out
	}
	return logs.Outcome{Kind: logs.Retry, Err: out.Err}
}

// ownBatch is a request with the labels' names of another, which an operator may require,
// and nothing else of it.
func ownBatch(b *logs.Batch) *logs.Batch {
	const own = "lighterman"
	pairs := make(map[string]string)
	for _, p := range b.Groups[0].Labels.Pairs {
		pairs[p.Name] = own
	}
	labels := logs.NewLabels(pairs, map[string]string{"container_id": own})
	labels.Whole = b.Groups[0].Labels.Whole
	out := &logs.Batch{}
	out.Add(labels, logs.Entry{
		Time: time.Now().UnixNano(), Line: []byte("lighterman asks whether structured metadata is taken"),
		Extra: &logs.Extra{Tenant: b.Groups[0].Tenant},
	})
	return out
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

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
		errors.As(err, &untrusted) || errors.As(err, &alert) && alert.Op == "remote error" || errors.As(err, &plain) || strings.Contains(err.Error(), tlsAlert)
}

// Probe asks whether pushes would be taken, by pushing nothing: Loki answers
// that it wants at least one stream, after it has checked who asks.
func (c *Client) Probe(ctx context.Context) logs.Outcome {
	none := &logs.Batch{}
	a, _, failed := c.exchange(ctx, none)
	if a == nil {
		return failed
	}
	out, _ := classify(a, none)
	switch {
	case out.Kind != logs.Refused:
		return out
	case strings.Contains(a.text, NoStreams):
		return logs.Outcome{Kind: logs.Accepted}
	default:
		return logs.Outcome{Kind: logs.Retry, Misconfigured: true, Err: fmt.Errorf("%w (that is not Loki's own answer: check loki-url and its path, and what is between)", out.Err)}
	}
}
