package loki

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"

	"github.com/lighterman/lighterman/internal/logs"
)

// buffer is the memory of one push. An answer, a timeout or a cancelled context
// ends the push while the transport may still be reading the body, so the memory
// is used again only when the push and all bodies are done with it: the transport
// promises to close every body.
type buffer struct {
	encoder encoder
	packed  []byte
	users   atomic.Int32
	pool    *sync.Pool
}

// encode encodes and compresses a batch of a tenant. release must follow.
func (c *Client) encode(b *logs.Batch, tenant string) *buffer {
	buf, ok := c.buffers.Get().(*buffer)
	if !ok {
		buf = &buffer{pool: &c.buffers}
	}
	buf.users.Store(1)
	buf.encoder.bare = c.bare.has(tenant)
	buf.packed = buf.encoder.encode(b)
	return buf
}

// open returns the compressed batch as a request's body.
func (b *buffer) open() io.ReadCloser {
	b.users.Add(1)
	return &body{Reader: bytes.NewReader(b.packed), closed: sync.OnceFunc(b.release)}
}

func (b *buffer) release() {
	if b.users.Add(-1) == 0 {
		b.pool.Put(b)
	}
}

type body struct {
	*bytes.Reader
	closed func()
}

// Close implements io.Closer.
func (b *body) Close() error {
	b.closed()
	return nil
}
