package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/loki"
	"github.com/lighterman/lighterman/internal/redact"
)

// Path is that of the logs in OTLP over HTTP, which is added to an address without one.
const Path = "/v1/logs"

// receiver is what is pushed to, in messages.
const receiver = "the OTLP receiver"

// Client pushes batches to one receiver. It may be used by several goroutines.
type Client struct {
	to      *loki.Client
	secrets *redact.Scrubber
	buffers sync.Pool
	// proven tells that entries were accepted, and asked is when it was last found to be a
	// receiver of OTLP that answers, in Unix nanoseconds, owns that it did in words of its own.
	proven, owns atomic.Bool
	asked        atomic.Int64
}

// New makes a client. It reads the TLS files, but does not connect.
func New(config loki.Config) (*Client, error) {
	if config.Secrets == nil {
		config.Secrets = &redact.Scrubber{}
	}
	config.Receiver = loki.Receiver{Name: receiver, Setting: "otlp-url", Path: Path}
	to, err := loki.New(config)
	if err != nil {
		return nil, err
	}
	return &Client{to: to, secrets: config.Secrets}, nil
}

// Close closes idle connections.
func (c *Client) Close() { c.to.Close() }

// Push sends a batch once.
func (c *Client) Push(ctx context.Context, b *logs.Batch) logs.Outcome {
	a, failed := c.exchange(ctx, b)
	if a == nil {
		return failed
	}
	out, _ := a.classify(b)
	switch {
	case b.Entries == 0:
	case out.Kind == logs.Accepted, out.Kind == logs.Refused && out.Exact:
		c.proven.Store(true)
	case out.Kind == logs.Refused, out.Kind == logs.TooLarge && b.Entries == 1:
		return c.doubt(ctx, b, a, out)
	}
	return out
}

// buffer is the memory of one push.
type buffer struct {
	encoder encoder
	packer  *gzip.Writer
}

func (c *Client) exchange(ctx context.Context, b *logs.Batch) (*answer, logs.Outcome) {
	return c.exchangeOf(ctx, c.to.TenantOf(b), b)
}

func (c *Client) exchangeOf(ctx context.Context, tenant string, b *logs.Batch) (*answer, logs.Outcome) {
	packed, err := c.pack(b)
	switch {
	case errors.Is(err, errLarge):
		return nil, logs.Outcome{Kind: logs.TooLarge, Err: err}
	case err != nil:
		return nil, logs.Outcome{Kind: logs.Retry, Err: err}
	}
	got, failed := c.to.Post(ctx, tenant, loki.Message{Type: protobuf, Encoding: "gzip", Body: packed})
	if got == nil {
		return nil, failed
	}
	return &answer{got, c.secrets}, logs.Outcome{}
}

// pack encodes and compresses a batch. What it returns is nobody else's: the transport may
// read it after the push has ended.
func (c *Client) pack(b *logs.Batch) ([]byte, error) {
	buf, ok := c.buffers.Get().(*buffer)
	if !ok {
		buf = &buffer{}
		buf.packer, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed) // which is a level
	}
	defer c.buffers.Put(buf)
	plain, err := buf.encoder.encode(b)
	if err != nil {
		return nil, err
	}
	const usual = 6 // lines are compressed so much, or more
	out := bytes.NewBuffer(make([]byte, 0, len(plain)/usual+512))
	buf.packer.Reset(out)
	if _, err := buf.packer.Write(plain); err != nil {
		return nil, fmt.Errorf("cannot compress a batch: %w", err)
	}
	if err := buf.packer.Close(); err != nil {
		return nil, fmt.Errorf("cannot compress a batch: %w", err)
	}
	return out.Bytes(), nil
}

// doubt says what a refusal means. Any server has a 400 for what it does not know, and a
// Collector has one, in the words of OTLP, for a compression that it does not take: a push of
// nothing shows whether it is the entries that are refused. Where nothing was ever accepted,
// it may be no receiver that answers; later it may still be another.
func (c *Client) doubt(ctx context.Context, b *logs.Batch, a *answer, out logs.Outcome) logs.Outcome {
	proven := c.proven.Load()
	if out.Kind == logs.TooLarge && proven {
		return out
	}
	takes, own := c.answers(ctx, c.to.TenantOf(b))
	if !takes || !proven && (!own || out.Kind == logs.TooLarge) {
		wrong := a.misconfigured()
		wrong.Unproven = !proven
		return wrong
	}
	if b.Entries > 1 {
		return out
	}
	// It is about to be given up: a request that came damaged is refused as well.
	again, failed := c.exchange(ctx, b)
	if again == nil {
		return failed
	}
	if out, _ = again.classify(b); out.Kind == logs.Accepted {
		c.proven.Store(true)
	}
	return out
}

// answers asks whether it is still a receiver of OTLP that answers, and own whether in words
// that others have not. What was found holds for a while, as a refusal may be searched for with
// many requests.
func (c *Client) answers(ctx context.Context, tenant string) (takes, own bool) {
	const holds = 5 * time.Second
	now := time.Now().UnixNano()
	if now-c.asked.Load() < int64(holds) {
		return true, c.owns.Load()
	}
	out, own := c.probe(ctx, tenant)
	if out.Kind != logs.Accepted {
		return false, false
	}
	c.owns.Store(own)
	c.asked.Store(now)
	return true, own
}

// Probe asks whether pushes would be taken, by pushing nothing, which a receiver takes.
func (c *Client) Probe(ctx context.Context) logs.Outcome {
	out, _ := c.probe(ctx, c.to.TenantOf(&logs.Batch{}))
	return out
}

func (c *Client) probe(ctx context.Context, tenant string) (out logs.Outcome, own bool) {
	none := &logs.Batch{}
	a, failed := c.exchangeOf(ctx, tenant, none)
	if a == nil {
		return failed, false
	}
	switch out, own = a.classify(none); {
	case out.Kind == logs.Refused && strings.Contains(a.said(), loki.NoStreams):
		return logs.Outcome{Kind: logs.Accepted}, true // a Loki, which wants one stream at least
	case out.Kind == logs.Refused, out.Kind == logs.TooLarge:
		return a.misconfigured(), own
	}
	return out, own
}
